//! How often an account may have old messages looked for. A retry that is older than what memory keeps is a read of the disk, and whoever
//! invents such retries must not be able to keep the disk busy.
//!
//! A bucket per account that holds a minute's worth. Unlike the buckets of `crate::limits` it goes by the time of the stamp, which is the same on
//! every owner of a log, and newcomers for whom there is no room wait. It refuses to know where a message lies.

use hashbrown::HashMap;
use parking_lot::Mutex;
use parlance_core::Refusal;
use parlance_core::rate::{Empty, Rate};
use parlance_types::{AccountId, Command, Micros, limits};

use crate::limits::refused;

/// Accounts whose buckets are not full, at a time; beyond, others wait too.
const ACCOUNTS_MAX: usize = 65_536;

/// The look-ups of all accounts on a node, counted over its shards. By default there is no limit.
#[derive(Debug)]
pub struct Lookups {
    rate: Rate,
    full_at: Mutex<HashMap<AccountId, u64>>,
}

impl Default for Lookups {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Lookups {
    pub fn new(per_minute: u32) -> Self {
        Self { rate: Rate::new(per_minute, per_minute), full_at: Mutex::default() }
    }

    /// Counts the look-up that `command` asks for, if it is a deep one; `Err`: it is one too many.
    pub(crate) fn count(&self, command: &Command, now: Micros) -> Result<(), Refusal> {
        let age_ms = now.as_ms().saturating_sub(command.message_id.unix_ms());
        if self.rate.is_none() || age_ms <= limits::OLD_ID_MS {
            return Ok(());
        }
        let now = now.get();
        let mut full_at = self.full_at.lock();
        if full_at.len() >= ACCOUNTS_MAX {
            full_at.retain(|_, full_at| *full_at > now);
        }
        let has_room = full_at.len() < ACCOUNTS_MAX;
        let current = full_at.get(&command.sender).copied();
        let later =
            |wait_ms: u64| refused(Empty { retry_after_ms: wait_ms.max(self.rate.interval_ms()) });
        if current.is_none() && !has_room {
            return Err(later(0));
        }
        let next = self.rate.take(current.unwrap_or(0), now);
        let next = next.map_err(|empty| later(empty.retry_after_ms))?;
        full_at.insert(command.sender, next);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use parlance_types::{Action, Code, ConversationId, MessageId};

    use super::*;

    const MINUTE: u64 = 60_000_000;
    const NOW: u64 = 1_795_430_000_000_000;

    fn retry(sender: u8, age_ms: u64) -> Command {
        Command {
            conversation: ConversationId::from_bytes([1; 16]),
            sender: AccountId::from_bytes([sender; 16]),
            device: None,
            message_id: MessageId::from_time(NOW / 1_000 - age_ms, [7; 10]),
            action: Action::Leave,
        }
    }

    /// How many of these are taken before the first refusal, and that refusal.
    fn taken(lookups: &Lookups, command: &Command, now: u64) -> (u32, Refusal) {
        for count in 0..10_000 {
            if let Err(refusal) = lookups.count(command, Micros::new(now)) {
                return (count, refusal);
            }
        }
        panic!("there is no limit");
    }

    #[test]
    fn a_minutes_worth_at_once_and_then_as_time_passes() {
        let lookups = Lookups::new(60);
        let old = retry(1, limits::OLD_ID_MS + 1);
        let (count, refusal) = taken(&lookups, &old, NOW);
        assert_eq!((count, refusal.code), (60, Code::RateLimited));
        assert_eq!(refusal.retry_after_ms, Some(1_000));
        // As advised, and not before.
        assert!(lookups.count(&old, Micros::new(NOW + 999_000)).is_err());
        assert_eq!(taken(&lookups, &old, NOW + 1_000_000).0, 1);
        assert_eq!(taken(&lookups, &old, NOW + 100 * MINUTE).0, 60, "no more than a minute's");
    }

    #[test]
    fn others_and_what_is_recent_are_not_held_up() {
        let lookups = Lookups::new(5);
        taken(&lookups, &retry(1, limits::OLD_ID_MS + 1), NOW);
        let recent = retry(1, limits::OLD_ID_MS);
        assert!((0..100).all(|_| lookups.count(&recent, Micros::new(NOW)).is_ok()));
        assert_eq!(taken(&lookups, &retry(2, limits::OLD_ID_MS + 1), NOW).0, 5);
    }

    #[test]
    fn accounts_are_bounded_and_forgotten() {
        let lookups = Lookups::new(1);
        let as_account = |number: u32| {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&number.to_be_bytes());
            Command { sender: AccountId::from_bytes(bytes), ..retry(1, limits::OLD_ID_MS + 1) }
        };
        for number in 0..ACCOUNTS_MAX as u32 {
            lookups.count(&as_account(number), Micros::new(NOW)).expect("the first");
        }
        let newcomer = as_account(u32::MAX);
        assert!(lookups.count(&newcomer, Micros::new(NOW)).is_err());
        lookups.count(&newcomer, Micros::new(NOW + MINUTE)).expect("the others are forgotten");
        assert_eq!(lookups.full_at.lock().len(), 1);
    }

    #[test]
    fn nought_is_no_limit() {
        let lookups = Lookups::new(0);
        let old = retry(1, limits::OLD_ID_MS + 1);
        assert!((0..10_000).all(|_| lookups.count(&old, Micros::new(NOW)).is_ok()));
    }
}
