//! Who waits for what the engine's callbacks tell.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use crossbeam_channel::Sender;
use servo::{
    GenericSender, InputEventId, LoadStatus, TraversalId, WebDriverLoadStatus, WebView, WebViewId,
};
use url::Url;

/// The clients of WebDriver whose commands take their time.
#[derive(Default)]
pub struct WaitingClients {
    loads: RefCell<HashMap<WebViewId, AwaitedLoad>>,
    traversals: RefCell<HashMap<TraversalId, GenericSender<WebDriverLoadStatus>>>,
    inputs: RefCell<HashMap<InputEventId, Sender<()>>>,
    selected: Cell<Option<WebViewId>>,
}

/// A page that a client waits for.
struct AwaitedLoad {
    client: GenericSender<WebDriverLoadStatus>,
    /// What was asked for, until its document exists. What is told before that is about an earlier document.
    outstanding: Option<Url>,
}

/// What a change of the load status means to a client.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Nothing.
    None,
    /// The document that was asked for exists.
    Begun,
    /// An earlier document is there; the load that was asked for may be lost.
    Repeat,
    /// The document is complete.
    Answer,
}

impl Step {
    fn after(status: LoadStatus, is_outstanding: bool) -> Self {
        match (status, is_outstanding) {
            (LoadStatus::Started, true) => Self::Begun,
            (LoadStatus::HeadParsed | LoadStatus::Complete, true) => Self::Repeat,
            (LoadStatus::Complete, false) => Self::Answer,
            (LoadStatus::Started | LoadStatus::HeadParsed, false) => Self::None,
        }
    }
}

// A client that is gone needs no answer: results of `send` are dropped on purpose.
impl WaitingClients {
    /// A client waits for the page that is loading or about to be.
    pub fn await_load(&self, webview: WebViewId, client: GenericSender<WebDriverLoadStatus>) {
        self.insert_load(webview, client, None);
    }

    /// A client waits for a certain page, whatever is loading now.
    pub fn await_load_of(
        &self,
        webview: WebViewId,
        url: Url,
        client: GenericSender<WebDriverLoadStatus>,
    ) {
        self.insert_load(webview, client, Some(url));
    }

    /// Nobody waits for a page any more.
    pub fn forget_load(&self, webview: WebViewId) {
        self.loads.borrow_mut().remove(&webview);
    }

    /// A client waits for a step in a session history.
    pub fn await_traversal(
        &self,
        traversal: TraversalId,
        client: GenericSender<WebDriverLoadStatus>,
    ) {
        self.traversals.borrow_mut().insert(traversal, client);
    }

    /// A client waits until a page has handled an input event.
    pub fn await_input(&self, input: InputEventId, client: Sender<()>) {
        self.inputs.borrow_mut().insert(input, client);
    }

    /// A client goes on with another window.
    pub fn select(&self, webview: WebViewId) {
        self.selected.set(Some(webview));
    }

    /// The window that a client chose last.
    pub fn selected(&self) -> Option<WebViewId> {
        self.selected.get()
    }

    /// A page has got further with loading.
    ///
    /// Servo ignores a load while another of the same window has no document yet. Asking again once that has one
    /// is safe: if the load was not ignored, it is now what makes Servo ignore the second.
    pub fn note_load(&self, webview: &WebView, status: LoadStatus) {
        let mut loads = self.loads.borrow_mut();
        let Some(load) = loads.get_mut(&webview.id()) else {
            return;
        };
        match Step::after(status, load.outstanding.is_some()) {
            Step::None => {}
            Step::Begun => load.outstanding = None,
            Step::Repeat => {
                if let Some(url) = &load.outstanding {
                    webview.load(url.clone());
                }
            }
            Step::Answer => {
                let _ = load.client.send(WebDriverLoadStatus::Complete);
                loads.remove(&webview.id());
            }
        }
    }

    /// A step in a session history is done.
    pub fn note_traversal(&self, traversal: &TraversalId) {
        if let Some(client) = self.traversals.borrow_mut().remove(traversal) {
            let _ = client.send(WebDriverLoadStatus::Complete);
        }
    }

    /// A page has handled an input event.
    pub fn note_input(&self, input: InputEventId) {
        if let Some(client) = self.inputs.borrow_mut().remove(&input) {
            let _ = client.send(());
        }
    }

    fn insert_load(
        &self,
        webview: WebViewId,
        client: GenericSender<WebDriverLoadStatus>,
        outstanding: Option<Url>,
    ) {
        let load = AwaitedLoad {
            client,
            outstanding,
        };
        self.loads.borrow_mut().insert(webview, load);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a client hears of, for the statuses of an earlier document and of its own.
    fn steps(statuses: &[LoadStatus]) -> Vec<Step> {
        let mut is_outstanding = true;
        statuses
            .iter()
            .map(|status| {
                let step = Step::after(*status, is_outstanding);
                is_outstanding &= step != Step::Begun;
                step
            })
            .collect()
    }

    #[test]
    fn a_page_that_is_complete_before_is_not_the_one_asked_for() {
        use LoadStatus::{Complete, HeadParsed, Started};
        assert_eq!(
            steps(&[HeadParsed, Complete, Started, HeadParsed, Complete]),
            [
                Step::Repeat,
                Step::Repeat,
                Step::Begun,
                Step::None,
                Step::Answer
            ]
        );
    }
}
