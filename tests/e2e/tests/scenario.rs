//! The story the product is made for, as `./mach run --headless` plays it.

#![cfg(feature = "offline")]

use background_sync_e2e::{kiosk_command, run};

#[test]
fn the_outbox_scenario_succeeds_and_tells_its_story() {
    let folder = tempfile::tempdir().expect("a writable folder");
    let output = run(kiosk_command()
        .arg("--headless")
        .arg("--screenshot-dir")
        .arg(folder.path()));
    let timeline = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{timeline}\n{errors}");

    let position = |what: &str| {
        timeline
            .find(what)
            .unwrap_or_else(|| panic!("no {what:?} in the timeline:\n{timeline}"))
    };
    let story = [
        "cut",
        "types “Table 7",
        "window closed",
        "opens the app again, still offline",
        "types “Table 2",
        "restored",
        "answered 503",
        "next attempt in",
        "got “Table 4",
        "got “Table 7",
        "got “Table 2",
        "succeeded",
        "all 3 messages arrived once, unchanged, in order",
    ];
    let positions: Vec<_> = story.iter().map(|what| position(what)).collect();
    assert!(
        positions.is_sorted(),
        "not in this order: {story:?}\n{timeline}"
    );
    assert!(!timeline.contains('\u{1b}'), "colors are for terminals");

    for name in [
        "outbox-1-before.png",
        "outbox-2-offline.png",
        "outbox-3-after.png",
    ] {
        let picture = std::fs::read(folder.path().join(name)).expect(name);
        assert!(picture.starts_with(b"\x89PNG"), "{name} is no PNG file");
    }
}
