//! The hash chain of a conversation: equal `seq` means equal hash on every node, in every backup, on every device.
//!
//! The digest covers salt and content, the link covers header and digest; so the chain stays whole when content **and** salt
//! are gone, and what is left cannot be guessed. The layout is fixed for ever and has a golden test.

use parlance_types::{
    AccountId, ConversationId, DeviceId, Digest, Event, Hash, Kind, MessageId, Micros, Payload,
    Record, Salt, Seq,
};

use crate::content::{self, ContentError};

/// What a link covers beside the digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Place in the conversation.
    pub seq: Seq,
    /// Time of the event.
    pub at: Micros,
    /// Who sent it.
    pub sender: AccountId,
    /// With what; zeros in the link if absent.
    pub device: Option<DeviceId>,
    /// Its name.
    pub message_id: MessageId,
    /// What it is.
    pub kind: Kind,
}

impl From<&Record> for Header {
    fn from(record: &Record) -> Self {
        let Record { seq, at, sender, device, message_id, kind, .. } = *record;
        Self { seq, at, sender, device, message_id, kind }
    }
}

/// The hash before the first event.
pub fn start(conversation: ConversationId) -> Hash {
    const TAG: &[u8; 11] = b"parlance.v1";
    let mut buffer = [0; 27];
    buffer[..11].copy_from_slice(TAG);
    buffer[11..].copy_from_slice(conversation.as_bytes());
    truncate(&buffer)
}

/// blake3 of salt and content.
pub fn digest(salt: &Salt, content: &[u8]) -> Digest {
    /// Most contents fit, and hashing one slice is cheaper than feeding a hasher.
    const SMALL: usize = 1024;
    if content.len() <= SMALL - Salt::SIZE {
        let mut buffer = [0; SMALL];
        let length = Salt::SIZE + content.len();
        buffer[..Salt::SIZE].copy_from_slice(salt.as_bytes());
        buffer[Salt::SIZE..length].copy_from_slice(content);
        return Digest::from_bytes(*blake3::hash(&buffer[..length]).as_bytes());
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(salt.as_bytes());
    hasher.update(content);
    Digest::from_bytes(*hasher.finalize().as_bytes())
}

/// The hash at an event: the one before, the header with big-endian integers, the digest.
pub fn link(previous: Hash, header: &Header, digest: &Digest) -> Hash {
    let mut buffer = [0; 114];
    buffer[..16].copy_from_slice(previous.as_bytes());
    buffer[16..24].copy_from_slice(&header.seq.get().to_be_bytes());
    buffer[24..32].copy_from_slice(&header.at.get().to_be_bytes());
    buffer[32..48].copy_from_slice(header.sender.as_bytes());
    if let Some(device) = &header.device {
        buffer[48..64].copy_from_slice(device.as_bytes());
    }
    buffer[64..80].copy_from_slice(header.message_id.as_bytes());
    buffer[80..82].copy_from_slice(&header.kind.number().to_be_bytes());
    buffer[82..].copy_from_slice(digest.as_bytes());
    truncate(&buffer)
}

/// The salt of the event of a command that has this index. The event that the command names has index 0 and takes the stamp's
/// salt itself; others take what cannot be turned back into it, so that erasing one salt leaves nothing to find it by.
pub fn salt_of(salt: Salt, index: u8) -> Salt {
    if index == 0 {
        return salt;
    }
    let mut buffer = [index; Salt::SIZE + 1];
    buffer[..Salt::SIZE].copy_from_slice(salt.as_bytes());
    Salt::from_bytes(*truncate(&buffer).as_bytes())
}

/// The digest of a record, whether or not its content is still there.
pub fn digest_of(record: &Record) -> Digest {
    match &record.payload {
        Payload::Kept { salt, content } => digest(salt, content),
        Payload::Gone { digest } => *digest,
    }
}

/// Whether the record continues a chain that stands at `previous`.
pub fn check(previous: Hash, record: &Record) -> bool {
    link(previous, &Header::from(record), &digest_of(record)) == record.hash
}

/// The event that was recorded.
pub fn event(record: &Record) -> Result<Event, ContentError> {
    let Payload::Kept { content, .. } = &record.payload else { return Err(ContentError::Gone) };
    let content = content::decode(record.kind, content)?;
    let Record { conversation, seq, at, sender, device, message_id, ordinal, hash, .. } = *record;
    Ok(Event { conversation, seq, at, sender, device, message_id, ordinal, hash, content })
}

fn truncate(bytes: &[u8]) -> Hash {
    let mut first = [0; Hash::SIZE];
    first.copy_from_slice(&blake3::hash(bytes).as_bytes()[..Hash::SIZE]);
    Hash::from_bytes(first)
}

#[cfg(test)]
mod tests;
