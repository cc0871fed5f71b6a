//! Marks and heads: requests that are answered from a conversation's state without adding to its log.
//!
//! Marks are shown at once and ride in the next group, or in one of their own within a second: a crash may lose the last second of
//! them, and a client whose own mark is ahead of its head sends it again.

use std::sync::Arc;

use parlance_core::{Refusal, Shelf, head as build_head, marks};
use parlance_ports::MarkRow;
use parlance_types::frame::{AccountMarks, ErrorFrame, MarkFrame, ServerFrame};
use parlance_types::{AccountId, ConnectionId, ConversationId, ConversationKind, Mark, Marks, Seq};
use tokio::time::Instant;

use super::conversation::{Conversation, Waiting};
use super::flight::Effect;
use super::request::{HeadAnswer, MembersAnswer, MembersAsked, Request};
use super::{CommandSource, MARKS_LINGER, Shard, send};
use crate::outlet::{self, Outlet, Push};

/// Members beyond which marks are announced once a second instead of at once.
const AT_ONCE_MAX: usize = 2;
/// Members beyond which only `read` is announced.
const BOTH_MAX: usize = 50;
/// Members beyond which marks are not announced at all; counts are to be had on request.
const ANNOUNCED_MAX: usize = 250;

/// How the conversation looks to `viewer`, from the working state.
pub(super) fn head(conversation: &Conversation, viewer: AccountId) -> Option<HeadAnswer> {
    let state = &conversation.working;
    let membership = state.membership(viewer)?;
    let own = effective(conversation, viewer);
    let other = match state.kind() {
        Some(ConversationKind::Direct) => {
            let other = state.audience().iter().copied().find(|account| *account != viewer);
            other.map(|other| (other, effective(conversation, other)))
        }
        _ => None,
    };
    let head = build_head::head(state, viewer, &own, other, None)?;
    Some(HeadAnswer { head, intervals: membership.intervals })
}

/// Who is in the conversation, from the working state.
fn members(conversation: &Conversation, asked: MembersAsked) -> Option<MembersAnswer> {
    let state = &conversation.working;
    let MembersAsked { viewer, after, max } = asked;
    let (members, more) = build_head::members(state, viewer, after, max)?;
    let both = state.audience().len() <= BOTH_MAX;
    let is_current = state.member(viewer).is_some_and(parlance_core::Member::is_current);
    let told = members.iter().filter(|listed| is_current || listed.account == viewer);
    let marks = told.map(|listed| account_marks(conversation, listed.account, both)).collect();
    Some(MembersAnswer { members, marks, more })
}

/// How far an account has come, as others are told: in big groups only what it has read.
fn account_marks(conversation: &Conversation, account: AccountId, both: bool) -> AccountMarks {
    let marks = effective(conversation, account);
    let seq = |mark: Option<Mark>| mark.map(|mark| mark.seq);
    let delivered = if both { seq(marks.delivered) } else { None };
    AccountMarks { account, delivered, read: seq(marks.read) }
}

/// The marks of an account, its own messages counted as read.
fn effective(conversation: &Conversation, account: AccountId) -> Marks {
    let marks = conversation.marks.get(&account).copied().unwrap_or_default();
    marks::effective(&marks, conversation.working.sent(account))
}

impl<S: CommandSource> Shard<S> {
    /// Takes a request, in the order of the conversation's commands.
    pub(super) fn request(&mut self, request: Request) {
        let id = request.conversation();
        let Some(conversation) = self.cache.find(id) else {
            self.cache.wait_for_load(id, Waiting::Request(request));
            return self.load(id);
        };
        if conversation.reading || !conversation.waiting.is_empty() {
            conversation.waiting.push_back(Waiting::Request(request));
            return;
        }
        self.request_loaded(request);
    }

    /// The conversation is loaded and nothing waits before this request.
    pub(super) fn request_loaded(&mut self, request: Request) {
        let origin = request.origin();
        match request {
            Request::Head { conversation, viewer, reply } => {
                self.answer_head(conversation, viewer, reply);
            }
            Request::Members { conversation, asked, reply } => {
                self.answer_members(conversation, asked, reply);
            }
            Request::Signal { signal, outlet, is_closed } => {
                self.signal(signal, outlet, is_closed);
            }
            Request::Shelf { conversation, reply } => self.answer_shelf(conversation, reply),
            Request::Mark { conversation, account, delivered, read, outlet, done } => {
                let result = self.mark(conversation, account, (delivered, read), origin);
                if let (Err(refusal), Some(outlet)) = (&result, outlet) {
                    self.tell_refused(outlet, refusal);
                }
                if let Some(done) = done {
                    send(done, result);
                }
            }
        }
    }

    /// Says that something was refused which is not answered otherwise.
    pub(super) fn tell_refused(&mut self, outlet: Arc<dyn Outlet>, refusal: &Refusal) {
        let error: ErrorFrame = crate::reply::refused(None, refusal);
        if outlet.reply(&ServerFrame::Error(error)) {
            self.touched.push(outlet);
        }
    }

    fn answer_shelf(
        &mut self,
        id: ConversationId,
        reply: tokio::sync::oneshot::Sender<Option<Arc<Shelf>>>,
    ) {
        let Some(conversation) = self.cache.get_mut(id) else { return };
        let kept = conversation.working.shelf().cloned();
        if conversation.in_flight.is_empty() {
            return send(reply, kept);
        }
        self.building.effects.push(Effect::Shelf { shelf: kept, reply });
    }

