//! What an operator's commands tell, as pictures of a terminal.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anstyle::RgbColor;
use anstyle_svg::{Term, WIN10_CONSOLE};
use anyhow::{Context, Result, ensure};
use background_sync_e2e::kiosk_program;

use crate::scene::Scene;

/// Columns of the terminal.
const COLUMNS: usize = 92;

/// So that the pictures are as wide as each other.
const MIN_WIDTH_PX: usize = 860;

/// A terminal's text and its background: calm, with much contrast.
const TEXT: RgbColor = RgbColor(0xec, 0xef, 0xf3);
const BACKGROUND: RgbColor = RgbColor(0x1e, 0x23, 0x29);

/// How the profile's folder, which has another name each time, is called in the pictures.
const PROFILE: &str = "/var/lib/kiosk";

/// Each picture's name, and its command.
const COMMANDS: [(&str, &str); 4] = [
    ("syncs-list", "syncs list"),
    ("syncs-why", "syncs why order-1042"),
    ("syncs-journal", "syncs journal"),
    ("status", "status"),
];

/// Runs the commands and draws what they tell.
pub fn take(scene: &Scene, folder: &Path) -> Result<()> {
    for (name, words) in COMMANDS {
        let told = in_terminal(&scene.profile(), words)?;
        let told = told.replace(&scene.profile().display().to_string(), PROFILE);
        let prompt = format!("\u{1b}[2m$\u{1b}[0m kiosk {words}\n");
        let picture = Term::new()
            .palette(WIN10_CONSOLE)
            .fg_color(TEXT.into())
            .bg_color(BACKGROUND.into())
            .min_width_px(MIN_WIDTH_PX)
            .render_svg(&format!("{prompt}{}", told.trim_end()));
        fs::write(folder.join(format!("{name}.svg")), picture)?;
    }
    Ok(())
}

/// With colors and as wide as the terminal. `script`, of util-linux, makes one.
fn in_terminal(profile: &Path, words: &str) -> Result<String> {
    let line = format!(
        "stty rows 24 cols {COLUMNS}; {} {words} --profile {} 2>/dev/null",
        kiosk_program().display(),
        profile.display()
    );
    let output = Command::new("script")
        .args(["-q", "-e", "-c", &line, "/dev/null"])
        .env_remove("NO_COLOR")
        .env("TERM", "xterm-256color")
        .stdin(Stdio::null())
        .output()
        .context("`script` of util-linux can't be started")?;
    ensure!(output.status.success(), "`kiosk {words}` fails");
    Ok(String::from_utf8(output.stdout)?.replace('\r', ""))
}
