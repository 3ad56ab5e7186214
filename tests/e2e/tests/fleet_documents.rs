//! The files of `docs/fleet`: Prometheus takes them, and they ask for metrics that the kiosk has.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use background_sync_e2e::Kiosk;
use background_sync_e2e::metrics::metrics;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/fleet")
}

fn read(name: &str) -> String {
    fs::read_to_string(folder().join(name)).expect("it is there")
}

/// Words of a text that are names of metrics.
fn names_in(text: &str) -> BTreeSet<&str> {
    text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_')
        .filter(|word| {
            word.starts_with("kiosk_sync_")
                || word.starts_with("kiosk_")
                || word.starts_with("process_")
        })
        // The beginning of all of them.
        .filter(|word| !word.ends_with('_'))
        .collect()
}

#[test]
fn every_metric_that_is_named_is_there() {
    let mut kiosk = Kiosk::builder()
        .section("metrics", "listen = '127.0.0.1:0'")
        .open("about:blank");
    let event = kiosk.wait_for("metrics", |event| event["event"] == "metrics-served");
    let samples = metrics(event["address"].as_str().expect("an address"));
    let mut served: BTreeSet<_> = names_in(&samples.keys().cloned().collect::<Vec<_>>().join(" "))
        .into_iter()
        .map(str::to_owned)
        .collect();
    // Its value is there only while something is due.
    served.insert("kiosk_sync_next_due_timestamp_seconds".to_owned());
    for file in ["kiosk-alerts.yml", "consoles/kiosks.html", "README.md"] {
        let text = read(file);
        for name in names_in(&text) {
            let parts = ["", "_bucket"].map(|end| format!("{name}{end}"));
            assert!(
                parts.iter().any(|part| served.contains(part)),
                "{file} names {name}, of {served:?}"
            );
        }
    }
    // And the table has all of them.
    let table = read("README.md");
    for name in &served {
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .unwrap_or(name);
        assert!(table.contains(family), "README.md does not have {name}");
    }
}

#[test]
fn promtool_takes_the_rules() {
    for arguments in [
        &["check", "config", "prometheus.yml"][..],
        &["test", "rules", "kiosk-alerts-test.yml"],
    ] {
        let output = Command::new("promtool")
            .args(arguments)
            .current_dir(folder())
            .output();
        let Ok(output) = output else {
            eprintln!("skipped: promtool is not here");
            return;
        };
        assert!(output.status.success(), "{output:?}");
    }
}
