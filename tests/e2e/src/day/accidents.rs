//! The second part: each hour ends in an accident, or in a restart that was planned.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::app;
use super::plan::{Accident, Day};
use super::report::Report;
use super::server::{Fault, Server};
use crate::power_cut::{End, Journal, Medium, Place};
use crate::{Kiosk, KioskBuilder};

/// A visit does not end before the hour does.
const IDLE_RESET_S: u32 = 600;
/// Messages an hour.
const MESSAGES: u32 = 3;
/// How soon the planned restart is, in seconds: later than the hour's messages, on any machine but a very slow one, where
/// it comes before the last of them.
const RESTART_IN_S: u64 = 8;
/// At the longest, the accident comes so long after the last message was sent off, in milliseconds.
const MOST_DELAY_MS: u64 = 400;

/// Plays it.
pub fn run(day: &Day, folder: &Path, may_cut_power: bool, report: &mut Report) {
    let mut part = Part {
        server: Server::start(),
        lots: fastrand::Rng::with_seed(day.seed ^ 1),
        medium: Medium::new(
            if may_cut_power {
                End::PowerCut
            } else {
                End::Kill
            },
            Journal::Ordered,
        ),
        log: folder.join("accidents.log"),
        promised: Vec::new(),
    };
    for hour in 0..day.hours {
        let accident = match hour % 3 {
            0 => Accident::Kill,
            1 if may_cut_power => Accident::PowerCut,
            1 => Accident::Kill,
            _ => Accident::PlannedRestart,
        };
        part.play(hour, accident);
        report.note_accident(accident);
        println!(
            "hour {hour} ends in {accident:?}: {} promised so far",
            part.promised.len()
        );
    }
    // The last device is there to send what is left.
    let kiosk = app::open(&part.server, part.device());
    let missing = part.server.wait_for(&part.promised);
    report.note_messages("accidents", part.promised.len(), &missing);
    kiosk.quit();
    report.note_server(&part.server);
}

struct Part {
    server: Server,
    lots: fastrand::Rng,
    medium: Medium,
    log: PathBuf,
    promised: Vec<String>,
}

impl Part {
    fn device(&self) -> KioskBuilder {
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let log = log.expect("a writable folder");
        app::device(&self.medium.profile(), log, IDLE_RESET_S)
    }

    fn play(&mut self, hour: u32, accident: Accident) {
        let builder = match accident {
            Accident::PlannedRestart => self
                .device()
                .setting(&format!("restart_at = '{}'", in_seconds(RESTART_IN_S))),
            _ => self.device(),
        };
        let mut kiosk = app::open(&self.server, builder);
        kiosk.forget_events();
        if accident == Accident::PlannedRestart {
            return self.restart(hour, kiosk);
        }
        // Of the last message, only the page's word says whether it was promised.
        for number in 0..MESSAGES {
            self.draw_weather(&mut kiosk);
            let message = format!("accident-{hour}-message-{number}");
            if number + 1 == MESSAGES {
                // Whether they came to, the story tells.
                let _ = app::begin_to_write(&mut kiosk, &message);
            } else {
                app::write(&mut kiosk, &message);
            }
        }
        // Accidents keep to no event.
        thread::sleep(Duration::from_millis(self.lots.u64(..MOST_DELAY_MS)));
        let story = match accident {
            Accident::PowerCut => self.medium.cut(End::PowerCut, Place::Same, kiosk),
            _ => kiosk.into_story(),
        };
        self.promised.extend(app::promised(&story));
        self.server.hang_up();
    }

    /// The network is there or not, the server fails or does not.
    fn draw_weather(&mut self, kiosk: &mut Kiosk) {
        let network = if self.lots.bool() {
            "online"
        } else {
            "offline"
        };
        kiosk.command(network);
        if self.lots.bool() {
            let fault = self.lots.choice(Fault::ALL);
            self.server.fail_next(fault.expect("there are four"));
        }
    }

    fn restart(&mut self, hour: u32, mut kiosk: Kiosk) {
        kiosk.set_network("offline");
        let message = format!("restart-{hour}");
        app::write(&mut kiosk, &message);
        self.promised.push(message);
        let wait_for = |kiosk: &mut Kiosk, name: &str| {
            kiosk.wait_for(name, |event| event["event"] == name);
        };
        wait_for(&mut kiosk, "restarting");
        wait_for(&mut kiosk, "ready");
        kiosk.number_anew();
        app::wait_for_page(&mut kiosk);
        // It works as before.
        let message = format!("restarted-{hour}");
        app::write(&mut kiosk, &message);
        self.promised.push(message);
        kiosk.quit();
    }
}

/// A time of day in so many seconds, for a kiosk whose local time is UTC.
fn in_seconds(seconds: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let then = now.expect("a clock that is right") + Duration::from_secs(seconds);
    let of_day = then.as_secs() % 86_400;
    let (hours, minutes) = (of_day / 3600, of_day / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}", of_day % 60)
}
