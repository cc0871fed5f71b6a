//! Whether somebody is there: what devices say of it, and what watchers are told.

use crate::{AccountId, Micros, Title};

/// Whether somebody is there. Devices say all but the last, watchers are told all but [`PresenceState::Invisible`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PresenceState {
    /// In front of a device.
    Online,
    /// Connected, and away from every device.
    Away,
    /// Wants to be left alone.
    Busy,
    /// There, and wants to look as if not.
    Invisible,
    /// No device is connected.
    Offline,
}

impl PresenceState {
    pub const ALL: &[Self] =
        &[Self::Online, Self::Away, Self::Busy, Self::Invisible, Self::Offline];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Away => "away",
            Self::Busy => "busy",
            Self::Invisible => "invisible",
            Self::Offline => "offline",
        }
    }
}

/// From a client: its own state, never [`PresenceState::Offline`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresenceRequest {
    pub state: PresenceState,
    /// A few own words.
    pub text: Option<Title>,
    /// When text, busy and invisible end by themselves.
    pub until: Option<Micros>,
}

/// From a client: whose presence it wants to be told, in place of those it watched before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchRequest {
    pub id: u64,
    /// At most [`crate::limits::WATCHED_MAX`].
    pub accounts: Vec<AccountId>,
    /// For so long, at most [`crate::limits::WATCH_SECONDS_MAX`].
    pub seconds: u64,
}

/// From a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresenceFrame {
    pub account: AccountId,
    pub state: PresenceState,
    pub text: Option<Title>,
    /// For own devices only: when that ends by itself.
    pub until: Option<Micros>,
    /// Of somebody who is offline, where it is known.
    pub last_seen: Option<Micros>,
}
