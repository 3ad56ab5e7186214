//! The service `org.freedesktop.Notifications` of the session bus, which desktops have.
//!
//! <https://specifications.freedesktop.org/notification-spec/latest/>

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use futures_util::StreamExt;
use servo::notifications::WebNotification;
use zbus::Variant;
use zbus::proxy::SignalStream;

/// What takes the bus or the service longer is given up, so that nothing waits for them, not even the kiosk's end.
const PATIENCE: Duration = Duration::from_secs(5);

/// As the service's users see who shows something.
const APP_NAME: &str = "kiosk";

/// The name of the action that is a click on the notification itself.
const CLICK: &str = "default";

/// What the names of the web's actions start with, so that none of them can be [`CLICK`]. Their index follows.
const ACTION: &str = "action-";

/// How long the service shows what does not wait for a person: as long as it likes.
const TIME_OF_SERVICE: i32 = -1;

/// Until a person has reacted.
const NO_TIME: i32 = 0;

/// The name by which the service knows what it shows.
pub type ServiceId = u32;

#[zbus::proxy(
    interface = "org.freedesktop.Notifications",
    default_service = "org.freedesktop.Notifications",
    default_path = "/org/freedesktop/Notifications"
)]
trait Notifications {
    fn get_capabilities(&self) -> zbus::Result<Vec<String>>;

    #[allow(clippy::too_many_arguments, reason = "as the specification has it")]
    fn notify(
        &self,
        app_name: &str,
        replaces_id: u32,
        app_icon: &str,
        summary: &str,
        body: &str,
        actions: &[&str],
        hints: HashMap<&str, Variant<'_>>,
        expire_timeout: i32,
    ) -> zbus::Result<u32>;

    #[zbus(no_reply)]
    fn close_notification(&self, id: u32) -> zbus::Result<()>;
}

/// What a person does with what the service shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// They click it.
    Click,
    /// They choose the action with this index.
    Action(usize),
    /// They take it away.
    Dismissal,
    /// It is shown no more, by nobody's will.
    Disappearance,
}

/// A connection to the service.
pub struct Service {
    proxy: NotificationsProxy<'static>,
    /// One stream for all signals: a click comes before the end of what was clicked.
    signals: SignalStream<'static>,
    owners: zbus::proxy::OwnerChangedStream<'static>,
}

/// What the service tells of itself.
#[derive(Debug, PartialEq, Eq)]
pub enum News {
    /// Somebody has reacted.
    Reaction(ServiceId, Reaction),
    /// Another program is the service now, or none is. What the one before showed has no names any more.
    OtherOwner,
    /// The bus is gone.
    Disconnected,
}

impl Service {
    /// Connects to the session's bus. The bus starts the service when it is first used.
    ///
    /// # Errors
    /// If there is no bus, or it does not answer in time.
    pub async fn connect() -> zbus::Result<Self> {
        in_time(Self::connect_at_leisure()).await
    }

    async fn connect_at_leisure() -> zbus::Result<Self> {
        let connection = zbus::connection::Builder::session().build().await?;
        let proxy = NotificationsProxy::builder(&connection)
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await?;
        let signals = proxy.inner().receive_all_signals().await?;
        let owners = proxy.inner().receive_owner_changed().await?;
        Ok(Self {
            proxy,
            signals,
            owners,
        })
    }

    /// Shows a notification, in the place of another one if that is still there.
    ///
    /// # Errors
    /// If there is no service, or it fails or does not answer in time.
    pub async fn show(
        &self,
        notification: &WebNotification,
        replaced: Option<ServiceId>,
    ) -> zbus::Result<ServiceId> {
        in_time(self.show_at_leisure(notification, replaced)).await
    }

