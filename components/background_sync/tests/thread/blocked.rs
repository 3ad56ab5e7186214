//! Clients that do not take their replies: they delay nobody else, and hold nothing for ever.

use background_sync::traits::{CallId, ConnectionId, SyncReply, SyncRequest, SyncResponse};
use background_sync::*;
use crossbeam_channel::{Receiver, bounded};
use ipc_channel::ipc::{self, IpcReceiver, IpcSender};

use crate::support::{
    Browser, Client, EngineCall, OPEN, Page, SOON, no_disk, quick, register_request, scope_at,
};

/// A connection whose client takes a reply when its receiver does, and not before.
struct Stubborn {
    connection: ConnectionId,
    replies: Receiver<SyncReply>,
}

impl Stubborn {
    fn connect(browser: &Browser, host: &str) -> Self {
        let (client, replies) = bounded(0);
        let connection = ConnectionId::new();
        browser.send(SyncManagerMessage::Connect {
            connection,
            scope: scope_at(&format!("https://{host}"), &format!("https://{host}/")),
            client: Client(client),
        });
        Self {
            connection,
            replies,
        }
    }

    fn ask(&self, browser: &Browser, call: usize, request: SyncRequest) {
        browser.send(SyncManagerMessage::Request {
            connection: self.connection,
            call: CallId(call as u64),
            request,
        });
    }

    fn take(&self) -> CallId {
        self.replies.recv_timeout(SOON).unwrap().call
    }
}

fn host(number: usize) -> String {
    format!("host-{number}.example")
}

#[test]
fn a_client_that_does_not_read_delays_nobody() {
    let browser = Browser::start(Config::new().connectivity(Connectivity::Offline));
    let stubborn = Stubborn::connect(&browser, "stubborn.example");
    let page = browser.page();
    for call in 0..20 {
        stubborn.ask(&browser, call, SyncRequest::GetTags);
        page.register(&format!("x{call}")).unwrap();
    }
    assert_eq!(page.tags().len(), 20);
    for call in 0..20 {
        assert_eq!(stubborn.take(), CallId(call), "it gets what it asked for");
    }
    stubborn.ask(&browser, 20, SyncRequest::GetTags);
    assert_eq!(stubborn.take(), CallId(20));
}

#[test]
fn too_many_unread_replies_end_the_connection_and_hold_no_event_back() {
    let policy = Policy {
        acknowledge_limit_ms: u64::MAX,
        ..quick()
    };
    let browser = Browser::start(Config::new().policy(policy));
    let stubborn = Stubborn::connect(&browser, "stubborn.example");
    stubborn.ask(&browser, 0, register_request("x"));
    let page = browser.page();
    // The first reply is on its way, and not among those that wait.
    for call in 1..=MAX_UNREAD_REPLIES + 1 {
        stubborn.ask(&browser, call, SyncRequest::GetTags);
        if call % 1_000 == 0 {
            page.tags();
        }
    }
    page.tags();
    // Its promise was never acknowledged, and never will be.
    assert_eq!(
        browser.event().scope.origin.as_str(),
        "https://stubborn.example"
    );
    assert_eq!(stubborn.take(), CallId(0), "the one that was on its way");
    assert!(stubborn.replies.recv_timeout(SOON).is_err(), "it is closed");
}

#[test]
fn the_clients_of_one_origin_block_few_threads() {
    let browser = Browser::start(Config::new());
    let stubborn: Vec<_> = (0..=MAX_BLOCKED_CLIENTS_PER_ORIGIN)
        .map(|_| Stubborn::connect(&browser, "stubborn.example"))
        .collect();
    for (number, client) in stubborn.iter().enumerate() {
        client.ask(&browser, number, SyncRequest::GetTags);
    }
    assert_eq!(browser.page().tags(), [""; 0]);
    let (last, first) = stubborn.split_last().unwrap();
    assert!(last.replies.recv_timeout(SOON).is_err(), "it was ended");
    for (number, client) in first.iter().enumerate() {
        assert_eq!(client.take(), CallId(number as u64));
    }
}

