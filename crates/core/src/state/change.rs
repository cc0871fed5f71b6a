//! What an event does to members: computed once, for the rows that a decision writes and for the state that follows.

use parlance_types::{
    AccountId, Body, Event, Frozen, History, Interval, Listed, Role, Seq, limits,
};
use smallvec::{SmallVec, smallvec};

use super::{Member, State};

impl State {
    /// Every member whose place the event changes, as it is afterwards. Total: what does not fit changes nobody.
    pub(crate) fn changes(&self, event: &Event) -> Vec<Member> {
        match &event.content.body {
            Body::Create { members, .. } if !self.exists() => {
                members.iter().map(|listed| self.comer(event, *listed)).collect()
            }
            Body::Add { accounts } => {
                let came = accounts.iter().filter(|account| !self.is_member(**account));
                let listed = came.map(|account| Listed { account: *account, role: Role::Member });
                listed.map(|listed| self.comer(event, listed)).collect()
            }
            Body::Remove { account } => self.goer(event, *account, None).into_iter().collect(),
            Body::Leave { promoted } => {
                let goer = self.goer(event, event.sender, *promoted);
                let heir = promoted.and_then(|heir| self.promoted(event.seq, heir, Role::Owner));
                goer.into_iter().chain(heir).collect()
            }
            Body::Role { account, role } => {
                self.promoted(event.seq, *account, *role).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn is_member(&self, account: AccountId) -> bool {
        self.member(account).is_some_and(Member::is_current)
    }

    fn comer(&self, event: &Event, listed: Listed) -> Member {
        let seq = event.seq;
        let sees_all = self.info().is_some_and(|info| info.settings.history == History::All);
        let from = if sees_all { Seq::FIRST } else { seq };
        let stay = Interval { from, join: seq, join_ordinal: event.ordinal, left: None };
        let known = self.member(listed.account);
        let intervals: SmallVec<[Interval; 1]> = match known {
            // A stay that sees everything contains the earlier ones.
            Some(member) if !sees_all => member.intervals.iter().copied().chain([stay]).collect(),
            _ => smallvec![stay],
        };
        Member {
            account: listed.account,
            role: Some(listed.role),
            role_since: seq,
            intervals,
            as_of: seq,
            last_id: known.map_or(Member::NO_ID, |member| member.last_id),
            sent: known.and_then(|member| member.sent),
            frozen: None,
        }
    }

    fn goer(
        &self,
        event: &Event,
        account: AccountId,
        promoted: Option<AccountId>,
    ) -> Option<Member> {
        let mut member = self.member(account).filter(|member| member.is_current())?.clone();
        if let Some(stay) = member.intervals.last_mut() {
            stay.left = Some(event.seq);
        }
        member.role = None;
        member.as_of = event.seq;
        member.frozen = Some(Box::new(self.frozen_after(event, account, promoted)));
        Some(member)
    }

    fn promoted(&self, seq: Seq, account: AccountId, role: Role) -> Option<Member> {
        let member = self.member(account).filter(|member| member.is_current())?;
        Some(Member { role: Some(role), role_since: seq, as_of: seq, ..member.clone() })
    }

    /// The conversation after `event`, by which `gone` went and `promoted` became owner.
    fn frozen_after(&self, event: &Event, gone: AccountId, promoted: Option<AccountId>) -> Frozen {
        let stayed =
            self.members().filter_map(Member::listed).filter(|listed| listed.account != gone);
        let members = stayed.map(|listed| {
            if promoted == Some(listed.account) {
                Listed { role: Role::Owner, ..listed }
            } else {
                listed
            }
        });
        Frozen {
            hash: event.hash,
            ordinal: event.ordinal,
            at: event.at,
            members: members.take(limits::HEAD_MEMBERS_MAX).collect(),
            member_count: self.audience().len() - 1,
            ..self.freeze()
        }
    }
}
