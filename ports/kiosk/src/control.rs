//! The control channel: commands as lines on standard input, for tests, supervisors and people.

use std::io::BufRead;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::command::{Command, CommandLine};
use crate::message::{Mailbox, Message};
use crate::network_state::NetworkState;

/// Reads commands on a thread of its own until the input ends.
pub fn listen(input: impl BufRead + Send + 'static, network: NetworkState, mailbox: Mailbox) {
    // The thread blocks in a read; it ends with the process.
    thread::spawn(move || {
        let lines = input.lines().map_while(Result::ok).zip(1..);
        let mut outstanding = Arc::new(());
        for (line, number) in lines.filter(|(line, _)| !line.trim().is_empty()) {
            let command = line.trim_start().parse();
            // With none before it that is still to be followed, a change of the network need not wait for the main thread,
            // for which there is nothing left to change then.
            if Arc::get_mut(&mut outstanding).is_some() {
                match command {
                    Ok(Command::Online) => network.set_cut(false),
                    Ok(Command::Offline) => network.set_cut(true),
                    _ => {}
                }
            }
            mailbox.send(Message::Command(CommandLine {
                number,
                command,
                _outstanding: outstanding.clone(),
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

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Cursor, Write, pipe};
    use std::sync::mpsc::{Receiver, channel};

    use super::*;
    use crate::event::Network;

    fn listen_to(
        input: impl BufRead + Send + 'static,
        network: &NetworkState,
    ) -> Receiver<Message> {
        let (sender, messages) = channel();
        let mailbox = Mailbox::new(move |message| drop(sender.send(message)));
        listen(input, network.clone(), mailbox);
        messages
    }

    #[test]
    fn a_change_of_the_network_waits_only_for_the_commands_before_it() {
        let network = NetworkState::new(false);
        let (reader, mut writer) = pipe().expect("a pipe");
        let messages = listen_to(BufReader::new(reader), &network);
        let mut command = |line: &str| {
            writeln!(writer, "{line}").expect("somebody listens");
            messages.recv().expect("it is passed on")
        };
        let offline = command("offline");
        assert_eq!(network.now(), Network::Cut);
        drop(offline);
        let online = command("online");
        assert_eq!(network.now(), Network::Up);
        drop(online);
        let reload = command("reload");
        let offline = command("offline");
        assert_eq!(network.now(), Network::Up, "it is not reloaded yet");
        drop((reload, offline));
        let offline = command("offline");
        assert_eq!(network.now(), Network::Cut);
        drop(offline);
    }

    #[test]
    fn the_main_thread_hears_of_every_line() {
        let network = NetworkState::new(false);
        let input = Cursor::new("offline\n\nonline\nnothing\n");
        let heard: Vec<_> = listen_to(input, &network).iter().collect();
        let lines = heard.iter().filter_map(|message| match message {
            Message::Command(line) => Some((line.number, line.command.clone().ok())),
            _ => None,
        });
        assert_eq!(
            lines.collect::<Vec<_>>(),
            [
                (1, Some(Command::Offline)),
                (3, Some(Command::Online)),
                (4, None)
            ]
        );
        assert!(matches!(heard.last(), Some(Message::ControlClosed)));
    }
}
