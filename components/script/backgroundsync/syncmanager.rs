/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! <https://wicg.github.io/background-sync/spec/#sync-manager-interface>

use background_sync_traits::SyncRequest;
use dom_struct::dom_struct;
use js::context::JSContext;
use js::realm::CurrentRealm;
use js::rust::HandleValue;
use script_bindings::reflector::{Reflector, reflect_dom_object};

use crate::dom::RootedPromise;
use crate::dom::backgroundsync::syncconnection::{SyncConnection, caller_of, rejected};
use crate::dom::backgroundsync::tag::parse_tag;
use crate::dom::bindings::codegen::Bindings::SyncManagerBinding::SyncManagerMethods;
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::bindings::root::{Dom, DomRoot};
use crate::dom::globalscope::GlobalScope;
use crate::dom::serviceworkerregistration::ServiceWorkerRegistration;

/// The object behind `registration.sync`.
#[dom_struct]
pub(crate) struct SyncManager {
    reflector_: Reflector,
    registration: Dom<ServiceWorkerRegistration>,
    #[no_trace]
    #[ignore_malloc_size_of = "channels"]
    connection: SyncConnection,
}

impl SyncManager {
    pub(crate) fn new(
        cx: &mut JSContext,
        global: &GlobalScope,
        registration: &ServiceWorkerRegistration,
    ) -> DomRoot<SyncManager> {
        let manager = Box::new(SyncManager {
            reflector_: Reflector::new(),
            registration: Dom::from_ref(registration),
            connection: SyncConnection::default(),
        });
        reflect_dom_object(cx, manager, global)
    }

    fn call(&self, cx: &mut CurrentRealm, request: SyncRequest) -> RootedPromise {
        self.connection
            .call(cx, &self.global(), &self.registration, request)
    }
}

impl SyncManagerMethods<crate::DomTypeHolder> for SyncManager {
    /// <https://wicg.github.io/background-sync/spec/#dom-syncmanager-register>
    fn Register(&self, cx: &mut CurrentRealm, tag: HandleValue) -> RootedPromise {
        let tag = match parse_tag(cx, tag) {
            Ok(tag) => tag,
            Err(error) => return rejected(cx, error),
        };
        // All steps but the look at the registration's workers run in parallel, in the SyncManager thread.
        let request = SyncRequest::Register {
            tag,
            active_worker: self.registration.is_active(),
            caller: caller_of(&self.global()),
        };
        self.call(cx, request)
    }

    /// <https://wicg.github.io/background-sync/spec/#dom-syncmanager-gettags>
    fn GetTags(&self, cx: &mut CurrentRealm) -> RootedPromise {
        self.call(cx, SyncRequest::GetTags)
    }
}
