//! The service `org.freedesktop.Notifications` of the session bus, which desktops have.
//!
//! <https://specifications.freedesktop.org/notification-spec/latest/>

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use futures_util::StreamExt;
use servo::notifications::WebNotification;
use zbus::names::OwnedUniqueName;
use zbus::proxy::SignalStream;
use zbus::{DynamicType, Message, Variant};

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

/// By what a service knows something that it shows. Another program that becomes the service gives the same numbers anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceId {
    /// The program, by its name on the bus.
    pub owner: OwnedUniqueName,
    number: u32,
}

#[zbus::proxy(
    interface = "org.freedesktop.Notifications",
    default_service = "org.freedesktop.Notifications",
    default_path = "/org/freedesktop/Notifications"
)]
trait Notifications {
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
    /// This program is the service now, or none is. What another one showed has no names any more.
    Owner(Option<OwnedUniqueName>),
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
        let answer = self.call("GetCapabilities", &()).await?;
        let owner = sender(&answer)?;
        let capabilities: Vec<String> = answer.body().deserialize()?;
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
        let replaced = replaced.filter(|it| it.owner == owner);
        let replaced = replaced.map_or(0, |it| it.number);
        let arguments = (APP_NAME, replaced, "", summary, body, actions, hints, time);
        let answer = self.call("Notify", &arguments).await?;
        Ok(ServiceId {
            owner: sender(&answer)?,
            number: answer.body().deserialize()?,
        })
    }

    async fn call(
        &self,
        method: &str,
        arguments: &(impl serde::Serialize + DynamicType),
    ) -> zbus::Result<Message> {
        self.proxy.inner().call_method(method, arguments).await
    }

    /// Shows something no more.
    ///
    /// # Errors
    /// If the bus is gone, or reads nothing.
    pub async fn close(&self, id: ServiceId) -> zbus::Result<()> {
        in_time(self.proxy.close_notification(id.number)).await
    }

    /// Waits for the service to tell something. Nothing is lost if the wait is given up.
    pub async fn next_news(&mut self) -> News {
        loop {
            let message = tokio::select! {
                // What the service before has told comes first.
                biased;
                signal = self.signals.next() => signal,
                owner = self.owners.next() => return owner.map_or(News::Disconnected, |owner| {
                    News::Owner(owner.map(OwnedUniqueName::from))
                }),
            };
            let Some(message) = message else {
                return News::Disconnected;
            };
            let header = message.header();
            let member = header.member().map(|it| it.as_str());
            let reaction = match member {
                Some("ActionInvoked") => message
                    .body()
                    .deserialize::<(u32, String)>()
                    .ok()
                    .and_then(|(number, name)| Some((number, reaction_to_action(&name)?))),
                Some("NotificationClosed") => message
                    .body()
                    .deserialize::<(u32, u32)>()
                    .ok()
                    .map(|(number, reason)| (number, reaction_to_closing(reason))),
                _ => None,
            };
            if let (Some((number, reaction)), Ok(owner)) = (reaction, sender(&message)) {
                return News::Reaction(ServiceId { owner, number }, reaction);
            }
        }
    }
}

/// Who has sent a message. The bus says so in each.
fn sender(message: &Message) -> zbus::Result<OwnedUniqueName> {
    let header = message.header();
    let sender = header.sender().ok_or(zbus::Error::MissingField)?;
    Ok(sender.to_owned().into())
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