#[test]
fn the_clients_of_one_site_block_few_threads() {
    let browser = Browser::start(Config::new());
    let stubborn: Vec<_> = (0..=MAX_BLOCKED_CLIENTS_PER_SITE)
        .map(|number| Stubborn::connect(&browser, &format!("{number}.stubborn.example")))
        .collect();
    for client in &stubborn {
        client.ask(&browser, 1, SyncRequest::GetTags);
    }
    assert_eq!(browser.page().tags(), [""; 0]);
    let (last, first) = stubborn.split_last().unwrap();
    assert!(last.replies.recv_timeout(SOON).is_err(), "it was ended");
    assert_eq!(first[0].take(), CallId(1));
}

/// As many clients that do not read as may keep threads waiting.
fn block_all_threads(browser: &Browser, page: &Page<'_>) -> Vec<Stubborn> {
    let stubborn: Vec<_> = (0..MAX_BLOCKED_CLIENTS)
        .map(|number| Stubborn::connect(browser, &host(number / 4)))
        .collect();
    let (last, others) = stubborn.split_last().unwrap();
    for client in others {
        client.ask(browser, 1, SyncRequest::GetTags);
        // Handled: this page is handed its reply as long as there is a thread for it.
        page.tags();
    }
    last.ask(browser, 1, SyncRequest::GetTags);
    stubborn
}

#[test]
fn at_the_limit_clients_that_never_read_are_given_up() {
    let browser = Browser::start(Config::new().connectivity(Connectivity::Offline));
    let page = browser.page();
    let stubborn = block_all_threads(&browser, &page);
    for call in 0..10 {
        page.register(&format!("x{call}")).unwrap();
    }
    assert_eq!(page.tags().len(), 10);
    for client in &stubborn {
        assert_eq!(client.take(), CallId(1), "the one that was on its way");
        assert!(client.replies.recv_timeout(SOON).is_err(), "it is closed");
    }
    // They may come back.
    let again = browser.page_of(scope_at(
        &format!("https://{}", host(0)),
        &format!("https://{}/", host(0)),
    ));
    assert_eq!(again.tags(), [""; 0]);
}

#[test]
fn beyond_all_limits_the_manager_goes_on_and_replies_wait() {
    let browser = Browser::start(Config::new().policy(quick()));
    let page = browser.page();
    let stubborn = block_all_threads(&browser, &page);
    let call = page.ask_to_register("x");
    // The manager works on, and says what it has decided.
    let registered = |note: &SyncNotification| matches!(note, SyncNotification::Registered { .. });
    browser.note(registered);
    let control = browser.thread.as_ref().unwrap().control();
    assert_eq!(control.list().wait_timeout(SOON).unwrap().len(), 1);
    // One of them takes its reply, and the page gets its own.
    stubborn[7].take();
    let reply = page.reply();
    assert_eq!(
        (reply.call, reply.response),
        (call, SyncResponse::Registered(Ok(())))
    );
    // All of them block again or still: the end comes all the same.
    drop(browser);
}

#[test]
fn a_blocked_client_that_goes_away_holds_no_event_back() {
    let policy = Policy {
        acknowledge_limit_ms: u64::MAX,
        ..quick()
    };
    let browser = Browser::start(Config::new().policy(policy));
    let stubborn = Stubborn::connect(&browser, "stubborn.example");
    stubborn.ask(&browser, 0, register_request("x"));
    let page = browser.page();
    page.register("y").unwrap();
    browser.event();
    drop(stubborn);
    assert_eq!(
        browser.event().scope.origin.as_str(),
        "https://stubborn.example"
    );
}

#[test]
fn a_manager_that_could_not_start_is_not_blocked_either() {
    let (messages, messages_in) = crossbeam_channel::unbounded::<Result<_, String>>();
    let thread = SyncManager::spawn_unavailable::<Client, _>(&no_disk(), messages_in);
    let open = || {
        let (client, replies) = bounded(0);
        let connection = ConnectionId::new();
        let scope = scope_at("https://a.example", "https://a.example/");
        let connect = SyncManagerMessage::Connect {
            connection,
            scope,
            client: Client(client),
        };
        messages.send(Ok(connect)).unwrap();
        let request = SyncManagerMessage::Request {
            connection,
            call: CallId(1),
            request: register_request("x"),
        };
        messages.send(Ok(request)).unwrap();
        replies
    };
    let stubborn = open();
    let replies = open();
    replies.recv_timeout(SOON).unwrap();
    stubborn.recv_timeout(SOON).unwrap();
    thread.shutdown();
}

