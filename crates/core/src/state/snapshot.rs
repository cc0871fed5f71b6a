//! The stored form of a state. Versioned; bytes written today must load for ever.
//!
//! ```proto
//! message Snapshot {
//!   uint32 version = 1;  bytes conversation = 2;  uint64 seq = 3;  uint64 at = 4;  bytes hash = 5;  uint64 ordinal = 6;
//!   Info info = 7;       repeated Member members = 8;  repeated Personal shelf = 9;  uint64 forgotten = 10;
//! }
//! message Info {
//!   uint32 kind = 1;  string title = 2;  uint64 titled = 3;  string description = 4;  uint64 described = 5;
//!   Settings settings = 6;  uint64 set = 7;  uint32 region = 8;
//! }
//! message Member {
//!   bytes account = 1;  uint32 role = 2;  uint64 role_since = 3;  repeated Interval intervals = 4;  uint64 as_of = 5;
//!   bytes last_id = 6;  uint64 sent_seq = 7;  uint64 sent_ordinal = 8;  Frozen frozen = 9;
//! }
//! message Personal {  // as in the content of an event, with `seq` in the place of `based_on`
//!   bytes conversation = 1;  uint64 seq = 2;  uint64 mute_until = 3;  bool archived = 4;  bool pinned = 5;  uint64 cleared = 6;
//!   uint64 hidden = 7;  bool unread = 8;  string draft = 9;
//! }
//! message Interval { uint64 from = 1;  uint64 join = 2;  uint64 join_ordinal = 3;  uint64 left = 4; }
//! message Frozen {
//!   bytes hash = 1;  uint64 ordinal = 2;  uint64 at = 3;  string title = 4;  string description = 5;
//!   Settings settings = 6;  repeated Listed members = 7;  uint64 member_count = 8;
//! }
//! ```

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use parlance_types::{
    AccountId, ConversationId, Frozen, Hash, Interval, Mark, MessageId, MessageText, Micros,
    Ordinal, Personal, Seq, Settings, Title,
};
use smallvec::SmallVec;

use super::{Info, Member, Members, Shelf, State};
use crate::wire::{self, FormatError, Reader, Value, Writer};

const VERSION: u64 = 1;

impl State {
    /// The snapshot.
    pub fn encode(&self) -> Bytes {
        let mut writer = Writer::new();
        writer.number(1, VERSION);
        writer.bytes(2, self.conversation.as_bytes());
        writer.seq(3, self.seq);
        writer.number(4, self.at.get());
        writer.bytes(5, self.hash.as_bytes());
        writer.number(6, self.ordinal.get());
        if let Some(info) = &self.info {
            writer.nested(7, |inner| write_info(inner, info));
        }
        for member in self.members() {
            writer.nested(8, |inner| write_member(inner, member));
        }
        if let Some(shelf) = &self.shelf {
            for (conversation, kept) in shelf.iter() {
                wire::write_personal(
                    &mut writer,
                    9,
                    (conversation, Some(kept.seq)),
                    &kept.personal,
                );
            }
            writer.seq(10, shelf.forgotten());
        }
        writer.finish()
    }

    /// The state that was encoded.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let (mut version, mut conversation, mut hash) = (None, None, None);
        let (mut seq, mut at, mut ordinal) = (None, Micros::ZERO, Ordinal::ZERO);
        let (mut info, mut members) = (None, Vec::new());
        let (mut shelf, mut forgotten) = (Vec::new(), None);
        let mut reader = Reader::new(bytes);
        while let Some((field, value)) = reader.next()? {
            match field {
                1 => version = Some(value.number()?),
                2 => conversation = Some(ConversationId::from_bytes(value.array()?)),
                3 => seq = Some(value.seq()?),
                4 => at = Micros::new(value.number()?),
                5 => hash = Some(Hash::from_bytes(value.array()?)),
                6 => ordinal = Ordinal::new(value.number()?),
                7 => info = Some(read_info(value)?),
                8 => members.push(read_member(value)?),
                9 => shelf.push(wire::personal(value)?),
                10 => forgotten = Some(value.seq()?),
                _ => {}
            }
        }
        match version {
            Some(VERSION) => {}
            Some(version) => return Err(FormatError::Version(version)),
            None => return Err(FormatError::Field("version")),
        }
        let conversation = conversation.ok_or(FormatError::Field("conversation"))?;
        let hash = hash.ok_or(FormatError::Field("hash"))?;
        let mut sorted = Members::default();
        sorted.put(members);
        let audience = OnceLock::new();
        let shelf = read_shelf(shelf, forgotten)?;
        Ok(Self { conversation, seq, at, hash, ordinal, info, members: sorted, audience, shelf })
    }
}

