//! `kiosk:syncs`: how it looks, to whom, and whatever apps have chosen as names.

use std::path::Path;

use background_sync_e2e::syncs_page::{
    builder, builder_with, follow, show, text, wait_for_page, wait_for_text,
};
use background_sync_e2e::{Answer, Kiosk, Site};
use serde_json::{Value, json};

const WORKER: &str =
    "self.addEventListener('sync', (event) => event.waitUntil(post('/sync', event.tag)));";

#[test]
fn what_apps_have_chosen_is_text_and_bounded() {
    let site = Site::new("");
    let mut kiosk = site.open_with(builder());
    kiosk.set_network("offline");
    let hostile = [
        "<img src=x onerror=console.log(1)><script>console.log(2)</script>",
        r#"\"><a href=\"https://evil.example/\">x</a>"#,
        r"\u202etxt.exe",
        "</table></section><style>body{display:none}</style>",
        "{\"parts\":1}) || console.log(3)//",
    ];
    for tag in hostile {
        kiosk
            .settle(&format!(
                "registration.sync.register('{}')",
                tag.replace('\'', "")
            ))
            .expect("registered");
    }
    kiosk
        .settle("registration.sync.register('w'.repeat(4000))")
        .expect("registered");
    show(&mut kiosk);
    let look = |kiosk: &mut Kiosk| {
        kiosk.evaluate(
            "({ foreign: document.querySelectorAll('main img, main script, main style, main a:not([href^=\"kiosk:\"])').length, \
             rows: document.querySelectorAll('#waiting tbody tr').length, \
             longest: Math.max(...[...document.querySelectorAll('bdi')].map((it) => it.textContent.length)), \
             turned: document.body.textContent.includes('\\u202e'), \
             wide: document.documentElement.scrollWidth - innerWidth })",
        )
    };
    let seen = look(&mut kiosk);
    assert_eq!(seen["foreign"], 0, "{seen}");
    assert_eq!(seen["rows"], 6, "{seen}");
    assert!(seen["longest"].as_u64() <= Some(101), "{seen}");
    assert_eq!(seen["turned"], false, "{seen}");
    assert!(seen["wide"].as_i64() <= Some(0), "{seen}");
    // Nor are they anything else once the page is brought up to date.
    kiosk.set_network("online");
    wait_for_text(&mut kiosk, "#waiting", "Nothing waits to be sent.");
    assert_eq!(look(&mut kiosk)["foreign"], 0);
    // The document's policy holds even for whoever gets markup into it.
    kiosk.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<p id=probe onclick=\"window.ran = 1\">x</p>'), \
         document.getElementById('probe').click(), 0",
    );
    assert_eq!(kiosk.evaluate("typeof ran"), "undefined");
    kiosk.catch_up();
    let console = kiosk.seen().iter().any(|event| {
        event["event"] == "console" && ["1", "2", "3"].iter().any(|it| event["text"] == *it)
    });
    assert!(!console, "{:?}", kiosk.seen());
}

#[test]
fn of_thousands_it_shows_some_and_counts_the_rest() {
    const ALL: usize = 8_000;
    let site = Site::new(WORKER);
    let limit = format!("max_registrations_per_origin = {ALL}\n");
    let mut kiosk = site.open_with(builder_with(&limit));
    kiosk.set_network("offline");
    // So many at once as a page may have under way.
    let register = format!(
        "(async () => {{ for (let first = 0; first < {ALL}; first += 100) \
         await Promise.all(Array.from({{ length: 100 }}, (_, index) => registration.sync.register(`message ${{first + index}}`))); }})()"
    );
    kiosk.settle(&register).expect("registered");
    show(&mut kiosk);
    let rows = kiosk.evaluate("document.querySelectorAll('#waiting tbody tr').length");
    assert_eq!(rows, 60);
    assert!(text(&mut kiosk, "#figures").contains("8000\nwaiting"));
    assert_eq!(
        text(&mut kiosk, "#waiting > .more"),
        "7940 more are not shown here. kiosk syncs list shows all."
    );
    let size = kiosk.evaluate("document.documentElement.outerHTML.length");
    assert!(size.as_u64() < Some(200_000), "{size}");
}

/// Everything that somebody who does not see the page, or has no pointer, needs.
#[test]
fn it_is_accessible() {
    let site = Site::new(WORKER);
    let mut kiosk = site.open_with(builder());
    kiosk.set_network("offline");
    kiosk.register_sync("outbox");
    show(&mut kiosk);
    let found = kiosk.evaluate(
        "({ lang: document.documentElement.lang, title: document.title, \
         headings: [...document.querySelectorAll('h1,h2,h3')].map((it) => it.localName + ' ' + it.innerText.split(' ')[0]), \
         unnamed: [...document.querySelectorAll('a')].filter((it) => !it.innerText.trim()).length, \
         tables: [...document.querySelectorAll('table')].map((it) => [!!it.caption, it.querySelectorAll('th[scope=col]').length > 0]), \
         sections: [...document.querySelectorAll('section')].every((it) => document.getElementById(it.getAttribute('aria-labelledby'))), \
         picture: document.querySelector('#timeline svg[role=img]').getAttribute('aria-label'), \
         notice: document.querySelector('#notice').getAttribute('role') })",
    );
    assert_eq!(found["lang"], "en");
    assert_eq!(found["title"], "Syncs");
    let origin = site.server.url("");
    assert_eq!(
        found["headings"],
        json!([
            "h1 Syncs",
            "h2 What",
            format!("h3 {origin}"),
            "h2 Timeline",
            "h2 Latest"
        ])
    );
    assert_eq!(found["unnamed"], 0);
    assert_eq!(found["tables"], json!([[true, true], [true, true]]));
    assert_eq!(found["sections"], true);
    assert_eq!(found["notice"], "status");
    assert!(
        found["picture"]
            .as_str()
            .is_some_and(|it| it.contains("What has happened"))
    );
    // By the keyboard alone: Close, Drop, Send; then what it asks.
    kiosk.command(r"type \t\t\t\n");
    wait_for_page(&mut kiosk, "loaded");
    assert_eq!(text(&mut kiosk, "h2"), "Send outbox now?");
}

