//! A window on the display, with the page and the card of a notification.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use servo::{OffscreenRenderingContext, RenderingContext, Theme, WebView, WindowRenderingContext};
use winit::dpi::{PhysicalPosition, PhysicalSize};
use winit::event_loop::ActiveEventLoop;
use winit::raw_window_handle::{HasDisplayHandle, HasWindowHandle};
use winit::window::{Fullscreen, Window};

use super::x_server::XServer;
use crate::browser::surface::{CardPlace, Surface};
use crate::event::Network;
use crate::failure::Failure;
use crate::kiosk::WindowLook;
use crate::message::ScreenPlace;
use crate::shell::{create_context, display};

/// A window on the display.
pub(super) struct KioskWindow {
    // Goes before the window it draws on.
    context: Rc<WindowRenderingContext>,
    window: Window,
    is_full_screen: bool,
    page_title: RefCell<String>,
    network: Cell<Network>,
    card_context: RefCell<Option<Rc<OffscreenRenderingContext>>>,
    card: RefCell<Option<(WebView, CardPlace)>>,
}

impl KioskWindow {
    /// Opens one.
    ///
    /// # Errors
    /// If there is no display, or nothing to draw with.
    pub(super) fn open(event_loop: &ActiveEventLoop, look: WindowLook) -> Result<Self, Failure> {
        let mut attributes = Window::default_attributes()
            .with_title("kiosk")
            .with_inner_size(PhysicalSize::new(look.size.width, look.size.height));
        if look.is_full_screen {
            attributes = attributes.with_fullscreen(Some(Fullscreen::Borderless(None)));
            // A bare X server has nobody who would make the window fill the screen.
            let mut monitors = event_loop.available_monitors();
            if let Some(monitor) = event_loop.primary_monitor().or_else(|| monitors.next()) {
                attributes = attributes
                    .with_inner_size(monitor.size())
                    .with_position(monitor.position());
            }
        }
        let window = event_loop
            .create_window(attributes)
            .map_err(|error| display::no_window(&error))?;
        window.set_cursor_visible(!look.hides_pointer);
        let display_handle = event_loop
            .display_handle()
            .map_err(|error| display::no_window(&error))?;
        let context = {
            let window_handle = window
                .window_handle()
                .map_err(|error| display::no_window(&error))?;
            create_context(|| {
                let size = window.inner_size();
                let context = WindowRenderingContext::new(display_handle, window_handle, size)?;
                context.make_current().map(|()| context)
            })?
        };
        Ok(Self {
            context: Rc::new(context),
            window,
            is_full_screen: look.is_full_screen,
            page_title: RefCell::default(),
            network: Cell::new(Network::Up),
            card_context: RefCell::default(),
            card: RefCell::default(),
        })
    }

    /// Takes the keyboard where nobody else gives it.
    pub(super) fn take_keyboard(&self, x_server: &XServer) {
        x_server.give_keyboard(&self.window);
    }

    /// Fills this screen, if it is to fill one at all.
    pub(super) fn fit_to(&self, place: ScreenPlace) {
        if self.is_full_screen {
            let position = PhysicalPosition::new(place.x, place.y);
            self.window.set_outer_position(position);
            let size = PhysicalSize::new(place.width, place.height);
            // The new size comes as an event.
            let _ = self.window.request_inner_size(size);
        }
    }

    /// Shows what was painted.
    pub(super) fn present(&self) {
        self.context.present();
    }

    /// Over the page.
    pub(super) fn paint_card(&self) {
        let (card, context) = (self.card.borrow(), self.card_context.borrow());
        let (Some((webview, place)), Some(context)) = (&*card, &*context) else {
            return;
        };
        webview.paint();
        let Some(copy) = context.render_to_parent_callback() else {
            return;
        };
        self.context.prepare_for_rendering();
        // Of OpenGL, which counts from below.
        let below = self
            .context
            .size()
            .height
            .saturating_sub(place.y + place.height);
        let [x, y, width, height] =
            [place.x, below, place.width, place.height].map(|length| length as i32);
        let rectangle = euclid::default::Rect::new(
            euclid::default::Point2D::new(x, y),
            euclid::default::Size2D::new(width, height),
        );
        copy(&self.context.glow_gl_api(), rectangle);
    }

    fn show_title(&self) {
        let title = self.page_title.borrow();
        let title = if title.is_empty() {
            "kiosk"
        } else {
            title.as_str()
        };
        self.window.set_title(&match self.network.get() {
            Network::Up => title.to_owned(),
            Network::Cut => format!("{title} (network cut)"),
            Network::Absent => format!("{title} (no network)"),
        });
    }
}

impl Surface for KioskWindow {
    fn rendering_context(&self) -> Rc<dyn RenderingContext> {
        self.context.clone()
    }

    fn scale(&self) -> f32 {
        self.window.scale_factor() as f32
    }

    fn theme(&self) -> Option<Theme> {
        self.window.theme().map(|theme| match theme {
            winit::window::Theme::Light => Theme::Light,
            winit::window::Theme::Dark => Theme::Dark,
        })
    }

    fn frame_ready(&self, _: &WebView) {
        self.window.request_redraw();
    }

    fn card_context(&self, size: PhysicalSize<u32>) -> Option<Rc<dyn RenderingContext>> {
        let context = Rc::new(self.context.offscreen_context(size));
        self.card_context.replace(Some(context.clone()));
        Some(context)
    }

    fn show_card(&self, card: Option<(WebView, CardPlace)>) {
        self.card.replace(card);
        self.window.request_redraw();
    }

    fn raise(&self) {
        self.window.set_minimized(false);
        self.window.focus_window();
    }

    fn card_ready(&self, _: &WebView) {
        self.window.request_redraw();
    }

    fn set_page_title(&self, title: &str) {
        title.clone_into(&mut self.page_title.borrow_mut());
        self.show_title();
    }

    fn show_network(&self, network: Network) {
        self.network.set(network);
        self.show_title();
    }
}