type Kept = (ConversationId, Option<Seq>, Personal);

fn read_shelf(kept: Vec<Kept>, forgotten: Option<Seq>) -> Result<Option<Arc<Shelf>>, FormatError> {
    if kept.is_empty() && forgotten.is_none() {
        return Ok(None);
    }
    let mut shelf = Shelf::forgetful(forgotten);
    for (conversation, seq, personal) in kept {
        shelf.put(conversation, seq.ok_or(FormatError::Field("shelf.seq"))?, personal);
    }
    Ok(Some(Arc::new(shelf)))
}

fn write_info(writer: &mut Writer, info: &Info) {
    writer.number(1, info.kind as u64);
    write_text(writer, 2, info.title.as_deref());
    writer.number(3, info.titled.get());
    write_text(writer, 4, info.description.as_deref());
    writer.number(5, info.described.get());
    wire::write_settings(writer, 6, wire::whole(info.settings));
    writer.number(7, info.set.get());
    writer.number(8, u64::from(info.region));
}

fn read_info(value: Value<'_>) -> Result<Info, FormatError> {
    let (mut kind, mut title, mut description) = (None, None, None);
    let (mut titled, mut described, mut set) = (Seq::FIRST, Seq::FIRST, Seq::FIRST);
    let (mut settings, mut region) = (Settings::default(), 0);
    let mut reader = Reader::new(value.bytes()?);
    while let Some((field, value)) = reader.next()? {
        match field {
            1 => kind = Some(wire::conversation_kind(value)?),
            2 => title = Some(read_title(value)?),
            3 => titled = value.seq()?,
            4 => description = Some(read_description(value)?),
            5 => described = value.seq()?,
            6 => settings = settings.with(wire::settings_change(value)?),
            7 => set = value.seq()?,
            8 => {
                region =
                    value.number()?.try_into().map_err(|_| FormatError::Field("info.region"))?;
            }
            _ => {}
        }
    }
    let kind = kind.ok_or(FormatError::Field("info.kind"))?;
    Ok(Info { kind, title, titled, description, described, settings, set, region })
}

fn write_member(writer: &mut Writer, member: &Member) {
    writer.bytes(1, member.account.as_bytes());
    if let Some(role) = member.role {
        writer.number(2, role as u64);
    }
    writer.number(3, member.role_since.get());
    for stay in &member.intervals {
        writer.nested(4, |inner| {
            inner.number(1, stay.from.get());
            inner.number(2, stay.join.get());
            inner.number(3, stay.join_ordinal.get());
            inner.seq(4, stay.left);
        });
    }
    writer.number(5, member.as_of.get());
    writer.bytes(6, member.last_id.as_bytes());
    if let Some(sent) = member.sent {
        writer.number(7, sent.seq.get());
        writer.number(8, sent.ordinal.get());
    }
    if let Some(frozen) = &member.frozen {
        writer.nested(9, |inner| write_frozen(inner, frozen));
    }
}

