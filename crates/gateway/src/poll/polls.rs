//! The connections by long polling of this node, found by their session. **A session has few of them**: for one more its oldest ends.

use std::collections::VecDeque;

use hashbrown::HashMap;
use parking_lot::Mutex;
use parlance_types::{ConnectionId, SessionId, limits};
use tokio::sync::mpsc;

use super::Ask;

/// Those of one session, oldest first.
type Own = VecDeque<(ConnectionId, mpsc::Sender<Ask>)>;

/// By session.
#[derive(Debug, Default)]
pub(crate) struct Polls {
    open: Mutex<HashMap<SessionId, Own>>,
}

impl Polls {
    /// Where the polls of a connection go; only its own session finds it.
    pub(super) fn find(
        &self,
        session: SessionId,
        connection: ConnectionId,
    ) -> Option<mpsc::Sender<Ask>> {
        let open = self.open.lock();
        let (_, asks) = open.get(&session)?.iter().find(|(known, _)| *known == connection)?;
        Some(asks.clone())
    }

    /// From now on the connection is found. The oldest of too many is not any more: nobody can ask it, which ends it.
    pub(super) fn add(
        &self,
        session: SessionId,
        connection: ConnectionId,
        asks: mpsc::Sender<Ask>,
    ) {
        let mut open = self.open.lock();
        let own = open.entry(session).or_default();
        if own.len() >= limits::POLLS_MAX {
            own.pop_front();
        }
        own.push_back((connection, asks));
    }

    pub(super) fn remove(&self, session: SessionId, connection: ConnectionId) {
        let mut open = self.open.lock();
        let Some(own) = open.get_mut(&session) else { return };
        own.retain(|(known, _)| *known != connection);
        if own.is_empty() {
            open.remove(&session);
        }
    }
}
