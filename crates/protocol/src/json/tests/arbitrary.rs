//! Any value of every frame.

use parlance_types::frame::*;
use parlance_types::*;
use proptest::prelude::*;
use proptest::{bool, option};

macro_rules! ids {
    ($($name:ident: $type:ty;)*) => { $(
        pub(crate) fn $name() -> impl Strategy<Value = $type> {
            any::<[u8; 16]>().prop_map(<$type>::from_bytes)
        }
    )* };
}

ids! {
    account: AccountId;
    connection: ConnectionId;
    conversation: ConversationId;
    device: DeviceId;
    message_id: MessageId;
    session: SessionId;
    epoch: Epoch;
    hash: Hash;
}

pub(crate) fn seq() -> impl Strategy<Value = Seq> {
    (1..=Seq::MAX).prop_map(|seq| Seq::new(seq).expect("in its range"))
}

fn micros() -> impl Strategy<Value = Micros> {
    any::<u64>().prop_map(Micros::new)
}

fn ordinal() -> impl Strategy<Value = Ordinal> {
    any::<u64>().prop_map(Ordinal::new)
}

pub(crate) fn cursor() -> impl Strategy<Value = Cursor> {
    (epoch(), any::<u64>())
        .prop_map(|(epoch, position)| Cursor { epoch, position: Position::new(position) })
}

pub(crate) fn text() -> impl Strategy<Value = MessageText> {
    any::<String>().prop_filter_map("not empty", |text| MessageText::new(&text).ok())
}

pub(crate) fn title() -> impl Strategy<Value = Title> {
    "[^\\p{Cc}]{1,40}".prop_filter_map("not blank", |text| Title::new(&text).ok())
}

fn emoji() -> impl Strategy<Value = Emoji> {
    prop::sample::select(vec!["👍", "❤️", "👩‍👩‍👧‍👦", "🇨🇭", "1️⃣", "\u{202e}"])
        .prop_map(|text| Emoji::new(text).expect("an emoji"))
}

pub(crate) fn handle() -> impl Strategy<Value = Handle> {
    "[a-z0-9_.]{3,32}".prop_map(|text| text.parse().expect("a handle"))
}

fn boxed() -> impl Strategy<Value = Box<str>> {
    any::<String>().prop_map(String::into)
}

/// A text with entities that lie within it.
fn written() -> impl Strategy<Value = (MessageText, Vec<Entity>)> {
    (
        text(),
        prop::collection::vec(
            (any::<(prop::sample::Index, prop::sample::Index)>(), entity_kind()),
            0..4,
        ),
    )
        .prop_map(|(text, wanted)| {
            let mut boundaries = vec![0];
            for character in text.chars() {
                boundaries.push(boundaries[boundaries.len() - 1] + character.len_utf16() as u32);
            }
            let entity =
                |((from, to), kind): ((prop::sample::Index, prop::sample::Index), EntityKind)| {
                    let (from, to) = (*from.get(&boundaries), *to.get(&boundaries));
                    (from != to).then(|| Entity {
                        kind,
                        offset: from.min(to),
                        length: from.abs_diff(to),
                    })
                };
            let entities = wanted.into_iter().filter_map(entity).collect();
            (text, entities)
        })
}

fn entity_kind() -> impl Strategy<Value = EntityKind> {
    prop_oneof![
        account().prop_map(|account| EntityKind::Mention { account }),
        option::of("[a-z+]{1,32}")
            .prop_map(|language| EntityKind::Pre { language: language.map(String::into) }),
        prop::sample::select(vec![
            EntityKind::Link,
            EntityKind::Bold,
            EntityKind::Italic,
            EntityKind::Strike,
            EntityKind::Code,
            EntityKind::Quote,
            EntityKind::Spoiler,
        ]),
    ]
}

fn role() -> impl Strategy<Value = Role> {
    prop::sample::select(vec![Role::Member, Role::Admin, Role::Owner])
}

fn who() -> impl Strategy<Value = Who> {
    prop::sample::select(vec![Who::Members, Who::Admins])
}

