//! Outputs that need no answer.

use super::SyncScheduler;
use crate::{Answer, Call, Output, RegisterError, ScopeKey, SyncApi, SyncNotification, Tag};

impl SyncScheduler {
    pub(super) fn answer(&mut self, call: Call, answer: Answer) {
        self.outputs.push_back(Output::Answer { call, answer });
    }

    pub(super) fn notify(&mut self, notification: SyncNotification) {
        self.outputs.push_back(Output::Notify(notification));
    }

    /// A call of `register()` is refused.
    pub(super) fn reject(
        &mut self,
        call: Call,
        api: SyncApi,
        scope: &ScopeKey,
        tag: Option<Tag>,
        reason: RegisterError,
    ) {
        self.notify(SyncNotification::Rejected {
            api,
            scope: scope.clone(),
            tag,
            reason: reason.clone(),
        });
        self.answer(call, Answer::Registered(Err(reason)));
    }
}
