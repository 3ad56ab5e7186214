//! Without a display: the page is drawn in memory by software.

use std::rc::Rc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Instant;

use servo::{RenderingContext, SoftwareRenderingContext, WebView};
use winit::dpi::PhysicalSize;

use super::{create_context, display};
use crate::arguments::WindowSize;
use crate::browser::surface::{Surface, SurfaceFactory};
use crate::event::Event;
use crate::failure::Failure;
use crate::kiosk::{Ending, Kiosk, Next, Plan};
use crate::message::{Mailbox, Message};
use crate::unattended_event::UnattendedEvent;

/// How long there is no display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// As long as the kiosk runs.
    Lasting,
    /// Until it is there; then the kiosk restarts, with a window.
    ForNow,
}

/// Runs a kiosk until it is done.
///
/// # Errors
/// If it can't start.
pub fn run(plan: Plan, absence: Absence) -> Result<Ending, Failure> {
    let (sender, receiver) = mpsc::channel();
    let mailbox = Mailbox::new(move |message| {
        // The receiver goes last: nobody waits for what is lost here.
        let _ = sender.send(message);
    });
    let surfaces = PicturesInMemory {
        size: plan.window.size,
    };
    let mut kiosk = Kiosk::start(plan, mailbox.clone(), &surfaces)?;
    if absence == Absence::ForNow {
        let awaited = Event::Unattended(UnattendedEvent::DisplayAwaited);
        kiosk.browser().push_event(awaited);
        display::await_display(mailbox);
    }
    loop {
        let received = match kiosk.deadline() {
            Some(deadline) => {
                receiver.recv_timeout(deadline.saturating_duration_since(Instant::now()))
            }
            None => receiver.recv().map_err(RecvTimeoutError::from),
        };
        let message = match received {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => Message::DeadlinePassed,
            Err(RecvTimeoutError::Disconnected) => unreachable!("the kiosk holds a mailbox"),
        };
        match kiosk.handle(message, &surfaces)? {
            Next::Wait => {}
            Next::Exit(code) => return Ok(Ending::Exit(code)),
            Next::Restart => return Ok(Ending::Restart),
        }
    }
}

struct PicturesInMemory {
    size: WindowSize,
}

impl SurfaceFactory for PicturesInMemory {
    fn open(&self) -> Result<Rc<dyn Surface>, Failure> {
        let size = PhysicalSize::new(self.size.width, self.size.height);
        Ok(Rc::new(PictureInMemory::new(size)?))
    }
}

struct PictureInMemory {
    context: Rc<SoftwareRenderingContext>,
}

impl PictureInMemory {
    fn new(size: PhysicalSize<u32>) -> Result<Self, Failure> {
        let context = create_context(|| {
            let context = SoftwareRenderingContext::new(size)?;
            context.make_current().map(|()| context)
        })?;
        Ok(Self {
            context: Rc::new(context),
        })
    }
}

impl Drop for PictureInMemory {
    fn drop(&mut self) {
        // What the context has in OpenGL is deleted with it, by number, in whichever context is the current one.
        if let Err(error) = self.context.make_current() {
            eprintln!("kiosk: what a page was drawn on can't be freed: {error:?}");
        }
    }
}

impl Surface for PictureInMemory {
    /// What draws in software keeps up to 16 MiB of a page that has gone, for each frame that it drew at the same time, until
    /// it draws as many at the same time again; that ends with the context.
    fn for_next_visitor(&self) -> Option<Rc<dyn Surface>> {
        match Self::new(self.context.size()) {
            Ok(next) => Some(Rc::new(next)),
            Err(failure) => {
                eprintln!(
                    "kiosk: the next visitor's page is drawn where the last one's was: {failure}"
                );
                None
            }
        }
    }

    fn rendering_context(&self) -> Rc<dyn RenderingContext> {
        self.context.clone()
    }

    fn frame_ready(&self, webview: &WebView) {
        webview.paint();
        self.context.present();
    }

    fn card_context(&self, size: PhysicalSize<u32>) -> Option<Rc<dyn RenderingContext>> {
        let context = SoftwareRenderingContext::new(size).ok()?;
        Some(Rc::new(context))
    }

    fn card_ready(&self, card: &WebView) {
        card.paint();
        card.rendering_context().present();
    }
}
