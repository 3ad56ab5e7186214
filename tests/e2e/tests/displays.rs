//! Displays as kiosks have them: an X server without a window manager, Wayland, a resolution that changes, a display that
//! comes late or goes away.

use std::cell::RefCell;
use std::path::Path;

use background_sync_e2e::display::{Compositor, Kind, XServer, has_programs};
use background_sync_e2e::{Kiosk, KioskBuilder, Site};
use serde_json::json;

/// Of the page, which says what it is told.
const COLOR: u32 = 0x00_aa_00;
const PAGE_SCRIPT: &str = "document.body.style.background = '#00aa00'; \
    const size = () => console.log(`size ${innerWidth}x${innerHeight}`); \
    addEventListener('resize', size); size(); \
    addEventListener('keydown', (event) => console.log(`key ${event.key}`));";

const WORKER: &str = "onsync = (event) => event.waitUntil(post('/sync', event.tag));";

fn has_x_server() -> bool {
    has_programs(&["Xvfb"], "xvfb")
}

fn has_cage() -> bool {
    // cage does not start without Xwayland.
    has_programs(&["cage", "Xwayland"], "cage xwayland")
}

fn has_sway() -> bool {
    has_programs(&["sway", "wtype"], "sway wtype")
}

fn site() -> Site {
    let site = Site::new(WORKER);
    site.add_to_page(PAGE_SCRIPT);
    site
}

fn at(x_server: &XServer, profile: &Path) -> KioskBuilder {
    Kiosk::with_fast_retries(profile).environment("DISPLAY", &x_server.name())
}

fn under(compositor: &Compositor, profile: &Path) -> KioskBuilder {
    let folder = compositor.folder().to_str().expect("UTF-8");
    Kiosk::with_fast_retries(profile)
        .environment("XDG_RUNTIME_DIR", folder)
        .environment("WAYLAND_DISPLAY", compositor.socket())
}

fn wait_for_event(kiosk: &mut Kiosk, name: &str) {
    kiosk.wait_for(name, |event| event["event"] == name);
}

/// The sizes that the page has had, in order.
fn sizes(kiosk: &Kiosk) -> Vec<String> {
    let lines = kiosk
        .seen()
        .iter()
        .filter_map(|event| event["text"].as_str());
    let sizes = lines.filter_map(|line| line.strip_prefix("size "));
    sizes.map(str::to_owned).collect()
}

#[test]
fn keys_reach_the_page_without_a_window_manager() {
    if !has_x_server() {
        return;
    }
    let (site, profile) = (site(), tempfile::tempdir().expect("a writable folder"));
    let x_server = XServer::start(800, 480);
    let screen = x_server.connect();
    // Without a focus, keys go to the window under the pointer: it is under none.
    let builder = at(&x_server, profile.path()).setting("window_size = '400x300'");
    let mut kiosk = site.open_with(builder);
    screen.wait_for_color(COLOR, &[(200, 150)]);
    screen.point_at(700, 400);
    for key in ['a', '7'] {
        screen.press(key);
        kiosk.wait_for_console(&format!("key {key}"));
    }
}

#[test]
fn the_screen_is_full_from_the_first_frame_and_when_its_resolution_changes() {
    if !has_x_server() {
        return;
    }
    let (site, profile) = (site(), tempfile::tempdir().expect("a writable folder"));
    let x_server = XServer::start(1024, 768);
    let screen = x_server.connect();
    let builder = at(&x_server, profile.path()).setting("full_screen = true");
    let mut kiosk = site.open_with(builder);
    screen.wait_for_color(COLOR, &[(0, 0), (1023, 0), (0, 767), (1023, 767)]);
    kiosk.catch_up();
    assert_eq!(sizes(&kiosk), ["1024x768"]);

    screen.set_resolution(800, 480);
    kiosk.wait_for_console("size 800x480");
    screen.wait_for_color(COLOR, &[(0, 0), (799, 0), (0, 479), (799, 479)]);
    screen.set_resolution(1024, 600);
    kiosk.wait_for_console("size 1024x600");
    screen.wait_for_color(COLOR, &[(0, 0), (1023, 0), (0, 599), (1023, 599)]);
    screen.press('k');
    kiosk.wait_for_console("key k");
}

