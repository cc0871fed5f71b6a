use parlance_types::ConversationId;
use parlance_types::frame::{FetchRange, Place};
use parlance_types::{Action, MessageId, Seq};
use proptest::prelude::*;

use super::*;

const HEARTBEAT: u64 = 30_000;
const DONE: Page = Page { position: Position::new(100), more: false };

fn hello() -> ClientFrame {
    ClientFrame::Hello(Hello { token: "t".into(), cursor: None, presence: None })
}

fn send(id: RequestId) -> ClientFrame {
    ClientFrame::Send(Send {
        id,
        place: Place::Conversation(ConversationId::from_bytes([1; 16])),
        message_id: Some(MessageId::from_time(1, [1; 10])),
        action: Action::Leave,
    })
}

fn fetch(id: RequestId) -> ClientFrame {
    let conversation = ConversationId::from_bytes([1; 16]);
    ClientFrame::Fetch(Fetch {
        id,
        conversation,
        range: FetchRange::Around { around: Seq::FIRST },
        limit: 1,
    })
}

fn sync(id: RequestId, from: SyncFrom) -> ClientFrame {
    ClientFrame::Sync(Sync { id, from, limit: 20 })
}

fn code(output: &Output) -> Option<Code> {
    match output {
        Output::Reply(error) => Some(error.code),
        _ => None,
    }
}

fn close_code(output: &Output) -> Option<CloseCode> {
    match output {
        Output::Close(bye) => Some(bye.code),
        _ => None,
    }
}

/// Authenticated at time 0 with this first page.
fn live(listing: Page) -> Connection {
    let mut connection = Connection::new(Door::Socket, 0, HEARTBEAT);
    assert!(matches!(connection.handle(0, Input::Frame(hello())), Output::Authenticate(_)));
    connection.handle(0, Input::Authenticated { resumed: None, listing });
    connection
}

#[test]
fn hello_comes_first_and_in_time() {
    let mut late = Connection::new(Door::Socket, 5, HEARTBEAT);
    assert_eq!(late.deadline(), Some(2_005));
    assert_eq!(late.handle(2_004, Input::Time), Output::Wait);
    assert_eq!(close_code(&late.handle(2_005, Input::Time)), Some(CloseCode::HelloTimeout));

    for first in [send(1), fetch(1), ClientFrame::Ping { n: 1 }, sync(1, SyncFrom::Start)] {
        let mut connection = Connection::new(Door::Socket, 0, HEARTBEAT);
        let output = connection.handle(0, Input::Frame(first));
        assert_eq!(close_code(&output), Some(CloseCode::ProtocolViolation));
    }
    let unreadable = Input::Unreadable(ErrorFrame::new(None, Code::MalformedFrame));
    let output = Connection::new(Door::Socket, 0, HEARTBEAT).handle(0, unreadable);
    assert_eq!(close_code(&output), Some(CloseCode::ProtocolViolation));
}

#[test]
fn nothing_is_forwarded_before_the_token_was_checked() {
    let mut connection = Connection::new(Door::Socket, 0, HEARTBEAT);
    connection.handle(0, Input::Frame(hello()));
    assert!(!connection.reads());
    assert!(!connection.pushes());
    assert_eq!(connection.handle(1, Input::Frame(send(1))), Output::Later(send(1)));
    let output = connection.handle(2, Input::TurnedAway(CloseCode::Unauthenticated));
    assert_eq!(close_code(&output), Some(CloseCode::Unauthenticated));
    assert_eq!(connection.handle(3, Input::Frame(send(1))), Output::Wait);
}

#[test]
fn a_second_hello_is_an_error_and_no_reason_to_close() {
    let mut connection = live(DONE);
    let output = connection.handle(1, Input::Frame(hello()));
    assert_eq!(code(&output), Some(Code::AlreadyAuthenticated));
    let unreadable = Input::Unreadable(ErrorFrame::new(None, Code::UnknownFrame));
    assert_eq!(code(&connection.handle(1, unreadable)), Some(Code::UnknownFrame));
    assert!(matches!(connection.handle(1, Input::Frame(send(2))), Output::Command(_)));
}

#[test]
fn only_silence_of_a_heartbeat_and_its_grace_is_death() {
    let mut connection = live(DONE);
    assert_eq!(connection.deadline(), Some(40_000));
    connection.handle(20_000, Input::Heard);
    assert_eq!(connection.handle(40_000, Input::Time), Output::Wait);
    assert_eq!(close_code(&connection.handle(60_000, Input::Time)), Some(CloseCode::Silent));
    assert_eq!(connection.handle(61_999, Input::Time), Output::Wait);
    assert_eq!(connection.handle(62_000, Input::Time), Output::Abandon);
}

