//! A tiny honest server: conversations as plain lists of events, one account. It shares no rule with the machine but the protocol's.

use std::collections::BTreeMap;

use parlance_types::frame::{
    ClientFrame, Cursor, ErrorFrame, Fetch, FetchRange, Head, Heads, Listing, Ok as OkFrame, Page,
    PageEntry, Place, Ready, Send, ServerFrame, SyncFrom,
};
use parlance_types::{
    AccountId, Action, Body, Code, ConnectionId, Content, ConversationId, ConversationKind,
    DeviceId, Epoch, Event, Hash, MessageId, MessageText, Micros, Ordinal, Position, Seq,
    SessionId, Settings,
};

pub(crate) const ME: AccountId = AccountId::from_bytes([1; 16]);
pub(crate) const OTHER: AccountId = AccountId::from_bytes([2; 16]);
const PAGE: usize = 3;

#[derive(Clone, Default)]
pub(crate) struct Server {
    pub(crate) epoch: u8,
    pub(crate) logs: BTreeMap<ConversationId, Vec<Event>>,
    /// All events in the order in which they were written: the position of each is its index + 1.
    order: Vec<(ConversationId, u64)>,
    /// The listing that is under way, page by page.
    pages: Vec<Vec<ConversationId>>,
    listed_at: u64,
}

pub(crate) fn conversation(n: u8) -> ConversationId {
    ConversationId::from_hash(ConversationKind::Group, [n; 16])
}

pub(crate) fn text(body: &str) -> Action {
    Action::Send {
        to: None,
        text: MessageText::new(body).unwrap(),
        entities: Vec::new(),
        reply_to: None,
        seen: None,
        silent: false,
    }
}

impl Server {
    pub(crate) fn position(&self) -> u64 {
        self.order.len() as u64
    }

    pub(crate) fn cursor(&self) -> Cursor {
        Cursor {
            epoch: Epoch::from_bytes([self.epoch; 16]),
            position: Position::new(self.position()),
        }
    }

    /// Writes an event; the chain is a toy, but a chain.
    pub(crate) fn write(
        &mut self,
        conversation: ConversationId,
        sender: AccountId,
        message_id: MessageId,
        action: &Action,
    ) -> Event {
        let Action::Send { text, entities, reply_to, seen, silent, .. } = action else {
            panic!("the model writes texts")
        };
        let log = self.logs.entry(conversation).or_default();
        let seq = Seq::new(log.len() as u64 + 1).unwrap();
        let mut hash = log.last().map_or([7; 16], |last| *last.hash.as_bytes());
        for (place, byte) in message_id.as_bytes().iter().chain(&[self.epoch]).enumerate() {
            let place = place % 16;
            hash[place] = hash[place]
                .wrapping_mul(31)
                .wrapping_add(*byte)
                .wrapping_add(hash[(place + 7) % 16]);
        }
        let event = Event {
            conversation,
            seq,
            at: Micros::new(seq.get()),
            sender,
            device: None,
            message_id,
            ordinal: Ordinal::new(seq.get()),
            hash: Hash::from_bytes(hash),
            content: Content {
                body: Body::Text { text: text.clone(), entities: entities.clone() },
                reply_to: *reply_to,
                seen: *seen,
                silent: *silent,
            },
        };
        log.push(event.clone());
        self.order.push((conversation, seq.get()));
        event
    }

    /// What the frame is answered with.
    pub(crate) fn receive(&mut self, frame: &ClientFrame) -> Vec<ServerFrame> {
        match frame {
            ClientFrame::Hello(hello) => vec![self.ready(hello.cursor)],
            ClientFrame::Send(send) => vec![self.ok(send)],
            ClientFrame::Fetch(fetch) => vec![self.fetch(fetch)],
            ClientFrame::Sync(sync) => {
                let listing = match &sync.from {
                    SyncFrom::More(_) => self.page(),
                    SyncFrom::Cursor(cursor) => self.begin(Some(*cursor)),
                    SyncFrom::Start => self.begin(None),
                };
                vec![ServerFrame::Heads(Box::new(Heads { id: Some(sync.id), listing }))]
            }
            ClientFrame::Ping { n } => {
                vec![ServerFrame::Pong { n: *n, cursor: Some(self.cursor()) }]
            }
            ClientFrame::Mark(_) | ClientFrame::Signal(_) | ClientFrame::Presence(_) => Vec::new(),
            ClientFrame::Watch(watch) => vec![ServerFrame::Done { id: watch.id }],
        }
    }

