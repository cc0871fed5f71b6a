//! Who may do how much: the buckets of a node, by name. What they mean is `parlance_core::rate`'s to say.
//!
//! It refuses to know doors and configuration. **Memory is bounded**: a bucket that is full again is forgotten, and when too many are
//! not, those who come new share one.

use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;

use hashbrown::{DefaultHashBuilder, HashMap};
use parking_lot::Mutex;
use parlance_core::Refusal;
use parlance_core::rate::{Empty, Rate};
use parlance_types::{AccountId, Code, DeviceId, Verdict, limits};

use crate::metrics::Counter;

/// Buckets of one name that are not full, at a time.
const BUCKETS_MAX: usize = 1 << 17;
const SLICES: usize = 64;
/// Microseconds between two looks for buckets that are full again: with too many newcomers each would cost a look.
const SWEEP: u64 = 1_000_000;

/// The rates of all buckets. By default there is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Wrong passwords for one account from one address.
    pub sign_in_pair: Rate,
    /// Wrong passwords for one account.
    pub sign_in_account: Rate,
    /// Wrong passwords from one address.
    pub sign_in_address: Rate,
    /// New accounts from one address.
    pub sign_up_address: Rate,
    /// Commands of one account.
    pub commands_account: Rate,
    /// Commands of one device.
    pub commands_device: Rate,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            sign_in_pair: Rate::NONE,
            sign_in_account: Rate::NONE,
            sign_in_address: Rate::NONE,
            sign_up_address: Rate::NONE,
            commands_account: Rate::NONE,
            commands_device: Rate::NONE,
        }
    }
}

/// Where somebody comes from, as limits see it: an address, of IPv6 the network that one subscriber has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(u64);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            // In no network of IPv6 that is in use.
            IpAddr::V4(address) => Self(u64::from(u32::from(address))),
            IpAddr::V6(address) => Self((u128::from(address) >> 64) as u64),
        }
    }
}

/// Buckets of one name, by whom they belong to.
#[derive(Debug)]
pub(crate) struct Buckets<K> {
    rate: Rate,
    refused: Counter,
    hasher: DefaultHashBuilder,
    slices: Box<[Mutex<Slice<K>>]>,
}

#[derive(Debug)]
struct Slice<K> {
    full_at: HashMap<K, u64>,
    /// Of those for whom there is no room.
    shared: u64,
    /// When it was last looked which of them are full again.
    swept_at: u64,
}

impl<K> Default for Slice<K> {
    fn default() -> Self {
        Self { full_at: HashMap::new(), shared: 0, swept_at: 0 }
    }
}

impl<K: Hash + Eq + Copy> Buckets<K> {
    pub(crate) fn new(rate: Rate) -> Self {
        let slices = std::iter::repeat_with(Mutex::default).take(SLICES).collect();
        Self { rate, refused: Counter::default(), hasher: DefaultHashBuilder::default(), slices }
    }

    fn slice(&self, key: &K) -> &Mutex<Slice<K>> {
        &self.slices[self.hasher.hash_one(key) as usize % SLICES]
    }

    /// Takes one out of the bucket of `key`.
    pub(crate) fn take(&self, key: K, now: u64) -> Result<(), Empty> {
        if self.rate.is_none() {
            return Ok(());
        }
        self.take_of(key, now).inspect_err(|_| self.refused.increment())
    }

    /// How often a bucket was empty.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.get()
    }

    fn take_of(&self, key: K, now: u64) -> Result<(), Empty> {
        let slice = &mut *self.slice(&key).lock();
        if let Some(full_at) = slice.full_at.get_mut(&key) {
            *full_at = self.rate.take(*full_at, now)?;
            return Ok(());
        }
        if slice.full_at.len() >= BUCKETS_MAX / SLICES && now > slice.swept_at + SWEEP {
            slice.swept_at = now;
            slice.full_at.retain(|_, full_at| *full_at > now);
        }
        if slice.full_at.len() >= BUCKETS_MAX / SLICES {
            slice.shared = self.rate.take(slice.shared, now)?;
            return Ok(());
        }
        slice.full_at.insert(key, self.rate.take(0, now)?);
        Ok(())
    }

    /// Puts back what was taken.
    pub(crate) fn give_back(&self, key: K) {
        let slice = &mut *self.slice(&key).lock();
        let full_at = slice.full_at.get_mut(&key).unwrap_or(&mut slice.shared);
        *full_at = self.rate.give_back(*full_at);
    }
}

/// The commands of all accounts and devices on a node.
#[derive(Debug)]
pub struct Commands {
    accounts: Buckets<AccountId>,
    devices: Buckets<DeviceId>,
}

impl Commands {
    pub fn new(rates: &Rates) -> Self {
        Self {
            accounts: Buckets::new(rates.commands_account),
            devices: Buckets::new(rates.commands_device),
        }
    }

    /// How often a bucket was empty, by name.
    pub(crate) fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let (accounts, devices) = (self.accounts.refused(), self.devices.refused());
        [(limits::COMMANDS_ACCOUNT.name, accounts), (limits::COMMANDS_DEVICE.name, devices)]
            .into_iter()
    }

    /// Counts a command: what its stamp says of how much its sender does.
    pub(crate) fn count(&self, account: AccountId, device: Option<DeviceId>, now: u64) -> Verdict {
        let of_device = device.map_or(Ok(()), |device| self.devices.take(device, now));
        match of_device.and_then(|()| self.accounts.take(account, now)) {
            Ok(()) => Verdict::Allow,
            Err(Empty { retry_after_ms }) => Verdict::RateLimited { retry_after_ms },
        }
    }
}

/// What somebody is told whose bucket is empty.
pub(crate) fn refused(empty: Empty) -> Refusal {
    let retry_after_ms = Some(empty.retry_after_ms);
    Refusal { retry_after_ms, ..Refusal::new(Code::RateLimited) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_subscriber() {
        let network = |text: &str| Network::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(network("2001:db8:1:2::3"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::3"), network("2001:db8:1:3::3"));
        assert_eq!(network("192.0.2.1"), network("::ffff:192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }

    #[test]
    fn each_has_its_own_until_there_are_too_many_and_then_newcomers_share() {
        let buckets = Buckets::new(Rate::new(2, 60));
        let later = 100 * SWEEP;
        for key in 0..2 * BUCKETS_MAX {
            // Whoever does not fit is refused once the shared bucket is empty.
            let _ = buckets.take(key, 10 * SWEEP);
        }
        let held: usize = buckets.slices.iter().map(|slice| slice.lock().full_at.len()).sum();
        assert!(held <= BUCKETS_MAX, "{held}");
        let newcomer = 5 * BUCKETS_MAX;
        assert!(buckets.take(newcomer, 10 * SWEEP).is_err());
        assert!(buckets.take(newcomer, later).is_ok(), "the others are forgotten");
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let buckets = Buckets::new(Rate::new(1, 1));
        assert!(buckets.take(7, 5).is_ok());
        assert!(buckets.take(7, 5).is_err());
        buckets.give_back(7);
        assert!(buckets.take(7, 5).is_ok());
    }
}
