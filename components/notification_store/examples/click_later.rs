//! Notifications that outlive the run of the browser: `cargo run -p notification_store --example click_later`.

use std::path::Path;

use notification_store::{Content, NotificationFile, NotificationId};

const ORIGIN: &str = "https://chat.example";
const SCOPE: &str = "https://chat.example/";

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// `registration.showNotification(title, { tag })`.
fn show(folder: &Path, title: &str, tag: &str) -> Result<NotificationId> {
    let file = NotificationFile::in_folder(folder);
    let mut list = file.load()?;
    let content = Content {
        title: title.to_owned(),
        tag: tag.to_owned(),
        ..Content::default()
    };
    let shown = list.show(ORIGIN, SCOPE, content)?;
    file.save(&list)?;
    match shown.replaced {
        Some(old) => println!("shows {}: “{title}”, in place of {old}", shown.id),
        None => println!("shows {}: “{title}”", shown.id),
    }
    Ok(shown.id)
}

fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    show(folder.path(), "Ada: hello", "ada")?;
    show(folder.path(), "Grace: are you there?", "grace")?;
    let clicked = show(folder.path(), "Ada: 2 messages", "ada")?;

    // The next run of the browser. A person clicks one that the run before has shown.
    let file = NotificationFile::in_folder(folder.path());
    let mut list = file.load()?;
    println!("after a restart:");
    for notification in list.of_registration(SCOPE, "") {
        println!("  {}: “{}”", notification.id, notification.content.title);
    }
    let clicked = list.get(clicked).ok_or("it has not survived")?;
    println!("a click goes to the worker of {}", clicked.scope);

    // The origin's site data are cleared.
    let gone = list.remove_if(|it| it.origin == ORIGIN);
    file.save(&list)?;
    println!("{} are closed", gone.len());
    Ok(())
}
