//! Messages and what is done to them: send, edit, delete, react, unreact.
//!
//! A target or `reply_to` that the sender cannot see is not found, whether or not it exists.

use std::collections::BTreeSet;

use parlance_types::{
    AccountId, Action, Body, Code, Command, Content, Emoji, Entity, EntityKind, MessageText,
    Overlay, Payload, Record, Seq, limits,
};

use super::draft::{Draft, plain};
use super::{Case, Decision, Named, sees};
use crate::chain;
use crate::policy::Act;
use crate::refusal::Refusal;
use crate::state::{Member, State};

/// The content of a `send`, what it refers to checked.
pub(super) fn content(state: &State, command: &Command) -> Result<Content, Refusal> {
    let Action::Send { text, entities, reply_to, seen, silent, .. } = &command.action else {
        return Err(Refusal::new(Code::WrongKind));
    };
    let member = state.member(command.sender).ok_or(Refusal::new(Code::NotFound))?;
    if reply_to.is_some_and(|seq| !sees(state, member, seq)) {
        return Err(Refusal::field(Code::NotFound, "reply_to"));
    }
    if *seen > state.seq() {
        return Err(Refusal::field(Code::SeqUnknown, "seen"));
    }
    let body = Body::Text { text: text.clone(), entities: entities.clone() };
    Ok(Content { body, reply_to: *reply_to, seen: *seen, silent: *silent })
}

/// Those mentioned in a new message who can see it, each once, in the order of the text.
pub(super) fn mentions(state: &State, body: &Body) -> Vec<AccountId> {
    let Body::Text { entities, .. } = body else { return Vec::new() };
    let mut mentioned = Vec::new();
    for entity in entities {
        if let EntityKind::Mention { account } = entity.kind
            && state.member(account).is_some_and(Member::is_current)
            && !mentioned.contains(&account)
        {
            mentioned.push(account);
        }
    }
    mentioned
}

impl Case<'_> {
    pub(super) fn send(&self) -> Result<Decision, Refusal> {
        self.check(Act::Send)?;
        self.check_contact()?;
        Ok(self.decided(content(self.state, self.command)?))
    }

    pub(super) fn edit(
        &self,
        target: Seq,
        text: &MessageText,
        entities: &[Entity],
    ) -> Result<Decision, Refusal> {
        let (record, overlay) = self.target(target)?;
        if record.sender != self.command.sender {
            return Err(Refusal::new(Code::Forbidden));
        }
        self.check(Act::Send)?;
        self.check_contact()?;
        check_stands(record, overlay)?;
        let current = self.made(overlay.edits.last().copied()).unwrap_or(record);
        if (overlay.edits.is_empty() || current.seq != record.seq) && says(current, text, entities)
        {
            return Ok(Decision::Duplicate(Named::from(current)));
        }
        if overlay.edits.len() >= limits::EDITS_MAX {
            return Err(Refusal::field(Code::TooManyEdits, "target"));
        }
        let body = Body::Edit { target, text: text.clone(), entities: entities.to_vec() };
        Ok(self.decided(plain(body)))
    }

    pub(super) fn delete(&self, target: Seq) -> Result<Decision, Refusal> {
        let (record, overlay) = self.target(target)?;
        let is_own = record.sender == self.command.sender;
        self.check(if is_own { Act::TakePart } else { Act::DeleteOthers })?;
        if overlay.deleted.is_some() {
            return Ok(self.made_by(overlay.deleted, record));
        }
        check_stands(record, overlay)?;
        Ok(self.decided(plain(Body::Delete { target })))
    }

    pub(super) fn react(&self, target: Seq, emoji: &Emoji) -> Result<Decision, Refusal> {
        let (record, overlay) = self.target(target)?;
        self.check(Act::TakePart)?;
        check_stands(record, overlay)?;
        let reaction = overlay.reaction(self.command.sender, emoji);
        if reaction.is_some() {
            return Ok(self.made_by(reaction, record));
        }
        let distinct: BTreeSet<&Emoji> = overlay.reactions.iter().map(|r| &r.emoji).collect();
        if distinct.len() >= limits::REACTIONS_MAX && !distinct.contains(emoji) {
            return Err(Refusal::field(Code::TooManyReactions, "emoji"));
        }
        Ok(self.decided(plain(Body::React { target, emoji: emoji.clone() })))
    }

    pub(super) fn unreact(&self, target: Seq, emoji: &Emoji) -> Result<Decision, Refusal> {
        let (record, overlay) = self.target(target)?;
        self.check(Act::TakePart)?;
        check_stands(record, overlay)?;
        if overlay.reaction(self.command.sender, emoji).is_none() {
            // A message begins without reactions.
            return Ok(Decision::Duplicate(Named::from(record)));
        }
        Ok(self.decided(plain(Body::Unreact { target, emoji: emoji.clone() })))
    }

    pub(super) fn decided(&self, content: Content) -> Decision {
        Draft::of(self.command, self.stamp, content).decision(self.state)
    }

    /// The message that the command is about, if the sender sees it.
    fn target(&self, target: Seq) -> Result<(&Record, &Overlay), Refusal> {
        let not_found = Refusal::field(Code::NotFound, "target");
        if !self.sees(target) {
            return Err(not_found);
        }
        let fact = self.facts.target.as_ref().filter(|(record, _)| record.seq == target);
        let (record, overlay) = fact.ok_or(not_found)?;
        if !record.kind.counts() {
            return Err(Refusal::field(Code::NotAMessage, "target"));
        }
        Ok((record, overlay))
    }

    /// The looked-up event `seq`.
    fn made(&self, seq: Option<Seq>) -> Option<&Record> {
        self.facts.made.as_ref().filter(|record| Some(record.seq) == seq)
    }

    /// Nothing to do: `seq` did it already.
    fn made_by(&self, seq: Option<Seq>, target: &Record) -> Decision {
        Decision::Duplicate(Named::from(self.made(seq).unwrap_or(target)))
    }
}

fn check_stands(record: &Record, overlay: &Overlay) -> Result<(), Refusal> {
    if overlay.deleted.is_some() || matches!(record.payload, Payload::Gone { .. }) {
        return Err(Refusal::field(Code::NotAMessage, "target"));
    }
    Ok(())
}

fn says(record: &Record, text: &MessageText, entities: &[Entity]) -> bool {
    let event = chain::event(record);
    event.is_ok_and(|event| event.content.body.text() == Some((text, entities)))
}
