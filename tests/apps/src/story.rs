//! What happens to each app.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tempfile::TempDir;

use crate::app::{App, Delivery};
use crate::browser::{Browser, End, Network, Product};
use crate::build::Built;
use crate::server::Server;

/// One piece of the story.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    /// What happens in it.
    pub title: &'static str,
    run: fn(&mut World<'_>),
}

/// All of it, in order.
pub const ACTS: [Act; 7] = [
    Act {
        title: "first load",
        run: first_load,
    },
    Act {
        title: "network lost, loaded again, written",
        run: load_again_offline,
    },
    Act {
        title: "ended, opened offline, written",
        run: restart_offline,
    },
    Act {
        title: "killed, opened offline",
        run: kill_and_restart_offline,
    },
    Act {
        title: "network back: both arrive",
        run: network_back,
    },
    Act {
        title: "page closed meanwhile",
        run: page_closed,
    },
    Act {
        title: "killed offline, started with a network; all once",
        run: killed_offline,
    },
];

/// How an act ended: why it failed.
pub type Outcome = Result<(), String>;

/// A server, the line to it, and a browser with an app.
pub struct World<'a> {
    app: &'a App,
    product: &'a dyn Product,
    server: Server,
    profile: TempDir,
    browser: Option<Box<dyn Browser>>,
    expected: Vec<&'static str>,
}

/// Plays the whole story, or as far as it goes: after an act that fails there is no other.
pub fn play(app: &App, built: &Built, product: &dyn Product) -> Vec<Outcome> {
    let mut world = World::new(app, built, product);
    let mut outcomes = Vec::new();
    for act in ACTS {
        // Whatever the world is left like, only its fields are dropped.
        let outcome = catch_unwind(AssertUnwindSafe(|| (act.run)(&mut world)));
        let outcome = outcome.map_err(|panic| world.explain(&message_of(panic.as_ref())));
        let has_failed = outcome.is_err();
        outcomes.push(outcome);
        if has_failed {
            break;
        }
    }
    outcomes
}

fn message_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("it panicked")
        .to_owned()
}

impl<'a> World<'a> {
    /// With nothing running but the server.
    pub fn new(app: &'a App, built: &Built, product: &'a dyn Product) -> Self {
        let server = Server::start();
        built.serve(app, &server);
        let list = br#"["welcome"]"#.to_vec();
        server.serve("/api/messages", "application/json", list);
        Self {
            app,
            product,
            server,
            profile: tempfile::tempdir().expect("a writable folder"),
            browser: None,
            expected: Vec::new(),
        }
    }

    /// The browser, which must run.
    pub fn browser(&mut self) -> &mut dyn Browser {
        self.browser.as_deref_mut().expect("it was started")
    }

    /// Starts the browser with the app.
    pub fn start(&mut self, network: Network) {
        let url = self.server.url("/");
        self.start_with(network, &url);
    }

    fn start_with(&mut self, network: Network, url: &str) {
        self.browser = Some(self.product.start(self.profile.path(), network, url));
    }

    /// Waits until the app is open, as it should look.
    pub fn wait_until_open(&mut self) {
        let line = self.app.line;
        let browser = self.browser();
        browser.wait_for_line("app: open, styled");
        if let Some(line) = line {
            browser.wait_for_line(&format!("app: {line}"));
        }
    }

    /// Opens the app for the first time, and waits until it needs no network any more.
    pub fn load_first(&mut self) {
        self.start(Network::Online);
        self.wait_until_open();
        self.browser().wait_for_line("app: ready for offline");
    }

    /// Takes the network away: from the browser, and then the server.
    pub fn cut(&mut self) {
        self.browser().set_network(Network::Offline);
        self.server.cut();
    }

    /// Gives it back, the server first.
    pub fn restore(&mut self) {
        self.server.mend();
        self.browser().set_network(Network::Online);
    }

    /// Writes a message as a person would, and waits until it is kept.
    pub fn write(&mut self, text: &'static str) {
        let browser = self.browser();
        browser.evaluate(&format!(
            "document.querySelector('input').value = '{text}', document.querySelector('button').click()"
        ));
        browser.wait_for_line(&format!("app: kept {text}"));
        self.expected.push(text);
    }

    /// Waits until the app, which is open, knows that all is sent: without that, what is cut off may be sent twice.
    pub fn wait_until_settled(&mut self) {
        let settled = self.app.settled;
        let browser = self.browser();
        browser.evaluate(&format!(
            "{settled}.then(() => console.log('app: settled'))"
        ));
        browser.wait_for_line("app: settled");
    }

    /// Ends the browser.
    pub fn end(&mut self, end: End) {
        self.browser.take().expect("it was started").end(end);
    }

    fn open(&mut self) {
        let url = self.server.url("/");
        self.browser().open(&url);
        self.wait_until_open();
    }

    /// Waits until all that was written has arrived: in order, and each once.
    pub fn wait_until_arrived(&mut self) {
        let posted = self.server.wait_for(self.expected.len());
        let texts: Vec<_> = posted
            .iter()
            .map(|message| message["text"].as_str().unwrap_or("?"))
            .collect();
        assert_eq!(texts, self.expected, "what has arrived");
    }

    fn explain(&mut self, failure: &str) -> String {
        let story = self.browser.as_mut().map(|browser| browser.story());
        format!(
            "{failure}\n    {}\n    the server was asked for {:?}",
            story.unwrap_or_default(),
            self.server.asked()
        )
    }

    fn assert_nothing_new_arrived(&self, before: usize) {
        let posted = self.server.posted().len();
        assert_eq!(posted, before, "messages that arrived without a network");
    }
}

fn first_load(world: &mut World<'_>) {
    world.load_first();
}

fn load_again_offline(world: &mut World<'_>) {
    world.cut();
    world.browser().reload();
    world.wait_until_open();
    world.write("one");
}

fn restart_offline(world: &mut World<'_>) {
    world.end(End::Orderly);
    world.start(Network::Offline);
    world.wait_until_open();
    world.write("two");
}

fn kill_and_restart_offline(world: &mut World<'_>) {
    world.end(End::Kill);
    world.start(Network::Offline);
    world.wait_until_open();
    world.assert_nothing_new_arrived(0);
}

fn network_back(world: &mut World<'_>) {
    world.restore();
    world.wait_until_arrived();
    world.wait_until_settled();
}

fn page_closed(world: &mut World<'_>) {
    world.cut();
    world.write("three");
    world.browser().close_page();
    world.restore();
    if world.app.delivery == Delivery::Page {
        world.open();
        world.wait_until_arrived();
    } else {
        world.wait_until_arrived();
        world.open();
    }
    world.wait_until_settled();
}

fn killed_offline(world: &mut World<'_>) {
    world.cut();
    world.write("four");
    world.end(End::Kill);
    world.assert_nothing_new_arrived(3);
    world.server.mend();
    match world.app.delivery {
        Delivery::Page => world.start(Network::Online),
        Delivery::Worker => world.start_with(Network::Online, "about:blank"),
    }
    // Were a message sent twice, it would be among the first four, or be seen when the browser has ended.
    world.wait_until_arrived();
    world.end(End::Orderly);
    world.wait_until_arrived();
}
