//! `kiosk package-files FOLDER`: the man pages and completions of the package, made from the command line as it is.

use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::{Command, CommandFactory, Subcommand};
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::operator::arguments::OperatorCommand;

/// The browser, as the package names it: `kiosk` may be another program's name.
const BROWSER: &str = "background-sync-kiosk";

/// The package's script that runs an operator's commands for the kiosk that is a service.
const OPERATORS_SCRIPT: &str = "kioskctl";

/// The shells, and their folders of completions.
const SHELLS: [(Shell, &str); 3] = [
    (Shell::Bash, "bash"),
    (Shell::Zsh, "zsh"),
    (Shell::Fish, "fish"),
];

/// Writes `man/NAME.1`, a page for each command, and `completions/SHELL/...`, for both programs of the package.
///
/// # Errors
/// If the folder can't be written.
pub fn write_files(folder: &Path) -> Result<ExitCode, Failure> {
    for command in [browser(), operators_script()] {
        write_for(command, folder).map_err(|error| {
            Failure::environment(format!("{} can't be written: {error}", folder.display()))
        })?;
    }
    Ok(ExitCode::SUCCESS)
}

fn write_for(command: Command, folder: &Path) -> io::Result<()> {
    let name = command.get_name().to_owned();
    for (shell, shell_folder) in SHELLS {
        let folder = folder.join("completions").join(shell_folder);
        fs::create_dir_all(&folder)?;
        clap_complete::generate_to(shell, &mut command.clone(), &name, &folder)?;
    }
    let folder = folder.join("man");
    // `help` needs no pages of its own.
    let command = without_help(command);
    fs::create_dir_all(&folder)?;
    clap_mangen::generate_to(command, &folder)
}

fn browser() -> Command {
    Arguments::command()
        .name(BROWSER)
        .version(env!("CARGO_PKG_VERSION"))
}

/// What the script passes on. It chooses the kiosk itself.
fn operators_script() -> Command {
    OperatorCommand::augment_subcommands(Command::new(OPERATORS_SCRIPT))
        .version(env!("CARGO_PKG_VERSION"))
        .disable_version_flag(true)
        .about("Look after the kiosk that runs as a service")
        .long_about(
            "Runs a command of background-sync-kiosk(1) as the user of its service, with the profile of that kiosk: it asks \
             the kiosk if it runs, else it reads what is stored. To be run by root.",
        )
        .subcommand_required(true)
        .mut_subcommands(without_profile)
}

fn without_profile(command: Command) -> Command {
    let command = command.mut_args(|argument| {
        let is_profile = argument.get_id() == "profile";
        argument.hide(is_profile)
    });
    command.mut_subcommands(without_profile)
}

fn without_help(command: Command) -> Command {
    command
        .disable_help_subcommand(true)
        .mut_subcommands(without_help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_a_page_and_completions() {
        let folder = tempfile::tempdir().expect("a writable folder");
        write_files(folder.path()).expect("written");
        let read = |path: &str| {
            fs::read_to_string(folder.path().join(path)).unwrap_or_else(|_| panic!("no {path}"))
        };
        let page = read("man/background-sync-kiosk.1");
        assert!(page.contains("idle\\-reset\\-s") && page.contains("syncs"));
        assert!(!page.contains("package\\-files"), "for packaging alone");
        let page = read("man/kioskctl-syncs-why.1");
        assert!(
            page.contains("scope") && !page.contains("profile"),
            "{page}"
        );
        assert!(
            !folder
                .path()
                .join("man/background-sync-kiosk-package-files.1")
                .exists()
        );
        assert!(read("man/kioskctl.1").contains("runs as a service"));
        for path in [
            "bash/background-sync-kiosk.bash",
            "zsh/_background-sync-kiosk",
            "fish/background-sync-kiosk.fish",
            "bash/kioskctl.bash",
            "zsh/_kioskctl",
            "fish/kioskctl.fish",
        ] {
            assert!(
                read(&format!("completions/{path}")).contains("screenshot"),
                "{path}"
            );
        }
    }

    #[test]
    fn the_script_passes_on_each_command() {
        let script = include_str!("../package/kioskctl");
        let named = script.lines().find_map(|line| line.strip_suffix(") ;;"));
        let named: Vec<_> = named.expect("a list").split(" | ").collect();
        let command = operators_script();
        let commands: Vec<_> = command.get_subcommands().map(Command::get_name).collect();
        assert_eq!(named, commands);
    }
}
