//! What later events did to an earlier one.

use parlance_types::{Overlay, OverlayChange, Reaction};

use super::RecordError;
use super::input::{Input, put_count, put_seq, put_text};

// Numbers of the changes; never reuse one.
const EDITED: u8 = 1;
const DELETED: u8 = 2;
const REACTED: u8 = 3;
const UNREACTED: u8 = 4;

pub(super) fn encode_change(change: &OverlayChange, out: &mut Vec<u8>) {
    let (number, who) = match change {
        OverlayChange::Edited => (EDITED, None),
        OverlayChange::Deleted => (DELETED, None),
        OverlayChange::Reacted { account, emoji } => (REACTED, Some((account, emoji))),
        OverlayChange::Unreacted { account, emoji } => (UNREACTED, Some((account, emoji))),
    };
    out.push(number);
    if let Some((account, emoji)) = who {
        out.extend_from_slice(account.as_bytes());
        put_text(Some(emoji.as_str()), out);
    }
}

pub(super) fn decode_change(input: &mut Input) -> Result<OverlayChange, RecordError> {
    Ok(match input.u8()? {
        EDITED => OverlayChange::Edited,
        DELETED => OverlayChange::Deleted,
        REACTED => OverlayChange::Reacted { account: input.account()?, emoji: input.emoji()? },
        UNREACTED => OverlayChange::Unreacted { account: input.account()?, emoji: input.emoji()? },
        _ => return Err(RecordError::Field("change")),
    })
}

/// Of a reaction whose emoji is one byte.
const REACTION_SIZE_MIN: usize = 16 + 4 + 1 + 8;

pub(super) fn encode(overlay: &Overlay, out: &mut Vec<u8>) {
    put_seq(overlay.as_of, out);
    put_seq(overlay.deleted, out);
    put_count(overlay.edits.len(), out);
    for edit in &overlay.edits {
        put_seq(Some(*edit), out);
    }
    put_count(overlay.reactions.len(), out);
    for reaction in &overlay.reactions {
        out.extend_from_slice(reaction.account.as_bytes());
        put_text(Some(reaction.emoji.as_str()), out);
        put_seq(Some(reaction.seq), out);
    }
}

pub(super) fn decode(input: &mut Input) -> Result<Overlay, RecordError> {
    let as_of = input.optional_seq("as_of")?;
    let deleted = input.optional_seq("deleted")?;
    let edit_count = input.count(8)?;
    let mut edits = Vec::with_capacity(edit_count);
    for _ in 0..edit_count {
        edits.push(input.seq("edit")?);
    }
    let reaction_count = input.count(REACTION_SIZE_MIN)?;
    let mut reactions = Vec::with_capacity(reaction_count);
    for _ in 0..reaction_count {
        let (account, emoji) = (input.account()?, input.emoji()?);
        reactions.push(Reaction { emoji, account, seq: input.seq("reaction")? });
    }
    Ok(Overlay { edits, deleted, reactions, as_of })
}