#[test]
fn a_socket_that_takes_no_byte_for_a_minute_is_abandoned() {
    let mut connection = live(DONE);
    connection.handle(0, Input::Wrote { progressed: true, blocked: true });
    connection.handle(50_000, Input::Wrote { progressed: true, blocked: true });
    connection.handle(100_000, Input::Wrote { progressed: false, blocked: true });
    connection.handle(100_000, Input::Heard);
    assert_eq!(connection.deadline(), Some(110_000));
    assert_eq!(connection.handle(109_999, Input::Time), Output::Wait);
    assert_eq!(connection.handle(110_000, Input::Time), Output::Abandon);

    let mut connection = live(DONE);
    connection.handle(0, Input::Wrote { progressed: true, blocked: true });
    connection.handle(1, Input::Wrote { progressed: true, blocked: false });
    assert_eq!(connection.deadline(), Some(40_000));
}

#[test]
fn too_many_commands_stop_the_reading_and_are_not_refused() {
    let mut connection = live(DONE);
    for id in 0..limits::COMMANDS_MAX as u64 {
        assert!(connection.reads());
        assert!(matches!(connection.handle(1, Input::Frame(send(id))), Output::Command(_)));
    }
    assert!(!connection.reads());
    assert_eq!(connection.deadline(), None, "who is not read cannot be silent");
    assert!(matches!(connection.handle(1, Input::Frame(send(9))), Output::Later(_)));
    connection.handle(70_000, Input::Answered);
    assert!(connection.reads());
    assert_eq!(connection.deadline(), Some(110_000));
}

#[test]
fn too_many_requests_are_refused_until_some_are_answered() {
    let mut connection = live(DONE);
    for id in 0..limits::REQUESTS_MAX as u64 {
        assert!(matches!(connection.handle(1, Input::Frame(fetch(id))), Output::Fetch(_)));
    }
    for frame in [fetch(9), sync(9, SyncFrom::Start)] {
        let Output::Reply(error) = connection.handle(1, Input::Frame(frame)) else {
            panic!("not refused")
        };
        assert_eq!((error.id, error.code), (Some(9), Code::TooManyRequests));
        assert!(error.retry_after_ms.is_some());
    }
    connection.handle(2, Input::Fetched);
    assert!(matches!(connection.handle(2, Input::Frame(fetch(10))), Output::Fetch(_)));
}

#[test]
fn the_position_stands_still_while_a_listing_is_unfinished() {
    let mut connection = live(Page { position: Position::new(10), more: true });
    connection.handle(1, Input::Covered(Position::new(50)));
    let ping = Input::Frame(ClientFrame::Ping { n: 3 });
    let answer = connection.handle(1, ping.clone());
    assert_eq!(answer, Output::Pong { n: 3, position: None });
    let more = sync(1, SyncFrom::More("1".into()));
    assert!(matches!(connection.handle(1, Input::Frame(more.clone())), Output::List(_)));
    let busy = connection.handle(1, Input::Frame(more.clone()));
    assert_eq!(code(&busy), Some(Code::TooManyRequests));
    connection.handle(2, Input::Listed(Page { position: Position::new(10), more: false }));
    assert_eq!(
        connection.handle(2, ping),
        Output::Pong { n: 3, position: Some(Position::new(10)) }
    );
    connection.handle(3, Input::Covered(Position::new(60)));
    assert_eq!(connection.position(), Some(Position::new(60)));
    assert_eq!(code(&connection.handle(3, Input::Frame(more))), Some(Code::InvalidField));
}

#[test]
fn a_lagging_connection_stands_still_until_it_syncs() {
    let mut connection = live(DONE);
    connection.handle(1, Input::Covered(Position::new(120)));
    assert_eq!(connection.handle(2, Input::Overflowed), Output::Lag(Position::new(120)));
    assert!(!connection.pushes());
    assert_eq!(connection.handle(2, Input::Overflowed), Output::Wait, "said once");
    connection.handle(3, Input::Covered(Position::new(130)));
    assert_eq!(connection.position(), Some(Position::new(120)));
    assert!(matches!(connection.handle(4, Input::Frame(send(1))), Output::Command(_)));
    let output = connection.handle(5, Input::Frame(sync(2, SyncFrom::Start)));
    assert!(matches!(output, Output::List(_)));
    assert!(connection.pushes(), "live first, heads second");
    connection.handle(6, Input::Covered(Position::new(140)));
    assert_eq!(connection.position(), Some(Position::new(120)));
    connection.handle(7, Input::Listed(Page { position: Position::new(130), more: false }));
    assert_eq!(connection.position(), Some(Position::new(130)));
}

#[test]
fn revoking_and_leaving_say_what_to_do_next() {
    let output = live(DONE).handle(1, Input::Revoked);
    assert_eq!(close_code(&output), Some(CloseCode::SessionRevoked));
    let output = live(DONE).handle(1, Input::Leave { spread_ms: 30_000 });
    let bye = Bye { code: CloseCode::ShuttingDown, retry_after_ms: None, spread_ms: Some(30_000) };
    assert_eq!(output, Output::Close(bye));
}

#[test]
fn first_pings_are_spread_over_the_heartbeat() {
    assert_eq!(first_heartbeat_ms(HEARTBEAT, 0), 0);
    assert_eq!(first_heartbeat_ms(HEARTBEAT, 1 << 31), 15_000);
    assert_eq!(first_heartbeat_ms(HEARTBEAT, u32::MAX), 29_999);
}

