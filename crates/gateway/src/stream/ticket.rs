//! Stream tickets: let a browser's `EventSource`, which can send no header, open one event stream.
//!
//! **A ticket opens one stream, within seconds, and is then worth nothing**: it may stand in an address, where an access token may not.
//! It stands for the token that asked for it, so a session that ends takes it along. Kept in memory only, as a hash, and bounded.

use std::collections::VecDeque;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hashbrown::HashMap;
use parking_lot::Mutex;
use parlance_types::{AccountId, limits};

const ACCOUNT: usize = 16;
const SECRET: usize = 32;
/// Accounts with tickets at a time.
const ACCOUNTS_MAX: usize = 10_000;

struct Held {
    /// Compared in constant time, as blake3 compares its hashes.
    hash: blake3::Hash,
    token: Box<str>,
    until_ms: u64,
}

/// The tickets that were given out and not used yet.
#[derive(Default)]
pub(crate) struct StreamTickets {
    held: Mutex<HashMap<AccountId, VecDeque<Held>>>,
}

impl StreamTickets {
    /// A ticket for the session of `token`. The oldest of too many of one account is worth nothing from now on. `None`: too many
    /// accounts ask.
    pub(crate) fn issue(&self, account: AccountId, token: &str, now_ms: u64) -> Option<String> {
        let mut bytes = [0; ACCOUNT + SECRET];
        bytes[..ACCOUNT].copy_from_slice(account.as_bytes());
        bytes[ACCOUNT..].copy_from_slice(&parlance_engine::random::<SECRET>());
        let mut held = self.held.lock();
        if held.len() >= ACCOUNTS_MAX && !held.contains_key(&account) {
            held.retain(|_, own| own.back().is_some_and(|last| last.until_ms > now_ms));
            if held.len() >= ACCOUNTS_MAX {
                return None;
            }
        }
        let own = held.entry(account).or_default();
        own.retain(|ticket| ticket.until_ms > now_ms);
        if own.len() >= limits::STREAM_TICKETS_MAX {
            own.pop_front();
        }
        own.push_back(Held {
            hash: blake3::hash(&bytes),
            token: token.into(),
            until_ms: now_ms + limits::STREAM_TICKET_MS,
        });
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The access token that a ticket stands for; the ticket is used up.
    pub(crate) fn redeem(&self, text: &str, now_ms: u64) -> Option<Box<str>> {
        // One byte of room, so that a longer text does not fit instead of being cut.
        let mut bytes = [0; ACCOUNT + SECRET + 1];
        let size = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        let bytes: [u8; ACCOUNT + SECRET] = bytes[..size].try_into().ok()?;
        let (account, _) = bytes.split_first_chunk::<ACCOUNT>()?;
        let account = AccountId::from_bytes(*account);
        let hash = blake3::hash(&bytes);
        let mut held = self.held.lock();
        let own = held.get_mut(&account)?;
        let index = own.iter().position(|ticket| ticket.hash == hash)?;
        let ticket = own.remove(index)?;
        if own.is_empty() {
            held.remove(&account);
        }
        (ticket.until_ms > now_ms).then_some(ticket.token)
    }
}

impl std::fmt::Debug for StreamTickets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StreamTickets(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(number: u64) -> AccountId {
        AccountId::from_time(number, [7; 10])
    }

    #[test]
    fn a_ticket_is_worth_its_token_once_and_for_a_while() {
        let tickets = StreamTickets::default();
        let ticket = tickets.issue(account(1), "token", 0).expect("room");
        assert_eq!(tickets.redeem(&ticket, 1).as_deref(), Some("token"));
        assert_eq!(tickets.redeem(&ticket, 1), None, "used up");

        let late = tickets.issue(account(1), "token", 0).expect("room");
        assert_eq!(tickets.redeem(&late, limits::STREAM_TICKET_MS), None, "too late");

        let ticket = tickets.issue(account(1), "token", 0).expect("room");
        let mut other = ticket.clone().into_bytes();
        other[30] = if other[30] == b'A' { b'B' } else { b'A' };
        let other = String::from_utf8(other).expect("ASCII");
        for wrong in [other.as_str(), "", &ticket[..60], &format!("{ticket}AAAA"), "é"] {
            assert_eq!(tickets.redeem(wrong, 1), None, "{wrong}");
        }
        assert!(tickets.redeem(&ticket, 1).is_some(), "guessing uses up nothing");
    }

    #[test]
    fn the_oldest_of_too_many_gives_way() {
        let tickets = StreamTickets::default();
        let first = tickets.issue(account(1), "token", 0).expect("room");
        let more: Vec<_> = (0..limits::STREAM_TICKETS_MAX)
            .map(|_| tickets.issue(account(1), "token", 0).expect("room"))
            .collect();
        assert_eq!(tickets.redeem(&first, 1), None);
        assert!(more.iter().all(|ticket| tickets.redeem(ticket, 1).is_some()));
    }

    #[test]
    fn accounts_are_bounded_and_those_whose_time_is_over_give_way() {
        let tickets = StreamTickets::default();
        for number in 0..ACCOUNTS_MAX as u64 {
            tickets.issue(account(number), "token", 0).expect("room");
        }
        assert_eq!(tickets.issue(account(1 << 20), "token", 1), None);
        assert!(tickets.issue(account(5), "token", 1).is_some(), "known ones still get theirs");
        assert!(tickets.issue(account(1 << 20), "token", limits::STREAM_TICKET_MS).is_some());
    }
}
