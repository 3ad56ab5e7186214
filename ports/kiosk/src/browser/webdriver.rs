//! What WebDriver asks of the browser. The protocol itself, and everything about documents, is Servo's.
//!
//! Off unless the command line asks for it. Dialogs are answered at once, as always, so there never is one to handle.

mod waiting;

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::num::NonZeroU16;

use crossbeam_channel::{Receiver, TryRecvError};
use euclid::{Point2D, Size2D};
use servo::{
    DeviceIndependentIntRect, EventLoopWaker, GenericSender, TraversalId, WebDriverCommandMsg,
    WebDriverLoadStatus, WebDriverScriptCommand, WebView, WebViewBuilder, WebViewId, prefs,
};
use url::{Position, Url};
use webdriver::command::SetPermissionState;
use winit::dpi::PhysicalSize;

pub use self::waiting::WaitingClients;
use super::surface::SurfaceFactory;
use super::{Browser, background_sync};
use crate::arguments::MAX_EXTENT_PIXELS;
use crate::command::{PermissionState, SyncPermissionName};
use crate::failure::Failure;
use crate::message::Mailbox;

/// Servo's WebDriver server, on a thread of its own.
pub struct WebDriverServer {
    commands: Receiver<WebDriverCommandMsg>,
}

impl WebDriverServer {
    /// Starts to listen. Commands wake the main thread.
    ///
    /// # Errors
    /// If the port is in use.
    pub fn start(port: NonZeroU16, mailbox: Mailbox) -> Result<Self, Failure> {
        // The server itself would only panic, on its own thread.
        check_port(port.get()).map_err(|error| {
            Failure::environment(format!(
                "port {port} can't be used for WebDriver: {error}; choose another with --webdriver=PORT"
            ))
        })?;
        let (sender, commands) = crossbeam_channel::unbounded();
        webdriver_server::start_server(
            port.get(),
            sender,
            mailbox.clone_box(),
            prefs::get().clone(),
        );
        Ok(Self { commands })
    }

    /// The oldest command that has not been followed.
    pub fn next_command(&self) -> Option<WebDriverCommandMsg> {
        match self.commands.try_recv() {
            Ok(command) => Some(command),
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => None,
        }
    }
}

/// The first port that anybody may listen on.
const FIRST_UNPRIVILEGED_PORT: u16 = 1024;

/// Whether the port can be used. To listen for a moment would tell, but a client that waits for the server would take
/// that for it, and be cut off.
fn check_port(port: u16) -> io::Result<()> {
    let address = (Ipv4Addr::LOCALHOST, port);
    if port < FIRST_UNPRIVILEGED_PORT {
        return TcpListener::bind(address).map(drop);
    }
    match TcpStream::connect(address) {
        Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
        Err(_) => Ok(()),
    }
}

/// What is to happen after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterCommand {
    /// The next one.
    Continue,
    /// The end of the process.
    Shutdown,
}

// A client that is gone needs no answer: results of `send` are dropped on purpose.
impl Browser {
    /// Follows a command of WebDriver's.
    ///
    /// # Errors
    /// If a window can't be opened.
    pub fn follow_webdriver(
        &mut self,
        command: WebDriverCommandMsg,
        surfaces: &dyn SurfaceFactory,
    ) -> Result<AfterCommand, Failure> {
        use WebDriverCommandMsg as Message;
        match command {
            Message::Shutdown => return Ok(AfterCommand::Shutdown),
            Message::NewWindow(_, answer, load) => {
                let webview = self.open_webdriver_window(surfaces)?;
                if let Some(load) = load {
                    self.waiting().await_load(webview.id(), load);
                }
                let _ = answer.send(webview.id());
            }
            Message::CloseWebView(id, answer) => {
                if self.page().is_some_and(|page| page.id() == id) {
                    self.close_window();
                } else {
                    self.state.remove_auxiliary(id);
                }
                let _ = answer.send(());
            }
            Message::GetAllWebViews(answer) => {
                let _ = answer.send(self.webviews().iter().map(WebView::id).collect());
            }
            Message::IsWebViewOpen(id, answer) => {
                let _ = answer.send(self.webview(id).is_some());
            }
            Message::GetWebViewSelectedForInteraction(answer) => {
                let _ = answer.send(self.selected_webview());
            }
            Message::SelectWebViewForInteraction(id) => {
                self.waiting().select(id);
                for webview in self.webviews() {
                    webview.set_focused(webview.id() == id);
                }
            }
            Message::ResetAllCookies(answer) => {
                self.servo
                    .site_data_manager()
                    .clear_cookies(Some(Box::new(move || {
                        let _ = answer.send(());
                    })));
            }
            other => self.follow_webdriver_in_page(other),
        }
        Ok(AfterCommand::Continue)
    }

