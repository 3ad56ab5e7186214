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
    progress: Progress,
}

/// How far an awaited page has come.
#[derive(Debug, PartialEq, Eq)]
enum Progress {
    /// A page that is loading or about to be: its next complete document is waited for.
    Next,
    /// A certain page.
    Of {
        /// What was asked for.
        url: Url,
        document: DocumentProgress,
        place: Place,
    },
}

/// Of the document that was asked for, as its status tells. What is told before it has begun is about an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DocumentProgress {
    Outstanding,
    /// An earlier document was still loading.
    OutstandingAfterAnother,
    Begun,
    Complete,
}

/// Whether the document is the window's, so that scripts reach it and no other. A thread of its own tells that, sooner or
/// later than the status, of every document, but it names the address alone, and tells of frames and of
/// `history.pushState()` in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Not even the document that the window was opened with is: the next news is about that one.
    OfNone,
    Unknown,
    /// Another address than the one that was asked for has been told: it was redirected, most likely.
    Elsewhere,
    AsAsked,
}

/// What news means to a client.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Nothing.
    None,
    /// An earlier document is there; the load that was asked for may be lost.
    Repeat,
    /// The document is complete and in its place.
    Answer,
}

impl Progress {
    fn note_status(&mut self, status: LoadStatus) -> Step {
        use DocumentProgress::{Begun, Complete, Outstanding, OutstandingAfterAnother};
        let Self::Of {
            document, place, ..
        } = self
        else {
            return match status {
                LoadStatus::Complete => Step::Answer,
                LoadStatus::Started | LoadStatus::HeadParsed => Step::None,
            };
        };
        match (status, *document) {
            (LoadStatus::Started, Outstanding | OutstandingAfterAnother) => *document = Begun,
            (
                LoadStatus::HeadParsed | LoadStatus::Complete,
                Outstanding | OutstandingAfterAnother,
            ) => {
                *document = OutstandingAfterAnother;
                // That was the earlier one's.
                if *place == Place::Elsewhere {
                    *place = Place::Unknown;
                }
                return Step::Repeat;
            }
            (LoadStatus::Complete, Begun) => *document = Complete,
            (_, Begun | Complete) => {}
        }
        self.answer_if_over()
    }

    fn note_place(&mut self, told: &Url) -> Step {
        let Self::Of {
            url,
            document,
            place,
        } = self
        else {
            return Step::None;
        };
        if *place == Place::OfNone {
            *place = Place::Unknown;
            return match document {
                // Until now, the load was ignored.
                DocumentProgress::Outstanding | DocumentProgress::OutstandingAfterAnother => {
                    Step::Repeat
                }
                DocumentProgress::Begun | DocumentProgress::Complete => Step::None,
            };
        }
        if told == url {
            *place = Place::AsAsked;
        } else if *document == DocumentProgress::OutstandingAfterAnother {
            // The earlier one was in nobody's place when the load was repeated last, so that it was ignored again.
            return Step::Repeat;
        } else if *place == Place::Unknown {
            *place = Place::Elsewhere;
        }
        self.answer_if_over()
    }

    fn answer_if_over(&self) -> Step {
        match self {
            Self::Of {
                document: DocumentProgress::Complete,
                place: Place::AsAsked | Place::Elsewhere,
                ..
            } => Step::Answer,
            _ => Step::None,
        }
    }
}

// A client that is gone needs no answer: results of `send` are dropped on purpose.
impl WaitingClients {
    /// A client waits for the page that is loading or about to be.
    pub fn await_load(&self, webview: WebViewId, client: GenericSender<WebDriverLoadStatus>) {
        self.insert_load(webview, client, Progress::Next);
    }