#[test]
fn a_display_that_comes_late_gets_its_window() {
    if !has_x_server() {
        return;
    }
    let (site, profile) = (site(), tempfile::tempdir().expect("a writable folder"));
    let x_server = XServer::start(800, 480);
    let builder = at(&x_server, profile.path())
        .setting("full_screen = true")
        .setting("wait_for_display = true");
    let number = x_server.crash();
    let mut kiosk = site.open_with(builder);
    let id = kiosk.id();
    wait_for_event(&mut kiosk, "display-awaited");
    // The engine does its work meanwhile.
    kiosk.register_sync("without a display");
    site.server
        .wait_for_post("/sync", &json!("without a display"));

    let x_server = XServer::start_as(number, 800, 480);
    for step in ["display-came", "restarting", "window-opened"] {
        wait_for_event(&mut kiosk, step);
    }
    assert_eq!(kiosk.id(), id);
    let screen = x_server.connect();
    screen.wait_for_color(COLOR, &[(0, 0), (799, 479)]);
    screen.press('k');
    kiosk.wait_for_console("key k");
}

#[test]
fn without_a_display_the_kiosk_ends_and_says_so() {
    if !has_x_server() {
        return;
    }
    let number = XServer::start(800, 480).crash();
    let errors = errors_at(&format!(":{number}"));
    assert!(errors.contains("no window can be opened"), "{errors}");
}

#[test]
fn a_display_that_lacks_what_the_window_needs_is_refused_with_the_reason() {
    if !has_x_server() {
        return;
    }
    let x_server = XServer::start_without("RANDR");
    let errors = errors_at(&x_server.name());
    let expected = "no window can be opened (the X server has no RandR extension)";
    assert!(errors.contains(expected), "{errors}");
    assert!(!errors.contains("panicked"), "{errors}");
}