fn read_member(value: Value<'_>) -> Result<Member, FormatError> {
    let (mut account, mut role, mut frozen) = (None, None, None);
    let (mut role_since, mut as_of) = (Seq::FIRST, Seq::FIRST);
    let mut intervals = SmallVec::new();
    let (mut last_id, mut sent_seq, mut sent_ordinal) = (Member::NO_ID, None, Ordinal::ZERO);
    let mut reader = Reader::new(value.bytes()?);
    while let Some((field, value)) = reader.next()? {
        match field {
            1 => account = Some(AccountId::from_bytes(value.array()?)),
            2 => role = Some(wire::role(value)?),
            3 => role_since = value.seq()?,
            4 => intervals.push(read_interval(value)?),
            5 => as_of = value.seq()?,
            6 => last_id = MessageId::from_bytes(value.array()?),
            7 => sent_seq = Some(value.seq()?),
            8 => sent_ordinal = Ordinal::new(value.number()?),
            9 => frozen = Some(Box::new(read_frozen(value)?)),
            _ => {}
        }
    }
    let account = account.ok_or(FormatError::Field("member.account"))?;
    let sent = sent_seq.map(|seq| Mark { seq, ordinal: sent_ordinal });
    Ok(Member { account, role, role_since, intervals, as_of, last_id, sent, frozen })
}

fn read_interval(value: Value<'_>) -> Result<Interval, FormatError> {
    let (mut from, mut join, mut left) = (None, None, None);
    let mut join_ordinal = Ordinal::ZERO;
    let mut reader = Reader::new(value.bytes()?);
    while let Some((field, value)) = reader.next()? {
        match field {
            1 => from = Some(value.seq()?),
            2 => join = Some(value.seq()?),
            3 => join_ordinal = Ordinal::new(value.number()?),
            4 => left = Some(value.seq()?),
            _ => {}
        }
    }
    let from = from.ok_or(FormatError::Field("interval.from"))?;
    Ok(Interval {
        from,
        join: join.ok_or(FormatError::Field("interval.join"))?,
        join_ordinal,
        left,
    })
}

fn write_frozen(writer: &mut Writer, frozen: &Frozen) {
    writer.bytes(1, frozen.hash.as_bytes());
    writer.number(2, frozen.ordinal.get());
    writer.number(3, frozen.at.get());
    write_text(writer, 4, frozen.title.as_deref());
    write_text(writer, 5, frozen.description.as_deref());
    wire::write_settings(writer, 6, wire::whole(frozen.settings));
    for listed in &frozen.members {
        wire::write_listed(writer, 7, listed);
    }
    writer.number(8, frozen.member_count as u64);
}

fn read_frozen(value: Value<'_>) -> Result<Frozen, FormatError> {
    let mut frozen = Frozen {
        hash: Hash::default(),
        ordinal: Ordinal::ZERO,
        at: Micros::ZERO,
        title: None,
        description: None,
        settings: Settings::default(),
        members: Vec::new(),
        member_count: 0,
    };
    let mut reader = Reader::new(value.bytes()?);
    while let Some((field, value)) = reader.next()? {
        match field {
            1 => frozen.hash = Hash::from_bytes(value.array()?),
            2 => frozen.ordinal = Ordinal::new(value.number()?),
            3 => frozen.at = Micros::new(value.number()?),
            4 => frozen.title = Some(read_title(value)?),
            5 => frozen.description = Some(read_description(value)?),
            6 => frozen.settings = frozen.settings.with(wire::settings_change(value)?),
            7 => frozen.members.push(wire::listed(value)?),
            8 => {
                let count = usize::try_from(value.number()?);
                frozen.member_count =
                    count.map_err(|_| FormatError::Field("frozen.member_count"))?;
            }
            _ => {}
        }
    }
    Ok(frozen)
}

fn write_text(writer: &mut Writer, field: u32, text: Option<&str>) {
    if let Some(text) = text {
        writer.bytes(field, text.as_bytes());
    }
}

fn read_title(value: Value<'_>) -> Result<Title, FormatError> {
    Title::new(value.text()?).map_err(|_| FormatError::Field("title"))
}

fn read_description(value: Value<'_>) -> Result<MessageText, FormatError> {
    MessageText::new(value.text()?).map_err(|_| FormatError::Field("description"))
}
