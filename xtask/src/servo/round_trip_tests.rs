//! Tests of series to tree to series, on a made-up Servo of two crates.

use std::path::Path;

use anyhow::Result;
use fs_err as fs;
use tempfile::TempDir;

use super::check::check_series;
use super::patched_tree::PatchedTree;
use super::published::{Published, PublishedCrate};
use super::*;
use crate::git;

struct Fixture {
    _folder: TempDir,
    paths: Paths,
    published: Published,
}

const LIB: &str = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n";

impl Fixture {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let root = folder.path().join("root");
        let registry = folder.path().join("registry");
        let mut crates = Vec::new();
        for name in ["servo", "servo-script"] {
            let from = registry.join(format!("{name}-1.0.0"));
            for (file, text) in [("lib.rs", LIB), (".cargo-ok", "ok"), ("Cargo.lock", "")] {
                files::write_if_different(&from.join(file), text.as_bytes())?;
            }
            crates.push(PublishedCrate {
                name: name.to_owned(),
                folder: from,
            });
        }
        let manifest = "[workspace]\n[workspace.package]\nversion = \"0.1.0\"\n";
        files::write_if_different(&root.join("Cargo.toml"), manifest.as_bytes())?;
        let paths = Paths {
            cache: folder.path().join("cache"),
            root,
        };
        let published = Published {
            version: "1.0.0".to_owned(),
            crates,
        };
        Series::default().write(&paths)?;
        Ok(Self {
            _folder: folder,
            paths,
            published,
        })
    }

    fn apply(&self, local: LocalWork) -> Result<Brought> {
        apply_series(&self.paths, &self.published, local, Offsets::Refuse)
    }

    fn export(&self) -> Result<Vec<PathBuf>> {
        export_series(&self.paths, &self.published)
    }

    fn tree(&self) -> PatchedTree {
        PatchedTree::at(self.paths.crates())
    }

    fn edit(&self, file: &str, from: &str, to: &str) -> Result<()> {
        let path = self.paths.crates().join(file);
        let text = fs::read_to_string(&path)?;
        assert!(text.contains(from), "{file} has no {from}");
        Ok(fs::write(path, text.replace(from, to))?)
    }

    fn commit(&self, message: &str) -> Result<()> {
        let mut add = git::command(&self.paths.crates());
        command::output(add.args(["add", "--all"]))?;
        let mut commit = git::command(&self.paths.crates());
        commit.args([
            "-c",
            "user.name=dev",
            "-c",
            "user.email=dev@invalid",
            "commit",
            "--quiet",
        ]);
        command::output(commit.args(["-m", message]))?;
        Ok(())
    }

    fn read(&self, path: &str) -> Result<String> {
        Ok(fs::read_to_string(self.paths.root.join(path))?)
    }
}

fn message(topic: &str) -> String {
    format!(
        "Change {topic}\n\nWhy: it must\n  be so\nGroup: sync\nReason: hook\nDrop-when: never\nTopic: {topic}\n"
    )
}

/// A fixture with two topics, the first of which spans both crates.
fn with_two_topics() -> Result<Fixture> {
    let fixture = Fixture::new()?;
    fixture.apply(LocalWork::Refuse)?;
    fixture.edit("servo/lib.rs", "three", "THREE")?;
    fixture.edit("servo-script/lib.rs", "one\n", "zero\none\n")?;
    fixture.commit(&message("first"))?;
    fixture.edit("servo/lib.rs", "eight\n", "eight\nnine\n")?;
    fs::write(fixture.paths.crates().join("servo/new.rs"), "new\n")?;
    fixture.commit(&message("second"))?;
    fixture.export()?;
    Ok(fixture)
}

#[test]
fn the_published_sources_come_without_cargos_own_files() -> Result<()> {
    let fixture = Fixture::new()?;
    assert_eq!(fixture.apply(LocalWork::Refuse)?, Brought::ToSeries);
    let crates = fixture.paths.crates();
    assert_eq!(fs::read_to_string(crates.join("servo/lib.rs"))?, LIB);
    assert!(!crates.join("servo/.cargo-ok").exists());
    assert!(!crates.join("servo/Cargo.lock").exists());
    Ok(())
}

