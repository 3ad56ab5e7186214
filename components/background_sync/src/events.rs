use std::collections::HashMap;

use background_sync_core::{EventId, ScopeKey};
use background_sync_traits::EventToken;

/// Events that run, under the tokens that workers know them by.
#[derive(Debug, Default)]
pub(crate) struct RunningEvents {
    by_token: HashMap<EventToken, EventId>,
    tokens: HashMap<EventId, (EventToken, ScopeKey)>,
}

impl RunningEvents {
    pub fn insert(&mut self, event: EventId, scope: ScopeKey) -> EventToken {
        let token = EventToken::new();
        self.by_token.insert(token, event);
        self.tokens.insert(event, (token, scope));
        token
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
