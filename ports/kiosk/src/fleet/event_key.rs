//! Tells registrations apart, also those whose tags look the same.

use crate::browser::background_sync::SyncNotice;
use crate::sync_report::api::api_name;

/// What a notice is about, if it is about one registration. Not for people, nor for anybody outside this process.
pub fn event_key(notice: &SyncNotice) -> Option<String> {
    let (api, scope, tag) = (notice.api()?, notice.scope()?, notice.tag()?);
    Some(format!("{} {scope} {tag:?}", api_name(api)))
}
