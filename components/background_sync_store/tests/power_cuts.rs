//! Power that is cut at any write and any sync of the database and its log.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use background_sync_core::Durability;
use support::commits::{Commit, Model, commits};
use support::machine::{Event, File, Images, Machine, Moment};

/// Checks what a power cut after each of these events may leave: all of the commits that were answered, `first` before
/// them, and maybe some of the `ahead` that follow.
fn check(before: &Images, events: &[Event], models: &[Model], first: usize, ahead: usize) {
    let mut moment = Moment::start(before.clone());
    moment.answered = first;
    let mut dice = 1_u64;
    for event in events {
        moment.happens(event);
        for after in moment.power_cuts(&mut dice) {
            let possible = moment.answered..=(moment.answered + ahead).min(models.len() - 1);
            let found = Model::load(&mut Machine::with(after).open().unwrap());
            let whole = possible.clone().find(|&count| found == models[count]);
            assert!(whole.is_some(), "after {possible:?}: {found:?}");
        }
    }
}

fn models(commits: &[Commit]) -> Vec<Model> {
    let models = (0..=commits.len()).map(|count| Model::after(&commits[..count]));
    models.collect()
}

fn run(machine: &Machine, commits: &[Commit], strict_every: usize) {
    let mut store = machine.open().unwrap();
    for (number, commit) in (1..).zip(commits) {
        if number % strict_every == 0 {
            commit.run(&mut store, Durability::Strict).unwrap();
            machine.answered(number);
        } else {
            commit.run(&mut store, Durability::Relaxed).unwrap();
        }
    }
}

/// A database that was just made.
fn new_store() -> (Machine, Images) {
    let machine = Machine::default();
    drop(machine.open().unwrap());
    machine.take_events();
    let before = machine.images();
    (machine, before)
}

#[test]
fn at_every_write_and_every_sync() {
    let commits = commits(45, true);
    let (machine, before) = new_store();
    run(&machine, &commits, 1);
    let events = machine.take_events();
    let checkpoints = |event: &&Event| matches!(event, Event::Synced(File::Database));
    let checkpoints = events.iter().filter(checkpoints).count();
    // The last one when it is closed.
    assert!(checkpoints > 2, "the log is never full");
    check(&before, &events, &models(&commits), 0, 1);
}

#[test]
fn at_every_write_and_every_sync_in_the_relaxed_setting() {
    let commits = commits(42, true);
    let (machine, before) = new_store();
    run(&machine, &commits, 7);
    let events = machine.take_events();
    check(&before, &events, &models(&commits), 0, 7);
}

/// A profile of version 1 gets its log with the first commits.
#[test]
fn in_the_first_use_of_an_old_profile() {
    let golden = include_bytes!("golden/registrations-v1.redb");
    let before = Images {
        database: golden.to_vec(),
        log: Vec::new(),
    };
    let old = Model::load(&mut Machine::with(before.clone()).open().unwrap());
    assert_eq!(old.records.len(), 3);
    let commits = commits(6, false);
    let mut models = vec![old];
    for commit in &commits {
        let mut next = models.last().unwrap().clone();
        next.apply(commit);
        models.push(next);
    }
    let machine = Machine::with(before.clone());
    run(&machine, &commits, 1);
    check(&before, &machine.take_events(), &models, 0, 1);
}

/// What is read from the log after a power cut is moved to the database: power is cut again while that is done, and in
/// the commits that follow.
#[test]
fn while_the_store_recovers() {
    let all = commits(30, false);
    let models = models(&all);
    for count in [1, 12, 13, 14, 20] {
        let machine = Machine::default();
        let mut store = machine.open().unwrap();
        for commit in &all[..count] {
            commit.run(&mut store, Durability::Strict).unwrap();
        }
        let crashed = machine.images();
        drop(store);
        let machine = Machine::with(crashed.clone());
        let mut store = machine.open().unwrap();
        for (number, commit) in (count + 1..).zip(&all[count..count + 5]) {
            commit.run(&mut store, Durability::Strict).unwrap();
            machine.answered(number);
        }
        check(&crashed, &machine.take_events(), &models, count, 1);
    }
}
