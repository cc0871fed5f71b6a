//! Ids that are derived, so that everybody computes the same one and nobody can aim at somebody else's conversation.
//!
//! Invariant: a pair of accounts has one direct conversation, an account one for its notes and one for its devices, a creator one
//! group per key; and
//! the event that creates a conversation has one name, whichever door it came through.

use parlance_types::{AccountId, ConversationId, ConversationKind, MessageId};

/// The direct conversation of two accounts, in whichever order they are named.
pub fn direct(a: AccountId, b: AccountId) -> ConversationId {
    let (low, high) = if a <= b { (a, b) } else { (b, a) };
    let mut buffer = [0; 32];
    buffer[..16].copy_from_slice(low.as_bytes());
    buffer[16..].copy_from_slice(high.as_bytes());
    ConversationId::from_hash(ConversationKind::Direct, prefix("parlance.v1.direct", &buffer))
}

/// The notes of an account to itself.
pub fn own(account: AccountId) -> ConversationId {
    let hash = prefix("parlance.v1.self", account.as_bytes());
    ConversationId::from_hash(ConversationKind::Own, hash)
}

/// The log through which the devices of an account learn what lasts.
pub fn devices(account: AccountId) -> ConversationId {
    let hash = prefix("parlance.v1.account", account.as_bytes());
    ConversationId::from_hash(ConversationKind::Account, hash)
}

/// The group that `creator` calls `key`.
pub fn group(creator: AccountId, key: &str) -> ConversationId {
    let mut buffer = Vec::with_capacity(16 + key.len());
    buffer.extend_from_slice(creator.as_bytes());
    buffer.extend_from_slice(key.as_bytes());
    ConversationId::from_hash(ConversationKind::Group, prefix("parlance.v1.group", &buffer))
}

/// The name of the event that creates `conversation`. A UUIDv7 of time 0: it never raises anybody's greatest id time, and is
/// never taken for fresh without looking.
pub fn create_message_id(conversation: ConversationId) -> MessageId {
    let hash = prefix::<10>("parlance.v1.create", conversation.as_bytes());
    MessageId::from_time(0, hash)
}

/// The name of the event that creates the group that `creator` calls `key`.
pub fn group_message_id(creator: AccountId, key: &str) -> MessageId {
    create_message_id(group(creator, key))
}

/// The first bytes of blake3 over a tag, which keeps the kinds of ids apart, and `bytes`.
fn prefix<const N: usize>(tag: &str, bytes: &[u8]) -> [u8; N] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(tag.as_bytes());
    hasher.update(bytes);
    let mut first = [0; N];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..N]);
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(n: u8) -> AccountId {
        AccountId::from_bytes([n; 16])
    }

    #[test]
    fn a_pair_has_one_direct_conversation() {
        assert_eq!(direct(account(1), account(2)), direct(account(2), account(1)));
        assert_ne!(direct(account(1), account(2)), direct(account(1), account(3)));
        assert_eq!(direct(account(1), account(2)).kind(), Some(ConversationKind::Direct));
        assert_eq!(own(account(1)).kind(), Some(ConversationKind::Own));
        assert_eq!(devices(account(1)).kind(), Some(ConversationKind::Account));
        assert_eq!(group(account(1), "k").kind(), Some(ConversationKind::Group));
    }

    #[test]
    fn a_key_belongs_to_its_creator() {
        assert_ne!(group(account(1), "k"), group(account(2), "k"));
        assert_ne!(group(account(1), "k"), group(account(1), "l"));
        assert_ne!(group_message_id(account(1), "k"), group_message_id(account(2), "k"));
    }

    #[test]
    fn derived_names_are_version_7_of_time_0() {
        let id = create_message_id(own(account(9)));
        assert!(id.is_v7());
        assert_eq!(id.unix_ms(), 0);
    }

    #[test]
    fn ids_are_the_same_for_ever() {
        assert_eq!(
            direct(account(1), account(2)).to_string(),
            "26b69bc6-4688-813e-bcce-a40ff31d7711"
        );
        assert_eq!(own(account(1)).to_string(), "b7a5bf69-4d86-830e-80db-317eb3e1f641");
        assert_eq!(group(account(1), "family").to_string(), "6f351f41-1cf6-8299-b95a-b91bc8e4eb55");
        assert_eq!(
            group_message_id(account(1), "family").to_string(),
            "00000000-0000-7acb-a6aa-39835ef7abb6"
        );
    }
}