#[test]
fn export_writes_a_patch_for_each_crate_of_a_topic_and_check_agrees() -> Result<()> {
    let fixture = with_two_topics()?;
    let series = fixture.read("servo/series")?;
    let lines: Vec<&str> = series
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    assert_eq!(
        lines,
        [
            "servo/first.patch",
            "servo-script/first.patch",
            "servo/second.patch"
        ]
    );
    assert_eq!(
        fixture.read("servo/patches/servo/first.patch")?,
        "Subject: Change first\nWhy: it must\n  be so\nGroup: sync\nReason: hook\nDrop-when: never\n\n\
         diff --git a/lib.rs b/lib.rs\n--- a/lib.rs\n+++ b/lib.rs\n@@ -2,3 +2,3 @@ one\n two\n\
         -three\n+THREE\n four\n"
    );
    let report = check_series(&fixture.paths, &fixture.published)?;
    assert!(report.table(false).contains("2 topics in 3 patches"));
    Ok(())
}

#[test]
fn a_series_applied_elsewhere_gives_the_same_commits_and_exports_to_itself() -> Result<()> {
    let fixture = with_two_topics()?;
    let first = fixture.tree().git.resolve("HEAD")?;
    fs::remove_dir_all(fixture.paths.tree())?;
    fs::remove_dir_all(fixture.paths.staging())?;
    fixture.apply(LocalWork::Refuse)?;
    assert_eq!(fixture.tree().git.resolve("HEAD")?, first);
    assert!(fixture.export()?.is_empty());
    Ok(())
}

#[test]
fn applying_again_leaves_time_stamps_alone() -> Result<()> {
    let fixture = with_two_topics()?;
    let stamp = |file: &str| fs::metadata(fixture.paths.crates().join(file))?.modified();
    let before = stamp("servo-script/lib.rs")?;
    // The second topic goes: only the files that it touches may change.
    fixture.edit("servo/lib.rs", "nine\n", "nine\nten\n")?;
    fixture.commit(&message("third"))?;
    fixture.export()?;
    fixture.apply(LocalWork::Refuse)?;
    assert_eq!(stamp("servo-script/lib.rs")?, before);
    Ok(())
}

#[test]
fn work_that_the_series_lacks_is_never_lost() -> Result<()> {
    let fixture = with_two_topics()?;
    fixture.edit("servo/lib.rs", "two", "TWO")?;
    let error = fixture
        .apply(LocalWork::Refuse)
        .expect_err("uncommitted")
        .to_string();
    assert!(
        error.contains("uncommitted edits (servo/lib.rs)"),
        "{error}"
    );
    assert!(
        fixture
            .export()
            .expect_err("uncommitted")
            .to_string()
            .contains("commit it first")
    );
    assert_eq!(fixture.apply(LocalWork::Keep)?, Brought::KeptLocalWork);

    fixture.commit("No header yet\n\nWhy: w\n")?;
    let error = fixture
        .apply(LocalWork::Refuse)
        .expect_err("unexported")
        .to_string();
    assert!(error.contains("No header yet"), "{error}");
    let error = format!("{:#}", fixture.export().expect_err("no header"));
    assert!(error.contains("lacks `Topic:`"), "{error}");

    fs::write(fixture.paths.crates().join("servo/untracked.rs"), "u")?;
    let Brought::WithBackup(branch) = fixture.apply(LocalWork::Drop)? else {
        panic!("no backup was made");
    };
    assert!(!fixture.paths.crates().join("servo/untracked.rs").exists());
    let mut show = git::command(&fixture.paths.crates());
    show.args(["show", &format!("{branch}:servo/untracked.rs")]);
    assert_eq!(command::text(&mut show)?, "u");
    let mut show = git::command(&fixture.paths.crates());
    show.args(["show", &format!("{branch}:servo/lib.rs")]);
    assert!(command::text(&mut show)?.contains("TWO"));
    Ok(())
}

#[test]
fn patches_that_changed_meanwhile_are_not_written_over() -> Result<()> {
    let fixture = with_two_topics()?;
    // Somebody else's change arrives in servo/patches, while the tree gets a topic of its own.
    let theirs = fixture.paths.root.join("servo/patches/servo/second.patch");
    let text = fs::read_to_string(&theirs)?.replace("+nine", "+NINE");
    fs::write(&theirs, &text)?;
    fixture.edit("servo-script/lib.rs", "four", "FOUR")?;
    fixture.commit(&message("third"))?;
    for error in [fixture.export().err(), fixture.apply(LocalWork::Keep).err()] {
        let error = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("git rebase --onto series"), "{error}");
    }
    let mut rebase = git::command(&fixture.paths.crates());
    rebase.args([
        "-c",
        "user.name=dev",
        "-c",
        "user.email=dev@invalid",
        "rebase",
        "--quiet",
    ]);
    command::output(rebase.args(["--onto", "series", "refs/background-sync/applied"]))?;
    fixture.export()?;
    assert_eq!(fs::read_to_string(&theirs)?, text);
    assert!(
        fixture
            .read("servo/series")?
            .ends_with("servo-script/third.patch\n")
    );
    Ok(())
}

