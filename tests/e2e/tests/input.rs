//! Whoever taps is told what has become of it, also if the page went meanwhile.

use std::time::Instant;

use background_sync_e2e::{Kiosk, PATIENCE, Site};

/// In an optimized engine, one tap in fifteen met a page that had gone but was still seen.
const TAPS: usize = 60;

/// The engine sends a tap to the page that is seen. That one may have gone already, and handles nothing any more.
#[test]
fn a_tap_is_answered_although_another_page_comes_at_the_same_time() {
    let site = Site::new("");
    site.add_to_page("document.body.append(document.createElement('input'));");
    let url = site.server.url("/");
    let mut kiosk = site.open();
    let wait_for_address = |kiosk: &mut Kiosk, address: &str| {
        kiosk.wait_for(address, |event| {
            event["event"] == "address" && event["url"] == address
        });
    };
    for _ in 0..TAPS {
        kiosk.set_network("offline");
        kiosk.forget_events();
        kiosk.command("reload");
        wait_for_address(&mut kiosk, "about:offline");
        kiosk.set_network("online");
        wait_for_address(&mut kiosk, &url);
        let number = kiosk.command("click input");
        kiosk.wait_for("the answer to a tap", |event| event["command"] == number);
    }
    // The page that stays gets the next one. Its first frame may still be on its way to the screen.
    kiosk.evaluate("document.querySelector('input').onclick = () => console.log('tapped'), 0");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let number = kiosk.command("click input");
        let answer = kiosk.wait_for("the answer", |event| event["command"] == number);
        let Some(error) = answer["error"].as_str() else {
            break;
        };
        assert_eq!(error, "the page has gone before this was handled");
        assert!(Instant::now() < deadline, "no tap reached the page");
    }
    kiosk.wait_for_console("tapped");
}