/// What a content process does with a real channel: it fills up after some hundred replies.
#[test]
fn an_ipc_client_that_never_reads_delays_nobody() {
    type Message = SyncManagerMessage<IpcSender<SyncReply>>;
    struct Open;
    impl Engine for Open {
        fn query_client_state(&self, _: &ScopeKey, responder: ClientStateResponder) {
            responder.answer(OPEN);
        }
        fn dispatch(&self, _: DispatchedEvent) {}
        fn terminate(&self, _: EventToken, _: &ScopeKey) {}
    }
    let (messages, receiver) = ipc::channel::<Message>().unwrap();
    let config = Config::new().connectivity(Connectivity::Offline);
    let messages_in = receive_over_ipc(receiver);
    let thread = SyncManager::spawn(config, messages_in, Box::new(Open), Box::new(Silent)).unwrap();
    let connect = |host: &str| -> (ConnectionId, IpcReceiver<SyncReply>) {
        let (client, replies) = ipc::channel().unwrap();
        let connection = ConnectionId::new();
        let scope = scope_at(&format!("https://{host}"), &format!("https://{host}/"));
        messages
            .send(Message::Connect {
                connection,
                scope,
                client,
            })
            .unwrap();
        (connection, replies)
    };
    let ask = |connection, call, request| {
        let call = CallId(call);
        let message = Message::Request {
            connection,
            call,
            request,
        };
        messages.send(message).unwrap();
    };
    let (hostile, unread) = connect("hostile.example");
    let (honest, replies) = connect("honest.example");
    for call in 0..3_000 {
        ask(hostile, call, SyncRequest::GetTags);
    }
    for call in 0..50 {
        ask(honest, call, register_request(&format!("x{call}")));
        let reply = replies.try_recv_timeout(SOON).unwrap();
        assert_eq!(
            (reply.call, reply.response),
            (CallId(call), SyncResponse::Registered(Ok(())))
        );
    }
    thread.shutdown();
    drop(unread);
}

/// An engine that does not answer, and what waits for it.
#[test]
fn what_a_slow_engine_is_asked_has_a_limit() {
    let browser = Browser::start_with(Config::new(), None, None).unwrap();
    let why = Unavailability::Busy;
    let refused = SyncResponse::Registered(Err(RegisterError::Unavailable { why }));
    let per_origin = MAX_CALLS_PER_ORIGIN / MAX_CALLS_PER_CONNECTION;
    let origins = MAX_CALLS_IN_ALL / MAX_CALLS_PER_ORIGIN;
    let mut pages = Vec::new();
    let bystander = browser.page();
    for origin in 0..origins {
        let scope = scope_at(
            &format!("https://{}", host(origin)),
            &format!("https://{}/", host(origin)),
        );
        for _ in 0..per_origin {
            let page = browser.page_of(scope.clone());
            for _ in 0..MAX_CALLS_PER_CONNECTION {
                page.ask_to_register("x");
            }
            // Handled: not too much waits.
            bystander.tags();
            pages.push(page);
        }
        let page = browser.page_of(scope);
        page.ask_to_register("x");
        assert_eq!(page.reply().response, refused);
    }
    let page = browser.page();
    page.ask_to_register("x");
    assert_eq!(page.reply().response, refused);
    // One answer of the engine makes room for one call.
    let EngineCall::Query(_, responder) = browser.engine.recv_timeout(SOON).unwrap() else {
        panic!()
    };
    responder.answer(OPEN);
    assert_eq!(pages[0].reply().response, SyncResponse::Registered(Ok(())));
    page.ask_to_register("x");
    let mut asked = 0;
    while asked < MAX_CALLS_IN_ALL {
        let call = browser.engine.recv_timeout(SOON).unwrap();
        asked += usize::from(matches!(call, EngineCall::Query(..)));
    }
    assert!(page.replies.is_empty(), "it is not refused");
}