#[test]
fn fuzz_and_offsets_are_refused() -> Result<()> {
    let fixture = with_two_topics()?;
    let path = fixture.paths.root.join("servo/patches/servo/first.patch");
    let text = fs::read_to_string(&path)?;
    fs::write(&path, text.replace("@@ -2,3 +2,3 @@", "@@ -3,3 +3,3 @@"))?;
    let error = format!(
        "{:#}",
        fixture.apply(LocalWork::Refuse).expect_err("offset")
    );
    assert!(error.contains("line numbers are off"), "{error}");
    let allowed = Offsets::Allow;
    apply_series(
        &fixture.paths,
        &fixture.published,
        LocalWork::Refuse,
        allowed,
    )?;
    fixture.export()?;
    assert_eq!(fs::read_to_string(&path)?, text);

    fs::write(&path, text.replace(" four\n", " fuzz\n"))?;
    let error = format!("{:#}", fixture.apply(LocalWork::Refuse).expect_err("fuzz"));
    assert!(error.contains("first.patch: does not apply"), "{error}");
    Ok(())
}

#[test]
fn check_refuses_what_export_would_not_write() -> Result<()> {
    let fixture = with_two_topics()?;
    let path = fixture.paths.root.join("servo/patches/servo/second.patch");
    let text = fs::read_to_string(&path)?;
    fs::write(
        &path,
        text.replace("Why: it must\n  be so", "Why: it must\n   be so"),
    )?;
    let error = check_series(&fixture.paths, &fixture.published)
        .expect_err("spaces")
        .to_string();
    assert!(error.contains("not what export would write"), "{error}");
    Ok(())
}

#[test]
fn the_overlay_is_no_local_work() -> Result<()> {
    let fixture = with_two_topics()?;
    let ours = fixture
        .paths
        .root
        .join("components/script/backgroundsync/mod.rs");
    files::write_if_different(&ours, b"//! DOM classes.\n")?;
    fixture.apply(LocalWork::Refuse)?;
    assert_eq!(fixture.tree().uncommitted()?, None);
    let laid = fixture
        .paths
        .crates()
        .join("servo-script/dom/backgroundsync/mod.rs");
    assert!(laid.is_file());
    assert!(fixture.export()?.is_empty());

    fs::remove_file(ours)?;
    fixture.apply(LocalWork::Refuse)?;
    assert!(!laid.exists());
    Ok(())
}

#[test]
fn a_rebase_onto_another_release_can_be_exported() -> Result<()> {
    let mut fixture = with_two_topics()?;
    // The next release has a line more in the middle of a file that is patched.
    for known in &mut fixture.published.crates {
        let newer = Path::new(&known.folder).with_file_name(format!("{}-1.1.0", known.name));
        let text = LIB.replace("six\n", "five and a half\nsix\n");
        files::write_if_different(&newer.join("lib.rs"), text.as_bytes())?;
        known.folder = newer;
    }
    fixture.published.version = "1.1.0".to_owned();
    let error = fixture.export().expect_err("another base").to_string();
    assert!(error.contains("not on top of Servo 1.1.0"), "{error}");

    let old = fixture.tree().git.resolve("upstream")?.unwrap_or_default();
    let repository = SeriesRepository::open(&fixture.paths.staging())?;
    let base = repository.commit_published(&fixture.published)?;
    fixture.tree().set_upstream(&repository, &base)?;
    let mut rebase = git::command(&fixture.paths.crates());
    rebase.args(["-c", "user.name=dev", "-c", "user.email=dev@invalid"]);
    command::output(rebase.args(["rebase", "--quiet", "--onto", "upstream", &old]))?;
    fixture.export()?;
    let patch = fixture.read("servo/patches/servo/second.patch")?;
    assert!(patch.contains("@@ -9 +9,2 @@"), "{patch}");
    check_series(&fixture.paths, &fixture.published)?;
    Ok(())
}