    fn answer_head(
        &mut self,
        id: ConversationId,
        viewer: AccountId,
        reply: tokio::sync::oneshot::Sender<Option<HeadAnswer>>,
    ) {
        let Some(conversation) = self.cache.get_mut(id) else { return };
        let durable = conversation.in_flight.is_empty();
        match head(conversation, viewer) {
            // Seen from outside only when everything in it is durable.
            Some(answer) if !durable => {
                self.building.effects.push(Effect::Head { answer: Box::new(answer), reply });
            }
            answer => send(reply, answer),
        }
    }

    fn answer_members(
        &mut self,
        id: ConversationId,
        asked: MembersAsked,
        reply: tokio::sync::oneshot::Sender<Option<MembersAnswer>>,
    ) {
        let Some(conversation) = self.cache.get_mut(id) else { return };
        let durable = conversation.in_flight.is_empty();
        match members(conversation, asked) {
            Some(answer) if !durable => {
                self.building.effects.push(Effect::Members { answer, reply });
            }
            answer => send(reply, answer),
        }
    }

    fn mark(
        &mut self,
        id: ConversationId,
        account: AccountId,
        (delivered, read): (Option<Seq>, Option<Seq>),
        origin: Option<ConnectionId>,
    ) -> Result<(), Refusal> {
        let not_found = || Refusal::new(parlance_types::Code::NotFound);
        let conversation = self.cache.get_mut(id).ok_or_else(not_found)?;
        let membership = conversation.working.membership(account).ok_or_else(not_found)?;
        let head = conversation.durable.ok_or_else(not_found)?;
        let current = effective(conversation, account);
        let ordinal = |seq: Seq| conversation.ordinal_at(seq);
        let asked = marks::Asked { delivered, read };
        let Some(next) = marks::advance(&current, &membership.intervals, head, asked, ordinal)?
        else {
            return Ok(());
        };
        conversation.marks.insert(account, next);
        self.write_later(id, account);
        let Some(conversation) = self.cache.get_mut(id) else { return Ok(()) };
        if conversation.working.audience().len() <= AT_ONCE_MAX {
            self.announce(id, &[account], origin);
            return Ok(());
        }
        if conversation.unannounced.is_empty() {
            self.marks_to_announce.push(id);
        }
        if !conversation.unannounced.contains(&account) {
            conversation.unannounced.push(account);
        }
        Ok(())
    }

    /// The marks of `account` go with the next group, or in one of their own within a second.
    pub(super) fn write_later(&mut self, id: ConversationId, account: AccountId) {
        let Some(conversation) = self.cache.get_mut(id) else { return };
        if conversation.dirty.is_empty() {
            self.marks_to_write.push(id);
        }
        if !conversation.dirty.contains(&account) {
            conversation.dirty.push(account);
        }
        self.marks_due.get_or_insert_with(|| Instant::now() + MARKS_LINGER);
    }

    /// Marks are not on their way any more.
    pub(super) fn marks_landed(&mut self, marks: &[(ConversationId, AccountId)]) {
        for (id, _) in marks {
            if let Some(conversation) = self.cache.in_flight_mut(*id) {
                conversation.marks_in_flight = conversation.marks_in_flight.saturating_sub(1);
            }
        }
    }

    /// Tells the members how far some of them have come.
    fn announce(
        &mut self,
        id: ConversationId,
        accounts: &[AccountId],
        origin: Option<ConnectionId>,
    ) {
        let Some(conversation) = self.cache.get_mut(id) else { return };
        let audience = conversation.working.audience();
        if audience.len() > ANNOUNCED_MAX {
            return;
        }
        let both = audience.len() <= BOTH_MAX;
        let one = |account: &AccountId| account_marks(conversation, *account, both);
        let frame = MarkFrame { conversation: id, marks: accounts.iter().map(one).collect() };
        let shared = outlet::Shared::new(Push::Mark(&frame));
        for account in audience.iter() {
            let Some(outlets) = self.shared.hub.of(*account) else { continue };
            for outlet in outlets.iter().filter(|outlet| Some(outlet.peer().connection) != origin) {
                if outlet.push(&shared) {
                    self.touched.push(outlet.clone());
                }
            }
        }
    }

    /// A second has passed: marks go out to groups, and to the disk in a group of their own if none came by.
    pub(super) fn announce_marks(&mut self) {
        self.marks_due = None;
        for id in std::mem::take(&mut self.marks_to_announce) {
            let Some(conversation) = self.cache.get_mut(id) else { continue };
            let accounts = std::mem::take(&mut conversation.unannounced);
            self.announce(id, &accounts, None);
        }
        self.submit_marks();
    }

    /// Puts the marks that wait into the group being built.
    pub(super) fn take_marks(&mut self) {
        for id in self.marks_to_write.drain(..) {
            let Some(conversation) = self.cache.in_flight_mut(id) else { continue };
            for account in std::mem::take(&mut conversation.dirty) {
                let marks = conversation.marks.get(&account).copied().unwrap_or_default();
                conversation.marks_in_flight += 1;
                self.building.group.marks.push(MarkRow { account, conversation: id, marks });
            }
        }
    }

    pub(super) fn submit_marks(&mut self) {
        self.take_marks();
        self.submit();
    }
}
