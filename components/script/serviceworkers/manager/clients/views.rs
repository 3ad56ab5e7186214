/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Which client is meant.

use servo_base::id::{BrowsingContextId, PipelineId};
use servo_constellation_traits::ServiceWorkerClientInfo;
use servo_url::ServoUrl;

use super::Clients;

impl Clients {
    pub(in crate::dom::serviceworkers::manager) fn last_number(&self) -> u64 {
        self.last_number
    }

    /// The newest client in this place, if it was not there before.
    pub(in crate::dom::serviceworkers::manager) fn newest_at(
        &self,
        place: BrowsingContextId,
        after_client: u64,
    ) -> Option<ServiceWorkerClientInfo> {
        self.clients
            .iter()
            .filter(|(_, client)| {
                client.view.browsing_context_id == place && client.number > after_client
            })
            .max_by_key(|(_, client)| client.number)
            .map(|(pipeline_id, client)| client.info(*pipeline_id))
    }

    /// The client, if the registration of `scope_url` controls it.
    pub(in crate::dom::serviceworkers::manager) fn controlled_info(
        &self,
        pipeline_id: PipelineId,
        scope_url: &ServoUrl,
    ) -> Option<ServiceWorkerClientInfo> {
        let client = self.clients.get(&pipeline_id)?;
        let is_controlled = client.is_active && client.controlled_by.as_ref() == Some(scope_url);
        is_controlled.then(|| client.info(pipeline_id))
    }

    /// The client whose `id` scripts see.
    pub(in crate::dom::serviceworkers::manager) fn by_id(
        &self,
        id: &str,
    ) -> Option<ServiceWorkerClientInfo> {
        self.clients
            .iter()
            .find(|(pipeline_id, client)| client.is_active && pipeline_id.to_string() == id)
            .map(|(pipeline_id, client)| client.info(*pipeline_id))
    }
}
