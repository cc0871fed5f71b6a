//! Events and their rows.

use parlance_types::{
    DeviceId, Digest, Hash, Kind, MessageId, Micros, Ordinal, Payload, Record, Rows, Salt, Seq,
};

use super::input::{Input, put_count, put_seq};
use super::{RecordError, VERSION, membership, overlay};

/// Bytes before the payload.
pub(super) const HEADER: usize = 124;
/// Where the length of the payload stands.
pub(super) const PAYLOAD_LENGTH: usize = 120;

/// The event names a device; without it those 16 bytes are zeros.
const HAS_DEVICE: u8 = 1;
/// The content is gone, and the payload is its digest.
pub(super) const IS_GONE: u8 = 2;

pub(super) fn encode_record(record: &Record, out: &mut Vec<u8>) {
    let device = record.device.map_or([0; 16], |device| *device.as_bytes());
    let mut flags = if record.device.is_some() { HAS_DEVICE } else { 0 };
    let (length, front, content): (usize, &[u8], &[u8]) = match &record.payload {
        Payload::Kept { salt, content } => (Salt::SIZE + content.len(), salt.as_bytes(), content),
        Payload::Gone { digest } => {
            flags |= IS_GONE;
            (Digest::SIZE, digest.as_bytes(), &[])
        }
    };
    // One array and one growth: this runs for every message.
    let mut header = [0; HEADER];
    header[0] = VERSION;
    header[1] = flags;
    header[2..4].copy_from_slice(&record.kind.number().to_be_bytes());
    header[8..24].copy_from_slice(record.conversation.as_bytes());
    header[24..32].copy_from_slice(&record.seq.get().to_be_bytes());
    header[32..40].copy_from_slice(&record.at.get().to_be_bytes());
    header[40..56].copy_from_slice(record.sender.as_bytes());
    header[56..72].copy_from_slice(&device);
    header[72..88].copy_from_slice(record.message_id.as_bytes());
    header[88..96].copy_from_slice(&record.target.map_or(0, Seq::get).to_be_bytes());
    header[96..104].copy_from_slice(&record.ordinal.get().to_be_bytes());
    header[104..120].copy_from_slice(record.hash.as_bytes());
    header[120..124].copy_from_slice(&(length as u32).to_be_bytes());
    out.reserve(HEADER + length);
    out.extend_from_slice(&header);
    out.extend_from_slice(front);
    out.extend_from_slice(content);
}

pub(super) fn record_length(record: &Record) -> usize {
    HEADER
        + match &record.payload {
            Payload::Kept { content, .. } => Salt::SIZE + content.len(),
            Payload::Gone { .. } => Digest::SIZE,
        }
}

pub(super) fn decode_record(input: &mut Input) -> Result<Record, RecordError> {
    input.version()?;
    let flags = input.u8()?;
    if flags & !(HAS_DEVICE | IS_GONE) != 0 {
        return Err(RecordError::Field("flags"));
    }
    let kind = Kind::from_number(input.u16()?).ok_or(RecordError::Field("kind"))?;
    match input.u32()? {
        0 => {}
        key => return Err(RecordError::Key(key)),
    }
    let conversation = input.conversation()?;
    let seq = input.seq("seq")?;
    let at = Micros::new(input.u64()?);
    let sender = input.account()?;
    let device: [u8; 16] = input.array()?;
    let device = match flags & HAS_DEVICE {
        0 if device != [0; 16] => return Err(RecordError::Field("device")),
        0 => None,
        _ => Some(DeviceId::from_bytes(device)),
    };
    let message_id = MessageId::from_bytes(input.array()?);
    let target = input.optional_seq("target")?;
    let ordinal = Ordinal::new(input.u64()?);
    let hash = Hash::from_bytes(input.array()?);
    let payload = decode_payload(input, flags & IS_GONE != 0)?;
    Ok(Record {
        conversation,
        seq,
        at,
        sender,
        device,
        message_id,
        kind,
        target,
        ordinal,
        hash,
        payload,
    })
}

fn decode_payload(input: &mut Input, is_gone: bool) -> Result<Payload, RecordError> {
    let length = input.u32()? as usize;
    if is_gone {
        if length != Digest::SIZE {
            return Err(RecordError::Field("payload"));
        }
        return Ok(Payload::Gone { digest: Digest::from_bytes(input.array()?) });
    }
    let content = length.checked_sub(Salt::SIZE).ok_or(RecordError::Field("payload"))?;
    let salt = Salt::from_bytes(input.array()?);
    Ok(Payload::Kept { salt, content: input.bytes(content)? })
}

/// Bytes of an id.
const ID: usize = 16;
/// Most events have no rows: one zero.
const NONE: u8 = 0;
const SOME: u8 = 1;

pub(super) fn encode_rows(rows: &Rows, out: &mut Vec<u8>) {
    let Rows { overlay, memberships, mentions } = rows;
    if overlay.is_none() && memberships.is_empty() && mentions.is_empty() {
        out.push(NONE);
        return;
    }
    out.push(SOME);
    put_seq(overlay.as_ref().map(|(target, _)| *target), out);
    if let Some((_, change)) = overlay {
        overlay::encode_change(change, out);
    }
    put_count(memberships.len(), out);
    for (account, membership) in memberships {
        out.extend_from_slice(account.as_bytes());
        membership::encode(membership, out);
    }
    put_count(mentions.len(), out);
    for account in mentions {
        out.extend_from_slice(account.as_bytes());
    }
}

pub(super) fn decode_rows(input: &mut Input) -> Result<Rows, RecordError> {
    match input.u8()? {
        NONE => return Ok(Rows::default()),
        SOME => {}
        _ => return Err(RecordError::Field("rows")),
    }
    let overlay = match input.optional_seq("overlay")? {
        None => None,
        Some(target) => Some((target, overlay::decode_change(input)?)),
    };
    let membership_count = input.count(ID + membership::SIZE_MIN)?;
    let mut memberships = Vec::with_capacity(membership_count);
    for _ in 0..membership_count {
        memberships.push((input.account()?, membership::decode(input)?));
    }
    let mention_count = input.count(ID)?;
    let mut mentions = Vec::with_capacity(mention_count);
    for _ in 0..mention_count {
        mentions.push(input.account()?);
    }
    if overlay.is_none() && memberships.is_empty() && mentions.is_empty() {
        return Err(RecordError::Field("rows"));
    }
    Ok(Rows { overlay, memberships, mentions })
}
