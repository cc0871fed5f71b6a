//! Memberships and marks in memory, beside the tail of their conversation: those that the rows lack, and those that were read or written
//! since the tail is there.

use hashbrown::{HashMap, HashSet};
use parlance_types::{AccountId, ConversationId, Marks, Membership, Position};

use super::head::Place;

/// Places that are looked for one by one; of more there is an index.
const FEW: usize = 16;

/// Of one conversation, in the order in which they came.
#[derive(Default)]
pub(super) struct Places {
    kept: Vec<(AccountId, Kept)>,
    index: Option<Box<HashMap<AccountId, u32>>>,
}

#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) place: Place,
    /// The place holds everything; otherwise the rows may hold more.
    pub(super) is_whole: bool,
    /// The last write that the rows lack.
    pub(super) written: Option<Position>,
}

impl Places {
    /// Answers whether the account had no place here before.
    pub(super) fn join(
        &mut self,
        account: AccountId,
        row: (Membership, Position),
        is_new: bool,
    ) -> bool {
        let (kept, is_first) = self.entry(account, is_new);
        kept.written = Some(row.1);
        kept.place.membership = Some(row);
        is_first
    }

    /// As [`Places::join`].
    pub(super) fn mark(&mut self, account: AccountId, marks: &Marks, is_new: bool) -> bool {
        let (kept, is_first) = self.entry(account, is_new);
        kept.written = Some(marks.position);
        kept.place.marks.merge(marks);
        is_first
    }

    pub(super) fn get(&self, account: AccountId) -> Option<&Kept> {
        self.find(account).map(|at| &self.kept[at].1)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (AccountId, &Kept)> {
        self.kept.iter().map(|(account, kept)| (*account, kept))
    }

    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    /// The rows hold every write up to `up_to`.
    pub(super) fn flushed(&mut self, up_to: Position) {
        for (_, kept) in &mut self.kept {
            kept.written = kept.written.filter(|written| *written > up_to);
        }
    }

    /// The rows hold `stored` of an account whose place was not whole.
    pub(super) fn complete(&mut self, account: AccountId, mut stored: Place) {
        if let Some(at) = self.find(account) {
            let kept = &mut self.kept[at].1;
            stored.merge(&kept.place);
            kept.place = stored;
            kept.is_whole = true;
        }
    }

    fn find(&self, account: AccountId) -> Option<usize> {
        match &self.index {
            None => self.kept.iter().position(|(other, _)| *other == account),
            Some(index) => index.get(&account).map(|at| *at as usize),
        }
    }

    fn entry(&mut self, account: AccountId, is_new: bool) -> (&mut Kept, bool) {
        let found = self.find(account);
        let at = found.unwrap_or_else(|| {
            let at = self.kept.len();
            let kept = Kept { place: Place::default(), is_whole: is_new, written: None };
            if at < 2 {
                // Most conversations have two members.
                self.kept.reserve_exact(2 - at);
            }
            self.kept.push((account, kept));
            if let Some(index) = &mut self.index {
                index.insert(account, at as u32);
            } else if at == FEW {
                let numbered = self.kept.iter().enumerate();
                let index = numbered.map(|(at, (account, _))| (*account, at as u32)).collect();
                self.index = Some(Box::new(index));
            }
            at
        });
        (&mut self.kept[at].1, found.is_none())
    }
}

/// In which conversations an account has a place in memory.
#[derive(Default)]
pub(super) struct Whereabouts {
    accounts: HashMap<AccountId, HashSet<ConversationId>>,
}

impl Whereabouts {
    pub(super) fn add(&mut self, account: AccountId, id: ConversationId) {
        self.accounts.entry(account).or_default().insert(id);
    }

    pub(super) fn of(&self, account: AccountId) -> impl Iterator<Item = ConversationId> {
        self.accounts.get(&account).into_iter().flatten().copied()
    }

    pub(super) fn remove(&mut self, account: AccountId, id: ConversationId) {
        let Some(ids) = self.accounts.get_mut(&account) else { return };
        ids.remove(&id);
        if ids.is_empty() {
            self.accounts.remove(&account);
        }
    }
}