fn history() -> impl Strategy<Value = History> {
    prop::sample::select(vec![History::SinceJoin, History::All])
}

pub(crate) fn settings() -> impl Strategy<Value = Settings> {
    (who(), who(), who(), history()).prop_map(|(send, add, info, history)| Settings {
        send,
        add,
        info,
        history,
    })
}

fn change() -> impl Strategy<Value = SettingsChange> {
    (option::of(who()), option::of(who()), option::of(who()), option::of(history()))
        .prop_map(|(send, add, info, history)| SettingsChange { send, add, info, history })
}

fn kind() -> impl Strategy<Value = ConversationKind> {
    prop::sample::select(&ConversationKind::ALL[..])
}

fn accounts() -> impl Strategy<Value = Vec<AccountId>> {
    prop::collection::vec(account(), 0..4)
}

fn listed() -> impl Strategy<Value = Vec<Listed>> {
    prop::collection::vec(
        (account(), role()).prop_map(|(account, role)| Listed { account, role }),
        0..4,
    )
}

pub(crate) fn personal() -> impl Strategy<Value = Personal> {
    let draft = any::<String>().prop_map(|text| DraftText::new(&text).ok());
    let time = option::of((0..=Seq::MAX).prop_map(Micros::new));
    (time, any::<[bool; 3]>(), option::of(seq()), option::of(seq()), draft).prop_map(
        |(mute_until, [archived, pinned, unread], cleared, hidden, draft)| Personal {
            mute_until,
            archived,
            pinned,
            cleared,
            hidden,
            unread,
            draft,
        },
    )
}

pub(crate) fn personal_at() -> impl Strategy<Value = PersonalAt> {
    (seq(), personal()).prop_map(|(seq, personal)| PersonalAt { seq, personal })
}

fn personal_change() -> impl Strategy<Value = Box<PersonalChange>> {
    (conversation(), option::of(seq()), personal()).prop_map(
        |(conversation, based_on, personal)| {
            Box::new(PersonalChange { conversation, based_on, personal })
        },
    )
}

pub(crate) fn body() -> impl Strategy<Value = Body> {
    prop_oneof![
        3 => written().prop_map(|(text, entities)| Body::Text { text, entities }),
        1 => (seq(), written()).prop_map(|(target, (text, entities))| Body::Edit { target, text, entities }),
        1 => seq().prop_map(|target| Body::Delete { target }),
        1 => (seq(), emoji()).prop_map(|(target, emoji)| Body::React { target, emoji }),
        1 => (seq(), emoji()).prop_map(|(target, emoji)| Body::Unreact { target, emoji }),
        1 => (kind(), option::of(title()), listed(), settings(), any::<u16>()).prop_map(
            |(kind, title, members, settings, region)| Body::Create { kind, title, members, settings, region }
        ),
        1 => accounts().prop_map(|accounts| Body::Add { accounts }),
        1 => account().prop_map(|account| Body::Remove { account }),
        1 => option::of(account()).prop_map(|promoted| Body::Leave { promoted }),
        1 => (account(), role()).prop_map(|(account, role)| Body::Role { account, role }),
        1 => title().prop_map(|title| Body::Rename { title }),
        1 => option::of(text()).prop_map(|text| Body::Describe { text }),
        1 => change().prop_map(Body::Settings),
        1 => personal_change().prop_map(Body::Personal),
    ]
}

/// What a client may ask of a conversation.
pub(crate) fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        3 => (written(), option::of(seq()), option::of(seq()), bool::ANY).prop_map(
            |((text, entities), reply_to, seen, silent)| Action::Send { to: None, text, entities, reply_to, seen, silent }
        ),
        1 => (seq(), written()).prop_map(|(target, (text, entities))| Action::Edit { target, text, entities }),
        1 => seq().prop_map(|target| Action::Delete { target }),
        1 => (seq(), emoji()).prop_map(|(target, emoji)| Action::React { target, emoji }),
        1 => (seq(), emoji()).prop_map(|(target, emoji)| Action::Unreact { target, emoji }),
        1 => accounts().prop_map(|accounts| Action::Add { accounts }),
        1 => account().prop_map(|account| Action::Remove { account }),
        1 => Just(Action::Leave),
        1 => (account(), role()).prop_map(|(account, role)| Action::Role { account, role }),
        1 => title().prop_map(|title| Action::Rename { title }),
        1 => option::of(text()).prop_map(|text| Action::Describe { text }),
        1 => change().prop_map(Action::Settings),
        1 => personal_change().prop_map(Action::Personal),
    ]
}

