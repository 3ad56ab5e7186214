//! Devices whose clocks are wrong: those without a battery boot in 1970 and learn the time later.

use super::*;
use Connectivity::{Offline, Online};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const START: u64 = 1_900_000_000_000;
/// What a device without a battery shows when it starts.
const EPOCH: WallTime = WallTime(10_000);

/// A device that is switched off and on, and what the time really is.
struct Device {
    driver: Driver,
    boot_wall: WallTime,
    /// Milliseconds since 1970, by the sun.
    real: u64,
    fired: Vec<u64>,
}

fn standard() -> Policy {
    Policy {
        periodic_grouping_ms: 0,
        ..Policy::standard()
    }
}

impl Device {
    fn new(boot_wall: WallTime) -> Self {
        let mut driver = Driver::new(standard(), Online);
        driver.now.wall = boot_wall;
        driver.scheduler.load(driver.now, [], RegistrationId(1));
        Self {
            driver,
            boot_wall,
            real: START,
            fired: Vec::new(),
        }
    }

    fn runs_for(&mut self, ms: u64) {
        let (from, boot) = (self.driver.now.mono.0, self.real);
        let known = self.driver.events.len();
        self.driver.advance_succeeding(ms);
        let fired = &self.driver.events[known..];
        self.fired
            .extend(fired.iter().map(|fired| boot + fired.at - from));
        self.real += ms;
    }

    fn learns_the_time(&mut self) {
        self.driver.now.wall = WallTime(self.real);
    }

    fn is_off_for(&mut self, ms: u64) {
        self.real += ms;
        self.driver.now.wall = self.boot_wall;
        self.driver = self.driver.restart_with(standard(), Online);
    }

    fn assert_apart(&self) {
        for pair in self.fired.windows(2) {
            let apart = pair[1] - pair[0];
            assert!(apart >= 12 * HOUR, "too often: {:?}", self.fired);
        }
    }
}

#[test]
fn a_device_that_boots_in_1970_every_time_fires_about_as_often_as_it_should() {
    // One shows what it was built with instead: late, and not known to be wrong.
    for boot_wall in [EPOCH, WallTime(START - 1_000 * HOUR)] {
        for up in [5 * HOUR, 11 * HOUR, 30 * HOUR] {
            let mut device = Device::new(boot_wall);
            device.driver.register_periodic("a", 0);
            for _ in 0..40 {
                device.runs_for(MINUTE);
                device.learns_the_time();
                device.runs_for(up - MINUTE);
                device.is_off_for(HOUR);
            }
            let hours = 40 * (up + HOUR) / HOUR;
            let least = usize::try_from(hours / 20).unwrap();
            let often = device.fired.len();
            assert!(often >= least, "{often} in {hours} h, {boot_wall:?}");
            device.assert_apart();
        }
    }
}

#[test]
fn what_is_overdue_does_not_wait_for_another_reason_to_look_at_the_clock() {
    let mut device = Device::new(WallTime(START));
    device.driver.register_periodic("a", 0);
    device.runs_for(HOUR);
    device.boot_wall = EPOCH;
    device.is_off_for(20 * HOUR);
    device.runs_for(MINUTE);
    assert_eq!(device.fired, [], "nobody knows how long it was off");
    device.learns_the_time();
    device.runs_for(5 * MINUTE);
    assert_eq!(device.fired.len(), 1);
}

#[test]
fn a_right_clock_and_a_network_that_is_gone_are_not_looked_at() {
    let mut device = Device::new(EPOCH);
    assert_eq!(device.driver.scheduler.poll_timeout(), None);
    device.driver.register_periodic("a", 0);
    let check = device.driver.scheduler.poll_timeout();
    assert_eq!(check, Some(MonoTime(5 * MINUTE)));
    device.driver.connect(Offline);
    assert_eq!(device.driver.scheduler.poll_timeout(), None);
    let mut right = Device::new(WallTime(START));
    right.driver.register_periodic("a", 0);
    right.runs_for(HOUR);
    let first = right.driver.scheduler.poll_timeout();
    assert_eq!(first, Some(MonoTime(12 * HOUR)), "it is not set any more");
}

