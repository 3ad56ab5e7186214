//! What a content process can have done to the list of notifications, and what a profile may hold of them.

use std::collections::BTreeMap;
use std::hash::Hasher;

use arbitrary::Arbitrary;
use notification_store::{
    Action, Content, MAX_BYTES_IN_ALL, MAX_DATA_BYTES, MAX_NOTIFICATIONS_IN_ALL,
    MAX_NOTIFICATIONS_OF_ORIGIN, MAX_TEXT_BYTES, MAX_URL_BYTES, Notification, NotificationId,
    NotificationList, decode_list, encode_list,
};
use siphasher::sip128::{Hasher128, SipHasher24};

/// Enough to use up the limit of an origin.
const MAX_TIMES: u8 = MAX_NOTIFICATIONS_OF_ORIGIN as u8 + 4;

/// The first byte of the file.
pub const FILE_VERSION: u8 = 1;

/// Whatever a list is stored as, with the check that belongs to it: refused, or a list that can be worked with.
///
/// # Panics
/// On a finding.
pub fn check_file(payload: &[u8]) {
    let mut hasher = SipHasher24::new();
    hasher.write(payload);
    let mut bytes = vec![FILE_VERSION];
    bytes.extend(hasher.finish128().as_bytes());
    bytes.extend(payload);
    let Ok(mut list) = decode_list(&bytes) else {
        return;
    };
    check_limits(&list);
    check_round_trip(&list);
    let shown = list.show("https://a.example", "https://a.example/", fullest());
    assert!(shown.is_ok());
    check_limits(&list);
    check_round_trip(&list);
}

/// One call.
#[derive(Arbitrary, Debug)]
pub enum Step {
    /// Of an origin, for a scope, so many times.
    Show(u8, AnyText, Box<AnyContent>, u8),
    /// One that may not be there.
    Remove(u16),
    /// All of an origin.
    RemoveOrigin(u8),
    /// Those of a scope with a tag.
    Find(AnyText, String),
    /// The browser ends and starts.
    Restart,
}

/// Any text, and long ones that take few bytes here.
#[derive(Arbitrary, Clone, Debug)]
pub enum AnyText {
    /// As it is.
    Short(String),
    /// So many bytes.
    Long(u32),
}

/// Any notification.
#[derive(Arbitrary, Clone, Debug)]
pub struct AnyContent {
    texts: [AnyText; 4],
    urls: [Option<AnyText>; 3],
    actions: Vec<(AnyText, AnyText, Option<AnyText>)>,
    vibrations: u16,
    data: u32,
    flags: (bool, Option<bool>, bool),
}

impl From<AnyText> for String {
    fn from(text: AnyText) -> Self {
        match text {
            AnyText::Short(text) => text,
            AnyText::Long(bytes) => "x".repeat(bytes as usize % (MAX_URL_BYTES + 8)),
        }
    }
}

impl From<AnyContent> for Content {
    fn from(content: AnyContent) -> Self {
        let [title, body, tag, language] = content.texts.map(String::from);
        let [image, icon, badge] = content.urls.map(|url| url.map(String::from));
        let (renotify, silent, require_interaction) = content.flags;
        let action = |(name, title, icon): (AnyText, AnyText, Option<AnyText>)| Action {
            name: name.into(),
            title: title.into(),
            icon: icon.map(String::from),
        };
        Self {
            title,
            body,
            tag,
            language,
            image,
            icon,
            badge,
            vibration_ms: vec![u32::MAX; content.vibrations.into()],
            renotify,
            silent,
            require_interaction,
            actions: content.actions.into_iter().map(action).collect(),
            data: vec![7; content.data as usize % (MAX_DATA_BYTES + 8)],
            ..Self::default()
        }
    }
}

/// Nothing panics, no limit is passed, names are never used twice, and a restart changes nothing.
///
/// # Panics
/// On a finding.
pub fn run(steps: Vec<Step>) {
    let mut list = NotificationList::default();
    let mut last_id = NotificationId(0);
    for step in steps {
        match step {
            Step::Show(number, scope, content, times) => {
                let scope = String::from(scope);
                let content = Content::from(*content);
                for _ in 0..=times % MAX_TIMES {
                    show(&mut list, &mut last_id, &origin(number), &scope, &content);
                }
            }
            Step::Remove(id) => {
                let id = NotificationId(id.into());
                assert_eq!(list.get(id).cloned(), list.remove(id));
                assert!(list.get(id).is_none());
            }
            Step::RemoveOrigin(number) => {
                let origin = origin(number);
                list.remove_if(|it| it.origin == origin);
                assert!(list.iter().all(|it| it.origin != origin));
            }
            Step::Find(scope, tag) => {
                let scope = String::from(scope);
                let found = list.of_registration(&scope, &tag);
                assert!(found.into_iter().all(|it| it.scope == scope));
            }
            Step::Restart => list = check_round_trip(&list),
        }
        check_limits(&list);
    }
}

fn show(
    list: &mut NotificationList,
    last_id: &mut NotificationId,
    origin: &str,
    scope: &str,
    content: &Content,
) {
    let before = ids(list);
    let Ok(shown) = list.show(origin, scope, content.clone()) else {
        assert_eq!(ids(list), before, "what is refused changes nothing");
        return;
    };
    assert!(shown.id > *last_id);
    *last_id = shown.id;
    assert_eq!(
        list.get(shown.id).map(|it| &it.content),
        Some(content),
        "the newest stays"
    );
    for gone in shown.replaced.iter().chain(&shown.dropped) {
        assert!(before.contains(gone) && list.get(*gone).is_none());
    }
    let left = before.len() - shown.dropped.len() - usize::from(shown.replaced.is_some());
    assert_eq!(list.iter().count(), left + 1, "whatever goes is told");
}

fn origin(number: u8) -> String {
    format!("https://{number}.example")
}

/// What takes the most room in the file for what it weighs.
fn fullest() -> Content {
    Content {
        title: "x".repeat(MAX_TEXT_BYTES / 2),
        vibration_ms: vec![u32::MAX; MAX_TEXT_BYTES / 8],
        image: Some("x".repeat(MAX_URL_BYTES)),
        data: vec![0; MAX_DATA_BYTES],
        ..Content::default()
    }
}

fn check_round_trip(list: &NotificationList) -> NotificationList {
    let read = decode_list(&encode_list(list)).expect("what was stored is read");
    assert_eq!(read, *list);
    read
}

fn check_limits(list: &NotificationList) {
    let mut of_origins: BTreeMap<&str, usize> = BTreeMap::new();
    for notification in list.iter() {
        *of_origins.entry(&notification.origin).or_default() += 1;
    }
    let fits = |count: &usize| *count <= MAX_NOTIFICATIONS_OF_ORIGIN;
    assert!(of_origins.values().all(fits));
    assert!(list.iter().count() <= MAX_NOTIFICATIONS_IN_ALL);
    assert!(list.iter().map(bytes).sum::<usize>() <= MAX_BYTES_IN_ALL);
    assert!(ids(list).is_sorted_by(|one, next| one < next));
}

fn ids(list: &NotificationList) -> Vec<NotificationId> {
    list.iter().map(|it| it.id).collect()
}

fn bytes(notification: &Notification) -> usize {
    let content = &notification.content;
    let texts = content.title.len() + content.body.len() + content.tag.len();
    notification.origin.len() + notification.scope.len() + texts + content.data.len()
}
