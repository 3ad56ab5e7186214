//! `./mach pictures`: takes the pictures in `docs/pictures/` anew, by a kiosk that runs: its bundled app, `kiosk:syncs`, and
//! what an operator's commands tell.

mod scene;
mod terminal;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use anyhow::{Context, Result, ensure};
use clap::Parser;

use self::scene::{Scene, Scheme};

/// All pictures together are no larger: they are in the repository.
const MAX_BYTES: u64 = 400_000;

/// Displays as kiosks have them: width and height in pixels.
const DISPLAYS: [(u32, u32); 2] = [(800, 480), (1920, 1080)];

/// Take the pictures of the documentation
#[derive(Parser)]
#[command(name = "./mach pictures")]
struct Arguments {
    /// Where they go
    folder: PathBuf,
}

fn main() -> ExitCode {
    match run(&Arguments::parse().folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let drawn = tempfile::tempdir()?;
    take_app(folder, drawn.path())?;
    for (mut scene, scheme, (width, height)) in scenes() {
        let name = format!("syncs-{width}x{height}-{}.png", scheme.name());
        let path = drawn.path().join(&name);
        scene.show_syncs();
        scene.draw(&path);
        compress(&path, &folder.join(&name))?;
        if scheme == Scheme::Light && (width, height) == DISPLAYS[0] {
            scene.confirm();
            scene.draw(&path);
            compress(&path, &folder.join("syncs-question.png"))?;
            terminal::take(&scene, folder)?;
        }
    }
    let bytes = size_of(folder)?;
    ensure!(
        bytes <= MAX_BYTES,
        "the pictures have {bytes} bytes, which is more than {MAX_BYTES}"
    );
    println!("{bytes} bytes in {}", folder.display());
    Ok(())
}

/// One for each picture, all at work at the same time: each takes half a minute.
fn scenes() -> Vec<(Scene, Scheme, (u32, u32))> {
    let schemes = [Scheme::Light, Scheme::Dark].into_iter();
    let kinds: Vec<_> = schemes
        .flat_map(|scheme| DISPLAYS.map(|display| (scheme, display)))
        .collect();
    thread::scope(|scope| {
        let start = |(scheme, display)| {
            scope.spawn(move || (Scene::start(scheme, display), scheme, display))
        };
        let threads: Vec<_> = kinds.into_iter().map(start).collect();
        let scenes = threads.into_iter();
        scenes
            .map(|thread| thread.join().expect("a panic has been told"))
            .collect()
    })
}

/// The bundled app, with a message that waits.
fn take_app(folder: &Path, drawn: &Path) -> Result<()> {
    let path = drawn.join("app.png");
    scene::draw_app(&path);
    compress(&path, &folder.join("app.png"))
}

/// Without any loss.
fn compress(from: &Path, to: &Path) -> Result<()> {
    let options = oxipng::Options {
        strip: oxipng::StripChunks::All,
        ..oxipng::Options::from_preset(4)
    };
    let input = oxipng::InFile::Path(from.to_owned());
    let output = oxipng::OutFile::from_path(to.to_owned());
    oxipng::optimize(&input, &output, &options).context("a picture can't be compressed")?;
    Ok(())
}

fn size_of(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}