fn any_input() -> impl Strategy<Value = Input> {
    let page = (0..50_u64, any::<bool>())
        .prop_map(|(position, more)| Page { position: Position::new(position), more });
    prop_oneof![
        Just(Input::Heard),
        Just(Input::Frame(hello())),
        (0..9_u64).prop_map(|id| Input::Frame(send(id))),
        (0..9_u64).prop_map(|id| Input::Frame(fetch(id))),
        (0..9_u64).prop_map(|id| Input::Frame(sync(id, SyncFrom::Start))),
        (0..9_u64).prop_map(|id| Input::Frame(sync(id, SyncFrom::More("m".into())))),
        Just(Input::Frame(ClientFrame::Ping { n: 1 })),
        page.clone().prop_map(Input::Listed),
        page.prop_map(|listing| Input::Authenticated { resumed: None, listing }),
        (0..50_u64).prop_map(|position| Input::Covered(Position::new(position))),
        Just(Input::Overflowed),
        Just(Input::ListingFailed),
        Just(Input::Fetched),
        Just(Input::Answered),
        any::<(bool, bool)>()
            .prop_map(|(progressed, blocked)| Input::Wrote { progressed, blocked }),
        Just(Input::Time),
    ]
}

proptest! {
    #[test]
    fn any_sequence_of_inputs_keeps_the_rules(
        inputs in prop::collection::vec((any_input(), 0..20_000_u64), 0..60),
    ) {
        let mut connection = Connection::new(Door::Socket, 0, HEARTBEAT);
        let (mut now, mut greeted, mut closed) = (0, false, false);
        for (input, passed) in inputs {
            now += passed;
            // The shell says so once, after it was asked to.
            let authenticates = matches!(input, Input::Authenticated { .. });
            if authenticates && (greeted || connection.phase != Phase::Authenticating) {
                continue;
            }
            greeted |= authenticates;
            let before = connection.position();
            let output = connection.handle(now, input);
            prop_assert!(connection.position() >= before, "positions only advance");
            let forwards = matches!(
                output,
                Output::Command(_)
                    | Output::Fetch(_)
                    | Output::List(_)
                    | Output::Mark(_)
                    | Output::Signal(_)
                    | Output::Presence(_)
                    | Output::Watch(_)
            );
            prop_assert!(!forwards || greeted && !closed);
            closed |= matches!(output, Output::Close(_) | Output::Abandon);
            prop_assert!(!closed || !connection.reads() && !connection.pushes());
            prop_assert!(connection.fetches <= limits::REQUESTS_MAX);
        }
    }
}

fn at_door(door: Door, listing: Page) -> Connection {
    let mut connection = Connection::new(door, 0, HEARTBEAT);
    assert!(matches!(connection.handle(0, Input::Frame(hello())), Output::Authenticate(_)));
    connection.handle(0, Input::Authenticated { resumed: None, listing });
    connection
}

#[test]
fn a_stream_shows_every_heartbeat_that_it_lives() {
    let mut stream = at_door(Door::Stream, DONE);
    for beat in 1..4 {
        assert_eq!(stream.deadline(), Some(beat * HEARTBEAT));
        assert_eq!(stream.handle(beat * HEARTBEAT - 1, Input::Time), Output::Wait);
        let position = Some(DONE.position);
        assert_eq!(stream.handle(beat * HEARTBEAT, Input::Time), Output::Beat(position));
    }
}

#[test]
fn who_does_not_poll_is_forgotten_and_who_waits_is_not() {
    let mut poll = at_door(Door::Poll, DONE);
    poll.handle(10, Input::Polled { waits: true });
    assert_eq!(poll.deadline(), None);
    poll.handle(500, Input::Polled { waits: false });
    assert_eq!(poll.deadline(), Some(500 + limits::POLL_ABSENT_MS_MAX));
    let late = poll.handle(500 + limits::POLL_ABSENT_MS_MAX, Input::Time);
    assert_eq!(close_code(&late), Some(CloseCode::Silent));
}

#[test]
fn doors_whose_client_cannot_ask_ask_for_heads_themselves() {
    let open = Page { more: true, ..DONE };
    for door in [Door::Stream, Door::Poll] {
        let mut connection = at_door(door, open);
        assert_eq!(connection.wish(), Some(Wish::NextPage));
        let more = sync(0, SyncFrom::More("1".into()));
        assert!(matches!(connection.handle(0, Input::Frame(more)), Output::List(_)));
        assert_eq!(connection.wish(), None, "one page at a time");
        connection.handle(0, Input::Listed(DONE));
        assert_eq!(connection.wish(), None, "that was all");

        assert_eq!(connection.handle(0, Input::Overflowed), Output::Lag(DONE.position));
        assert_eq!(connection.wish(), Some(Wish::Since(Some(DONE.position))));
        let failed = sync(0, SyncFrom::Start);
        assert!(matches!(connection.handle(0, Input::Frame(failed)), Output::List(_)));
        let output = connection.handle(0, Input::ListingFailed);
        assert_eq!(close_code(&output), Some(CloseCode::Overloaded), "it comes back later");
    }
    assert_eq!(live(open).wish(), None, "a socket's client asks");
}
