//! `./mach test-apps`: the story of each app in the kiosk and in Chromium, as a table.

use std::panic;
use std::path::PathBuf;
use std::process::ExitCode;

use background_sync_apps::{
    APPS, App, ChromiumProduct, KioskProduct, Product, build, play, plug_in, print, print_head,
};
use background_sync_e2e::again_in_namespace;
use clap::Parser;

/// Try offline apps of others in the kiosk and in Chromium
#[derive(Parser)]
#[command(name = "./mach test-apps")]
struct Arguments {
    /// Only these apps
    #[arg(value_name = "NAME")]
    apps: Vec<String>,
    /// Try the kiosk that `BACKGROUND_SYNC_KIOSK` names
    #[arg(long)]
    kiosk: bool,
    /// Try this Chromium
    #[arg(long, value_name = "PATH")]
    chromium: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    let apps = chosen(&arguments.apps)?;
    // First, since there is no registry in the namespace.
    let Some(built) = build() else {
        return Err("there are no packages".to_owned());
    };
    let mut products: Vec<Box<dyn Product>> = Vec::new();
    if arguments.kiosk {
        products.push(Box::new(KioskProduct));
    }
    if let Some(binary) = &arguments.chromium {
        if let Some(status) = again_in_namespace()? {
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            return Ok(code.map_or(ExitCode::FAILURE, ExitCode::from));
        }
        plug_in();
        let binary = binary.clone();
        products.push(Box::new(ChromiumProduct { binary }));
    }
    // What failed is in the table.
    panic::set_hook(Box::new(|_| ()));
    let names: Vec<_> = products.iter().map(|product| product.name()).collect();
    print_head(&names);
    let mut failed = 0;
    for app in &apps {
        let played = products
            .iter()
            .map(|product| play(app, &built, product.as_ref()));
        let outcomes: Vec<_> = played.collect();
        // The kiosk's, if it takes part: the other is the control. Chromium may lose what was written right before it is
        // killed, a queued request and its sync.
        let judged = outcomes.first().into_iter().flatten();
        failed += judged.filter(|outcome| outcome.is_err()).count();
        print(app, &names, &outcomes);
    }
    Ok(match failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

fn chosen(names: &[String]) -> Result<Vec<&'static App>, String> {
    if names.is_empty() {
        return Ok(APPS.iter().collect());
    }
    let find = |name: &String| {
        App::named(name).ok_or_else(|| {
            let known = APPS.map(|app| app.name).join(", ");
            format!("there is no app `{name}`; there are {known}")
        })
    };
    names.iter().map(find).collect()
}
