//! What was promised, and what was measured.

use background_sync_bench_report::{Goal, Line, median, number};

use crate::bound::{Bound, BoundKind};
use crate::figures::{
    BURST, EVENT, FIGURES, FIRST_EVENT, Figure, LAST_EVENT, LAST_STEP, ONE_EVENT, REGISTER,
};
use crate::floor::THREADS_TO_THE_STORE;
use crate::round::Round;
use crate::scale::{AT_ONCE, STEP, STEPS};

/// All rounds of both browsers, and what the disk needed meanwhile.
pub struct Measured {
    /// The kiosk's.
    pub kiosk: Vec<Round>,
    /// Chromium's.
    pub chromium: Vec<Round>,
    /// The least that a durable record costs on this disk, in milliseconds: a page appended where there is room, and a flush.
    pub flush_ms: f64,
    /// The same by another thread, until that has said so, in milliseconds.
    pub durable_answer_ms: f64,
    /// A byte through a pipe and [`THREADS_TO_THE_STORE`] threads, the last of which does that, in milliseconds.
    pub durable_way_ms: f64,
}

/// How far the rate may fall from the first thousand tags to the eighth to be called flat.
const FLAT: f64 = 0.8;

impl Measured {
    /// The middle of the rounds, of both.
    fn both(&self, figure: impl Fn(&Round) -> f64) -> (f64, f64) {
        let middle =
            |rounds: &[Round]| median(&mut rounds.iter().map(&figure).collect::<Vec<f64>>());
        (middle(&self.kiosk), middle(&self.chromium))
    }

    /// The median rate in each step of the growth: the kiosk's and Chromium's.
    pub fn growth(&self) -> Vec<(f64, f64)> {
        (0..STEPS)
            .map(|step| self.both(|round| round.growth_per_s[step]))
            .collect()
    }

    /// One line for each promise, and some without.
    pub fn lines(&self) -> Vec<Line> {
        let mut lines: Vec<Line> = FIGURES.iter().map(|figure| self.line(figure)).collect();
        lines.push(self.flatness());
        lines.push(self.register_beside_its_floor());
        lines.push(self.events_beside_messages());
        lines
    }

    /// The kiosk alone: what it adds to a question of the manager and to the medium's own time.
    fn register_beside_its_floor(&self) -> Line {
        let (register_ms, _) = self.both(|round| round.calls.register_ms);
        let (ask_ms, _) = self.both(|round| round.calls.ask_ms);
        let reference = ask_ms + self.flush_ms;
        Line::new(
            "the kiosk's register() / its floor",
            register_ms,
            "ms",
            Some(reference),
            Goal::RatioAtMost(1.3),
        )
        .note(format!(
            "reference: the kiosk's getTags(), and one raw append and flush. Those by another thread alone, and back, where \
             each sleeps until it is woken: {} ms, {} times the reference",
            number(self.durable_answer_ms),
            number(self.durable_answer_ms / reference)
        ))
    }

    /// The kiosk alone: what it adds to messages that carry nothing and need not be remembered.
    fn events_beside_messages(&self) -> Line {
        let (last_ms, _) = self.both(|round| round.return_last_ms);
        let (flood_per_s, _) = self.both(|round| round.calls.flood_per_s);
        Line::new(
            "the kiosk's last of 8,000 / messages",
            last_ms,
            "ms",
            Some((STEP * STEPS) as f64 / flood_per_s * 1e3),
            Goal::RatioAtMost(1.5),
        )
        .note("reference: as many of the kiosk's messages to the worker and back")
    }

    fn line(&self, figure: &Figure) -> Line {
        let (kiosk, chromium) = self.both(figure.of);
        let line = Line::new(figure.name, kiosk, figure.unit, Some(chromium), figure.goal)
            .note(figure.note);
        match line.met {
            true => line,
            false => self.with_bound(line),
        }
    }

    /// What is left of the rate when there are many tags.
    fn flatness(&self) -> Line {
        let (kiosk, chromium) =
            self.both(|round| round.growth_per_s[STEPS - 1] / round.growth_per_s[0]);
        Line::new(
            "rate of the eighth 1,000 / first",
            kiosk,
            "",
            None,
            Goal::ValueAtLeast(FLAT),
        )
        .note(format!("the kiosk's; Chromium's: {chromium:.2}"))
    }

