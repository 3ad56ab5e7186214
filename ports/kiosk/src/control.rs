//! The control channel: commands as lines on standard input, for tests, supervisors and people.

use std::io::BufRead;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::command::CommandLine;
use crate::message::{Mailbox, Message};

/// Reads commands on a thread of its own until the input ends.
pub fn listen(input: impl BufRead + Send + 'static, mailbox: Mailbox) {
    // The thread blocks in a read; it ends with the process.
    thread::spawn(move || {
        let lines = input.lines().map_while(Result::ok).zip(1..);
        for (line, number) in lines.filter(|(line, _)| !line.trim().is_empty()) {
            mailbox.send(Message::Command(CommandLine {
                number,
                command: line.trim_start().parse(),
            }));
        }
        mailbox.send(Message::ControlClosed);
    });
}

/// Ends the kiosk in order on Ctrl+C and on SIGTERM; at once, if it is asked a second time.
pub fn listen_for_signals(mailbox: Mailbox) {
    let asked = AtomicBool::new(false);
    let listening = ctrlc::set_handler(move || {
        if asked.swap(true, Ordering::SeqCst) {
            process::exit(EXIT_CODE_INTERRUPTED.into());
        }
        mailbox.send(Message::Interrupted);
    });
    if let Err(error) = listening {
        eprintln!("kiosk: Ctrl+C will end the kiosk without order: {error}");
    }
}

/// What shells report for a program that Ctrl+C has ended.
pub const EXIT_CODE_INTERRUPTED: u8 = 130;