    fn ready(&mut self, cursor: Option<Cursor>) -> ServerFrame {
        let resumed = cursor.filter(|cursor| {
            cursor.epoch == self.cursor().epoch && cursor.position <= self.cursor().position
        });
        let listing = self.begin(resumed);
        ServerFrame::Ready(Box::new(Ready {
            connection: ConnectionId::from_bytes([9; 16]),
            session: SessionId::from_bytes([9; 16]),
            account: ME,
            device: DeviceId::from_bytes([3; 16]),
            node: "n".into(),
            epoch: self.cursor().epoch,
            heartbeat_ms: 30_000,
            now: Micros::new(1),
            resumed: resumed.is_some(),
            listing,
        }))
    }

    fn ok(&mut self, send: &Send) -> ServerFrame {
        let Place::Conversation(conversation) = send.place else { panic!("{send:?}") };
        let message_id = send.message_id.unwrap();
        let known = self.logs.get(&conversation).and_then(|log| {
            log.iter().find(|e| e.sender == ME && e.message_id == message_id).cloned()
        });
        let duplicate = known.is_some();
        let event = known.unwrap_or_else(|| self.write(conversation, ME, message_id, &send.action));
        ServerFrame::Ok(OkFrame {
            id: send.id,
            conversation,
            message_id,
            seq: event.seq,
            at: event.at,
            hash: event.hash,
            ordinal: event.ordinal,
            duplicate,
        })
    }

    fn fetch(&self, fetch: &Fetch) -> ServerFrame {
        let Some(log) = self.logs.get(&fetch.conversation) else {
            return ServerFrame::Error(ErrorFrame::new(Some(fetch.id), Code::NotFound));
        };
        let FetchRange::After { after } = fetch.range else { panic!("{fetch:?}") };
        let limit = fetch.limit.min(PAGE);
        let rest = &log[(after as usize).min(log.len())..];
        let events = rest.iter().take(limit).cloned();
        ServerFrame::Page(Box::new(Page {
            id: fetch.id,
            conversation: fetch.conversation,
            people: Vec::new(),
            events: events
                .map(|event| PageEntry::Event { event: Box::new(event), now: None })
                .collect(),
            head: log.last().unwrap().seq,
            first: Seq::FIRST,
            next: rest.get(limit).map(|event| event.seq),
        }))
    }

    fn begin(&mut self, cursor: Option<Cursor>) -> Listing {
        let after = cursor.map_or(0, |cursor| cursor.position.get() as usize);
        let mut changed: Vec<ConversationId> = Vec::new();
        for (conversation, _) in self.order[after..].iter().rev() {
            if !changed.contains(conversation) {
                changed.push(*conversation);
            }
        }
        self.listed_at = self.position();
        self.pages = changed.chunks(1).rev().map(<[_]>::to_vec).collect();
        self.page()
    }

    fn page(&mut self) -> Listing {
        let page = self.pages.pop().unwrap_or_default();
        let last = self.pages.is_empty();
        let cursor = Cursor { position: Position::new(self.listed_at), ..self.cursor() };
        Listing {
            people: Vec::new(),
            heads: page.into_iter().map(|id| self.head(id)).collect(),
            more: (!last).then(|| "more".into()),
            cursor: last.then_some(cursor),
        }
    }

    /// As of the listing's beginning.
    fn head(&self, conversation: ConversationId) -> Head {
        let listed = self.order[..self.listed_at as usize].iter();
        let seq = listed.filter(|(id, _)| *id == conversation).map(|(_, seq)| *seq).max().unwrap();
        let last = &self.logs[&conversation][seq as usize - 1];
        Head {
            conversation,
            kind: ConversationKind::Group,
            title: None,
            description: None,
            members: Vec::new(),
            member_count: 2,
            role: None,
            seq: last.seq,
            hash: last.hash,
            first: Seq::FIRST,
            ordinal: last.ordinal,
            unread: 0,
            marks: Vec::new(),
            last: None,
            changed_at: last.at,
            settings: Settings::default(),
            personal: None,
        }
    }

    /// A backup comes back: the last `lost` events never happened, and the data starts another life.
    pub(crate) fn restore(&mut self, lost: usize) {
        self.epoch += 1;
        for _ in 0..lost {
            if let Some((conversation, _)) = self.order.pop() {
                self.logs.get_mut(&conversation).unwrap().pop();
            }
        }
        self.logs.retain(|_, log| !log.is_empty());
    }
}