/// Contrast of each text with what is behind it, by WCAG 2: the least of all.
const CONTRAST: &str = "(() => { \
    const parse = (color) => color.match(/[0-9.]+/g).map(Number); \
    const light = ([r, g, b]) => [r, g, b].map((it) => it / 255).map((it) => it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4) \
      .reduce((sum, it, index) => sum + it * [0.2126, 0.7152, 0.0722][index], 0); \
    const behind = (it) => { const color = parse(getComputedStyle(it).backgroundColor); \
      return color.length === 4 && color[3] === 0 ? behind(it.parentElement) : color; }; \
    const texts = [...document.querySelectorAll('body *')].filter((it) => [...it.childNodes].some((node) => node.nodeType === 3 && node.data.trim())); \
    const all = texts.filter((it) => !it.closest('style')).map((it) => { \
      const [a, b] = [light(parse(getComputedStyle(it).color)), light(behind(it))]; \
      return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), it.innerText]; }); \
    return all.sort((a, b) => a[0] - b[0])[0]; })()";

#[test]
fn it_is_readable_in_light_and_dark_on_small_and_large_displays() {
    let site = Site::new(WORKER);
    for size in ["800x480", "1920x1080"] {
        for (scheme, page) in [("light", "rgb(244, 245, 247)"), ("dark", "rgb(20, 23, 27)")] {
            let scheme = format!("color_scheme = \"{scheme}\"");
            let builder = builder().setting(&scheme).flag("--window-size").flag(size);
            let mut kiosk = site.open_with(builder);
            site.server.answer_next([Answer::Status(503)]);
            kiosk.register_sync("outbox");
            kiosk.wait_for_sync("finished");
            kiosk.set_network("offline");
            kiosk.register_sync("second");
            show(&mut kiosk);
            let color = kiosk.evaluate("getComputedStyle(document.body).backgroundColor");
            assert_eq!(color, page, "{size}, {scheme}");
            let least = kiosk.evaluate(CONTRAST);
            assert!(least[0].as_f64() >= Some(4.5), "{least} {size}, {scheme}");
            let beyond = kiosk.evaluate(
                "[...document.querySelectorAll('body *')].filter((it) => it.getBoundingClientRect().right > innerWidth + 0.5).map((it) => it.outerHTML.slice(0, 60))",
            );
            assert_eq!(beyond, json!([]), "{size}");
            // Without scrolling: the figures, and the first of what waits with its reason.
            let seen = kiosk.evaluate(
                "[...document.querySelectorAll('#figures, #waiting tbody tr')].slice(0, 2).every((it) => it.getBoundingClientRect().bottom <= innerHeight)",
            );
            assert_eq!(seen, true, "{size}");
            follow(&mut kiosk, "#waiting header a");
            let least = kiosk.evaluate(CONTRAST);
            assert!(least[0].as_f64() >= Some(4.5), "{least} {size}, {scheme}");
        }
    }
}

/// What is on the display is what is drawn: nothing of the page below shows through, and the page returns as it was.
#[test]
fn what_is_drawn_is_the_page_in_front() {
    let site = Site::new(WORKER);
    let red = "<!DOCTYPE html><body style='background: red'><script>onload = () => console.log('red')</script>";
    site.server.serve("/red", "text/html", red);
    site.server.serve("/go", "text/plain", "");
    site.server.hold_path("/go");
    let folder = tempfile::tempdir().expect("a writable folder");
    let mut kiosk = site.open_with(builder());
    kiosk.evaluate("document.body.style.background = 'rgb(255, 0, 0)', fetch('/go').then(() => open('/red')), 0");
    let draw = |kiosk: &mut Kiosk, name: &str| -> Vec<u8> {
        let path = folder.path().join(name);
        let number = kiosk.command(&format!("screenshot {}", path.display()));
        let drawn = kiosk.wait_for("the picture", |event| event["command"] == number);
        assert_eq!(drawn["error"], Value::Null);
        read(&path)
    };
    let before = draw(&mut kiosk, "before.png");
    show(&mut kiosk);
    // Neither does a window that the page opens meanwhile.
    let during = draw(&mut kiosk, "during.png");
    assert_ne!(before, during);
    site.server.release_path("/go");
    kiosk.wait_for_console("red");
    assert!(during == draw(&mut kiosk, "with-window.png"));
    kiosk.command(r"type \e");
    wait_for_page(&mut kiosk, "closed");
    kiosk.evaluate("0");
    assert_ne!(draw(&mut kiosk, "after.png"), during);
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("a picture")
}
