//! Memberships and marks in memory, by account: those that the rows lack, and those of conversations whose tail is kept.

use hashbrown::HashMap;
use parlance_types::{AccountId, ConversationId, Marks, Membership, Position};

use super::head::Place;

#[derive(Default)]
pub(super) struct Places {
    /// Ascending by conversation.
    accounts: HashMap<AccountId, Vec<(ConversationId, Box<Kept>)>>,
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
        id: ConversationId,
        row: (Membership, Position),
        is_new: bool,
    ) -> bool {
        let (kept, is_first) = self.entry(account, id, is_new);
        kept.written = Some(row.1);
        kept.place.membership = Some(row);
        is_first
    }

    /// As [`Places::join`].
    pub(super) fn mark(
        &mut self,
        account: AccountId,
        id: ConversationId,
        marks: Marks,
        is_new: bool,
    ) -> bool {
        let (kept, is_first) = self.entry(account, id, is_new);
        kept.written = Some(marks.position);
        kept.place.marks.merge(&marks);
        is_first
    }

    pub(super) fn get(&self, account: AccountId, id: ConversationId) -> Option<&Kept> {
        let list = self.accounts.get(&account)?;
        let at = list.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(&list[at].1)
    }

    pub(super) fn of(&self, account: AccountId) -> &[(ConversationId, Box<Kept>)] {
        self.accounts.get(&account).map_or(&[], Vec::as_slice)
    }

    /// The rows hold `stored`, which contains every write up to `up_to`.
    pub(super) fn flushed(
        &mut self,
        account: AccountId,
        id: ConversationId,
        stored: Place,
        up_to: Position,
    ) {
        let Some(list) = self.accounts.get_mut(&account) else { return };
        let Ok(at) = list.binary_search_by_key(&id, |(id, _)| *id) else { return };
        let kept = &mut list[at].1;
        let newer = std::mem::replace(&mut kept.place, stored);
        kept.place.merge(&newer);
        kept.is_whole = true;
        kept.written = kept.written.filter(|written| *written > up_to);
    }

    pub(super) fn remove(&mut self, account: AccountId, id: ConversationId) {
        let Some(list) = self.accounts.get_mut(&account) else { return };
        if let Ok(at) = list.binary_search_by_key(&id, |(id, _)| *id) {
            list.remove(at);
        }
        if list.is_empty() {
            self.accounts.remove(&account);
        }
    }

    fn entry(&mut self, account: AccountId, id: ConversationId, is_new: bool) -> (&mut Kept, bool) {
        let list = self.accounts.entry(account).or_default();
        let found = list.binary_search_by_key(&id, |(id, _)| *id);
        let at = found.unwrap_or_else(|at| {
            let kept = Kept { place: Place::default(), is_whole: is_new, written: None };
            if list.len() == list.capacity() {
                // Most accounts have one or two here.
                list.reserve_exact((list.len() / 2).max(1));
            }
            list.insert(at, (id, Box::new(kept)));
            at
        });
        (&mut list[at].1, found.is_err())
    }
}
