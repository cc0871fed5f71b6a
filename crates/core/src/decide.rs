//! From a command to what it comes to: a refusal, a duplicate, or events with their rows and audience.
//!
//! Invariants: [`decide()`] is total and reads its arguments and nothing else; **the check for a retry precedes every other
//! check**, so a name maps to one `seq` for ever; nothing is decided on a fact that was not asked for.

mod create;
mod draft;
mod group;
mod message;
mod personal;
mod retry;

use std::sync::Arc;

use parlance_types::{
    AccountId, Action, Code, Command, ConversationKind, Entry, Event, Facts, Hash, MessageId,
    Micros, Ordinal, Record, Role, Seq, Stamp, Verdict, limits,
};
use smallvec::SmallVec;

use crate::policy::{self, Act};
use crate::refusal::Refusal;
use crate::state::{Info, Member, State};

/// What `decide` must know of old events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Whether the command may be a retry: the event of this name, if there is one, is [`Facts::original`].
    pub original: bool,
    /// The event that the command changes, or that already did what it wants: [`Facts::target`].
    pub target: Option<Seq>,
}

/// What a command comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing is written.
    Refused(Refusal),
    /// A retry, or a change that changes nothing: the event that made it so.
    Duplicate(Named),
    /// Events, in order; the last is the one that the command names. Usually one.
    Decided(SmallVec<[Decided; 1]>),
}

/// An event that exists, as an answer names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub message_id: MessageId,
    /// Its place.
    pub seq: Seq,
    /// Its time.
    pub at: Micros,
    /// The chain there.
    pub hash: Hash,
    /// Counting messages up to it.
    pub ordinal: Ordinal,
}

impl From<&Record> for Named {
    fn from(record: &Record) -> Self {
        let Record { message_id, seq, at, hash, ordinal, .. } = *record;
        Self { message_id, seq, at, hash, ordinal }
    }
}

/// An event that was decided: as people see it, as it is kept, and who gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// As people see it.
    pub event: Box<Event>,
    /// As it is kept, with its rows. Shared by what is in flight, the group and the store.
    pub entry: Arc<Entry>,
    /// The members as of this event: who is removed gets the removal, who is added the addition. In order of their ids.
    pub audience: Arc<[AccountId]>,
}

/// The facts to look up before deciding. An id is fresh without looking only if it is greater than every id of this
/// sender here: by its time first, and within a millisecond by what follows, so that a client whose ids grow is never looked up.
pub fn needs(state: &State, command: &Command) -> Needs {
    let Some(member) = state.member(command.sender) else { return Needs::default() };
    let original = command.message_id <= member.last_id;
    let target = match command.action.target() {
        Some(target) => Some(target).filter(|target| sees(state, member, *target)),
        None => group::settled(state, &command.action),
    };
    Needs { original, target: target.filter(|_| member.is_current()) }
}

/// One more event to look up once the target is known ([`Facts::made`]): the one that already did what the command wants, or
/// the version that an edit would replace. Without it such a command is still decided, naming the target instead.
pub fn needs_made(command: &Command, facts: &Facts) -> Option<Seq> {
    let (_, overlay) = facts.target.as_ref()?;
    match &command.action {
        Action::Edit { .. } => overlay.edits.last().copied(),
        Action::Delete { .. } => overlay.deleted,
        Action::React { emoji, .. } => overlay.reaction(command.sender, emoji),
        _ => None,
    }
}

/// Decides. The caller applies each decided event, in order.
pub fn decide(state: &State, facts: &Facts, command: &Command, stamp: &Stamp) -> Decision {
    if let Some(original) = retry::original(state, facts, command) {
        return retry::answer(original, command);
    }
    decide_fresh(state, facts, command, stamp).unwrap_or_else(Decision::Refused)
}

fn decide_fresh(
    state: &State,
    facts: &Facts,
    command: &Command,
    stamp: &Stamp,
) -> Result<Decision, Refusal> {
    check_id(command, stamp)?;
    check_account(stamp)?;
    let Some(info) = state.info() else { return create::create(state, command, stamp) };
    let member = state.member(command.sender).ok_or(Refusal::new(Code::NotFound))?;
    let role = member.role.ok_or(Refusal::new(Code::NotAMember))?;
    if !policy::has(info.kind, command.action.kind()) {
        return Err(Refusal::new(Code::WrongKind));
    }
    let case = Case { state, facts, command, stamp, info, member, role };
    match &command.action {
        Action::Create { .. } => Err(Refusal::new(Code::WrongKind)),
        Action::Send { .. } => case.send(),
        Action::Edit { target, text, entities } => case.edit(*target, text, entities),
        Action::Delete { target } => case.delete(*target),
        Action::React { target, emoji } => case.react(*target, emoji),
        Action::Unreact { target, emoji } => case.unreact(*target, emoji),
        Action::Add { accounts } => case.add(accounts),
        Action::Remove { account } => case.remove(*account),
        Action::Leave => case.leave(),
        Action::Role { account, role } => case.change_role(*account, *role),
        Action::Rename { title } => case.rename(title),
        Action::Describe { text } => case.describe(text.as_ref()),
        Action::Settings(change) => case.change_settings(*change),
        Action::Personal(wish) => case.keep(wish),
    }
}

/// A command of a current member in a conversation that exists.
struct Case<'a> {
    state: &'a State,
    facts: &'a Facts,
    command: &'a Command,
    stamp: &'a Stamp,
    info: &'a Info,
    member: &'a Member,
    role: Role,
}

impl Case<'_> {
    fn check(&self, act: Act) -> Result<(), Refusal> {
        if policy::may(self.role, act, self.info.settings) {
            Ok(())
        } else {
            Err(Refusal::new(Code::Forbidden))
        }
    }

    /// A block or a privacy setting lets nothing new be said in a 1:1, by an edit neither.
    fn check_contact(&self) -> Result<(), Refusal> {
        let is_direct = self.info.kind == ConversationKind::Direct;
        check_contact(is_direct, self.stamp)
    }

    fn sees(&self, seq: Seq) -> bool {
        sees(self.state, self.member, seq)
    }

    fn is_unknown(&self, account: AccountId) -> bool {
        self.stamp.unknown_accounts.contains(&account)
    }
}

fn sees(state: &State, member: &Member, seq: Seq) -> bool {
    Some(seq) <= state.seq() && policy::visible(&member.intervals, seq)
}

fn check_id(command: &Command, stamp: &Stamp) -> Result<(), Refusal> {
    if !command.message_id.is_v7() {
        return Err(Refusal::field(Code::InvalidField, "message_id"));
    }
    let latest = stamp.time.as_ms().saturating_add(limits::ID_AHEAD_MS_MAX);
    if command.message_id.unix_ms() > latest {
        let refusal = Refusal::field(Code::IdInFuture, "message_id");
        return Err(Refusal { now: Some(stamp.time), ..refusal });
    }
    Ok(())
}

fn check_account(stamp: &Stamp) -> Result<(), Refusal> {
    match stamp.verdict {
        // The latter is about one person, not about the account.
        Verdict::Allow | Verdict::CannotMessage => Ok(()),
        Verdict::Suspended => Err(Refusal::new(Code::Suspended)),
        Verdict::RateLimited { retry_after_ms } => {
            let retry_after_ms = Some(retry_after_ms);
            Err(Refusal { retry_after_ms, ..Refusal::new(Code::RateLimited) })
        }
    }
}

fn check_contact(is_direct: bool, stamp: &Stamp) -> Result<(), Refusal> {
    if is_direct && stamp.verdict == Verdict::CannotMessage {
        return Err(Refusal::new(Code::CannotMessage));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
