//! What the story came to, as a table.

use std::collections::BTreeMap;

use crate::story::{ACTS, Outcome};

/// Prints what each browser made of each app: `outcomes` by app and browser.
pub fn print(app: &str, outcomes: &BTreeMap<&'static str, Vec<Outcome>>) {
    for (index, act) in ACTS.iter().enumerate() {
        print!("{app:<15} {:<50}", act.title);
        for (browser, outcomes) in outcomes {
            let word = match outcomes.get(index) {
                Some(Ok(())) => "yes",
                Some(Err(_)) => "NO",
                None => "-",
            };
            print!(" {browser}: {word:<4}");
        }
        println!();
    }
    for (browser, outcomes) in outcomes {
        for reason in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            println!("  {browser}: {reason}");
        }
    }
}
