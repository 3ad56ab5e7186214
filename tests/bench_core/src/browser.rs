//! A browser around the real manager, reached over ipc-channel as content processes reach it.

use std::num::NonZeroU32;
use std::path::Path;

use anyhow::{Context, Result, bail};
use background_sync::traits::{
    CallId, Caller, ConnectionId, DispatchedEvent, EventToken, ScopeUrl, SyncReply, SyncRequest,
    SyncResponse,
};
use background_sync::{
    ClientState, ClientStateResponder, Config, Connectivity, Durability, Engine, Origin,
    Permission, Policy, RegistrationStore, ScopeKey, Silent, SyncManager, SyncManagerMessage,
    SyncManagerThread, Tag, receive_over_ipc,
};
use ipc_channel::ipc::{self, IpcReceiver, IpcSender};

pub type Message = SyncManagerMessage<IpcSender<SyncReply>>;

/// Answers at once; events go to the worker's process.
struct BenchEngine {
    worker: IpcSender<DispatchedEvent>,
}

impl Engine for BenchEngine {
    fn query_client_state(&self, _: &ScopeKey, responder: ClientStateResponder) {
        responder.answer(ClientState {
            open_window: true,
            permission: Permission::Granted,
            periodic_permission: Permission::Denied,
        });
    }

    fn dispatch(&self, event: DispatchedEvent) {
        // The end of the benchmark closes the worker first.
        let _ = self.worker.send(event);
    }

    fn terminate(&self, _: EventToken, _: &ScopeKey) {}
}

/// A running manager.
pub struct Browser {
    pub manager: SyncManagerThread,
    messages: IpcSender<Message>,
    /// What the service workers get.
    pub events: IpcReceiver<DispatchedEvent>,
}

/// The standard policy without limits in the way.
pub fn policy(durability: Durability) -> Policy {
    Policy {
        durability,
        max_registrations_per_origin: u32::MAX,
        max_registrations_in_all: u32::MAX,
        max_events_in_all: NonZeroU32::MAX,
        max_events_per_origin: NonZeroU32::MAX,
        ..Policy::standard()
    }
}

impl Browser {
    /// Starts it offline, with its registrations in `folder` or in memory.
    pub fn start(folder: Option<&Path>, durability: Durability) -> Result<Self> {
        Self::start_with(folder, durability, Connectivity::Offline)
    }

    /// As [`Browser::start`], with this connectivity.
    pub fn start_with(
        folder: Option<&Path>,
        durability: Durability,
        connectivity: Connectivity,
    ) -> Result<Self> {
        let config = Config::new()
            .policy(policy(durability))
            .connectivity(connectivity);
        let config = match folder {
            Some(folder) => config.directory(folder),
            None => config,
        };
        Self::start_as(config, None)
    }

    /// Starts it offline and strict, on a store of the caller's own.
    pub fn start_on(store: Box<dyn RegistrationStore>) -> Result<Self> {
        let config = Config::new()
            .policy(policy(Durability::Strict))
            .connectivity(Connectivity::Offline);
        Self::start_as(config, Some(store))
    }

    fn start_as(config: Config, store: Option<Box<dyn RegistrationStore>>) -> Result<Self> {
        let (messages, receiver) = ipc::channel().context("no channel")?;
        let (worker, events) = ipc::channel().context("no channel")?;
        let (engine, embedder) = (Box::new(BenchEngine { worker }), Box::new(Silent));
        let messages_in = receive_over_ipc::<Message>(receiver);
        let manager = match store {
            Some(store) => {
                SyncManager::spawn_with_store(config, store, messages_in, engine, embedder)?
            }
            None => SyncManager::spawn(config, messages_in, engine, embedder)?,
        };
        Ok(Self {
            manager,
            messages,
            events,
        })
    }

    /// A page of this origin.
    pub fn page(&self, origin: usize) -> Result<Page> {
        let (client, replies) = ipc::channel().context("no channel")?;
        let connection = ConnectionId::new();
        self.messages.send(SyncManagerMessage::Connect {
            connection,
            scope: scope(origin)?,
            client,
        })?;
        Ok(Page {
            connection,
            messages: self.messages.clone(),
            replies,
            next_call: 1,
        })
    }

    /// Ends it, with its store closed.
    pub fn shutdown(self) {
        self.manager.shutdown();
    }
}

/// The service worker registration of an origin that has a number.
pub fn scope(origin: usize) -> Result<ScopeKey> {
    Ok(ScopeKey {
        origin: Origin::try_from(format!("https://shop-{origin}.example"))?,
        scope: ScopeUrl::try_from(format!("https://shop-{origin}.example/app/"))?,
    })
}

/// A page with a `SyncManager` object.
pub struct Page {
    connection: ConnectionId,
    messages: IpcSender<Message>,
    replies: IpcReceiver<SyncReply>,
    next_call: u64,
}

impl Page {
    fn request(&mut self, request: SyncRequest) -> Result<CallId> {
        let call = CallId(self.next_call);
        self.next_call += 1;
        self.messages.send(SyncManagerMessage::Request {
            connection: self.connection,
            call,
            request,
        })?;
        Ok(call)
    }

    fn reply(&self) -> Result<SyncReply> {
        self.replies.recv().context("the manager is gone")
    }

    /// Calls `register()` without waiting.
    pub fn ask_to_register(&mut self, tag: &str) -> Result<()> {
        self.request(SyncRequest::Register {
            tag: Tag::try_from(tag),
            active_worker: true,
            caller: Caller::Page,
        })
        .map(drop)
    }

    /// Waits for the answer to a call of `register()`; returns it for [`Page::acknowledge`].
    pub fn registered(&self) -> Result<CallId> {
        match self.reply()? {
            SyncReply {
                call,
                response: SyncResponse::Registered(result),
            } => {
                result?;
                Ok(call)
            }
            other => bail!("not an answer to register(): {other:?}"),
        }
    }

    /// The promise is resolved.
    pub fn acknowledge(&self, call: CallId) -> Result<()> {
        let connection = self.connection;
        self.messages
            .send(SyncManagerMessage::Acknowledge { connection, call })?;
        Ok(())
    }

    /// Calls `register()` and waits for its promise.
    pub fn register(&mut self, tag: &str) -> Result<CallId> {
        self.ask_to_register(tag)?;
        self.registered()
    }

    /// Calls `getTags()`.
    pub fn tags(&mut self) -> Result<usize> {
        self.request(SyncRequest::GetTags)?;
        match self.reply()?.response {
            SyncResponse::Tags(tags) => Ok(tags.len()),
            other => bail!("not an answer to getTags(): {other:?}"),
        }
    }
}
