//! What an account shows of itself: what its devices say and what the person chose, merged.
//!
//! `online` and `away` speak of one connection. `busy`, `invisible` and the text are the person's choice, true on every device and
//! without any, until they are taken back or end by themselves. Invariant: whoever is invisible looks exactly like somebody who is
//! offline. It refuses to know who watches, and how many connections there are: that is an argument.

use parlance_types::{ConnectionId, Micros, PresenceRequest, PresenceState, Title, limits};
use smallvec::SmallVec;

/// The person's choice.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Choice {
    /// Busy or invisible.
    state: Option<PresenceState>,
    text: Option<Title>,
    until: Micros,
}

/// What is known of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    choice: Option<Choice>,
    /// The connections whose person is away.
    away: SmallVec<[ConnectionId; 1]>,
}

/// What somebody sees of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Whether the account is there.
    pub state: PresenceState,
    /// In its own words.
    pub text: Option<Title>,
}

impl Status {
    /// `connection` says something (`None`: a door without one). True if the person's choice is another now.
    pub fn say(
        &mut self,
        now: Micros,
        connection: Option<ConnectionId>,
        said: &PresenceRequest,
    ) -> bool {
        let was_away = connection.is_some_and(|connection| self.forget(connection));
        let own = self.choice.clone();
        match said.state {
            PresenceState::Online if was_away && said.text.is_none() => {}
            PresenceState::Online | PresenceState::Offline => {
                self.choose(now, None, said.text.clone(), said.until);
            }
            PresenceState::Away => {
                self.away.extend(connection);
                if said.text.is_some() {
                    let state = self.choice.as_ref().and_then(|choice| choice.state);
                    self.choose(now, state, said.text.clone(), said.until);
                }
            }
            PresenceState::Busy | PresenceState::Invisible => {
                self.choose(now, Some(said.state), said.text.clone(), said.until);
            }
        }
        own != self.choice
    }

    fn choose(
        &mut self,
        now: Micros,
        state: Option<PresenceState>,
        text: Option<Title>,
        until: Option<Micros>,
    ) {
        let after = |ms: u64| Micros::new(now.get().saturating_add(ms.saturating_mul(1_000)));
        let longest = after(limits::PRESENCE_MS_MAX);
        let until = until.map_or_else(|| after(limits::PRESENCE_MS), |until| until.min(longest));
        let chosen = state.is_some() || text.is_some();
        self.choice = (chosen && until > now).then_some(Choice { state, text, until });
    }

    /// The connection is gone, or its person is back. True if that person was away.
    pub fn forget(&mut self, connection: ConnectionId) -> bool {
        let known = self.away.len();
        self.away.retain(|away| *away != connection);
        self.away.len() < known
    }

    /// When the choice ends by itself.
    pub fn until(&self) -> Option<Micros> {
        self.choice.as_ref().map(|choice| choice.until)
    }

    /// Ends a choice whose time has come. True if there was one.
    pub fn expire(&mut self, now: Micros) -> bool {
        self.choice.take_if(|choice| choice.until <= now).is_some()
    }

    /// Nothing was said that is still true.
    pub fn is_plain(&self) -> bool {
        self.choice.is_none() && self.away.is_empty()
    }

    /// Whether the person chose to look offline.
    pub fn is_invisible(&self) -> bool {
        self.chosen() == Some(PresenceState::Invisible)
    }

    fn chosen(&self) -> Option<PresenceState> {
        self.choice.as_ref().and_then(|choice| choice.state)
    }

    /// What the account's own devices see.
    pub fn own(&self, connections: usize) -> Shown {
        let state = match self.chosen() {
            Some(chosen) => chosen,
            None if connections == 0 => PresenceState::Offline,
            None if self.away.len() >= connections => PresenceState::Away,
            None => PresenceState::Online,
        };
        Shown { state, text: self.choice.as_ref().and_then(|choice| choice.text.clone()) }
    }

    /// What others see.
    pub fn shown(&self, connections: usize) -> Shown {
        let mut shown = self.own(connections);
        if connections == 0 || shown.state == PresenceState::Invisible {
            shown.state = PresenceState::Offline;
        }
        shown
    }
}

#[cfg(test)]
mod tests;
