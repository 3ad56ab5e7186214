//! A shop's app with something of each kind waiting.

use std::path::{Path, PathBuf};

use background_sync_e2e::syncs_page::{follow, show};
use background_sync_e2e::{Answer, Kiosk, Site};
use tempfile::TempDir;

/// Posts what has the event's tag.
const WORKER: &str =
    "self.addEventListener('sync', (event) => event.waitUntil(post('/orders', event.tag)));
  self.addEventListener('periodicsync', (event) => event.waitUntil(post('/prices', event.tag)));";

/// The name by which the app is reached.
const HOST: &str = "shop.localhost";

/// The second try soon, so that there is something to see; the third one later.
const RETRIES: &str = "first_retry_delay_ms = 15000\nretry_factor = 16\nretry_jitter_percent = 0\n";

/// Colors that pages are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Scheme {
    /// Of the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// A kiosk in the middle of its work.
pub struct Scene {
    kiosk: Kiosk,
    // Goes after the kiosk that uses it.
    _site: Site,
    profile: TempDir,
}

impl Scene {
    /// Starts one with such a display, and lets it work for half a minute. Then an order and a survey have been sent, the survey
    /// in two tries; one order waits for its next try, one is being sent, and the price list waits for its time.
    ///
    /// # Panics
    /// If the kiosk does not do as it is told.
    pub fn start(scheme: Scheme, (width, height): (u32, u32)) -> Self {
        let site = Site::new(WORKER);
        let profile = tempfile::tempdir().expect("a writable folder");
        let url = format!("http://{HOST}:{}/", site.server.port());
        let mut kiosk = Kiosk::builder()
            .profile(profile.path())
            .host(HOST)
            .setting("syncs_page = true")
            .setting(&format!("color_scheme = \"{}\"", scheme.name()))
            .setting(&format!("window_size = \"{width}x{height}\""))
            .background_sync(RETRIES)
            .section(
                "[permissions]",
                &format!("origin = \"{url}\"\nperiodic_background_sync = \"granted\""),
            )
            .open(&url);
        kiosk.wait_for_console("page ready");
        site.server.answer_next([
            Answer::Status(200),
            Answer::Status(503),
            Answer::Status(503),
            Answer::Status(503),
            Answer::Status(200),
            Answer::Hold,
        ]);
        kiosk
            .settle("registration.periodicSync.register('price-list', { minInterval: 12 * 3600 * 1000 })")
            .expect("granted");
        register_and_wait(&mut kiosk, "order-1041");
        register_and_wait(&mut kiosk, "order-1042");
        // Its second try.
        kiosk.wait_for_sync("finished");
        register_and_wait(&mut kiosk, "survey-7");
        kiosk.wait_for_sync("finished");
        kiosk.register_sync("order-1043");
        site.server.wait_for(6);
        Self {
            kiosk,
            _site: site,
            profile,
        }
    }

    /// Shows `kiosk:syncs`.
    pub fn show_syncs(&mut self) {
        show(&mut self.kiosk);
    }

    /// Clicks what asks a question.
    pub fn confirm(&mut self) {
        follow(&mut self.kiosk, "#waiting header a");
    }

    /// Draws what is shown.
    pub fn draw(&mut self, path: &Path) {
        draw(&mut self.kiosk, path);
    }

    /// The profile that it uses.
    pub fn profile(&self) -> PathBuf {
        self.profile.path().to_owned()
    }
}

fn register_and_wait(kiosk: &mut Kiosk, tag: &str) {
    kiosk.register_sync(tag);
    kiosk.wait_for_sync("finished");
}

/// Draws the bundled app with a message that was written without a network.
pub fn draw_app(path: &Path) {
    let mut kiosk = Kiosk::builder()
        .flag("--window-size=800x480")
        .open("--app-port=0");
    kiosk.wait_for_console("[outbox] ready, its service worker is active");
    kiosk.set_network("offline");
    kiosk.command("click #text");
    kiosk.wait_for("the click", |event| event["event"] == "clicked");
    kiosk.command("type Two boxes of the blue tiles, please\\n");
    kiosk.wait_for_console("[outbox] registered a sync for the outbox");
    draw(&mut kiosk, path);
}

fn draw(kiosk: &mut Kiosk, path: &Path) {
    let number = kiosk.command(&format!("screenshot {}", path.display()));
    let drawn = kiosk.wait_for("the picture", |event| event["command"] == number);
    assert!(drawn["error"].is_null(), "{drawn}");
}
