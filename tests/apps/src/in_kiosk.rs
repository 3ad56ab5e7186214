//! The story's browser: the kiosk.

use std::path::Path;

use background_sync_e2e::{FAST_RETRIES, Kiosk};

use crate::browser::{Browser, End, Network, Product};

/// The kiosk that `BACKGROUND_SYNC_KIOSK` names.
pub struct KioskProduct;

impl Product for KioskProduct {
    fn name(&self) -> &'static str {
        "kiosk"
    }

    fn start(&self, profile: &Path, network: Network, url: &str) -> Box<dyn Browser> {
        let mut builder = Kiosk::builder()
            .background_sync(FAST_RETRIES)
            .profile(profile);
        if network == Network::Offline {
            builder = builder.flag("--offline");
        }
        Box::new(InKiosk(builder.open(url)))
    }
}

struct InKiosk(Kiosk);

impl Browser for InKiosk {
    fn open(&mut self, url: &str) {
        self.0.command(&format!("open {url}"));
    }

    fn reload(&mut self) {
        self.0.command("reload");
    }

    fn close_page(&mut self) {
        self.0.close_window();
    }

    fn evaluate(&mut self, script: &str) {
        self.0.evaluate(&format!("{script}, 0"));
    }

    fn wait_for_line(&mut self, text: &str) {
        self.0.wait_for_console(text);
    }

    fn set_network(&mut self, network: Network) {
        self.0.set_network(match network {
            Network::Offline => "offline",
            Network::Online => "online",
        });
    }

    fn story(&mut self) -> String {
        self.0.catch_up();
        let events: Vec<_> = self.0.seen().iter().map(ToString::to_string).collect();
        events.join("\n    ")
    }

    fn end(mut self: Box<Self>, end: End) {
        match end {
            End::Orderly => {
                self.0.quit();
            }
            End::Kill => self.0.kill(),
        }
    }
}
