//! What the story asks of a browser.

use std::path::Path;

/// Whether the machine has a network, as the browser sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// There is none.
    Offline,
    /// There is one.
    Online,
}

/// How a browser ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is asked to.
    Orderly,
    /// All its processes are killed.
    Kill,
}

/// Something that can be started.
pub trait Product {
    /// Its name.
    fn name(&self) -> &'static str;

    /// Starts it with this profile and this page, and waits until it can be driven.
    fn start(&self, profile: &Path, network: Network, url: &str) -> Box<dyn Browser>;
}

/// A running browser with one page at most. Killed when dropped. Every method panics if the browser does not do what it is asked.
pub trait Browser {
    /// Opens this page in a window; if there is one, in that.
    fn open(&mut self, url: &str);

    /// Loads the page again.
    fn reload(&mut self);

    /// Closes the page.
    fn close_page(&mut self);

    /// Runs a script in the page.
    fn evaluate(&mut self, script: &str);

    /// Waits for this line of the page's console; one that came before counts, once.
    fn wait_for_line(&mut self, text: &str);

    /// Takes the network away or gives it back, and waits until the page knows.
    fn set_network(&mut self, network: Network);

    /// What it has told, for whoever looks into a failure.
    fn story(&mut self) -> String;

    /// Ends it.
    fn end(self: Box<Self>, end: End);
}