    async fn show_at_leisure(
        &self,
        notification: &WebNotification,
        replaced: Option<ServiceId>,
    ) -> zbus::Result<ServiceId> {
        // Asked each time: another program may be the service by now.
        let capabilities = self.proxy.get_capabilities().await?;
        let has = |name: &str| capabilities.iter().any(|it| it == name);
        let content = &notification.content;
        let body = match (has("body"), has("body-markup")) {
            (false, _) => String::new(),
            (true, false) => body(notification),
            (true, true) => escape(&body(notification)),
        };
        let summary = match has("body") {
            true => printable(&content.title),
            false => format!("{} ({})", printable(&content.title), notification.origin),
        };
        let mut actions = vec![CLICK.to_owned(), String::new()];
        if has("actions") {
            for (index, action) in content.actions.iter().enumerate() {
                actions.extend([format!("{ACTION}{index}"), printable(&action.title)]);
            }
        }
        let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
        let mut hints = HashMap::new();
        if content.silent == Some(true) {
            hints.insert("suppress-sound", Variant::from(true));
        }
        let time = match content.require_interaction {
            true => NO_TIME,
            false => TIME_OF_SERVICE,
        };
        self.proxy
            .notify(
                APP_NAME,
                replaced.unwrap_or_default(),
                "",
                &summary,
                &body,
                &actions,
                hints,
                time,
            )
            .await
    }

    /// Shows something no more.
    ///
    /// # Errors
    /// If the bus is gone, or reads nothing.
    pub async fn close(&self, id: ServiceId) -> zbus::Result<()> {
        in_time(self.proxy.close_notification(id)).await
    }

    /// Waits for the service to tell something. Nothing is lost if the wait is given up.
    pub async fn next_news(&mut self) -> News {
        loop {
            let message = tokio::select! {
                // What the service before has told comes first.
                biased;
                signal = self.signals.next() => signal,
                owner = self.owners.next() => return owner.map_or(News::Disconnected, |_| News::OtherOwner),
            };
            let Some(message) = message else {
                return News::Disconnected;
            };
            let header = message.header();
            let member = header.member().map(|it| it.as_str());
            let reaction = match member {
                Some("ActionInvoked") => message
                    .body()
                    .deserialize::<(ServiceId, String)>()
                    .ok()
                    .and_then(|(id, name)| Some((id, reaction_to_action(&name)?))),
                Some("NotificationClosed") => message
                    .body()
                    .deserialize::<(ServiceId, u32)>()
                    .ok()
                    .map(|(id, reason)| (id, reaction_to_closing(reason))),
                _ => None,
            };
            if let Some((id, reaction)) = reaction {
                return News::Reaction(id, reaction);
            }
        }
    }
}

async fn in_time<T>(work: impl Future<Output = zbus::Result<T>>) -> zbus::Result<T> {
    let too_late = |_| {
        let error = io::Error::from(io::ErrorKind::TimedOut);
        Err(zbus::Error::from(error))
    };
    tokio::time::timeout(PATIENCE, work)
        .await
        .unwrap_or_else(too_late)
}

fn reaction_to_action(name: &str) -> Option<Reaction> {
    if name == CLICK {
        return Some(Reaction::Click);
    }
    name.strip_prefix(ACTION)?
        .parse()
        .ok()
        .map(Reaction::Action)
}

/// The service's reasons: 1 its time is over, 2 a person has taken it away, 3 we have closed it.
fn reaction_to_closing(reason: u32) -> Reaction {
    match reason {
        2 => Reaction::Dismissal,
        _ => Reaction::Disappearance,
    }
}

/// Who shows it comes first: whatever the rest says, that is true.
fn body(notification: &WebNotification) -> String {
    let text = printable(&notification.content.body);
    match text.is_empty() {
        true => notification.origin.clone(),
        false => format!("{}\n{text}", notification.origin),
    }
}

/// A text of the bus has no NUL, and one for people no other control characters.
fn printable(text: &str) -> String {
    text.chars()
        .filter(|character| matches!(character, '\n' | '\t') || !character.is_control())
        .collect()
}

/// A service may take its text for markup. The web's texts have none.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reactions() {
        assert_eq!(reaction_to_action("default"), Some(Reaction::Click));
        assert_eq!(reaction_to_action("action-1"), Some(Reaction::Action(1)));
        assert_eq!(reaction_to_action("action-x"), None);
        assert_eq!(reaction_to_action("other"), None);
        assert_eq!(reaction_to_closing(1), Reaction::Disappearance);
        assert_eq!(reaction_to_closing(2), Reaction::Dismissal);
        assert_eq!(reaction_to_closing(3), Reaction::Disappearance);
    }

    #[test]
    fn texts_of_the_web_are_plain() {
        assert_eq!(printable("a\0b\u{1b}[1m\nc"), "ab[1m\nc");
        assert_eq!(escape("<b>&amp;</b>"), "&lt;b&gt;&amp;amp;&lt;/b&gt;");
    }
}