fn send() -> impl Strategy<Value = Send> {
    let create = (any::<u64>(), "[a-z\\\\\"é]{1,20}", option::of(title()), accounts(), settings())
        .prop_map(|(id, key, title, members, settings)| Send {
            id,
            place: Place::Key(key.into()),
            message_id: None,
            action: Action::Create { title, members, settings },
        });
    let other = (any::<u64>(), conversation(), option::of(account()), message_id(), action())
        .prop_map(|(id, conversation, account, message_id, mut action)| {
            if let Action::Send { to, .. } = &mut action {
                *to = account;
            }
            let place = account.map_or(Place::Conversation(conversation), Place::To);
            Send { id, place, message_id: Some(message_id), action }
        });
    let own =
        (any::<u64>(), message_id(), personal_change()).prop_map(|(id, message_id, change)| {
            let action = Action::Personal(change);
            Send { id, place: Place::Account, message_id: Some(message_id), action }
        });
    prop_oneof![1 => create, 4 => other, 1 => own]
}

fn range() -> impl Strategy<Value = FetchRange> {
    prop_oneof![
        any::<u64>().prop_map(|after| FetchRange::After { after }),
        option::of(seq()).prop_map(|before| FetchRange::Before { before }),
        seq().prop_map(|around| FetchRange::Around { around }),
        (any::<u64>(), seq()).prop_map(|(after, up_to)| FetchRange::ChangesAfter { after, up_to }),
    ]
}

fn signal_kind() -> impl Strategy<Value = SignalKind> {
    prop::sample::select(SignalKind::ALL)
}

fn presence_request() -> impl Strategy<Value = PresenceRequest> {
    let state = prop::sample::select(&PresenceState::ALL[..4]);
    (state, option::of(title()), option::of(micros()))
        .prop_map(|(state, text, until)| PresenceRequest { state, text, until })
}

fn watch() -> impl Strategy<Value = WatchRequest> {
    let accounts = prop::collection::vec(account(), 0..4);
    (any::<u64>(), accounts, 1..=limits::WATCH_SECONDS_MAX)
        .prop_map(|(id, accounts, seconds)| WatchRequest { id, accounts, seconds })
}

fn presence() -> impl Strategy<Value = PresenceFrame> {
    let state = prop::sample::select(PresenceState::ALL);
    (account(), state, option::of(title()), option::of(micros()), option::of(micros())).prop_map(
        |(account, state, text, until, last_seen)| PresenceFrame {
            account,
            state,
            text,
            until,
            last_seen,
        },
    )
}

pub(crate) fn client_frame() -> impl Strategy<Value = ClientFrame> {
    let hello = (boxed(), option::of(cursor()), option::of(presence_request())).prop_map(
        |(token, cursor, presence)| ClientFrame::Hello(Hello { token, cursor, presence }),
    );
    let mark = (conversation(), option::of(seq()), seq(), bool::ANY).prop_map(
        |(conversation, one, other, swap)| {
            let (delivered, read) = if swap { (Some(other), one) } else { (one, Some(other)) };
            ClientFrame::Mark(MarkRequest { conversation, delivered, read })
        },
    );
    let fetch = (any::<u64>(), conversation(), range(), 1..=limits::PAGE_EVENTS_MAX).prop_map(
        |(id, conversation, range, limit)| {
            ClientFrame::Fetch(Fetch { id, conversation, range, limit })
        },
    );
    let from = prop_oneof![
        Just(SyncFrom::Start),
        cursor().prop_map(SyncFrom::Cursor),
        boxed().prop_map(SyncFrom::More)
    ];
    let sync = (any::<u64>(), from, 1..=limits::PAGE_HEADS_MAX)
        .prop_map(|(id, from, limit)| ClientFrame::Sync(Sync { id, from, limit }));
    prop_oneof![
        1 => hello,
        6 => send().prop_map(ClientFrame::Send),
        1 => mark,
        1 => fetch,
        1 => sync,
        1 => (conversation(), signal_kind())
            .prop_map(|(conversation, kind)| ClientFrame::Signal(SignalRequest { conversation, kind })),
        1 => presence_request().prop_map(ClientFrame::Presence),
        1 => watch().prop_map(ClientFrame::Watch),
        1 => any::<u64>().prop_map(|n| ClientFrame::Ping { n }),
    ]
}

