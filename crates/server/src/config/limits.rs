//! `[limits]`: how much of what in which time.

use parlance_core::rate::Rate;
use parlance_engine::limits::Rates;
use parlance_types::limits::{self, Bucket as Usual};
use serde::Serialize;

use super::read::Section;

/// `[limits.NAME]`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Bucket {
    /// So many at once. 0: there is no limit.
    pub(crate) burst: u32,
    /// So many back in a minute. 0: there is no limit.
    pub(crate) per_minute: u32,
}

/// `[limits]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Limits {
    pub(crate) sign_in_pair: Bucket,
    pub(crate) sign_in_account: Bucket,
    pub(crate) sign_in_address: Bucket,
    pub(crate) sign_up_address: Bucket,
    pub(crate) commands_account: Bucket,
    pub(crate) commands_device: Bucket,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sign_in_pair: Bucket::usual(limits::SIGN_IN_PAIR),
            sign_in_account: Bucket::usual(limits::SIGN_IN_ACCOUNT),
            sign_in_address: Bucket::usual(limits::SIGN_IN_ADDRESS),
            sign_up_address: Bucket::usual(limits::SIGN_UP_ADDRESS),
            commands_account: Bucket::usual(limits::COMMANDS_ACCOUNT),
            commands_device: Bucket::usual(limits::COMMANDS_DEVICE),
        }
    }
}

impl Bucket {
    const fn usual(usual: Usual) -> Self {
        Self { burst: usual.burst, per_minute: usual.per_minute }
    }

    fn rate(self) -> Rate {
        Rate::new(self.burst, self.per_minute)
    }

    fn read(section: &mut Section<'_>, usual: Usual) -> Self {
        section.section(usual.name, |section| Self {
            burst: section.value("burst", usual.burst),
            per_minute: section.value("per_minute", usual.per_minute),
        })
    }
}

impl Limits {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self {
            sign_in_pair: Bucket::read(section, limits::SIGN_IN_PAIR),
            sign_in_account: Bucket::read(section, limits::SIGN_IN_ACCOUNT),
            sign_in_address: Bucket::read(section, limits::SIGN_IN_ADDRESS),
            sign_up_address: Bucket::read(section, limits::SIGN_UP_ADDRESS),
            commands_account: Bucket::read(section, limits::COMMANDS_ACCOUNT),
            commands_device: Bucket::read(section, limits::COMMANDS_DEVICE),
        }
    }

    pub(crate) fn rates(&self) -> Rates {
        Rates {
            sign_in_pair: self.sign_in_pair.rate(),
            sign_in_account: self.sign_in_account.rate(),
            sign_in_address: self.sign_in_address.rate(),
            sign_up_address: self.sign_up_address.rate(),
            commands_account: self.commands_account.rate(),
            commands_device: self.commands_device.rate(),
        }
    }
}
