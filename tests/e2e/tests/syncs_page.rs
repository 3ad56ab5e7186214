//! `kiosk:syncs`: what whoever looks after a device sees there, and has done there.

use std::path::Path;

use background_sync_e2e::operator::operate;
use background_sync_e2e::{Answer, Kiosk, KioskBuilder, Site};
use serde_json::{Value, json};

const WORKER: &str =
    "self.addEventListener('sync', (event) => event.waitUntil(post('/sync', event.tag)));";

/// Nothing is tried again while a test runs.
const SLOW_RETRIES: &str = "first_retry_delay_ms = 3600000\nretry_jitter_percent = 0\n";

const UNSUCCESSFUL: i32 = 1;

fn builder() -> KioskBuilder {
    Kiosk::builder()
        .setting("syncs_page = true")
        .background_sync(SLOW_RETRIES)
}

fn wait_for_page(kiosk: &mut Kiosk, state: &str) {
    kiosk.wait_for(&format!("the syncs page to be {state}"), |event| {
        event["event"] == "syncs-page" && event["state"] == state
    });
}

fn show(kiosk: &mut Kiosk) {
    kiosk.command("open kiosk:syncs");
    wait_for_page(kiosk, "loaded");
}

/// Clicks what leads to another document of the page.
fn follow(kiosk: &mut Kiosk, selector: &str) {
    kiosk.command(&format!("click {selector}"));
    wait_for_page(kiosk, "loaded");
}

fn text(kiosk: &mut Kiosk, selector: &str) -> String {
    let script = format!("document.querySelector({selector:?})?.innerText ?? 'nothing'");
    kiosk.evaluate(&script).as_str().expect("a text").to_owned()
}

/// Looks again and again until the page tells this. It is brought up to date by itself.
fn wait_for_text(kiosk: &mut Kiosk, selector: &str, wanted: &str) {
    let deadline = std::time::Instant::now() + background_sync_e2e::PATIENCE;
    loop {
        let shown = text(kiosk, selector);
        if shown.contains(wanted) {
            return;
        }
        assert!(
            std::time::Instant::now() < deadline,
            "no {wanted:?} in {shown:?}"
        );
    }
}

#[test]
fn it_tells_what_waits_and_why_and_goes_with_escape() {
    let site = Site::new(WORKER);
    let profile = tempfile::tempdir().expect("a writable folder");
    let mut kiosk = site.open_with(builder().profile(profile.path()));
    kiosk.set_network("offline");
    kiosk.register_sync("send-messages");
    kiosk.evaluate("window.typed = 'not lost', 0");

    let opened = operate(profile.path(), &["open", "kiosk:syncs"]);
    assert!(opened.succeeded().contains("loaded"), "{opened:?}");
    wait_for_page(&mut kiosk, "loaded");
    assert_eq!(kiosk.evaluate("location.href"), "kiosk:syncs");
    let origin = site.server.url("");
    assert_eq!(text(&mut kiosk, "#waiting h3 bdi"), origin);
    assert_eq!(
        text(&mut kiosk, "#waiting caption"),
        format!("Scope {origin}/")
    );
    let row = text(&mut kiosk, "#waiting tbody tr");
    for told in [
        "send-messages",
        "The message waits for the network. It is sent as soon as there is one.",
        "Waiting",
        "pending",
        "0",
    ] {
        assert!(row.contains(told), "no {told:?} in {row:?}");
    }
    assert!(text(&mut kiosk, "#figures").contains("1 waiting"));
    assert_eq!(text(&mut kiosk, "#network"), "Network: cut by hand");
    assert!(text(&mut kiosk, "#journal").contains("stored, waits to be sent"));
    assert!(
        kiosk.evaluate("document.querySelectorAll('#timeline svg[role=img] circle').length") == 1
    );

    kiosk.command(r"type \e");
    wait_for_page(&mut kiosk, "closed");
    assert_eq!(kiosk.evaluate("typed"), "not lost");

    show(&mut kiosk);
    kiosk.command(&format!("open {}", site.server.url("/")));
    wait_for_page(&mut kiosk, "closed");
    kiosk.wait_for_console("page ready");
    show(&mut kiosk);
    kiosk.command("click .top a");
    wait_for_page(&mut kiosk, "closed");
}

#[test]
fn it_is_there_only_where_the_configuration_says_so() {
    let site = Site::new("");
    let profile = tempfile::tempdir().expect("a writable folder");
    let mut kiosk = site.open_with(Kiosk::builder().profile(profile.path()));
    let reason = "`kiosk:syncs` is switched off: `syncs_page = true` in the configuration, or --syncs-page, switches it on";
    operate(profile.path(), &["open", "kiosk:syncs"]).assert_refused(UNSUCCESSFUL, &[reason]);
    let number = kiosk.command("open kiosk:syncs");
    let refused = kiosk.wait_for("the refusal", |event| event["command"] == number);
    assert_eq!(refused["error"], reason);
    assert_eq!(kiosk.evaluate("location.href"), site.server.url("/"));

    let mut kiosk = site.open_with(Kiosk::builder().flag("--syncs-page"));
    show(&mut kiosk);
    assert_eq!(text(&mut kiosk, "#waiting"), "Nothing waits to be sent.");
    let number = kiosk.command("open kiosk:other");
    let refused = kiosk.wait_for("the refusal", |event| event["command"] == number);
    assert_eq!(
        refused["error"],
        "`kiosk:other` is no page of the kiosk: `kiosk:syncs` is"
    );
}

