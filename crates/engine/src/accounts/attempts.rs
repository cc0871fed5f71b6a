//! Wrong passwords: how many an account, an address, and the one from the other may have.
//!
//! An attempt takes one out of each bucket before the password is looked at, and puts it back unless the password was wrong: many people
//! behind one address do not use up each other's, and guesses that come all at once do not slip through. Handles are not looked up here, so
//! one that does not exist is limited like any other.
//!
//! **A stranger cannot keep an owner out for long**: when guesses from everywhere have emptied an account's bucket, an address from
//! which its owner signed in lately needs only a bucket of its own, which a stranger elsewhere cannot empty.

use std::net::IpAddr;

use parlance_core::Refusal;
use parlance_types::{Handle, limits};

use super::recent::Recent;
use crate::limits::{Buckets, Network, Rates, refused};

/// Owners' addresses that are remembered.
const KNOWN: usize = 65_536;

/// An account as its handle names it, whether or not it exists.
type Named = [u8; 16];

#[derive(Debug)]
pub(super) struct Attempts {
    pairs: Buckets<(Named, Network)>,
    accounts: Buckets<Named>,
    addresses: Buckets<Network>,
    sign_ups: Buckets<Network>,
    /// From where accounts were signed in to.
    known: Recent<(Named, Network), ()>,
}

/// One attempt at a password. Dropped, it leaves its buckets as they were, unless it was wrong.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    attempts: &'a Attempts,
    pair: (Named, Network),
    /// It took one from the account's bucket.
    counted: bool,
    wrong: bool,
}

impl Attempts {
    pub(super) fn new(rates: &Rates) -> Self {
        Self {
            pairs: Buckets::new(rates.sign_in_pair),
            accounts: Buckets::new(rates.sign_in_account),
            addresses: Buckets::new(rates.sign_in_address),
            sign_ups: Buckets::new(rates.sign_up_address),
            known: Recent::new(KNOWN),
        }
    }

    /// How often a bucket was empty, by name.
    pub(super) fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            (limits::SIGN_IN_PAIR.name, self.pairs.refused()),
            (limits::SIGN_IN_ACCOUNT.name, self.accounts.refused()),
            (limits::SIGN_IN_ADDRESS.name, self.addresses.refused()),
            (limits::SIGN_UP_ADDRESS.name, self.sign_ups.refused()),
        ]
        .into_iter()
    }

    /// Lets an attempt at the password of `handle` begin, if all its buckets have one.
    pub(super) fn begin(
        &self,
        handle: &Handle,
        from: IpAddr,
        now: u64,
    ) -> Result<Attempt<'_>, Refusal> {
        let from = Network::from(from);
        let mut named = Named::default();
        named.copy_from_slice(&blake3::hash(handle.as_str().as_bytes()).as_bytes()[..16]);
        let pair = (named, from);
        self.addresses.take(from, now).map_err(refused)?;
        if let Err(empty) = self.pairs.take(pair, now) {
            self.addresses.give_back(from);
            return Err(refused(empty));
        }
        let is_known = self.known.get(&pair).is_some();
        let counted = self.accounts.take(named, now);
        if let Err(empty) = counted
            && !is_known
        {
            self.addresses.give_back(from);
            self.pairs.give_back(pair);
            return Err(refused(empty));
        }
        Ok(Attempt { attempts: self, pair, counted: counted.is_ok(), wrong: false })
    }

    /// Counts a new account.
    pub(super) fn sign_up(&self, from: IpAddr, now: u64) -> Result<(), Refusal> {
        self.sign_ups.take(from.into(), now).map_err(refused)
    }
}

impl Attempt<'_> {
    pub(super) fn was_wrong(mut self) {
        self.wrong = true;
    }

    pub(super) fn was_right(self) {
        self.attempts.known.insert(self.pair, ());
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.wrong {
            return;
        }
        let (named, from) = self.pair;
        self.attempts.addresses.give_back(from);
        self.attempts.pairs.give_back(self.pair);
        if self.counted {
            self.attempts.accounts.give_back(named);
        }
    }
}