pub(crate) fn event() -> impl Strategy<Value = Event> {
    let content = (body(), option::of(seq()), option::of(seq()), bool::ANY)
        .prop_map(|(body, reply_to, seen, silent)| Content { body, reply_to, seen, silent });
    let ids = (conversation(), account(), option::of(device()), message_id());
    (ids, seq(), micros(), ordinal(), hash(), content).prop_map(
        |((conversation, sender, device, message_id), seq, at, ordinal, hash, content)| Event {
            conversation,
            seq,
            at,
            sender,
            device,
            message_id,
            ordinal,
            hash,
            content,
        },
    )
}

pub(crate) fn person() -> impl Strategy<Value = Person> {
    (account(), handle(), title()).prop_map(|(account, handle, name)| Person {
        account,
        handle,
        name,
    })
}

fn marks() -> impl Strategy<Value = Vec<AccountMarks>> {
    let marks = (account(), option::of(seq()), option::of(seq()))
        .prop_map(|(account, delivered, read)| AccountMarks { account, delivered, read });
    prop::collection::vec(marks, 0..3)
}

pub(crate) fn head() -> impl Strategy<Value = Head> {
    let names = (conversation(), kind(), option::of(title()), option::of(boxed()), settings());
    let members = (listed(), any::<usize>(), option::of(role()), marks());
    let last = (seq(), micros(), account(), option::of(boxed()))
        .prop_map(|(seq, at, sender, text)| Last { seq, at, sender, text });
    let shown = (any::<u64>(), option::of(last), micros(), option::of(personal_at()));
    (names, members, (seq(), seq()), hash(), ordinal(), shown).prop_map(
        |(names, members, (seq, first), hash, ordinal, shown)| {
            let (unread, last, changed_at, personal) = shown;
            let (conversation, kind, title, description, settings) = names;
            let (members, member_count, role, marks) = members;
            Head {
                conversation,
                kind,
                title,
                description,
                members,
                member_count,
                role,
                seq,
                hash,
                first,
                ordinal,
                unread,
                marks,
                last,
                changed_at,
                settings,
                personal: personal.map(Box::new),
            }
        },
    )
}

pub(crate) fn listing() -> impl Strategy<Value = Listing> {
    let people = prop::collection::vec(person(), 0..3);
    (people, prop::collection::vec(head(), 0..3), option::of(boxed()), option::of(cursor()))
        .prop_map(|(people, heads, more, cursor)| Listing { people, heads, more, cursor })
}

pub(crate) fn ok() -> impl Strategy<Value = Ok> {
    (any::<u64>(), conversation(), message_id(), seq(), micros(), hash(), ordinal(), bool::ANY)
        .prop_map(|(id, conversation, message_id, seq, at, hash, ordinal, duplicate)| Ok {
            id,
            conversation,
            message_id,
            seq,
            at,
            hash,
            ordinal,
            duplicate,
        })
}

pub(crate) fn error() -> impl Strategy<Value = ErrorFrame> {
    let texts = (option::of(boxed()), option::of(boxed()), option::of(boxed()));
    let code = prop::sample::select(Code::ALL);
    let when = (option::of(any::<u64>()), option::of(micros()));
    (option::of(any::<u64>()), code, texts, when, option::of(personal_at())).prop_map(
        |(id, code, (message, field, trace), (retry_after_ms, now), current)| ErrorFrame {
            id,
            code,
            message,
            field,
            retry_after_ms,
            now,
            trace,
            current: current.map(Box::new),
        },
    )
}

