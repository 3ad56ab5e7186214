//! What this demo has instead of a browser engine: service workers as processes.

use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use background_sync::{
    ClientState, ClientStateResponder, DispatchedEvent, Engine, EventOutcome, EventToken,
    Permission, ScopeKey,
};
use crossbeam_channel::{Receiver, Sender, unbounded};
use ipc_channel::ipc::{IpcOneShotServer, IpcSender};

use crate::timeline::Timeline;
use crate::worker::{Start, WORKER_FLAG};
use crate::{Message, Setting};

/// Starts a worker process for each event, and kills it when it takes too long.
pub struct WorkerProcesses {
    window: Arc<AtomicBool>,
    orders: Sender<Order>,
}

enum Order {
    Run(DispatchedEvent),
    Kill(EventToken),
}

impl WorkerProcesses {
    pub fn new(setting: &Setting, manager: IpcSender<Message>) -> Self {
        let (orders, orders_in) = unbounded();
        let host = Host {
            outbox: setting.outbox.display().to_string(),
            server: setting.server.to_string(),
            timeline: setting.timeline.clone(),
            manager,
        };
        // Starting a process takes time, and the manager's thread must not wait for it.
        thread::spawn(move || host.run(&orders_in));
        Self {
            window: setting.window.clone(),
            orders,
        }
    }
}

impl Engine for WorkerProcesses {
    fn query_client_state(&self, _: &ScopeKey, responder: ClientStateResponder) {
        let open_window = self.window.load(Ordering::SeqCst);
        responder.answer(ClientState {
            open_window,
            permission: Permission::Granted,
            periodic_permission: Permission::Denied,
        });
    }

    fn dispatch(&self, event: DispatchedEvent) {
        let _ = self.orders.send(Order::Run(event));
    }

    fn terminate(&self, event: EventToken, _: &ScopeKey) {
        let _ = self.orders.send(Order::Kill(event));
    }
}

struct Host {
    outbox: String,
    server: String,
    timeline: Timeline,
    manager: IpcSender<Message>,
}

impl Host {
    fn run(self, orders: &Receiver<Order>) {
        let mut running: Vec<(EventToken, Child)> = Vec::new();
        while let Ok(order) = orders.recv() {
            running.retain_mut(|(_, child)| matches!(child.try_wait(), Ok(None)));
            match order {
                Order::Run(event) => {
                    let token = event.event;
                    match self.start(event) {
                        Ok(child) => running.push((token, child)),
                        Err(error) => {
                            self.timeline
                                .say("worker", &format!("did not start: {error}"));
                            let outcome = EventOutcome::NotStarted;
                            let _ = self.manager.send(Message::EventFinished {
                                event: token,
                                outcome,
                            });
                        }
                    }
                }
                Order::Kill(event) => {
                    for (_, child) in running.iter_mut().filter(|(token, _)| *token == event) {
                        let _ = child.kill();
                    }
                }
            }
        }
        for (_, mut child) in running {
            let _ = child.wait();
        }
    }

    fn start(&self, event: DispatchedEvent) -> Result<Child, Box<dyn std::error::Error>> {
        let (bootstrap, name) = IpcOneShotServer::<IpcSender<Start>>::new()?;
        let child = Command::new(std::env::current_exe()?)
            .args([WORKER_FLAG, &name])
            .spawn()?;
        let (_, to_worker) = bootstrap.accept()?;
        let pid = child.id();
        self.timeline
            .say("worker", &format!("starts as process {pid}"));
        to_worker.send(Start {
            event,
            manager: self.manager.clone(),
            outbox: self.outbox.clone(),
            server: self.server.clone(),
        })?;
        Ok(child)
    }
}
