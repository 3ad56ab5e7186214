//! Style sheets for every page.

use std::fs;
use std::path::Path;

use servo::user_contents::UserStyleSheet;
use url::Url;

use crate::failure::Failure;

/// Reads one from a file.
pub fn read(path: &Path) -> Result<UserStyleSheet, Failure> {
    let unusable = |reason| {
        Failure::usage(format!(
            "the style sheet {} can't be read: {reason}",
            path.display()
        ))
    };
    let text = fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
    let absolute = path
        .canonicalize()
        .map_err(|error| unusable(error.to_string()))?;
    let url =
        Url::from_file_path(absolute).map_err(|()| unusable("its path is no URL".to_owned()))?;
    Ok(UserStyleSheet::new(text, url))
}
