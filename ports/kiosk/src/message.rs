//! What wakes the main thread. There is one queue for everything, so that nothing is ever polled.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use servo::EventLoopWaker;

use crate::browser::notifications::DesktopNews;
use crate::command::CommandLine;
use crate::fleet::scrape::Scrape;
use crate::remote::request::RemoteRequest;
use crate::server_event::ServerEvent;

/// Something for the main thread to do.
#[derive(Debug)]
pub enum Message {
    /// The engine wants its event loop to be spun.
    EngineWoke,
    /// A line has arrived on the control channel.
    Command(CommandLine),
    /// The control channel has ended: whoever supervised the kiosk is gone.
    ControlClosed,
    /// Ctrl+C, or a supervisor's polite request to end.
    Interrupted,
    /// An operator asks for something over the control socket.
    Remote(RemoteRequest),
    /// More of what an operator has asked for is to be done.
    RemoteGoesOn,
    /// A program of this machine collects the metrics.
    Scrape(Scrape),
    /// The outbox app's server has something to tell.
    Server(ServerEvent),
    /// There is a change of the network to follow.
    NetworkChanged,
    /// The desktop's service has something to tell of notifications.
    Desktop(DesktopNews),
    /// The display that was not there takes connections.
    DisplayCame,
    /// The screen is another one; without a window manager, nobody else fits the window to it.
    ScreenChanged(ScreenPlace),
    /// The deadline that the kiosk named has passed.
    DeadlinePassed,
}

/// The part of the display that a monitor shows, in device pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScreenPlace {
    /// From the display's left edge.
    pub x: i32,
    /// From its upper edge.
    pub y: i32,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

/// Puts messages into the main thread's queue, from any thread.
#[derive(Clone)]
pub struct Mailbox {
    deliver: Arc<dyn Fn(Message) + Send + Sync>,
    engine_wake_is_queued: Arc<AtomicBool>,
}

impl Mailbox {
    /// A mailbox in front of any queue.
    pub fn new(deliver: impl Fn(Message) + Send + Sync + 'static) -> Self {
        Self {
            deliver: Arc::new(deliver),
            engine_wake_is_queued: Arc::default(),
        }
    }

    /// Puts a message into the queue. If the main thread is gone, it is dropped.
    pub fn send(&self, message: Message) {
        (self.deliver)(message);
    }

    /// To be called before the engine's event loop is spun: later wakes queue a message again.
    pub fn note_engine_spin(&self) {
        self.engine_wake_is_queued.store(false, Ordering::SeqCst);
    }
}

/// Many wakes between two spins are one message.
impl EventLoopWaker for Mailbox {
    fn clone_box(&self) -> Box<dyn EventLoopWaker> {
        Box::new(self.clone())
    }

    fn wake(&self) {
        if !self.engine_wake_is_queued.swap(true, Ordering::SeqCst) {
            self.send(Message::EngineWoke);
        }
    }
}
