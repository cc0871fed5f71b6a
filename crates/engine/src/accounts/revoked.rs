//! The deny list: sessions that ended while access tokens of theirs may still be alive.

use std::collections::VecDeque;

use hashbrown::HashSet;
use parking_lot::RwLock;
use parlance_types::{Micros, SessionId};

/// Ended sessions, each until the last of its access tokens has expired.
#[derive(Debug, Default)]
pub(super) struct Revoked {
    list: RwLock<List>,
}

#[derive(Debug, Default)]
struct List {
    sessions: HashSet<SessionId>,
    /// In the order in which they were added, which is about that of their times.
    until: VecDeque<(Micros, SessionId)>,
}

impl Revoked {
    /// Adds a session and forgets those whose time has come.
    pub(super) fn insert(&self, session: SessionId, until: Micros, now: Micros) {
        let list = &mut *self.list.write();
        while let Some((_, gone)) = list.until.pop_front_if(|(until, _)| *until < now) {
            list.sessions.remove(&gone);
        }
        if list.sessions.insert(session) {
            list.until.push_back((until, session));
        }
    }

    pub(super) fn contains(&self, session: SessionId) -> bool {
        self.list.read().sessions.contains(&session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_denied_until_its_time_and_then_forgotten() {
        let revoked = Revoked::default();
        let session = |number| SessionId::from_bytes([number; 16]);
        revoked.insert(session(1), Micros::new(10), Micros::new(0));
        revoked.insert(session(1), Micros::new(20), Micros::new(5));
        revoked.insert(session(2), Micros::new(20), Micros::new(10));
        assert!(revoked.contains(session(1)) && revoked.contains(session(2)));
        revoked.insert(session(3), Micros::new(30), Micros::new(11));
        assert!(!revoked.contains(session(1)) && revoked.contains(session(2)));
    }
}