    /// A client waits for a certain page, whatever is loading now.
    pub fn await_load_of(
        &self,
        webview: &WebView,
        url: Url,
        client: GenericSender<WebDriverLoadStatus>,
    ) {
        let progress = Progress::Of {
            url,
            document: DocumentProgress::Outstanding,
            place: match webview.url() {
                Some(_) => Place::Unknown,
                None => Place::OfNone,
            },
        };
        self.insert_load(webview.id(), client, progress);
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
    pub fn note_load(&self, webview: &WebView, status: LoadStatus) {
        self.note(webview, |progress| progress.note_status(status));
    }

    /// A window has a document in its place, maybe another one than before, with this address.
    pub fn note_place(&self, webview: &WebView, url: &Url) {
        self.note(webview, |progress| progress.note_place(url));
    }

    /// Servo ignores a load while another of the same window has no document yet. Asking again once that has one
    /// is safe: if the load was not ignored, it is now what makes Servo ignore the second.
    fn note(&self, webview: &WebView, news: impl FnOnce(&mut Progress) -> Step) {
        let mut loads = self.loads.borrow_mut();
        let Some(load) = loads.get_mut(&webview.id()) else {
            return;
        };
        match news(&mut load.progress) {
            Step::None => {}
            Step::Repeat => {
                if let Progress::Of { url, .. } = &load.progress {
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
        progress: Progress,
    ) {
        let load = AwaitedLoad { client, progress };
        self.loads.borrow_mut().insert(webview, load);
    }
}

#[cfg(test)]
mod tests {
    use LoadStatus::{Complete, HeadParsed, Started};

    use super::*;

    enum News {
        Status(LoadStatus),
        Place(&'static str),
    }
    use News::{Place as At, Status};

    const ASKED: &str = "https://a.example/asked";
    const OTHER: &str = "https://a.example/other";

    /// What a client that waits for a certain page hears.
    fn steps(news: &[News]) -> Vec<Step> {
        steps_from(Place::Unknown, news)
    }

    fn steps_from(place: Place, news: &[News]) -> Vec<Step> {
        let url = |text| Url::parse(text).expect("a valid URL");
        let mut progress = Progress::Of {
            url: url(ASKED),
            document: DocumentProgress::Outstanding,
            place,
        };
        news.iter()
            .map(|news| match news {
                Status(status) => progress.note_status(*status),
                At(place) => progress.note_place(&url(place)),
            })
            .collect()
    }

    #[test]
    fn a_page_that_is_complete_before_is_not_the_one_asked_for() {
        assert_eq!(
            steps(&[
                Status(HeadParsed),
                Status(Complete),
                At(ASKED),
                Status(Started),
                Status(HeadParsed),
                Status(Complete)
            ]),
            [
                Step::Repeat,
                Step::Repeat,
                Step::None,
                Step::None,
                Step::None,
                Step::Answer
            ]
        );
    }

    #[test]
    fn a_complete_page_that_is_not_in_its_place_is_waited_for() {
        for place in [ASKED, OTHER] {
            let news = [
                Status(Started),
                Status(HeadParsed),
                Status(Complete),
                At(place),
            ];
            assert_eq!(
                steps(&news),
                [Step::None, Step::None, Step::None, Step::Answer]
            );
        }
    }

    #[test]
    fn a_page_that_is_in_its_place_early_is_not_loaded_again() {
        for place in [ASKED, OTHER] {
            let news = [At(place), Status(Started), Status(Complete)];
            assert_eq!(steps(&news), [Step::None, Step::None, Step::Answer]);
        }
    }

    #[test]
    fn an_earlier_page_that_is_in_its_place_late_has_the_load_repeated_and_does_not_count() {
        let news = [
            At(OTHER),
            Status(Complete),
            At(OTHER),
            Status(Started),
            Status(Complete),
            At(ASKED),
        ];
        assert_eq!(
            steps(&news),
            [
                Step::None,
                Step::Repeat,
                Step::Repeat,
                Step::None,
                Step::None,
                Step::Answer
            ]
        );
    }

    #[test]
    fn a_place_of_the_page_that_a_window_was_opened_with_does_not_count() {
        let news = [At(ASKED), Status(Started), Status(Complete), At(ASKED)];
        assert_eq!(
            steps_from(Place::OfNone, &news),
            [Step::Repeat, Step::None, Step::None, Step::Answer]
        );
    }
}
