//! Displays as kiosks have them, without a screen: an X server that has no window manager, and Wayland compositors.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use x11rb::connection::Connection;
use x11rb::protocol::randr::{ConnectionExt as _, ModeInfo, Rotation};
use x11rb::protocol::xproto::{
    ConnectionExt as _, ImageFormat, KEY_PRESS_EVENT, KEY_RELEASE_EVENT, MOTION_NOTIFY_EVENT,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;

use crate::PATIENCE;

/// Says that this machine need not have the programs for it.
const SKIP: &str = "BACKGROUND_SYNC_SKIP_DISPLAYS";

/// The user and the group that own nothing.
const NOBODY: u32 = 65_534;

/// Whether this machine has these programs; if not, says so and which packages have them.
///
/// # Panics
/// If one is missing, unless `BACKGROUND_SYNC_SKIP_DISPLAYS` is set.
pub fn has_programs(names: &[&str], packages: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let is_there = |name: &&str| env::split_paths(&path).any(|folder| folder.join(name).is_file());
    let Some(missing) = names.iter().find(|name| !is_there(name)) else {
        return true;
    };
    assert!(
        env::var_os(SKIP).is_some(),
        "`{missing}` is missing; on Debian: apt-get install {packages}; or set {SKIP}=1 to leave such tests out"
    );
    eprintln!("skipped: `{missing}` is missing");
    false
}

/// An X server in memory, without a window manager. It ends when this is dropped.
pub struct XServer {
    process: Child,
    number: u32,
}

impl XServer {
    /// Starts one whose screen has this size, in pixels.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(width: u16, height: u16) -> Self {
        Self::run(Command::new("Xvfb"), width, height)
    }

    /// Starts one that lacks an extension.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_without(extension: &str) -> Self {
        let mut command = Command::new("Xvfb");
        command.args(["-extension", extension]);
        Self::run(command, 800, 480)
    }

    /// Starts it again, with the number that it had.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_as(number: u32, width: u16, height: u16) -> Self {
        let mut command = Command::new("Xvfb");
        command.arg(format!(":{number}"));
        Self::run(command, width, height)
    }

    fn run(mut command: Command, width: u16, height: u16) -> Self {
        let mut process = command
            .args(["-displayfd", "1", "-nolisten", "tcp", "-noreset"])
            .args(["-screen", "0", &format!("{width}x{height}x24")])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb is installed");
        let number = first_line(&mut process).parse();
        Self {
            process,
            number: number.expect("it prints its number"),
        }
    }

    /// Its number.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// For `DISPLAY`.
    pub fn name(&self) -> String {
        format!(":{}", self.number)
    }

    /// Ends it as a crash would. Returns its number.
    pub fn crash(self) -> u32 {
        self.number
    }

    /// A connection to it.
    ///
    /// # Panics
    /// If it can't be made.
    pub fn connect(&self) -> Screen {
        let (connection, screen) = x11rb::connect(Some(&self.name())).expect("the server runs");
        let root = connection.setup().roots[screen].root;
        Screen { connection, root }
    }
}

impl Drop for XServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        // A server that is killed leaves them, and they would keep the number taken.
        let _ = fs::remove_file(format!("/tmp/.X{}-lock", self.number));
    }
}

/// What a person sees and does at an X server.
pub struct Screen {
    connection: RustConnection,
    root: u32,
}

impl Screen {
    /// Presses and releases the key with this symbol: for letters and digits, their character.
    ///
    /// # Panics
    /// If the keyboard has no such key.
    pub fn press(&self, symbol: char) {
        let setup = self.connection.setup();
        let (first, count) = (setup.min_keycode, setup.max_keycode - setup.min_keycode + 1);
        let mapping = self.connection.get_keyboard_mapping(first, count);
        let mapping = mapping.expect("sent").reply().expect("a keyboard");
        let position = mapping
            .keysyms
            .iter()
            .position(|it| *it == u32::from(symbol))
            .expect("the keyboard has that key");
        let offset = position / usize::from(mapping.keysyms_per_keycode);
        let code = first + u8::try_from(offset).expect("codes have eight bits");
        for kind in [KEY_PRESS_EVENT, KEY_RELEASE_EVENT] {
            self.fake(kind, code, 0, 0);
        }
    }

    /// Moves the pointer.
    pub fn point_at(&self, x: i16, y: i16) {
        self.fake(MOTION_NOTIFY_EVENT, 0, x, y);
    }

    fn fake(&self, kind: u8, detail: u8, x: i16, y: i16) {
        self.connection
            .xtest_fake_input(kind, detail, x11rb::CURRENT_TIME, self.root, x, y, 0)
            .expect("sent")
            .check()
            .expect("the server has XTEST");
    }

    /// The color of a pixel, `0xRRGGBB`.
    pub fn pixel(&self, x: i16, y: i16) -> u32 {
        let plane = u32::MAX;
        let image = self
            .connection
            .get_image(ImageFormat::Z_PIXMAP, self.root, x, y, 1, 1, plane);
        let image = image.expect("sent").reply().expect("a pixel of the screen");
        let bytes = image.data[..4].try_into().expect("four bytes");
        u32::from_le_bytes(bytes) & 0xff_ffff
    }

