//! What the story came to, as a table.

use crate::app::App;
use crate::story::{ACTS, Outcome};

/// Prints the head, with the names of the browsers.
pub fn print_head(browsers: &[&str]) {
    print!("{:<16}{:<52}", "app", "act");
    for browser in browsers {
        print!("{browser:<10}");
    }
    println!();
}

/// Prints what became of an app in each browser, and below that why it failed.
pub fn print(app: &App, browsers: &[&str], outcomes: &[Vec<Outcome>]) {
    for (index, act) in ACTS.iter().enumerate() {
        print!("{:<16}{:<52}", app.name, act.title);
        for outcomes in outcomes {
            let word = match outcomes.get(index) {
                Some(Ok(())) => "yes",
                Some(Err(_)) => "NO",
                None => "-",
            };
            print!("{word:<10}");
        }
        println!();
    }
    for (browser, outcomes) in browsers.iter().zip(outcomes) {
        let reasons = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
        for reason in reasons {
            println!("  {browser}: {reason}");
        }
    }
}
