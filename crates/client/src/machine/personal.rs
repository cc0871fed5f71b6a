//! What the account keeps of conversations, as far as this device was told: by heads, by the log of the own devices, and by refusals.
//!
//! **The settings of the greater `seq` are the newer ones**, whichever way they came; where the server's history is another one, what lies
//! beyond the common prefix never was.

use std::collections::HashMap;

use parlance_types::frame::Head;
use parlance_types::{Body, ConversationId, ConversationKind, Event, PersonalAt, Seq};

use super::{Machine, Update};

/// The newest settings known of each conversation.
#[derive(Clone, Debug, Default)]
pub(super) struct Known(HashMap<ConversationId, PersonalAt>);

impl Known {
    pub(super) fn restore(known: Vec<(ConversationId, PersonalAt)>) -> Self {
        Self(known.into_iter().collect())
    }

    pub(super) fn all(&self) -> Vec<(ConversationId, PersonalAt)> {
        self.0.iter().map(|(conversation, known)| (*conversation, known.clone())).collect()
    }

    /// True if it was news.
    fn learn(&mut self, conversation: ConversationId, told: &PersonalAt) -> bool {
        if self.0.get(&conversation).is_some_and(|known| known.seq >= told.seq) {
            return false;
        }
        self.0.insert(conversation, told.clone());
        true
    }
}

impl Machine {
    /// What the account keeps of a conversation, with the `seq` to base a change on. `None`: nothing that this device knows of.
    #[must_use]
    pub fn personal(&self, conversation: ConversationId) -> Option<&PersonalAt> {
        self.known.0.get(&conversation)
    }

    /// What a head says beside the state of its conversation. False: it is of the log of the own devices, which is no chat.
    pub(super) fn take_head(&mut self, head: &Head) -> bool {
        if let Some(personal) = &head.personal {
            self.learn(head.conversation, personal);
        }
        head.kind != ConversationKind::Account
    }

    pub(super) fn take_event(&mut self, event: &Event) {
        if let Body::Personal(change) = &event.content.body {
            let personal = change.personal.clone();
            self.learn(change.conversation, &PersonalAt { seq: event.seq, personal });
        }
    }

    /// The log of the own devices ends at `prefix`.
    pub(super) fn forget_beyond(&mut self, prefix: Option<Seq>) {
        self.known.0.retain(|_, known| Some(known.seq) <= prefix);
    }