fn entry() -> impl Strategy<Value = PageEntry> {
    let reaction = (emoji(), account(), seq()).prop_map(|(emoji, account, seq)| Reaction {
        emoji,
        account,
        seq,
    });
    let now = (seq(), option::of(body()), bool::ANY, prop::collection::vec(reaction, 0..3))
        .prop_map(|(as_of, body, edited, reactions)| Now { as_of, body, edited, reactions });
    let event = (event(), option::of(now)).prop_map(|(mut event, now)| {
        // A page shows it to nobody.
        event.device = None;
        PageEntry::Event { event: Box::new(event), now }
    });
    let deleted = (seq(), micros(), account(), message_id(), ordinal(), hash()).prop_map(
        |(seq, at, sender, message_id, ordinal, hash)| {
            PageEntry::Deleted(Deleted { seq, at, sender, message_id, ordinal, hash })
        },
    );
    let hidden = (seq(), seq()).prop_map(|(seq, up_to)| PageEntry::Hidden { seq, up_to });
    prop_oneof![3 => event, 1 => deleted, 1 => hidden]
}

pub(crate) fn page() -> impl Strategy<Value = Page> {
    let people = prop::collection::vec(person(), 0..3);
    let events = prop::collection::vec(entry(), 0..4);
    (any::<u64>(), conversation(), people, events, seq(), seq(), option::of(seq())).prop_map(
        |(id, conversation, people, events, head, first, next)| Page {
            id,
            conversation,
            people,
            events,
            head,
            first,
            next,
        },
    )
}

fn ready() -> impl Strategy<Value = Ready> {
    let ids = (connection(), session(), account(), device(), epoch());
    (ids, boxed(), any::<u64>(), micros(), bool::ANY, listing()).prop_map(
        |(
            (connection, session, account, device, epoch),
            node,
            heartbeat_ms,
            now,
            resumed,
            listing,
        )| Ready {
            connection,
            session,
            account,
            device,
            node,
            epoch,
            heartbeat_ms,
            now,
            resumed,
            listing,
        },
    )
}

/// An event without its device: how [`crate::json::encode_server`] writes it.
pub(crate) fn server_frame() -> impl Strategy<Value = ServerFrame> {
    let event = event().prop_map(|mut event| {
        event.device = None;
        ServerFrame::Event(Box::new(event))
    });
    let heads = (option::of(any::<u64>()), listing())
        .prop_map(|(id, listing)| ServerFrame::Heads(Box::new(Heads { id, listing })));
    let mark = (conversation(), marks())
        .prop_map(|(conversation, marks)| ServerFrame::Mark(MarkFrame { conversation, marks }));
    let signal =
        (conversation(), account(), signal_kind()).prop_map(|(conversation, sender, kind)| {
            ServerFrame::Signal(SignalFrame { conversation, sender, kind })
        });
    let bye =
        (prop::sample::select(CloseCode::ALL), option::of(any::<u64>()), option::of(any::<u64>()))
            .prop_map(|(code, retry_after_ms, spread_ms)| {
                ServerFrame::Bye(Bye { code, retry_after_ms, spread_ms })
            });
    prop_oneof![
        1 => ready().prop_map(|ready| ServerFrame::Ready(Box::new(ready))),
        1 => heads,
        1 => ok().prop_map(ServerFrame::Ok),
        1 => error().prop_map(ServerFrame::Error),
        3 => event,
        1 => mark,
        1 => signal,
        1 => presence().prop_map(ServerFrame::Presence),
        1 => any::<u64>().prop_map(|id| ServerFrame::Done { id }),
        1 => page().prop_map(|page| ServerFrame::Page(Box::new(page))),
        1 => cursor().prop_map(|cursor| ServerFrame::Lag { cursor }),
        1 => (any::<u64>(), option::of(cursor())).prop_map(|(n, cursor)| ServerFrame::Pong { n, cursor }),
        1 => bye,
    ]
}
