//! Whether pages are shown in light or dark colors, where they have both.

use clap::ValueEnum;
use serde::Deserialize;
use servo::Theme;

/// Which colors pages are asked for (`prefers-color-scheme`).
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum ColorScheme {
    /// As the desktop has it; light, where it does not tell.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl ColorScheme {
    /// The engine's name for it. `system`: the desktop's, if it tells.
    pub fn theme(self, system: Option<Theme>) -> Theme {
        match self {
            Self::Light => Theme::Light,
            Self::Dark => Theme::Dark,
            Self::System => system.unwrap_or(Theme::Light),
        }
    }
}
