//! Memberships and marks.

use parlance_types::{
    Frozen, Hash, History, Interval, Listed, Mark, Marks, Membership, Micros, Ordinal, Position,
    Role, Settings, Who,
};

use super::RecordError;
use super::input::{Input, put_count, put_seq, put_text};

/// Role, `as_of`, no interval, nothing frozen.
pub(super) const SIZE_MIN: usize = 1 + 8 + 4 + 1;
const INTERVAL_SIZE: usize = 4 * 8;
const LISTED_SIZE: usize = 16 + 1;

pub(super) fn encode(membership: &Membership, out: &mut Vec<u8>) {
    out.push(membership.role.map_or(0, |role| role as u8));
    put_seq(Some(membership.as_of), out);
    put_count(membership.intervals.len(), out);
    for interval in &membership.intervals {
        put_seq(Some(interval.from), out);
        put_seq(Some(interval.join), out);
        out.extend_from_slice(&interval.join_ordinal.get().to_be_bytes());
        put_seq(interval.left, out);
    }
    out.push(u8::from(membership.frozen.is_some()));
    if let Some(frozen) = &membership.frozen {
        encode_frozen(frozen, out);
    }
}

pub(super) fn decode(input: &mut Input) -> Result<Membership, RecordError> {
    let role = match input.u8()? {
        0 => None,
        number => Some(role(number)?),
    };
    let as_of = input.seq("as_of")?;
    let count = input.count(INTERVAL_SIZE)?;
    let mut intervals = Vec::with_capacity(count);
    for _ in 0..count {
        let (from, join) = (input.seq("from")?, input.seq("join")?);
        let join_ordinal = Ordinal::new(input.u64()?);
        intervals.push(Interval { from, join, join_ordinal, left: input.optional_seq("left")? });
    }
    let frozen =
        if input.presence("frozen")? { Some(Box::new(decode_frozen(input)?)) } else { None };
    Ok(Membership { role, intervals, as_of, frozen })
}

fn encode_frozen(frozen: &Frozen, out: &mut Vec<u8>) {
    out.extend_from_slice(frozen.hash.as_bytes());
    out.extend_from_slice(&frozen.ordinal.get().to_be_bytes());
    out.extend_from_slice(&frozen.at.get().to_be_bytes());
    put_text(frozen.title.as_deref(), out);
    put_text(frozen.description.as_deref(), out);
    let Settings { send, add, info, history } = frozen.settings;
    out.extend_from_slice(&[send as u8, add as u8, info as u8, history as u8]);
    put_count(frozen.members.len(), out);
    for listed in &frozen.members {
        out.extend_from_slice(listed.account.as_bytes());
        out.push(listed.role as u8);
    }
    out.extend_from_slice(&(frozen.member_count as u64).to_be_bytes());
}

fn decode_frozen(input: &mut Input) -> Result<Frozen, RecordError> {
    let hash = Hash::from_bytes(input.array()?);
    let ordinal = Ordinal::new(input.u64()?);
    let at = Micros::new(input.u64()?);
    let title = input.title()?;
    let description = input.description()?;
    let (send, add, info) = (who(input.u8()?)?, who(input.u8()?)?, who(input.u8()?)?);
    let settings = Settings { send, add, info, history: history(input.u8()?)? };
    let count = input.count(LISTED_SIZE)?;
    let mut members = Vec::with_capacity(count);
    for _ in 0..count {
        members.push(Listed { account: input.account()?, role: role(input.u8()?)? });
    }
    let member_count =
        usize::try_from(input.u64()?).map_err(|_| RecordError::Field("member_count"))?;
    Ok(Frozen { hash, ordinal, at, title, description, settings, members, member_count })
}

pub(super) fn encode_marks(marks: &Marks, out: &mut Vec<u8>) {
    for mark in [marks.delivered, marks.read] {
        put_seq(mark.map(|mark| mark.seq), out);
        out.extend_from_slice(&mark.map_or(0, |mark| mark.ordinal.get()).to_be_bytes());
    }
    out.extend_from_slice(&marks.position.get().to_be_bytes());
}

pub(super) fn decode_marks(input: &mut Input) -> Result<Marks, RecordError> {
    let delivered = decode_mark(input)?;
    let read = decode_mark(input)?;
    Ok(Marks { delivered, read, position: Position::new(input.u64()?) })
}

fn decode_mark(input: &mut Input) -> Result<Option<Mark>, RecordError> {
    let seq = input.optional_seq("mark")?;
    let ordinal = input.u64()?;
    match seq {
        None if ordinal != 0 => Err(RecordError::Field("mark")),
        None => Ok(None),
        Some(seq) => Ok(Some(Mark { seq, ordinal: Ordinal::new(ordinal) })),
    }
}

fn role(number: u8) -> Result<Role, RecordError> {
    [Role::Member, Role::Admin, Role::Owner]
        .into_iter()
        .find(|role| *role as u8 == number)
        .ok_or(RecordError::Field("role"))
}

fn who(number: u8) -> Result<Who, RecordError> {
    [Who::Members, Who::Admins]
        .into_iter()
        .find(|who| *who as u8 == number)
        .ok_or(RecordError::Field("settings"))
}

fn history(number: u8) -> Result<History, RecordError> {
    [History::SinceJoin, History::All]
        .into_iter()
        .find(|history| *history as u8 == number)
        .ok_or(RecordError::Field("settings"))
}