#[test]
fn registered_in_1970_and_restarted_with_the_right_time() {
    for learns in [true, false] {
        let mut device = Device::new(EPOCH);
        let options = ExplainerOptions {
            min_interval_ms: Some(20 * HOUR),
            ..ExplainerOptions::default()
        };
        device.driver.register_id("later", options);
        device.driver.register_periodic("a", 0);
        device.runs_for(MINUTE);
        if learns {
            device.learns_the_time();
            device.runs_for(5 * MINUTE);
        }
        device.boot_wall = WallTime(device.real + HOUR);
        device.is_off_for(HOUR);
        device.runs_for(10 * HOUR);
        if learns {
            assert_eq!(device.fired, [], "not at once");
            device.runs_for(HOUR);
            assert_eq!(device.fired, [START + 12 * HOUR]);
            device.runs_for(7 * HOUR);
            assert_eq!(device.fired.len(), 1);
            device.runs_for(2 * HOUR);
            assert_eq!(device.fired[1], START + 20 * HOUR);
        } else {
            let of = |device: &Device, tag: &str| {
                let events = device.driver.events.iter();
                events.filter(|fired| fired.tag == tag).count()
            };
            assert_eq!(of(&device, "a"), 0, "not at once");
            device.runs_for(2 * HOUR);
            assert_eq!(of(&device, "a"), 1, "its interval began with the start");
        }
    }
}

/// What is stored about an origin in 1970 does not make the next start forget its limits.
#[test]
fn the_caps_survive_a_start_in_1970() {
    let mut device = Device::new(WallTime(START));
    device.driver.register_periodic("a", 0);
    device.runs_for(HOUR);
    let other = scope_of("https://b.example", "/");
    device.driver.register_periodic_in(&other, "b", 0);
    device.runs_for(11 * HOUR);
    assert_eq!(device.fired, [START + 12 * HOUR]);
    device.driver.unregister_periodic("a");
    device.boot_wall = EPOCH;
    device.is_off_for(0);
    device.driver.set_extra(ExtraInterval::Ms(1));
    device.driver.set_extra(ExtraInterval::Ms(0));
    device.runs_for(HOUR);
    device.boot_wall = WallTime(device.real);
    device.is_off_for(0);
    device.runs_for(12 * HOUR);
    assert_eq!(device.fired[1..], [START + 24 * HOUR]);
}

#[test]
fn a_clock_that_is_set_while_it_runs_changes_no_interval() {
    for jump in [START - 50 * HOUR, START + 50 * HOUR, 0] {
        let mut device = Device::new(WallTime(START));
        device.driver.register_periodic("a", 0);
        device.runs_for(HOUR);
        device.driver.now.wall = WallTime(jump);
        device.runs_for(10 * HOUR);
        assert_eq!(device.fired, []);
        device.runs_for(HOUR);
        assert_eq!(device.fired.len(), 1, "{jump}");
        device.learns_the_time();
        // Whatever happens.
        device.driver.connect(Offline);
        device.driver.connect(Online);
        device.runs_for(HOUR);
        device.boot_wall = WallTime(device.real);
        device.is_off_for(0);
        device.runs_for(11 * HOUR - 1);
        assert_eq!(device.fired.len(), 1, "{jump}");
        device.runs_for(1);
        assert_eq!(device.fired.len(), 2, "{jump}");
    }
}

/// Without any idea of the time, it counts what it has: how long it has been running.
#[test]
fn a_clock_that_is_never_right_fires_after_each_interval_of_one_run() {
    let mut device = Device::new(EPOCH);
    device.driver.register_periodic("a", 0);
    device.runs_for(50 * HOUR);
    assert_eq!(device.fired.len(), 4);
    for _ in 0..10 {
        device.is_off_for(HOUR);
        device.runs_for(13 * HOUR);
    }
    assert_eq!(device.fired.len(), 14);
    device.assert_apart();
}
