//! Notifications by the desktop's own service, where the configuration asks for that.

mod news;
mod service;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use servo::notifications::{NotificationId, WebNotification};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

pub use self::news::DesktopNews;
use self::service::{News, Reaction, Service, ServiceId};

/// So many notifications wait for the service. What does not wait there gets a card.
const MAX_WAITING: usize = 32;

/// What is asked of the thread.
enum Command {
    Show(Box<WebNotification>),
    Close(NotificationId),
}

/// The thread that talks with the desktop's service. When this is dropped, what it shows goes: nobody would hear of a click.
pub struct Desktop {
    /// `None` once it ends. Those for [`Command::Close`] are at most as many as those for what they close.
    commands: Option<UnboundedSender<Command>>,
    waiting: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Desktop {
    /// Starts the thread. It looks for the service when something is to be shown, each time anew if there is none.
    pub fn start(tell: impl Fn(DesktopNews) + Send + 'static) -> Self {
        let (commands, receiver) = unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let conversation = Conversation {
            service: None,
            shown: Vec::new(),
            waiting: waiting.clone(),
            tell: Box::new(tell),
        };
        let thread = thread::Builder::new()
            .name("Desktop".to_owned())
            .spawn(|| conversation.run(receiver));
        // Without a thread the receiver is gone, and everything gets a card.
        Self {
            commands: Some(commands),
            waiting,
            thread: thread.ok(),
        }
    }

    /// Has a notification shown; [`DesktopNews`] tells whether it is.
    ///
    /// # Errors
    /// Why it will not be.
    pub fn show(&self, notification: &WebNotification) -> Result<(), &'static str> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err("the desktop's service is too slow");
        }
        if !self.send(Command::Show(Box::new(notification.clone()))) {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err("no thread could be started for the desktop's service");
        }
        Ok(())
    }

    /// A notification is not to be seen any more.
    pub fn close(&self, id: NotificationId) {
        self.send(Command::Close(id));
    }

    fn send(&self, command: Command) -> bool {
        self.commands
            .as_ref()
            .is_some_and(|commands| commands.send(command).is_ok())
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            // If it has panicked, there is nothing left to close.
            let _ = thread.join();
        }
    }
}

/// What the service shows for us.
struct Shown {
    id: NotificationId,
    service_id: ServiceId,
    actions: Vec<String>,
}

/// The thread's side.
struct Conversation {
    service: Option<Service>,
    /// At most as many as there are notifications.
    shown: Vec<Shown>,
    waiting: Arc<AtomicUsize>,
    tell: Box<dyn Fn(DesktopNews) + Send>,
}

impl Conversation {
    fn run(mut self, commands: UnboundedReceiver<Command>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        match runtime {
            Ok(runtime) => runtime.block_on(self.follow(commands)),
            Err(error) => eprintln!("kiosk: the desktop's notifications can't be used: {error}"),
        }
    }

    async fn follow(&mut self, mut commands: UnboundedReceiver<Command>) {
        loop {
            let news = async {
                match &mut self.service {
                    Some(service) => service.next_news().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // What a person did is older than what is to be done now.
                biased;
                news = news => self.handle_news(news).await,
                command = commands.recv() => match command {
                    Some(Command::Show(notification)) => {
                        if let Err(reason) = self.handle_show(*notification).await {
                            // Not each of those that wait is to wait for the same fault, to be shown late.
                            self.refuse_waiting(&mut commands, &reason).await;
                        }
                    }
                    Some(Command::Close(id)) => self.close(id).await,
                    None => break,
                },
            }
        }
        while let Some(shown) = self.shown.pop()
            && self.close_in_service(shown.service_id).await.is_ok()
        {}
    }

    async fn handle_news(&mut self, news: News) {
        match news {
            News::Reaction(service_id, reaction) => {
                self.handle_reaction(service_id, reaction).await
            }
            // What this one shows already stays: it may have shown it before this was heard.
            News::Owner(owner) => self
                .shown
                .retain(|shown| Some(&shown.service_id.owner) == owner.as_ref()),
            News::Disconnected => {
                self.shown.clear();
                self.service = None;
            }
        }
    }

    async fn handle_reaction(&mut self, service_id: ServiceId, reaction: Reaction) {
        let mut all = self.shown.iter();
        let Some(index) = all.position(|it| it.service_id == service_id) else {
            return;
        };
        let shown = self.shown.remove(index);
        let action = match reaction {
            Reaction::Disappearance => return,
            Reaction::Dismissal => return (self.tell)(DesktopNews::Dismissed(shown.id)),
            Reaction::Click => None,
            Reaction::Action(index) => match shown.actions.into_iter().nth(index) {
                Some(name) => Some(name),
                None => return,
            },
        };
        // Its person has seen it; some services leave it there.
        let _ = self.close_in_service(service_id).await;
        (self.tell)(DesktopNews::Clicked(shown.id, action));
    }

    /// # Errors
    /// Why the service does not show it, which is told.
    async fn handle_show(&mut self, notification: WebNotification) -> Result<(), String> {
        match self.show(&notification).await {
            Ok(()) => {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                (self.tell)(DesktopNews::Shown(notification.id));
                Ok(())
            }
            Err(error) => {
                let reason = error.to_string();
                self.refuse(notification, &reason);
                Err(reason)
            }
        }
    }

    fn refuse(&self, notification: WebNotification, reason: &str) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        (self.tell)(DesktopNews::NotShown(
            Box::new(notification),
            reason.to_owned(),
        ));
    }

    async fn refuse_waiting(&mut self, commands: &mut UnboundedReceiver<Command>, reason: &str) {
        while let Ok(command) = commands.try_recv() {
            match command {
                Command::Show(notification) => self.refuse(*notification, reason),
                Command::Close(id) => self.close(id).await,
            }
        }
    }

    async fn show(&mut self, notification: &WebNotification) -> zbus::Result<()> {
        let mut replaced = None;
        if let Some(id) = notification.replaces {
            match notification.renotify {
                // A service alerts its user only to what is new.
                true => self.close(id).await,
                false => replaced = self.take(id).map(|it| it.service_id),
            }
        }
        let service = match &self.service {
            Some(service) => service,
            None => self.service.insert(Service::connect().await?),
        };
        let service_id = service.show(notification, replaced).await?;
        let actions = notification.content.actions.iter();
        self.shown.push(Shown {
            id: notification.id,
            service_id,
            actions: actions.map(|action| action.name.clone()).collect(),
        });
        Ok(())
    }

    fn take(&mut self, id: NotificationId) -> Option<Shown> {
        let index = self.shown.iter().position(|it| it.id == id)?;
        Some(self.shown.remove(index))
    }

    async fn close(&mut self, id: NotificationId) {
        if let Some(shown) = self.take(id) {
            let _ = self.close_in_service(shown.service_id).await;
        }
    }

    /// # Errors
    /// If the bus is gone, and what was shown with it, or it reads nothing.
    async fn close_in_service(&self, service_id: ServiceId) -> zbus::Result<()> {
        match &self.service {
            Some(service) => service.close(service_id).await,
            None => Ok(()),
        }
    }
}
