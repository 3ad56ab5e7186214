//! The two event loops: with and without a window.

pub mod display;
pub mod headless;
mod keys;
mod touch;
pub mod window;

use std::panic::{self, AssertUnwindSafe};

use crate::failure::Failure;

/// Makes what the engine draws on. The graphics libraries are loaded here for the first time; where they are missing,
/// some of them return errors and some panic.
fn create_context<T, E: std::fmt::Debug>(
    create: impl FnOnce() -> Result<T, E>,
) -> Result<T, Failure> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let result = panic::catch_unwind(AssertUnwindSafe(create));
    panic::set_hook(hook);
    let reason = match result {
        Ok(Ok(context)) => return Ok(context),
        Ok(Err(error)) => format!("{error:?}"),
        Err(panic) => match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
            (Some(text), _) => (*text).to_owned(),
            (_, Some(text)) => text.clone(),
            _ => "unknown".to_owned(),
        },
    };
    Err(Failure::environment(format!(
        "no usable OpenGL library ({reason}); on Debian: apt-get install libegl1 libgl1 libgles2 libgl1-mesa-dri"
    )))
}
