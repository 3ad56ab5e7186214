/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Where the folders of databases are, so that a profile can be moved: they are stored as below the folder of the registry.

use std::path::{Component, Path, PathBuf};

/// The folder that has them all.
pub(crate) const BOTTLES: &str = "bottles";

/// A registry written by Servo as published has absolute paths, of where the profile was then: what counts is the end,
/// `bottles/<digit>/<name>`. Nothing outside `base` is ever meant, whatever the registry says.
///
/// Returns `None` for a path without such an end.
pub(crate) fn resolve(base: &Path, stored: &str) -> Option<PathBuf> {
    let mut names = Path::new(stored).components().rev();
    let mut next = || match names.next()? {
        Component::Normal(name) => Some(name),
        _ => None,
    };
    let (name, cluster, bottles) = (next()?, next()?, next()?);
    (bottles == BOTTLES).then(|| base.join(bottles).join(cluster).join(name))
}

/// As it is stored.
pub(crate) fn relative(cluster: &str, name: &str) -> PathBuf {
    Path::new(BOTTLES).join(cluster).join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moved_profiles_are_understood() {
        let base = Path::new("/new/clientstorage/default_v1");
        let here = Some(base.join("bottles/a/1-2a"));
        assert_eq!(resolve(base, "bottles/a/1-2a"), here);
        assert_eq!(
            resolve(base, "/old/clientstorage/default_v1/bottles/a/1-2a"),
            here
        );
        for bad in [
            "",
            "/",
            "a/1-2a",
            "bottles/../x",
            "/etc/passwd",
            "bottles/..",
        ] {
            assert_eq!(resolve(base, bad), None, "{bad}");
        }
    }
}