#[test]
fn it_is_live() {
    let site = Site::new(WORKER);
    let mut kiosk = site.open_with(builder());
    kiosk.set_network("offline");
    kiosk.register_sync("outbox");
    show(&mut kiosk);
    kiosk.evaluate("window.same = document.querySelector('#waiting tbody a'), same.focus(), 0");
    let link = kiosk.evaluate("document.activeElement.getAttribute('href')");

    site.server.answer_next([Answer::Status(503)]);
    kiosk.set_network("online");
    wait_for_text(&mut kiosk, "#waiting tbody tr", "Retrying");
    wait_for_text(&mut kiosk, "#waiting tbody tr", "in 60 min");
    assert_eq!(text(&mut kiosk, "#network"), "Network: connected");
    assert_eq!(
        kiosk.evaluate("document.activeElement.getAttribute('href')"),
        link,
        "whoever works with the keyboard stays where they are"
    );
    // The document was changed, not loaded again.
    assert_eq!(kiosk.evaluate("same instanceof HTMLAnchorElement"), true);
}

#[test]
fn it_sends_once_somebody_has_confirmed_and_once_only() {
    let site = Site::new(WORKER);
    let mut kiosk = site.open_with(builder());
    site.server.answer_next([Answer::Status(503)]);
    kiosk.register_sync("outbox");
    kiosk.wait_for_sync("finished");
    assert_eq!(site.server.received_count(), 1);
    show(&mut kiosk);

    follow(&mut kiosk, "#waiting tbody a");
    assert_eq!(text(&mut kiosk, "h2"), "Send outbox now?");
    follow(&mut kiosk, ".answers a:last-child");
    assert_eq!(site.server.received_count(), 1, "nobody has confirmed");

    follow(&mut kiosk, "#waiting tbody a");
    let link = kiosk.evaluate("document.querySelector('.answers a').href");
    follow(&mut kiosk, ".answers a");
    site.server.wait_for(2);
    wait_for_text(&mut kiosk, "#notice", "“outbox”: sent.");
    wait_for_text(&mut kiosk, "#waiting", "Nothing waits to be sent.");

    let again = link.as_str().expect("a link");
    kiosk.evaluate(&format!("location.href = {again:?}, 0"));
    wait_for_page(&mut kiosk, "loaded");
    assert_eq!(
        text(&mut kiosk, "#notice"),
        "That page was out of date. Nothing was done."
    );
    assert_eq!(kiosk.evaluate("location.href"), "kiosk:syncs");
}

#[test]
fn it_drops_what_an_origin_has_once_somebody_has_confirmed() {
    let site = Site::new(WORKER);
    let mut kiosk = site.open_with(builder());
    kiosk.set_network("offline");
    for number in 0..20 {
        kiosk.register_sync(&format!("message-{number}"));
    }
    show(&mut kiosk);
    follow(&mut kiosk, "#waiting header a");
    let origin = site.server.url("");
    assert_eq!(text(&mut kiosk, "h2"), format!("Drop all 20 of {origin}?"));
    follow(&mut kiosk, ".answers a");
    wait_for_text(&mut kiosk, "#notice", "Dropped: 20.");
    wait_for_text(&mut kiosk, "#waiting", "Nothing waits to be sent.");
    wait_for_text(&mut kiosk, "#journal", "whoever looks after this device");
}

#[test]
fn what_apps_have_chosen_is_text_and_bounded() {
    let site = Site::new(WORKER);
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
    let limits = format!("{SLOW_RETRIES}max_registrations_per_origin = {ALL}\n");
    let builder = Kiosk::builder()
        .setting("syncs_page = true")
        .background_sync(&limits);
    let mut kiosk = site.open_with(builder);
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
    assert!(text(&mut kiosk, "#figures").contains("8000 waiting"));
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
    let folder = tempfile::tempdir().expect("a writable folder");
    let mut kiosk = site.open_with(builder());
    kiosk.evaluate("document.body.style.background = 'rgb(255, 0, 0)', 0");
    let mut draw = |kiosk: &mut Kiosk, name: &str| -> Vec<u8> {
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
    kiosk.command(r"type \e");
    wait_for_page(&mut kiosk, "closed");
    assert_eq!(draw(&mut kiosk, "after.png"), before);
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("a picture")
}
