/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! <https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#periodicsyncmanager-interface>

use background_sync_traits::SyncRequest;
use dom_struct::dom_struct;
use js::context::JSContext;
use js::realm::CurrentRealm;
use js::rust::HandleValue;
use script_bindings::reflector::{Reflector, reflect_dom_object};

use crate::dom::RootedPromise;
use crate::dom::backgroundsync::syncconnection::{SyncConnection, rejected};
use crate::dom::backgroundsync::tag::parse_tag;
use crate::dom::bindings::codegen::Bindings::PeriodicSyncManagerBinding::{
    BackgroundSyncOptions, PeriodicSyncManagerMethods,
};
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::bindings::root::{Dom, DomRoot};
use crate::dom::globalscope::GlobalScope;
use crate::dom::promise::Promise;
use crate::dom::serviceworkerregistration::ServiceWorkerRegistration;

/// The object behind `registration.periodicSync`.
#[dom_struct]
pub(crate) struct PeriodicSyncManager {
    reflector_: Reflector,
    registration: Dom<ServiceWorkerRegistration>,
    #[no_trace]
    #[ignore_malloc_size_of = "channels"]
    connection: SyncConnection,
}

impl PeriodicSyncManager {
    pub(crate) fn new(
        cx: &mut JSContext,
        global: &GlobalScope,
        registration: &ServiceWorkerRegistration,
    ) -> DomRoot<PeriodicSyncManager> {
        let manager = Box::new(PeriodicSyncManager {
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

impl PeriodicSyncManagerMethods<crate::DomTypeHolder> for PeriodicSyncManager {
    /// <https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#dom-periodicsyncmanager-register>
    fn Register(
        &self,
        cx: &mut CurrentRealm,
        tag: HandleValue,
        options: &BackgroundSyncOptions,
    ) -> RootedPromise {
        let tag = match parse_tag(cx, tag) {
            Ok(tag) => tag,
            Err(error) => return rejected(cx, error),
        };
        let request = SyncRequest::RegisterPeriodic {
            tag,
            min_interval_ms: options.minInterval,
            active_worker: self.registration.is_active(),
        };
        self.call(cx, request)
    }

    /// <https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#dom-periodicsyncmanager-gettags>
    fn GetTags(&self, cx: &mut CurrentRealm) -> RootedPromise {
        self.call(cx, SyncRequest::GetPeriodicTags)
    }

    /// <https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#dom-periodicsyncmanager-unregister>
    fn Unregister(&self, cx: &mut CurrentRealm, tag: HandleValue) -> RootedPromise {
        match parse_tag(cx, tag) {
            Err(error) => rejected(cx, error),
            Ok(Ok(tag)) => self.call(cx, SyncRequest::UnregisterPeriodic { tag }),
            // A tag that is too long was never registered: nothing is to be done.
            Ok(Err(_)) => {
                let promise = Promise::new_in_realm(cx);
                promise.resolve_native(cx, &());
                promise
            }
        }
    }
}
