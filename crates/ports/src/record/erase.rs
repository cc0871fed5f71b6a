//! Taking content and salt out of a record, so that nothing of what was said is left and the chain still holds.

use std::collections::BTreeSet;

use parlance_types::{Digest, Overlay, Payload, Record, Salt, Seq};

/// The record with the digest of its salt and content in their place.
pub fn erased(record: Record) -> Record {
    let payload = match record.payload {
        Payload::Kept { salt, content } => Payload::Gone { digest: digest(&salt, &content) },
        gone @ Payload::Gone { .. } => gone,
    };
    Record { payload, ..record }
}

/// Whether both record the same event; the content of one of them may be gone.
pub fn is_same_event(one: &Record, other: &Record) -> bool {
    match (&one.payload, &other.payload) {
        (Payload::Kept { .. }, Payload::Kept { .. })
        | (Payload::Gone { .. }, Payload::Gone { .. }) => one == other,
        _ => erased(one.clone()) == erased(other.clone()),
    }
}

/// The events whose content goes with the deletion of `target`: it, and every edit of it. None while it stands.
pub fn gone_with(target: Seq, overlay: &Overlay) -> BTreeSet<Seq> {
    match overlay.deleted {
        None => BTreeSet::new(),
        Some(_) => overlay.edits.iter().copied().chain([target]).collect(),
    }
}

/// As the chain has it, from the first day on: the links of later events cover it.
fn digest(salt: &Salt, content: &[u8]) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(salt.as_bytes());
    hasher.update(content);
    Digest::from_bytes(*hasher.finalize().as_bytes())
}