    /// Says of a line that misses its goal whether what it cannot be better than would miss it, too.
    fn with_bound(&self, line: Line) -> Line {
        let Some(verdict) = self.bound(line.name).and_then(|bound| bound.verdict(&line)) else {
            return line;
        };
        let note = match line.note.as_str() {
            "" => verdict,
            before => format!("{before}; {verdict}"),
        };
        line.note(note)
    }

    /// What the kiosk cannot do the thing of this name without.
    fn bound(&self, name: &str) -> Option<Bound> {
        let flush_ms = self.flush_ms;
        let (ask_ms, _) = self.both(|round| round.calls.ask_ms);
        let (ask, flush) = (number(ask_ms), number(flush_ms));
        let ask_and_flush =
            format!("one getTags() of {ask} ms and one raw append and flush of {flush} ms");
        let (asks_per_s, _) = self.both(|round| round.calls.asks_per_s);
        // One commit is enough for all that waits.
        let at_once = |count: usize| Bound {
            kind: BoundKind::Floor,
            value: count as f64 / (count as f64 / asks_per_s + flush_ms / 1e3),
            what: format!("as many getTags() at once and one raw append and flush of {flush} ms"),
        };
        match name {
            REGISTER => Some(Bound {
                kind: BoundKind::Floor,
                value: ask_ms + flush_ms,
                what: ask_and_flush,
            }),
            // The worker's word that its event has come is half of such a message; that it gets there costs as much again.
            EVENT => {
                let (echo_ms, _) = self.both(|round| round.calls.echo_ms);
                Some(Bound {
                    kind: BoundKind::Yardstick,
                    value: ask_ms + flush_ms + echo_ms,
                    what: format!(
                        "{ask_and_flush}, and a message to the worker and back of {} ms",
                        number(echo_ms)
                    ),
                })
            }
            // An attempt is on the medium before its event is dispatched. A message's way to the worker is half of an echo.
            ONE_EVENT => {
                let (echo_ms, _) = self.both(|round| round.calls.echo_after_command_ms);
                Some(Bound {
                    kind: BoundKind::Yardstick,
                    value: self.durable_way_ms + echo_ms / 2.0,
                    what: format!(
                        "a byte through a pipe and {THREADS_TO_THE_STORE} threads, the last of which appends and flushes a \
                         page, in {} ms, and half a message to the worker and back of {} ms, after a command, too",
                        number(self.durable_way_ms),
                        number(echo_ms)
                    ),
                })
            }
            // Its threads have slept as long, and the processor has forgotten them.
            FIRST_EVENT => {
                let (rested_ask_ms, _) = self.both(|round| round.rested_ask_ms);
                Some(Bound {
                    kind: BoundKind::Yardstick,
                    value: rested_ask_ms + self.durable_way_ms,
                    what: format!(
                        "one getTags() after as long a rest, in {} ms, and a byte's way to the store as for one tag, in {} ms",
                        number(rested_ask_ms),
                        number(self.durable_way_ms)
                    ),
                })
            }
            BURST => Some(at_once(AT_ONCE)),
            LAST_STEP => Some(at_once(STEP)),
            LAST_EVENT => {
                let (flood_per_s, _) = self.both(|round| round.calls.flood_per_s);
                Some(Bound {
                    kind: BoundKind::Yardstick,
                    value: (STEP * STEPS) as f64 / flood_per_s * 1e3,
                    what: "as many messages to the worker and back".into(),
                })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::Calls;
    use crate::figures::{GROWTH, MIB, WITH};
    use crate::memory::Memory;

    fn memory(all_mib: f64, first_mib: f64) -> Memory {
        Memory {
            all_bytes: all_mib * MIB,
            first_bytes: first_mib * MIB,
        }
    }

    fn calls() -> Calls {
        Calls {
            echo_ms: 1.0,
            echo_after_command_ms: 2.0,
            flood_per_s: 8_000.0,
            ask_ms: 0.1,
            asks_per_s: 50_000.0,
            register_ms: 1.0,
            event_ms: 1.0,
            before_register_ms: 1.0,
            burst_per_s: 1_000.0,
            burst_delivered_ms: 100.0,
            return_one_ms: 1.0,
            before_return_ms: 1.0,
        }
    }

    fn round() -> Round {
        round_of(calls())
    }

    fn round_of(calls: Calls) -> Round {
        Round {
            calls,
            rested_ask_ms: 0.5,
            growth_per_s: vec![100.0; STEPS],
            memory_before: memory(300.0, 100.0),
            memory_with: memory(300.0, 102.0),
            tags_bytes: 2.0 * MIB,
            return_first_ms: 1.0,
            return_last_ms: 2_000.0,
        }
    }

    fn line(measured: &Measured, name: &str) -> Line {
        let mut lines = measured.lines().into_iter();
        lines.find(|line| line.name == name).expect("a line of it")
    }

    fn measured(kiosk: Round, flush_ms: f64) -> Measured {
        Measured {
            kiosk: vec![kiosk],
            chromium: vec![round()],
            flush_ms,
            durable_answer_ms: flush_ms + 0.1,
            durable_way_ms: flush_ms + 0.2,
        }
    }

    #[test]
    fn a_floor_explains_a_miss_only_if_it_misses_the_goal_itself() {
        // 0.6 ms would be promised.
        let note = |flush_ms| line(&measured(round(), flush_ms), REGISTER).note;
        assert!(note(0.3).contains("0.40 ms, 0.40 times Chromium's; that is 67 % of what"));
        assert!(note(0.7).contains("0.80 ms, 0.80 times Chromium's; it explains the miss"));
        assert!(note(2.0).ends_with("this proves nothing"), "{}", note(2.0));
        let kiosk = round_of(Calls {
            register_ms: 0.5,
            ..calls()
        });
        let line = line(&measured(kiosk, 0.7), REGISTER);
        assert!(line.met && line.note.is_empty(), "{line:?}");
    }

    #[test]
    fn the_floor_of_many_calls_is_a_rate_with_one_commit_for_all() {
        // 500 questions take 10 ms, so with the write 20 ms: 25,000 per second. 10,000 would be promised.
        let note = line(&measured(round(), 10.0), BURST).note;
        assert!(note.contains(": 25000 per second, 25.0 times"), "{note}");
        assert!(
            note.ends_with("that is 40 % of what the goal allows"),
            "{note}"
        );
        let slow = round_of(Calls {
            asks_per_s: 5_000.0,
            ..calls()
        });
        let note = line(&measured(slow, 0.0), BURST).note;
        assert!(note.ends_with("it explains the miss"), "{note}");
    }

    #[test]
    fn messages_to_the_worker_are_a_yardstick_and_no_floor() {
        // A second, where 0.6 would be promised; a figure below that would be nothing odd.
        let kiosk = Round {
            return_last_ms: 900.0,
            ..round()
        };
        let note = line(&measured(kiosk, 0.0), LAST_EVENT).note;
        assert!(note.starts_with("a yardstick, "), "{note}");
        assert!(note.ends_with("it misses the goal, too"), "{note}");
    }

    #[test]
    fn an_event_is_held_against_the_way_to_the_store_and_one_message() {
        // The command, the flush and the message: 0.2, 0.1 and 0.15 ms, where 0.7 ms would be promised.
        let kiosk = round_of(Calls {
            echo_after_command_ms: 0.3,
            ..calls()
        });
        let note = line(&measured(kiosk, 0.1), ONE_EVENT).note;
        assert!(note.contains(": 0.45 ms, 0.45 times Chromium's"), "{note}");
        assert!(
            note.ends_with("that is 64 % of what the goal allows"),
            "{note}"
        );
        let note = line(&measured(round(), 0.1), ONE_EVENT).note;
        assert!(note.ends_with("it misses the goal, too"), "{note}");
    }

    #[test]
    fn the_whole_memory_and_what_tags_take_have_goals() {
        let kiosk = Round {
            memory_before: memory(90.0, 90.0),
            memory_with: memory(96.0, 96.0),
            tags_bytes: 6.0 * MIB,
            ..round()
        };
        let measured = measured(kiosk, 0.0);
        let with = line(&measured, WITH);
        assert_eq!((with.value, with.reference), (96.0, Some(300.0)));
        assert!(with.is_promised() && with.met);
        let growth = line(&measured, GROWTH);
        assert_eq!((growth.value, growth.reference), (6.0, Some(2.0)));
        assert!(growth.is_promised() && !growth.met);
    }
}
