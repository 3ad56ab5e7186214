//! Events that have been dispatched and whose outcome is not known yet.

use std::collections::HashMap;

use background_sync_core::{EventId, EventKind, ScopeKey, Tag};
use background_sync_traits::{DispatchedEvent, EventToken, SyncEventKind};

/// Events that run, under the tokens that workers know them by.
#[derive(Debug, Default)]
pub(super) struct RunningEvents {
    by_token: HashMap<EventToken, EventId>,
    tokens: HashMap<EventId, (EventToken, ScopeKey)>,
}

impl RunningEvents {
    /// Adds an event, and gives it the name that it is fired under.
    pub fn add(&mut self, event: EventId, scope: ScopeKey, kind: SyncEventKind) -> DispatchedEvent {
        let token = EventToken::new();
        self.by_token.insert(token, event);
        self.tokens.insert(event, (token, scope.clone()));
        DispatchedEvent {
            event: token,
            scope,
            kind,
        }
    }

    pub fn finish(&mut self, token: EventToken) -> Option<(EventId, ScopeKey)> {
        let event = self.by_token.remove(&token)?;
        let (_, scope) = self.tokens.remove(&event)?;
        Some((event, scope))
    }

    pub fn terminate(&mut self, event: EventId) -> Option<EventToken> {
        let (token, _) = self.tokens.remove(&event)?;
        self.by_token.remove(&token);
        Some(token)
    }

    pub fn drain(&mut self) -> Vec<(EventToken, ScopeKey)> {
        self.by_token.clear();
        self.tokens
            .drain()
            .map(|(_, token_and_scope)| token_and_scope)
            .collect()
    }
}

/// What to fire.
pub(super) fn event_kind(kind: EventKind, tag: Tag, last_chance: bool) -> SyncEventKind {
    match kind {
        EventKind::Sync => SyncEventKind::Sync { tag, last_chance },
        EventKind::PeriodicSync => SyncEventKind::PeriodicSync { tag },
        EventKind::Explainer { data } => SyncEventKind::ExplainerSync {
            id: tag,
            data,
            last_chance,
        },
    }
}