    pub(super) fn learn(&mut self, conversation: ConversationId, told: &PersonalAt) {
        if self.known.learn(conversation, told) {
            self.update(Update::Personal { conversation, personal: Box::new(told.clone()) });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use parlance_types::frame::{ErrorFrame, Listing, Place, Ready, ServerFrame};
    use parlance_types::{
        AccountId, Action, Code, ConnectionId, Content, DeviceId, Epoch, Hash, MessageId, Micros,
        Ordinal, Personal, PersonalChange, SessionId, Settings,
    };

    use super::*;
    use crate::machine::{Entry, Options, Output, Saved};

    const CHAT: ConversationId = ConversationId::from_bytes([7; 16]);

    fn log() -> ConversationId {
        ConversationId::from_hash(ConversationKind::Account, [8; 16])
    }

    fn kept(seq: u64, archived: bool) -> PersonalAt {
        let personal = Personal { archived, ..Personal::default() };
        PersonalAt { seq: Seq::new(seq).unwrap(), personal }
    }

    fn head(conversation: ConversationId, kind: ConversationKind, seq: u64) -> Head {
        Head {
            conversation,
            kind,
            title: None,
            description: None,
            members: Vec::new(),
            member_count: 1,
            role: None,
            seq: Seq::new(seq).unwrap(),
            hash: Hash::from_bytes([seq as u8; 16]),
            first: Seq::FIRST,
            ordinal: Ordinal::ZERO,
            unread: 0,
            marks: Vec::new(),
            last: None,
            changed_at: Micros::ZERO,
            settings: Settings::default(),
            personal: None,
        }
    }

    /// A device that was just told these heads.
    fn greeted(heads: Vec<Head>) -> (Machine, Instant) {
        let now = Instant::now();
        let mut machine = Machine::new(Saved::default(), Options { backlog: 0, seed: 1 }, now);
        machine.authenticate(now, "token");
        machine.connected(now);
        let listing = Listing { heads, ..Listing::default() };
        let ready = Ready {
            connection: ConnectionId::from_bytes([1; 16]),
            session: SessionId::from_bytes([1; 16]),
            account: AccountId::from_bytes([1; 16]),
            device: DeviceId::from_bytes([1; 16]),
            node: "one".into(),
            epoch: Epoch::from_bytes([1; 16]),
            heartbeat_ms: 30_000,
            now: Micros::ZERO,
            resumed: false,
            listing,
        };
        machine.receive(now, ServerFrame::Ready(Box::new(ready)));
        (machine, now)
    }

    fn updates(machine: &mut Machine) -> Vec<Update> {
        let outputs = std::iter::from_fn(|| machine.poll());
        let updates = outputs.filter_map(|output| match output {
            Output::Update(update) => Some(update),
            _ => None,
        });
        updates.collect()
    }

    fn told(updates: &[Update]) -> Vec<PersonalAt> {
        let personal = |update: &Update| match update {
            Update::Personal { personal, .. } => Some(PersonalAt::clone(personal)),
            _ => None,
        };
        updates.iter().filter_map(personal).collect()
    }

    fn event(seq: u64, archived: bool) -> ServerFrame {
        let change = PersonalChange {
            conversation: CHAT,
            based_on: None,
            personal: kept(seq, archived).personal,
        };
        let body = Body::Personal(Box::new(change));
        ServerFrame::Event(Box::new(Event {
            conversation: log(),
            seq: Seq::new(seq).unwrap(),
            at: Micros::new(seq),
            sender: AccountId::from_bytes([1; 16]),
            device: None,
            message_id: MessageId::from_time(seq, [2; 10]),
            ordinal: Ordinal::ZERO,
            hash: Hash::from_bytes([seq as u8; 16]),
            content: Content { body, reply_to: None, seen: None, silent: false },
        }))
    }

    #[test]
    fn heads_events_and_refusals_tell_and_the_newest_stays() {
        let chat = Head {
            personal: Some(Box::new(kept(4, true))),
            ..head(CHAT, ConversationKind::Direct, 9)
        };
        let (mut machine, now) = greeted(vec![head(log(), ConversationKind::Account, 5), chat]);
        let first = updates(&mut machine);
        let shown = first.iter().filter(|update| matches!(update, Update::Head(_))).count();
        assert_eq!((shown, told(&first)), (1, vec![kept(4, true)]), "the log is no chat");

        machine.receive(now, event(6, false));
        assert_eq!(told(&updates(&mut machine)), [kept(6, false)]);
        assert_eq!(machine.personal(CHAT), Some(&kept(6, false)));

        let change =
            PersonalChange { conversation: CHAT, based_on: None, personal: Personal::default() };
        let message_id = MessageId::from_time(50, [3; 10]);
        let action = Action::Personal(Box::new(change));
        machine.send(now, Entry { message_id, place: Place::Account, action });
        let id = std::iter::from_fn(|| machine.poll()).find_map(|output| match output {
            Output::Transmit(parlance_types::frame::ClientFrame::Send(send)) => Some(send.id),
            _ => None,
        });
        let current = Some(Box::new(kept(8, true)));
        let error = ErrorFrame { current, ..ErrorFrame::new(id, Code::Outdated) };
        machine.receive(now + Duration::from_millis(1), ServerFrame::Error(error));
        assert_eq!(told(&updates(&mut machine)), [kept(8, true)]);
        machine.receive(now, event(7, false));
        assert_eq!(told(&updates(&mut machine)), [], "older than what is known");
        assert_eq!(machine.saved().unwrap().personal, [(CHAT, kept(8, true))]);
    }
}