/// What a kiosk prints that can't use this display.
fn errors_at(display: &str) -> String {
    let profile = tempfile::tempdir().expect("a writable folder");
    let mut command = background_sync_e2e::kiosk_command();
    command
        .env("DISPLAY", display)
        .arg("--profile")
        .arg(profile.path())
        .arg("about:blank");
    let output = background_sync_e2e::run(&mut command);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What is the same for both: the kiosk begins again, sends what waits, and gets its window back.
fn survive(site: &Site, mut kiosk: Kiosk, crash: impl FnOnce(), restore: impl FnOnce()) -> Kiosk {
    let id = kiosk.id();
    kiosk.set_network("offline");
    kiosk.register_sync("waits");
    crash();
    wait_for_event(&mut kiosk, "ready");
    wait_for_event(&mut kiosk, "display-awaited");
    // It has the network that a kiosk has at its start.
    site.server.wait_for_post("/sync", &json!("waits"));
    restore();
    wait_for_event(&mut kiosk, "display-came");
    wait_for_event(&mut kiosk, "restarting");
    // All that was told so far is of the one before.
    kiosk.forget_events();
    wait_for_event(&mut kiosk, "window-opened");
    assert_eq!(kiosk.id(), id);
    kiosk.number_anew();
    kiosk
}

#[test]
fn an_x_server_that_goes_away_costs_nothing() {
    if !has_x_server() {
        return;
    }
    let (site, profile) = (site(), tempfile::tempdir().expect("a writable folder"));
    let x_server = XServer::start(800, 480);
    let number = x_server.number();
    let builder = at(&x_server, profile.path())
        .setting("full_screen = true")
        .setting("wait_for_display = true");
    let kiosk = site.open_with(builder);
    x_server.connect().wait_for_color(COLOR, &[(0, 0)]);
    let mut again = None;
    let mut kiosk = survive(
        &site,
        kiosk,
        || drop(x_server),
        || again = Some(XServer::start_as(number, 800, 480)),
    );
    let screen = again.as_ref().expect("it was started").connect();
    screen.wait_for_color(COLOR, &[(0, 0), (799, 479)]);
    screen.press('k');
    kiosk.wait_for_console("key k");
}

#[test]
fn a_kiosk_that_does_not_wait_for_its_display_ends_with_it() {
    if !has_x_server() {
        return;
    }
    let (site, profile) = (site(), tempfile::tempdir().expect("a writable folder"));
    let x_server = XServer::start(800, 480);
    let mut kiosk = site.open_with(at(&x_server, profile.path()));
    drop(x_server);
    assert_eq!(kiosk.wait_for_end().code(), Some(3));
}

/// What sends the pictures to the screen may never find out by itself.
#[test]
fn a_kiosk_that_draws_all_the_time_ends_with_its_display() {
    if !has_x_server() {
        return;
    }
    let site = site();
    site.add_to_page(
        "let drawn = 0; const draw = () => { drawn += 1; \
         document.body.style.background = `rgb(${drawn % 256}, 0, 0)`; requestAnimationFrame(draw); \
         if (drawn === 20) console.log('drawn'); }; draw();",
    );
    for _ in 0..8 {
        let profile = tempfile::tempdir().expect("a writable folder");
        let x_server = XServer::start(800, 480);
        let mut kiosk = site.open_with(at(&x_server, profile.path()));
        kiosk.wait_for_console("drawn");
        drop(x_server);
        assert_eq!(kiosk.wait_for_end().code(), Some(3));
    }
}

#[test]
fn a_page_under_wayland_fills_the_screen() {
    if !has_cage() {
        return;
    }
    let (site, profile) = (site(), tempfile::tempdir().expect("a writable folder"));
    let cage = Compositor::start(Kind::Cage);
    let builder = under(&cage, profile.path()).setting("full_screen = true");
    let mut kiosk = site.open_with(builder);
    let size = kiosk.wait_for_report("size ");
    let picture = profile.path().join("picture.png");
    let number = kiosk.command(&format!("screenshot {}", picture.display()));
    let taken = kiosk.wait_for("a screenshot", |event| event["command"] == number);
    assert!(taken["error"].is_null(), "{taken}");
    assert_eq!(png_size(&picture), size);
    kiosk.catch_up();
    let last = sizes(&kiosk).pop();
    assert_eq!(last, Some(size));
}

#[test]
fn a_compositor_that_goes_away_costs_nothing() {
    if !has_cage() {
        return;
    }
    let (site, profile) = (site(), tempfile::tempdir().expect("a writable folder"));
    let cage = Compositor::start(Kind::Cage);
    let builder = under(&cage, profile.path())
        .setting("full_screen = true")
        .setting("wait_for_display = true");
    let mut kiosk = site.open_with(builder);
    // A display that is lost sooner is its supervisor's to judge.
    kiosk.evaluate("setTimeout(() => console.log('long enough'), 5000), 0");
    kiosk.wait_for_console("long enough");
    let start_again = RefCell::new(None);
    let mut again = None;
    let mut kiosk = survive(
        &site,
        kiosk,
        || drop(start_again.replace(Some(cage.crash()))),
        || again = start_again.take().map(|start_again| start_again()),
    );
    assert!(again.is_some(), "it was started again");
    kiosk.wait_for_console("page ready");
    assert_eq!(kiosk.evaluate("document.visibilityState"), "visible");
}

#[test]
fn keys_reach_the_page_under_wayland() {
    if !has_sway() {
        return;
    }
    let (site, profile) = (site(), tempfile::tempdir().expect("a writable folder"));
    let sway = Compositor::start(Kind::Sway);
    let mut kiosk = site.open_with(under(&sway, profile.path()));
    sway.type_text("wayland");
    for key in "wayland".chars() {
        kiosk.wait_for_console(&format!("key {key}"));
    }
}

/// Of a PNG file, as `WIDTHxHEIGHT`.
fn png_size(path: &Path) -> String {
    let bytes = std::fs::read(path).expect("the picture");
    let number = |at: usize| {
        let bytes = bytes[at..at + 4].try_into().expect("four bytes");
        u32::from_be_bytes(bytes)
    };
    // The header's first fields: https://www.w3.org/TR/png-3/#11IHDR
    format!("{}x{}", number(16), number(20))
}
