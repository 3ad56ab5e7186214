//! Where a page is drawn.

use std::rc::Rc;

use servo::{RenderingContext, Theme, WebView};

use winit::dpi::PhysicalSize;

use crate::event::Network;
use crate::failure::Failure;

/// A rectangle of the window, in device pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardPlace {
    /// From the window's left edge.
    pub x: u32,
    /// From its upper edge.
    pub y: u32,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

/// A window, or a picture in memory.
pub trait Surface {
    /// What the engine draws on.
    fn rendering_context(&self) -> Rc<dyn RenderingContext>;

    /// Device pixels per CSS pixel.
    fn scale(&self) -> f32 {
        1.0
    }

    /// The colors of the desktop, if it tells.
    fn theme(&self) -> Option<Theme> {
        None
    }

    /// What the next visitor's page is drawn on, if not on this. The last page has gone.
    fn for_next_visitor(&self) -> Option<Rc<dyn Surface>> {
        None
    }

    /// The engine has a new frame; draws it now or soon.
    fn frame_ready(&self, webview: &WebView);

    /// What a card of so many device pixels is drawn on. `None` if nothing can be.
    fn card_context(&self, size: PhysicalSize<u32>) -> Option<Rc<dyn RenderingContext>>;

    /// Shows a card over the page, or shows none.
    fn show_card(&self, _card: Option<(WebView, CardPlace)>) {}

    /// The engine has a new frame of a card; draws it now or soon.
    fn card_ready(&self, card: &WebView);

    /// Brings the window to the front.
    fn raise(&self) {}

    /// The page has a new title.
    fn set_page_title(&self, _title: &str) {}

    /// The network was cut or restored, or came or went, which a person at the window wants to see.
    fn show_network(&self, _network: Network) {}
}

/// Opens windows. Which kind, the event loop decides.
pub trait SurfaceFactory {
    /// Opens one.
    ///
    /// # Errors
    /// If there is no display or no usable OpenGL library.
    fn open(&self) -> Result<Rc<dyn Surface>, Failure>;
}
