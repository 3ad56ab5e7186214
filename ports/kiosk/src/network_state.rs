//! Whether content reaches the network: what the machine has, unless a person or a program has cut it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::connectivity::Connectivity;
use crate::event::Network;

/// Whether content reaches the network. Whoever notices a change says so here, on any thread: the engine is told at once,
/// and the main thread, which may have other things to do, follows.
#[derive(Clone)]
pub struct NetworkState(Arc<Mutex<Inner>>);

struct Inner {
    is_cut: bool,
    /// `None`: nobody has said anything yet.
    machine: Option<Connectivity>,
    tell_engine: Option<Box<dyn Fn(bool) + Send>>,
    /// That the main thread has not followed yet, oldest first.
    changes: VecDeque<Network>,
}

impl NetworkState {
    /// The machine's network is taken for granted until somebody says otherwise.
    pub fn new(is_cut: bool) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            is_cut,
            machine: None,
            tell_engine: None,
            changes: VecDeque::new(),
        })))
    }

    /// What holds now.
    pub fn now(&self) -> Network {
        self.lock().network()
    }

    /// The engine has been started with this state. From now on it is told whether the network is up whenever that changes,
    /// and of a change in the meantime at once.
    pub fn connect(&self, known: Network, tell_engine: impl Fn(bool) + Send + 'static) {
        let mut inner = self.lock();
        inner.tell_engine = Some(Box::new(tell_engine));
        inner.tell_engine_of_change_from(known);
    }

    /// The network is cut for all content from now on, or no more. Whether there is one then, the machine decides.
    pub fn set_cut(&self, is_cut: bool) {
        self.change(|inner| inner.is_cut = is_cut);
    }

    /// The machine has a network from now on, or none.
    pub fn set_machine(&self, connectivity: Connectivity) {
        self.change(|inner| inner.machine = Some(connectivity));
    }

    /// The machine had a network when its watch started, or none: no change. Changes may have been told since.
    pub fn set_machine_at_start(&self, connectivity: Connectivity) {
        self.lock().machine.get_or_insert(connectivity);
    }

    /// The oldest change that has not been taken.
    pub fn next_change(&self) -> Option<Network> {
        self.lock().changes.pop_front()
    }

    fn change(&self, change: impl FnOnce(&mut Inner)) {
        let mut inner = self.lock();
        let before = inner.network();
        change(&mut inner);
        let network = inner.network();
        if network == before {
            return;
        }
        // Under the lock: the engine hears of changes in their order.
        inner.tell_engine_of_change_from(before);
        inner.changes.push_back(network);
    }

    /// Whoever panics while they hold it leaves it whole.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn network(&self) -> Network {
        match (self.is_cut, self.machine) {
            (true, _) => Network::Cut,
            (false, Some(Connectivity::Offline)) => Network::Absent,
            (false, Some(Connectivity::Online) | None) => Network::Up,
        }
    }

    fn tell_engine_of_change_from(&self, before: Network) {
        let [was_up, is_up] = [before, self.network()].map(|network| network == Network::Up);
        if let Some(tell_engine) = &self.tell_engine
            && is_up != was_up
        {
            tell_engine(is_up);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    fn connected(state: &NetworkState, known: Network) -> Receiver<bool> {
        let (sender, told) = channel();
        state.connect(known, move |is_up| {
            sender.send(is_up).expect("the test listens");
        });
        told
    }

    fn changes(state: &NetworkState) -> Vec<Network> {
        std::iter::from_fn(|| state.next_change()).collect()
    }

    #[test]
    fn each_change_is_told_once_and_in_order() {
        let state = NetworkState::new(false);
        let told = connected(&state, state.now());
        state.set_machine(Connectivity::Online);
        state.set_machine(Connectivity::Offline);
        state.set_cut(true);
        state.set_machine(Connectivity::Online);
        state.set_cut(true);
        state.set_cut(false);
        assert_eq!(told.try_iter().collect::<Vec<_>>(), [false, true]);
        assert_eq!(
            changes(&state),
            [Network::Absent, Network::Cut, Network::Up]
        );
        assert_eq!(state.now(), Network::Up);
    }

    #[test]
    fn what_the_watch_has_told_meanwhile_counts() {
        let state = NetworkState::new(false);
        state.set_machine(Connectivity::Online);
        state.set_machine_at_start(Connectivity::Offline);
        assert_eq!(state.now(), Network::Up);
        let state = NetworkState::new(false);
        state.set_machine_at_start(Connectivity::Offline);
        assert_eq!(state.now(), Network::Absent);
        assert_eq!(state.next_change(), None);
    }

    #[test]
    fn an_engine_that_starts_meanwhile_is_told_what_has_changed() {
        let state = NetworkState::new(true);
        let known = state.now();
        state.set_cut(false);
        assert_eq!(connected(&state, known).try_recv(), Ok(true));
        assert!(connected(&state, state.now()).try_recv().is_err());
    }
}