    fn follow_webdriver_in_page(&self, command: WebDriverCommandMsg) {
        use WebDriverCommandMsg as Message;
        match command {
            Message::LoadUrl(id, url, load) => self.load_for_webdriver(id, url, load),
            Message::Refresh(id, load) => {
                if let Some(webview) = self.webview(id) {
                    self.waiting().await_load(id, load);
                    webview.reload();
                }
            }
            Message::GoBack(id, done) => self.traverse(id, done, WebView::go_back),
            Message::GoForward(id, done) => self.traverse(id, done, WebView::go_forward),
            Message::InputEvent(id, event, answer) => {
                if let Some(webview) = self.webview(id) {
                    let input = webview.notify_input_event(event);
                    if let Some(answer) = answer {
                        self.waiting().await_input(input, answer);
                    }
                }
            }
            Message::TakeScreenshot(id, area, answer) => {
                if let Some(webview) = self.webview(id) {
                    let area = area.map(|area| area.to_box2d().into());
                    webview.take_screenshot(area, move |picture| drop(answer.send(picture)));
                }
            }
            Message::ScriptCommand(ref context, ref script) => {
                self.note_script_command(|webview| webview.id() == *context, script);
                self.servo.execute_webdriver_command(command);
            }
            Message::GetWindowRect(id, answer) | Message::MaximizeWebView(id, answer) => {
                let _ = answer.send(self.window_rect(id));
            }
            Message::SetWindowRect(id, rect, answer) => {
                if let Some(webview) = self.webview(id) {
                    let scale = webview.hidpi_scale_factor().get();
                    let pixels =
                        |length: i32| ((length as f32 * scale) as u32).clamp(1, MAX_EXTENT_PIXELS);
                    webview.resize(PhysicalSize::new(
                        pixels(rect.width()),
                        pixels(rect.height()),
                    ));
                }
                let _ = answer.send(self.window_rect(id));
            }
            Message::GetViewportSize(id, answer) => {
                let _ = answer.send(self.window_rect(id).size().to_f32());
            }
            Message::CurrentUserPrompt(_, answer) => {
                let _ = answer.send(None);
            }
            Message::HandleUserPrompt(_, _, answer) | Message::GetAlertText(_, answer) => {
                let _ = answer.send(Err(()));
            }
            Message::SendAlertText(..) => {}
            other => self.servo.execute_webdriver_command(other),
        }
    }

    /// What documents are asked for, as far as it is the embedder's affair, too.
    fn note_script_command(
        &self,
        is_asked: impl Fn(&WebView) -> bool,
        script: &WebDriverScriptCommand,
    ) {
        match script {
            WebDriverScriptCommand::AddLoadStatusSender(id, load) => {
                self.waiting().await_load(*id, load.clone());
            }
            WebDriverScriptCommand::RemoveLoadStatusSender(id) => {
                self.waiting().forget_load(*id);
            }
            WebDriverScriptCommand::SetPermission(name, state, _) => {
                let asked = self.webviews().into_iter().find(is_asked);
                if let Some(url) = asked.and_then(|webview| webview.url()) {
                    self.set_permission_for_webdriver(&url, name, state);
                }
            }
            _ => {}
        }
    }

    fn load_for_webdriver(
        &self,
        id: WebViewId,
        url: Url,
        load: GenericSender<WebDriverLoadStatus>,
    ) {
        let Some(webview) = self.webview(id) else {
            return;
        };
        let stays_in_document = url.fragment().is_some()
            && webview.url().is_some_and(|current| {
                current[..Position::AfterQuery] == url[..Position::AfterQuery]
            });
        if stays_in_document {
            // No load follows that could complete.
            let _ = load.send(WebDriverLoadStatus::NavigationStop);
        } else {
            self.waiting().await_load_of(&webview, url.clone(), load);
        }
        webview.load(url);
    }

    fn traverse(
        &self,
        id: WebViewId,
        done: GenericSender<WebDriverLoadStatus>,
        step: impl FnOnce(&WebView, usize) -> TraversalId,
    ) {
        if let Some(webview) = self.webview(id) {
            let traversal = step(&webview, 1);
            self.waiting().await_traversal(traversal, done);
        }
    }

    /// Background sync asks the embedder what is permitted, not the permission store of a page.
    fn set_permission_for_webdriver(&self, url: &Url, name: &str, state: &SetPermissionState) {
        let Ok(name) = name.parse::<SyncPermissionName>() else {
            return;
        };
        let state = match state {
            SetPermissionState::Granted => PermissionState::Granted,
            SetPermissionState::Denied => PermissionState::Denied,
            SetPermissionState::Prompt => PermissionState::Prompt,
        };
        background_sync::set_permission(&self.servo, url, name, state);
    }

    fn open_webdriver_window(&mut self, surfaces: &dyn SurfaceFactory) -> Result<WebView, Failure> {
        let blank = Url::parse("about:blank").expect("a valid URL");
        let Some(page) = self.page() else {
            self.open(blank, surfaces)?;
            return Ok(self.page().expect("opened above").clone());
        };
        let webview = WebViewBuilder::new(&self.servo, page.rendering_context())
            .url(blank)
            .hidpi_scale_factor(page.hidpi_scale_factor())
            .user_content_manager(self.user_content.clone())
            .delegate(self.state.clone())
            .build();
        self.state.add_auxiliary(webview.clone());
        Ok(webview)
    }

    fn waiting(&self) -> &WaitingClients {
        self.state.waiting_clients()
    }

    /// All windows: the kiosk's, then those that pages and clients have opened.
    fn webviews(&self) -> Vec<WebView> {
        self.page()
            .cloned()
            .into_iter()
            .chain(self.state.auxiliary())
            .collect()
    }

    fn webview(&self, id: WebViewId) -> Option<WebView> {
        self.webviews()
            .into_iter()
            .find(|webview| webview.id() == id)
    }

    fn selected_webview(&self) -> Option<WebViewId> {
        self.waiting()
            .selected()
            .filter(|id| self.webview(*id).is_some())
            .or_else(|| self.page().map(WebView::id))
    }

    /// Nobody knows where on a display the window is, and without a display it is nowhere.
    fn window_rect(&self, id: WebViewId) -> DeviceIndependentIntRect {
        let size = self.webview(id).map_or(Size2D::zero(), |webview| {
            (webview.size() / webview.hidpi_scale_factor()).to_i32()
        });
        DeviceIndependentIntRect::from_origin_and_size(Point2D::origin(), size)
    }
}
