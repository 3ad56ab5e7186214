//! The references: what the machine needs for the same thing without the component.

use std::fs::File;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};
use background_sync::DispatchedEvent;
use background_sync::traits::{CallId, Caller, ConnectionId, SyncReply, SyncRequest, SyncResponse};
use background_sync::{SyncManagerMessage, Tag, receive_over_ipc};
use background_sync_core::StoredRegistration;
use background_sync_store::encode;
use ipc_channel::ipc::{self, IpcReceiver, IpcSender};
use redb::backends::FileBackend;
use redb::{
    Database, Durability, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition,
};

use crate::browser::Message;

const TABLE: TableDefinition<u64, &[u8]> = TableDefinition::new("registrations");

/// How a message and its answer travel.
pub enum Way {
    /// To a thread that waits for it, and back.
    Direct,
    /// As through the component when nobody waits for the store: to a thread that receives, by it to the manager's, by that
    /// to one that delivers, because a page can block whoever does, and back; and the page acknowledges the answer. They do
    /// nothing but pass it on.
    ThroughThreads,
    /// The same, but the manager's appends to the log before it answers.
    ToTheLog(RawLog),
}

/// A process that answers each message of a page at once.
pub struct Echo {
    messages: IpcSender<Message>,
    replies: IpcReceiver<SyncReply>,
    next_call: u64,
    acknowledges: bool,
}

impl Echo {
    pub fn start(way: Way) -> Result<Self> {
        let (messages, receiver) = ipc::channel::<Message>().context("no channel")?;
        let (client, replies) = ipc::channel().context("no channel")?;
        let acknowledges = !matches!(way, Way::Direct);
        match way {
            Way::Direct => drop(thread::spawn(move || {
                while let Ok(message) = receiver.recv() {
                    answer(&client, &message);
                }
            })),
            Way::ThroughThreads => answer_all(receiver, client, || true),
            // Whoever waits for what can't be written hears that the echo is gone.
            Way::ToTheLog(mut log) => answer_all(receiver, client, move || log.append().is_ok()),
        }
        Ok(Self {
            messages,
            replies,
            next_call: 1,
            acknowledges,
        })
    }

    /// There and back. Returns what to give to [`Echo::acknowledge`].
    pub fn round_trip(&mut self, tag: &str) -> Result<(ConnectionId, CallId)> {
        let call = CallId(self.next_call);
        self.next_call += 1;
        let connection = ConnectionId::new();
        self.messages.send(SyncManagerMessage::Request {
            connection,
            call,
            request: SyncRequest::Register {
                tag: Tag::try_from(tag),
                active_worker: true,
                caller: Caller::Page,
            },
        })?;
        self.replies.recv().context("the echo is gone")?;
        Ok((connection, call))
    }

    /// As a page does, if its messages go through threads.
    pub fn acknowledge(&self, (connection, call): (ConnectionId, CallId)) -> Result<()> {
        if self.acknowledges {
            self.messages
                .send(SyncManagerMessage::Acknowledge { connection, call })?;
        }
        Ok(())
    }
}

/// By a thread behind one that receives, and by one behind that, until `before` it answers fails.
fn answer_all(
    receiver: IpcReceiver<Message>,
    client: IpcSender<SyncReply>,
    mut before: impl FnMut() -> bool + Send + 'static,
) {
    let messages = receive_over_ipc(receiver);
    let (answers, to_deliver) = mpsc::channel();
    thread::spawn(move || {
        while let Ok(Ok(message)) = messages.recv() {
            let is_request = matches!(message, SyncManagerMessage::Request { .. });
            if is_request && !(before() && answers.send(message).is_ok()) {
                return;
            }
        }
    });
    thread::spawn(move || {
        to_deliver
            .iter()
            .for_each(|message| answer(&client, &message));
    });
}

fn answer(client: &IpcSender<SyncReply>, message: &Message) {
    if let SyncManagerMessage::Request { call, .. } = message {
        let response = SyncResponse::Registered(Ok(()));
        // The end of the benchmark closes it.
        let _ = client.send(SyncReply {
            call: *call,
            response,
        });
    }
}

/// What a log takes at a time, in bytes.
const BLOCK_BYTES: usize = 4_096;
const LOG_BLOCKS: usize = 256;

/// A preallocated file that is written one block after the other.
pub struct RawLog {
    backend: FileBackend,
    block: Vec<u8>,
    next: usize,
}

impl RawLog {
    pub fn create(file: &Path) -> Result<Self> {
        let backend = FileBackend::new(File::create_new(file)?)?;
        for block in 0..LOG_BLOCKS {
            backend.write((block * BLOCK_BYTES) as u64, &[0; BLOCK_BYTES])?;
        }
        backend.sync_data()?;
        let (block, next) = (vec![7; BLOCK_BYTES], 0);
        Ok(Self {
            backend,
            block,
            next,
        })
    }

    /// One block, durably.
    pub fn append(&mut self) -> Result<()> {
        let offset = (self.next % LOG_BLOCKS) * BLOCK_BYTES;
        self.next += 1;
        self.backend.write(offset as u64, &self.block)?;
        self.backend.sync_data()?;
        Ok(())
    }
}

/// A redb file of its own.
pub struct RawDatabase {
    database: Database,
    next: u64,
}

impl RawDatabase {
    pub fn create(file: &Path) -> Result<Self> {
        let database = Database::create(file)?;
        Ok(Self { database, next: 1 })
    }

    /// So many new records, durably.
    pub fn commit(&mut self, record: &StoredRegistration, count: usize) -> Result<()> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        {
            let mut table = transaction.open_table(TABLE)?;
            for _ in 0..count {
                let bytes = encode(record)?;
                table.insert(self.next, bytes.as_slice())?;
                self.next += 1;
            }
        }
        transaction.commit()?;
        Ok(())
    }
}

/// Seconds for reading every record of a file, decoded.
pub fn read_all(file: &Path) -> Result<f64> {
    let start = Instant::now();
    let database = Database::open(file)?;
    let transaction = database.begin_read()?;
    let mut records = Vec::new();
    for entry in transaction.open_table(TABLE)?.iter()? {
        records.push(background_sync_store::decode(entry?.1.value())?);
    }
    Ok(start.elapsed().as_secs_f64())
}

/// Seconds for sending these from one thread to another.
pub fn send_events(events: Vec<DispatchedEvent>) -> Result<f64> {
    let (sender, receiver) = ipc::channel().context("no channel")?;
    let count = events.len();
    let start = Instant::now();
    let sending = thread::spawn(move || events.into_iter().try_for_each(|e| sender.send(e)));
    for _ in 0..count {
        receiver.recv().context("an event is missing")?;
    }
    let seconds = start.elapsed().as_secs_f64();
    if let Ok(result) = sending.join() {
        result?;
    }
    Ok(seconds)
}
