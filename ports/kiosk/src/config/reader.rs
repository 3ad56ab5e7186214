//! The keys of a configuration file, and what each allows.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::fleet;
use super::model::Config;
use super::problem::Problem;
use super::section::Section;
use super::values::{self, PageAddress};
use crate::browser::background_sync::Policy;
use crate::browser::sync_policy;
use crate::connectivity::{ConnectivityConfig, DefaultRoute, ProbeUrl, Watch};
use crate::permissions::{Grant, OriginPermissions, OriginUrl};
use crate::preference_value;

/// Reads the whole file. Paths in it are relative to `folder`.
pub fn read_file(mut file: Section<'_>, folder: &Path, problems: &mut Vec<Problem>) -> Config {
    let config = Config {
        url: file
            .take("url", "the address of a page, or the path of a file")
            .map(|PageAddress(url)| url),
        allowed_origins: file.take("allowed_origins", ORIGINS),
        window_size: file.take("window_size", "\"WIDTHxHEIGHT\" in pixels"),
        full_screen: file.take("full_screen", BOOLEAN),
        hide_pointer: file.take("hide_pointer", BOOLEAN),
        wait_for_display: file.take("wait_for_display", BOOLEAN),
        zoom: file.take("zoom", "a number from 0.1 to 10"),
        color_scheme: file
            .take("color_scheme", "\"system\", \"light\" or \"dark\"")
            .unwrap_or_default(),
        syncs_page: file.take("syncs_page", BOOLEAN),
        profile: file
            .take::<PathBuf>("profile", "the path of a folder")
            .map(|path| folder.join(path)),
        certificate_path: file.take_checked("certificate_path", CERTIFICATES, |path: PathBuf| {
            let path = folder.join(path);
            values::check_certificates(&path).map(|()| path)
        }),
        proxy: file.take("proxy", "\"http://HOST:PORT\""),
        no_proxy: file
            .take("no_proxy", "a list of hosts, addresses and networks")
            .unwrap_or_default(),
        idle_reset: file.take("idle_reset_s", "a whole number of seconds from 1 to 86400"),
        answer_limit: file.take(
            "answer_limit_s",
            "a whole number of seconds from 1 to 86400",
        ),
        restart_at: file.take("restart_at", "a time from \"00:00\" to \"23:59\""),
        storage_durability: file
            .take(
                "storage_durability",
                "\"barrier\", \"strict\" or \"relaxed\"",
            )
            .unwrap_or_default(),
        notification_display: file
            .take("notification_display", "\"window\" or \"desktop\"")
            .unwrap_or_default(),
        policy: file
            .take_section("background_sync")
            .map(|section| read_policy(section, problems)),
        connectivity: file
            .take_section("connectivity")
            .map(|section| read_connectivity(section, problems))
            .unwrap_or_default(),
        fleet: fleet::read(&mut file, problems),
        permissions: file
            .take_sections("permissions")
            .into_iter()
            .filter_map(|section| read_permissions(section, problems))
            .collect(),
        preferences: file
            .take_section("prefs")
            .map(|section| read_preferences(section, problems))
            .unwrap_or_default(),
    };
    problems.extend(file.finish());
    config
}

const BOOLEAN: &str = "true or false";
const ORIGINS: &str = "a list of origins such as \"https://app.example\"";
const CERTIFICATES: &str = "the path of a PEM file with certificates";
const GRANT: &str = "\"granted\" or \"denied\"";

fn read_connectivity(mut section: Section<'_>, problems: &mut Vec<Problem>) -> ConnectivityConfig {
    let config = ConnectivityConfig {
        watch: section.take::<Watch>("watch", "\"system\" or \"none\""),
        default_route: section
            .take::<DefaultRoute>("default_route", "\"preferred\" or \"required\"")
            .unwrap_or_default(),
        probe_url: section.take::<ProbeUrl>("probe_url", "an http: URL"),
    };
    problems.extend(section.finish());
    config
}

fn read_permissions(
    mut section: Section<'_>,
    problems: &mut Vec<Problem>,
) -> Option<OriginPermissions> {
    let origin =
        section.require::<OriginUrl>("origin", "an origin such as \"https://app.example\"");
    let mut grant = |name| section.take::<Grant>(name, GRANT);
    let (background_sync, periodic_background_sync, notifications) = (
        grant("background_sync"),
        grant("periodic_background_sync"),
        grant("notifications"),
    );
    problems.extend(section.finish());
    Some(OriginPermissions {
        origin: origin?,
        background_sync,
        periodic_background_sync,
        notifications,
    })
}

fn read_preferences(
    mut section: Section<'_>,
    problems: &mut Vec<Problem>,
) -> serde_json::Map<String, serde_json::Value> {
    let mut values = serde_json::Map::new();
    for name in section.keys() {
        let Some((span, value)) = section.take_json(&name) else {
            continue;
        };
        match preference_value::check(&name, &value) {
            Ok(()) => {
                values.insert(name, value);
            }
            Err(what) => section.reject(span, what, None),
        }
    }
    problems.extend(section.finish());
    values
}

/// A policy that has a name.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Preset(Policy);

impl TryFrom<String> for Preset {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let policy = sync_policy::preset(&name);
        policy
            .map(Self)
            .ok_or_else(|| format!("`{name}` is no preset"))
    }
}

/// Puts the fields onto their preset one by one, so that each that does not fit can be named.
fn read_policy(mut section: Section<'_>, problems: &mut Vec<Problem>) -> Policy {
    let presets = "\"standard\", \"chromium\", \"every-minute\" or \"fleet\"";
    let preset = section.take("retry", presets);
    let mut policy = preset.map_or_else(Policy::default, |Preset(policy)| policy);
    for name in sync_policy::field_names() {
        let Some((span, value)) = section.take_json(&name) else {
            continue;
        };
        let plain = match value.as_str() {
            Some("unlimited") => serde_json::Value::Null,
            _ => value,
        };
        match sync_policy::with_field(&policy, &name, plain) {
            Ok(changed) => policy = changed,
            Err(what) => section.reject(span, what, None),
        }
    }
    problems.extend(section.finish());
    policy
}
