//! A second embedder of Servo with Background Sync, as small as one can be: shows a page without a display and without
//! a network, waits until it has registered a sync, says what it knows of it, and fires it. With `--deny` it forbids that;
//! with `--unregister` it removes the sync, and with `--clear` all that the site has. With `--hold` it answers no request
//! for a permission, as a prompt that nobody looks at, until the page has a title; it ends then.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::env;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use dpi::PhysicalSize;
use servo::background_sync::{EventOutcome, JournalQuery, SyncNotification};
use servo::{
    BackgroundSyncOptions, BackgroundSyncPermissionRequest, EventLoopWaker, Preferences,
    RenderingContext, Servo, ServoBuilder, ServoDelegate, SoftwareRenderingContext, WebViewBuilder,
};
use url::Url;

/// How long the page and its worker may take.
const TIME_LIMIT: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    servo::memory::keep_little_free_memory();
    let Some(url) = env::args().nth(1).and_then(|text| Url::parse(&text).ok()) else {
        eprintln!("usage: embedder URL [--deny | --unregister | --clear | --hold]");
        return ExitCode::from(2);
    };
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .expect("nothing else in the process installs one");
    let (wake, woken) = channel();
    let servo = ServoBuilder::default()
        .preferences(Preferences {
            dom_serviceworker_enabled: true,
            dom_indexeddb_enabled: true,
            dom_background_sync_enabled: true,
            network_http_proxy_uri: String::new(),
            network_https_proxy_uri: String::new(),
            ..Preferences::default()
        })
        .event_loop_waker(Box::new(Waker(wake)))
        .background_sync(BackgroundSyncOptions {
            online_at_start: false,
            ..BackgroundSyncOptions::default()
        })
        .build();
    let delegate = Rc::new(Delegate {
        denies: has_flag("--deny"),
        held: has_flag("--hold").then(RefCell::default),
        ..Delegate::default()
    });
    servo.set_delegate(delegate.clone());

    let context = match SoftwareRenderingContext::new(PhysicalSize::new(640, 480)) {
        Ok(context) => Rc::new(context),
        Err(error) => {
            eprintln!("embedder: nothing can be drawn: {error:?}");
            return ExitCode::from(3);
        }
    };
    if let Err(error) = context.make_current() {
        eprintln!("embedder: nothing can be drawn: {error:?}");
        return ExitCode::from(3);
    }
    let page = WebViewBuilder::new(&servo, context).url(url).build();

    let deadline = Instant::now() + TIME_LIMIT;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if woken.recv_timeout(left).is_err() {
            eprintln!("embedder: nothing was fired within {TIME_LIMIT:?}");
            return ExitCode::FAILURE;
        }
        servo.spin_event_loop();
        if delegate.held.is_some() && page.page_title().is_some_and(|title| title == "done") {
            return ExitCode::SUCCESS;
        }
        while let Some(notification) = delegate.next() {
            if let Some(code) = follow(&servo, &notification) {
                return code;
            }
        }
    }
}

fn has_flag(flag: &str) -> bool {
    env::args().any(|argument| argument == flag)
}

/// Does what there is to do after a notification; returns how the program ends, if it does.
fn follow(servo: &Servo, notification: &SyncNotification) -> Option<ExitCode> {
    match notification {
        // It is offline; right after its registration, the page has not heard of it yet.
        SyncNotification::HeldBack {
            api, scope, tag, ..
        } => {
            let manager = servo.background_sync_manager()?;
            for registration in manager.registrations() {
                println!("{}: {:?}", registration.tag, registration.state);
            }
            let report = manager.why_not_fired(*api, scope, tag)?;
            println!("not fired: {}", report.why);
            let query = JournalQuery {
                tag: Some(tag.clone()),
                ..JournalQuery::default()
            };
            for entry in manager.journal(query) {
                if let SyncNotification::Registered { tag, .. } = entry.what {
                    println!("journal: registered {tag}");
                }
            }
            println!("next wake-up: {:?}", manager.next_wakeup());
            if has_flag("--unregister") {
                println!("unregistered: {:?}", manager.unregister(*api, scope, tag));
                println!("again: {:?}", manager.unregister(*api, scope, tag));
                println!("left: {}", manager.registrations().len());
                return None;
            }
            if has_flag("--clear") {
                manager.clear_for_sites(&["other.example"]);
                println!("left by another site: {}", manager.registrations().len());
                manager.clear_for_sites(&["127.0.0.1"]);
                println!("left: {}", manager.registrations().len());
                return None;
            }
            // Its outcome comes as a notification, too: waiting for it here would keep the worker from what it asks of
            // this thread.
            drop(manager.dispatch_now(*api, scope, tag));
            None
        }
        SyncNotification::Removed { tag, reason, .. } => {
            println!("removed: {tag}, {reason:?}");
            Some(ExitCode::SUCCESS)
        }
        SyncNotification::Rejected { reason, .. } => {
            println!("rejected: {reason}");
            Some(ExitCode::SUCCESS)
        }
        SyncNotification::Finished { outcome, .. } => {
            println!("fired: {outcome:?}");
            Some(match outcome {
                EventOutcome::Fulfilled => ExitCode::SUCCESS,
                _ => ExitCode::FAILURE,
            })
        }
        _ => None,
    }
}

#[derive(Default)]
struct Delegate {
    denies: bool,
    /// Requests that are not answered.
    held: Option<RefCell<Vec<BackgroundSyncPermissionRequest>>>,
    notifications: RefCell<VecDeque<SyncNotification>>,
}

impl Delegate {
    fn next(&self) -> Option<SyncNotification> {
        self.notifications.borrow_mut().pop_front()
    }
}

impl ServoDelegate for Delegate {
    fn notify_background_sync(&self, notification: SyncNotification) {
        self.notifications.borrow_mut().push_back(notification);
    }

    fn request_background_sync_permission(&self, request: BackgroundSyncPermissionRequest) {
        println!(
            "{} asks for {:?}",
            request.origin(),
            request.permission_name()
        );
        if let Some(held) = &self.held {
            return held.borrow_mut().push(request);
        }
        match self.denies {
            true => request.deny(),
            false => request.allow(),
        }
    }
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
