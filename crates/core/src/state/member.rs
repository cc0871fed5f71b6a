//! The members of a conversation, current and former, in order of their ids.

use parlance_types::{AccountId, Frozen, Interval, Listed, Mark, Membership, MessageId, Role, Seq};
use smallvec::SmallVec;

/// An account's place in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Whose place it is.
    pub account: AccountId,
    /// `None`: a former member.
    pub role: Option<Role>,
    /// The event that gave this role.
    pub role_since: Seq,
    /// The stays, in order; only the last may be open.
    pub intervals: SmallVec<[Interval; 1]>,
    /// The event that last changed role or stays.
    pub as_of: Seq,
    /// The greatest message id of this sender here; zeros if nothing was sent. Kept after leaving.
    pub last_id: MessageId,
    /// The own last message.
    pub sent: Option<Mark>,
    /// For a former member: the conversation as of the end of the last stay.
    pub frozen: Option<Box<Frozen>>,
}

impl Member {
    /// Below every message id.
    pub const NO_ID: MessageId = MessageId::from_bytes([0; 16]);

    /// Whether the account is in the conversation now.
    pub fn is_current(&self) -> bool {
        self.role.is_some()
    }

    /// The join that began the last stay.
    pub fn joined(&self) -> Option<Seq> {
        self.intervals.last().map(|stay| stay.join)
    }

    /// The event that ended the last stay.
    pub fn left(&self) -> Option<Seq> {
        self.intervals.last().and_then(|stay| stay.left)
    }

    pub(crate) fn listed(&self) -> Option<Listed> {
        self.role.map(|role| Listed { account: self.account, role })
    }

    pub(crate) fn row(&self) -> Membership {
        Membership {
            role: self.role,
            intervals: self.intervals.to_vec(),
            as_of: self.as_of,
            frozen: self.frozen.clone(),
        }
    }
}

/// Sorted by account. A flat array: most conversations have two members, and look-ups are on the path of every message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Members(Vec<Member>);

impl Members {
    pub(super) fn get(&self, account: AccountId) -> Option<&Member> {
        self.find(account).ok().map(|index| &self.0[index])
    }

    pub(super) fn get_mut(&mut self, account: AccountId) -> Option<&mut Member> {
        self.find(account).ok().map(|index| &mut self.0[index])
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Member> {
        self.0.iter()
    }

    /// Replaces those that are there and adds the others.
    pub(super) fn put(&mut self, changed: Vec<Member>) {
        let mut came = Vec::new();
        for member in changed {
            match self.find(member.account) {
                Ok(index) => self.0[index] = member,
                Err(_) => came.push(member),
            }
        }
        if !came.is_empty() {
            self.0.append(&mut came);
            // Two sorted runs, or nearly so.
            self.0.sort_by_key(|member| member.account);
            self.0.dedup_by_key(|member| member.account);
        }
    }

    /// Rough memory; of what hangs on a former member, a typical amount.
    pub(super) fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<Member>()
    }

    fn find(&self, account: AccountId) -> Result<usize, usize> {
        self.0.binary_search_by_key(&account, |member| member.account)
    }
}
