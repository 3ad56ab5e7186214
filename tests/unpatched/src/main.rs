//! Servo as published, without the series, for comparison with the kiosk: as small an embedder as stock wptrunner can
//! drive, and wherever a page could tell, like the kiosk.

mod arguments;

use std::cell::{Cell, RefCell};
use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::mpsc::{Sender, channel};

use dpi::PhysicalSize;
use servo::user_contents::UserStyleSheet;
use servo::{
    ConsoleLogLevel, CreateNewWebViewRequest, EmbedderControl, EventLoopWaker, Opts,
    PermissionRequest, RenderingContext, Servo, ServoBuilder, ServoDelegate, SimpleDialog,
    SoftwareRenderingContext, UserAgentPlatform, UserContentManager, WebView, WebViewBuilder,
    WebViewDelegate,
};
use url::Url;

use self::arguments::{Arguments, Request};

/// As the kiosk's.
const PAGE_SIZE_PIXELS: PhysicalSize<u32> = PhysicalSize::new(1024, 740);

fn main() -> ExitCode {
    let result = match arguments::parse(env::args().skip(1)) {
        Ok(Request::Version) => {
            println!("Servo {} as published", version());
            Ok(())
        }
        Ok(Request::Show(arguments)) => show(*arguments),
        Err(reason) => {
            eprintln!("unpatched: {reason}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("unpatched: {reason}");
            ExitCode::from(3)
        }
    }
}

/// Shows a page until it closes itself, or somebody ends the process.
fn show(arguments: Arguments) -> Result<(), String> {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .expect("nothing else in the process installs one");
    let profile = tempfile::tempdir()
        .map_err(|error| format!("no folder for a fresh profile can be made: {error}"))?;
    let (wake, woken) = channel();
    let servo = ServoBuilder::default()
        .opts(Opts {
            config_dir: Some(profile.path().to_owned()),
            ..arguments.options
        })
        .preferences(arguments.preferences)
        .event_loop_waker(Box::new(Waker(wake)))
        .build();
    servo.setup_logging();
    let delegate = Rc::new(Delegate::default());
    servo.set_delegate(delegate.clone());
    let user_content = Rc::new(UserContentManager::new(&servo));
    for path in &arguments.user_stylesheets {
        user_content.add_stylesheet(Rc::new(read_stylesheet(path)?));
    }
    let _page = WebViewBuilder::new(&servo, create_context()?)
        .url(arguments.url)
        .user_content_manager(user_content)
        .delegate(delegate.clone())
        .build();
    spin(&servo, &delegate, || woken.recv().is_ok());
    Ok(())
}

fn spin(servo: &Servo, delegate: &Delegate, wait: impl Fn() -> bool) {
    loop {
        servo.spin_event_loop();
        if delegate.page_is_closed.get() || !wait() {
            return;
        }
    }
}

fn create_context() -> Result<Rc<SoftwareRenderingContext>, String> {
    SoftwareRenderingContext::new(PAGE_SIZE_PIXELS)
        .and_then(|context| context.make_current().map(|()| Rc::new(context)))
        .map_err(|error| format!("nothing can be drawn: {error:?}"))
}

fn read_stylesheet(path: &Path) -> Result<UserStyleSheet, String> {
    let unusable = |reason| format!("the style sheet {} can't be read: {reason}", path.display());
    let text = fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
    let absolute = path
        .canonicalize()
        .map_err(|error| unusable(error.to_string()))?;
    let url =
        Url::from_file_path(absolute).map_err(|()| unusable("its path is no URL".to_owned()))?;
    Ok(UserStyleSheet::new(text, url))
}

fn version() -> String {
    UserAgentPlatform::default()
        .to_user_agent_string()
        .split_whitespace()
        .find_map(|product| product.strip_prefix("Servo/"))
        .unwrap_or("of unknown version")
        .to_owned()
}

#[derive(Default)]
struct Delegate {
    /// Windows that the page opened. Kept, because dropping a handle closes its page.
    auxiliary: RefCell<Vec<WebView>>,
    page_is_closed: Cell<bool>,
}

impl WebViewDelegate for Delegate {
    fn notify_new_frame_ready(&self, webview: WebView) {
        webview.paint();
        webview.rendering_context().present();
    }

    fn notify_closed(&self, webview: WebView) {
        let closed: Vec<WebView> = self
            .auxiliary
            .borrow_mut()
            .extract_if(.., |kept| *kept == webview)
            .collect();
        if closed.is_empty() {
            self.page_is_closed.set(true);
        }
    }

    fn notify_crashed(&self, _: WebView, reason: String, _: Option<String>) {
        eprintln!("unpatched: a page crashed: {reason}");
    }

    fn request_create_new(&self, parent: WebView, request: CreateNewWebViewRequest) {
        let webview = request
            .builder(parent.rendering_context())
            .delegate(parent.delegate())
            .build();
        self.auxiliary.borrow_mut().push(webview);
    }

    fn request_permission(&self, _: WebView, request: PermissionRequest) {
        // Nobody is there to be asked.
        request.deny();
    }

    fn show_embedder_control(&self, _: WebView, control: EmbedderControl) {
        // Dropping a dialog answers it: OK to an alert, Cancel to a question.
        if let EmbedderControl::SimpleDialog(SimpleDialog::Alert(alert)) = control {
            print(&format!("ALERT: {}", alert.message()));
        }
    }

    fn show_console_message(&self, _: WebView, _: ConsoleLogLevel, message: String) {
        print(&message);
    }
}

impl ServoDelegate for Delegate {
    fn show_console_message(&self, _: ConsoleLogLevel, message: String) {
        print(&message);
    }
}

/// One write a line, so that lines of other threads don't come between. Nobody reads a closed pipe.
fn print(line: &str) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

#[derive(Clone)]
struct Waker(Sender<()>);

impl EventLoopWaker for Waker {
    fn clone_box(&self) -> Box<dyn EventLoopWaker> {
        Box::new(self.clone())
    }

    fn wake(&self) {
        // The main thread goes last: nobody waits for what is lost here.
        let _ = self.0.send(());
    }
}
