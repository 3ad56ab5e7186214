//! What a window manager would do, on an X server that has none: the window's own library leaves the keyboard, and the size of
//! a window that fills the screen, to it.

use std::sync::Arc;
use std::thread;

use winit::raw_window_handle::{HasWindowHandle, RawWindowHandle};
use winit::window::Window;
use x11rb::connection::{Connection, RequestConnection as _};
use x11rb::errors::{ConnectionError, ReplyError};
use x11rb::protocol::Event;
use x11rb::protocol::randr::{self, ConnectionExt as _, NotifyMask};
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ConnectionExt as _, EventMask, InputFocus, MapState,
};
use x11rb::rust_connection::RustConnection;

use super::x_loss::XLoss;
use crate::failure::Failure;
use crate::message::{Mailbox, Message, ScreenPlace};
use crate::shell::display;

/// A connection of our own to the X server.
pub(super) struct XServer {
    connection: Arc<RustConnection>,
    root: u32,
    has_manager: bool,
}

impl XServer {
    /// Connects to the server that the environment names. `None` if there is none: the window's library knows why.
    ///
    /// # Errors
    /// If it lacks RandR: the window's library would panic.
    pub(super) fn connect() -> Result<Option<Self>, Failure> {
        let Ok((connection, screen)) = x11rb::connect(None) else {
            return Ok(None);
        };
        if let Ok(None) = connection.extension_information(randr::X11_EXTENSION_NAME) {
            return Err(display::no_window(&"the X server has no RandR extension"));
        }
        Ok(Self::listen(connection, screen))
    }

    fn listen(connection: RustConnection, screen: usize) -> Option<Self> {
        let root = connection.setup().roots.get(screen)?.root;
        let has_manager = has_window_manager(&connection, root).ok()?;
        let mask = NotifyMask::SCREEN_CHANGE | NotifyMask::CRTC_CHANGE;
        let listens = connection.randr_select_input(root, mask).ok()?;
        listens.check().ok()?;
        Some(Self {
            connection: Arc::new(connection),
            root,
            has_manager,
        })
    }

    /// The connection.
    pub(super) fn connection(&self) -> Arc<RustConnection> {
        self.connection.clone()
    }

    /// Follows the server from now on, until it is gone.
    pub(super) fn follow(&self, mailbox: Mailbox, loss: Arc<XLoss>) {
        let (connection, root, has_manager) =
            (self.connection.clone(), self.root, self.has_manager);
        thread::spawn(move || {
            loop {
                match connection.wait_for_event() {
                    Ok(_) if has_manager => {}
                    Ok(Event::RandrScreenChangeNotify(_) | Event::RandrNotify(_)) => {
                        if let Some(place) = first_monitor(&connection, root) {
                            mailbox.send(Message::ScreenChanged(place));
                        }
                    }
                    // A window that has gone again needs no focus.
                    Ok(Event::MapNotify(event)) => drop(focus(&connection, event.window)),
                    Ok(_) => {}
                    Err(ConnectionError::ParseError(error)) => {
                        log::warn!("an event of the X server can't be read: {error}");
                    }
                    Err(_) => break,
                }
            }
            loss.begin_again_or_abort();
        });
    }

    /// Gives the keyboard to a new window, as soon as it is shown.
    pub(super) fn give_keyboard(&self, window: &Window) {
        let handle = window.window_handle().map(|handle| handle.as_raw());
        let Ok(RawWindowHandle::Xlib(handle)) = handle else {
            return;
        };
        let Ok(window) = u32::try_from(handle.window) else {
            return;
        };
        if !self.has_manager {
            // The page can be used without a keyboard.
            let _ = self.give_keyboard_to(window);
        }
    }

    fn give_keyboard_to(&self, window: u32) -> Result<(), ReplyError> {
        let connection = &self.connection;
        let events = ChangeWindowAttributesAux::new().event_mask(EventMask::STRUCTURE_NOTIFY);
        connection.change_window_attributes(window, &events)?;
        let attributes = connection.get_window_attributes(window)?.reply()?;
        if attributes.map_state == MapState::VIEWABLE {
            focus(connection, window)?;
        }
        Ok(())
    }
}

/// <https://specifications.freedesktop.org/wm-spec/latest/ar01s03.html#id-1.4.14>
fn has_window_manager(connection: &RustConnection, root: u32) -> Result<bool, ReplyError> {
    let name = b"_NET_SUPPORTING_WM_CHECK";
    let check = connection.intern_atom(false, name)?.reply()?.atom;
    let property = connection
        .get_property(false, root, check, AtomEnum::WINDOW, 0, 1)?
        .reply()?;
    Ok(property.value_len > 0)
}

fn focus(connection: &RustConnection, window: u32) -> Result<(), ConnectionError> {
    connection.set_input_focus(InputFocus::PARENT, window, x11rb::CURRENT_TIME)?;
    connection.flush()
}

/// The primary monitor, or the first.
fn first_monitor(connection: &RustConnection, root: u32) -> Option<ScreenPlace> {
    let monitors = connection.randr_get_monitors(root, true).ok()?;
    let monitors = monitors.reply().ok()?.monitors;
    let monitor = monitors
        .iter()
        .find(|monitor| monitor.primary)
        .or(monitors.first())?;
    Some(ScreenPlace {
        x: monitor.x.into(),
        y: monitor.y.into(),
        width: monitor.width.into(),
        height: monitor.height.into(),
    })
}