    /// Waits until these pixels have this color.
    ///
    /// # Panics
    /// If they do not get it.
    pub fn wait_for_color(&self, color: u32, places: &[(i16, i16)]) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let colors: Vec<_> = places.iter().map(|(x, y)| self.pixel(*x, *y)).collect();
            if colors.iter().all(|it| *it == color) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{places:?} are {colors:x?}, not {color:x}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Changes the resolution, as `xrandr` does: the screen is off for a moment.
    ///
    /// # Panics
    /// If the server refuses that.
    pub fn set_resolution(&self, width: u16, height: u16) {
        let (connection, root) = (&self.connection, self.root);
        let resources = connection.randr_get_screen_resources(root).expect("sent");
        let resources = resources.reply().expect("the server has RandR");
        let (output, crtc) = (resources.outputs[0], resources.crtcs[0]);
        let name = format!("{width}x{height}");
        let mode = ModeInfo {
            width,
            height,
            htotal: width,
            vtotal: height,
            name_len: u16::try_from(name.len()).expect("a short name"),
            ..ModeInfo::default()
        };
        let mode = connection.randr_create_mode(root, mode, name.as_bytes());
        let mode = mode.expect("sent").reply().expect("a new mode").mode;
        let added = connection
            .randr_add_output_mode(output, mode)
            .expect("sent");
        added.check().expect("the output takes it");
        let set = |mode, outputs: &[u32]| {
            let (now, time) = (x11rb::CURRENT_TIME, x11rb::CURRENT_TIME);
            connection
                .randr_set_crtc_config(crtc, now, time, 0, 0, mode, Rotation::ROTATE0, outputs)
                .expect("sent")
                .reply()
                .expect("the mode can be set");
        };
        set(x11rb::NONE, &[]);
        let (width_mm, height_mm) = (u32::from(width) / 4, u32::from(height) / 4);
        let resized = connection.randr_set_screen_size(root, width, height, width_mm, height_mm);
        resized.expect("sent").check().expect("a smaller screen");
        set(mode, &[output]);
    }
}

/// A kind of Wayland compositor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Shows one window and fills the screen with it, as kiosks have it.
    Cage,
    /// Takes keys from a program, too.
    Sway,
}

/// What `sway` is to do. It tells its socket's name.
const SWAY_CONFIG: &str = "xwayland disable\nexec echo $WAYLAND_DISPLAY\n";
/// The app of `cage`, which ends with it. This one shows nothing, and ends with the pipe; the kiosk connects as another one.
const CAGE_APP: &str = "echo $WAYLAND_DISPLAY; exec cat";

/// A Wayland compositor, in memory. It ends when this is dropped.
pub struct Compositor {
    kind: Kind,
    process: Child,
    folder: Rc<TempDir>,
    socket: String,
}

impl Compositor {
    /// Starts one.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(kind: Kind) -> Self {
        let folder = tempfile::tempdir().expect("a writable folder");
        Self::start_in(kind, Rc::new(folder))
    }

    fn start_in(kind: Kind, folder: Rc<TempDir>) -> Self {
        let mut command = not_as_root(folder.path());
        match kind {
            Kind::Cage => command.args(["cage", "--", "sh", "-c", CAGE_APP]),
            Kind::Sway => {
                let config = folder.path().join("sway.conf");
                fs::write(&config, SWAY_CONFIG).expect("a writable folder");
                command.args(["sway", "--config"]).arg(config)
            }
        };
        let mut process = command
            .env("XDG_RUNTIME_DIR", folder.path())
            .env("WLR_BACKENDS", "headless")
            .env("WLR_LIBINPUT_NO_DEVICES", "1")
            .env("WLR_RENDERER", "pixman")
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("has_programs() was asked");
        let socket = first_line(&mut process);
        assert!(!socket.is_empty(), "{kind:?} has not started");
        Self {
            kind,
            process,
            folder,
            socket,
        }
    }

    /// For `XDG_RUNTIME_DIR`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// For `WAYLAND_DISPLAY`.
    pub fn socket(&self) -> &str {
        &self.socket
    }

    /// Ends it as a crash would; returns what starts another one at the same place.
    pub fn crash(self) -> impl FnOnce() -> Self {
        let (kind, folder, socket) = (self.kind, self.folder.clone(), self.socket.clone());
        drop(self);
        move || {
            let again = Self::start_in(kind, folder);
            assert_eq!(again.socket, socket);
            again
        }
    }

    /// Types a text, as a keyboard would.
    ///
    /// # Panics
    /// If `wtype` can't.
    pub fn type_text(&self, text: &str) {
        // The window hears of the new keyboard before its first key, unless that comes at once.
        let output = Command::new("wtype")
            .args(["-s", "300", text])
            .env("XDG_RUNTIME_DIR", self.folder())
            .env("WAYLAND_DISPLAY", self.socket())
            .output()
            .expect("has_programs() was asked");
        assert!(output.status.success(), "{output:?}");
    }
}

impl Drop for Compositor {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs a program as somebody else than root, whom compositors do not like; the folder becomes theirs.
fn not_as_root(folder: &Path) -> Command {
    let user = fs::metadata("/proc/self").map_or(0, |process| process.uid());
    let user = if user == 0 { NOBODY } else { user };
    let mut command = Command::new("setpriv");
    if user == NOBODY {
        chown(folder, Some(NOBODY), Some(NOBODY)).expect("root may");
        command.arg(format!("--reuid={NOBODY}"));
        command.args([&format!("--regid={NOBODY}"), "--clear-groups"]);
    }
    command
}

/// The first line that a process prints. The rest is read and forgotten.
fn first_line(process: &mut Child) -> String {
    let mut output = BufReader::new(process.stdout.take().expect("a pipe"));
    let mut line = String::new();
    output.read_line(&mut line).expect("UTF-8");
    std::thread::spawn(move || output.read_to_end(&mut Vec::new()));
    line.trim().to_owned()
}
