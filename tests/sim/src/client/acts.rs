//! What people do: mostly talk, sometimes about talk, sometimes with groups, sometimes nonsense.

use parlance_core::identity;
use parlance_types::{
    AccountId, Action, Command, ConversationId, ConversationKind, Emoji, History, MessageId,
    MessageText, Role, Seq, Settings, SettingsChange, Title, Who,
};

use super::Device;
use crate::cast;
use crate::random::Random;

/// Keys that an account gives its groups: few, so that most creations are retries.
const KEYS: [&str; 2] = ["family", "work"];

/// What somebody does.
pub(crate) enum Act {
    Wish(Command),
    Mark(ConversationId, u64, u64),
    Cut,
    Crash,
    Ping,
    Nothing,
}

impl Device {
    /// Chooses what to do. `at_ms` is the time that its ids carry.
    pub(crate) fn choose(&mut self, at_ms: u64, random: &mut Random) -> Act {
        match random.below(100) {
            0..4 => Act::Cut,
            4..6 => Act::Crash,
            6..16 => Act::Ping,
            16..26 => self.mark(random),
            26..32 => self.again(random),
            32..44 => Act::Wish(self.talk_to(at_ms, random)),
            44..50 => Act::Wish(self.found(random)),
            _ => self.in_group_or_direct(at_ms, random).map_or(Act::Nothing, Act::Wish),
        }
    }

    fn command(
        &self,
        conversation: ConversationId,
        action: Action,
        (at_ms, random): (u64, &mut Random),
    ) -> Command {
        let message_id = MessageId::from_time(at_ms, random.bytes());
        Command { conversation, sender: self.account, device: Some(self.id), message_id, action }
    }

    /// Sends something answered once more.
    fn again(&mut self, random: &mut Random) -> Act {
        random.pick(&self.done).cloned().map_or(Act::Nothing, Act::Wish)
    }

    fn mark(&mut self, random: &mut Random) -> Act {
        let ids: Vec<ConversationId> = self.replica.talks.keys().copied().collect();
        let Some(id) = random.pick(&ids) else { return Act::Nothing };
        let Some(talk) = self.replica.talks.get_mut(id) else { return Act::Nothing };
        let have = talk.have();
        if have == 0 {
            return Act::Nothing;
        }
        let read = random.between(1, have);
        talk.marks = (talk.marks.0.max(have), talk.marks.1.max(read));
        Act::Mark(*id, have, read)
    }

    fn talk_to(&self, at_ms: u64, random: &mut Random) -> Command {
        let to = match random.below(20) {
            0 => cast::nobody(),
            _ => cast::account(random.below(cast::ACCOUNTS as u64) as usize),
        };
        let conversation =
            if to == self.account { identity::own(to) } else { identity::direct(self.account, to) };
        let action = send(Some(to), None, random);
        self.command(conversation, action, (at_ms, random))
    }

    fn found(&self, random: &mut Random) -> Command {
        let key = KEYS[random.below(2) as usize];
        // Always the same members: whoever repeats a creation means the same group.
        let own = cast::ACCOUNTS - 1 - self.number;
        let members = vec![cast::account(own), cast::account((own + 2) % cast::ACCOUNTS)];
        let history = if key == "work" { History::All } else { History::SinceJoin };
        let settings = Settings { history, ..Settings::default() };
        let action = Action::Create { title: Title::new(key).ok(), members, settings };
        Command {
            conversation: identity::group(self.account, key),
            sender: self.account,
            device: Some(self.id),
            message_id: identity::group_message_id(self.account, key),
            action,
        }
    }

    fn in_group_or_direct(&self, at_ms: u64, random: &mut Random) -> Option<Command> {
        let ids: Vec<ConversationId> = match random.below(30) {
            // Somebody else's.
            0 => {
                let creator = cast::account(random.below(cast::ACCOUNTS as u64) as usize);
                vec![identity::group(creator, KEYS[0])]
            }
            _ => self.replica.talks.keys().copied().collect(),
        };
        let conversation = *random.pick(&ids)?;
        let is_group = conversation.kind() == Some(ConversationKind::Group);
        let action = match random.below(100) {
            0..50 => send(None, self.target(conversation, random, 10), random),
            50..58 => {
                let target = self.own_target(conversation, random)?;
                Action::Edit { target, text: text(random), entities: Vec::new() }
            }
            58..63 => Action::Delete { target: self.own_target(conversation, random)? },
            63..75 => {
                let target = self.target(conversation, random, 100)?;
                Action::React { target, emoji: emoji(random) }
            }
            75..79 => {
                let target = self.target(conversation, random, 100)?;
                Action::Unreact { target, emoji: emoji(random) }
            }
            _ if is_group => govern(random),
            _ => send(None, None, random),
        };
        Some(self.command(conversation, action, (at_ms, random)))
    }

    fn target(&self, id: ConversationId, random: &mut Random, percent: u64) -> Option<Seq> {
        if !random.percent(percent) {
            return None;
        }
        if random.percent(5) {
            return Seq::new(random.between(1, 30));
        }
        random.pick(&self.replica.texts(id)).map(|(seq, _)| *seq)
    }

    fn own_target(&self, id: ConversationId, random: &mut Random) -> Option<Seq> {
        let mut texts = self.replica.texts(id);
        if random.percent(90) {
            texts.retain(|(_, sender)| *sender == self.account);
        }
        random.pick(&texts).map(|(seq, _)| *seq)
    }
}

fn govern(random: &mut Random) -> Action {
    let account: AccountId = cast::account(random.below(cast::ACCOUNTS as u64) as usize);
    match random.below(20) {
        0..7 => Action::Add { accounts: vec![account] },
        7..11 => Action::Remove { account },
        11 => Action::Leave,
        12..15 => {
            let role = [Role::Member, Role::Admin, Role::Owner][random.below(3) as usize];
            Action::Role { account, role }
        }
        15..17 => Action::Rename { title: title(random) },
        17 => Action::Describe { text: random.percent(70).then(|| text(random)) },
        _ => {
            let history = if random.percent(50) { History::All } else { History::SinceJoin };
            let send = if random.percent(20) { Who::Admins } else { Who::Members };
            let (history, send) = (Some(history), Some(send));
            Action::Settings(SettingsChange { history, send, ..SettingsChange::default() })
        }
    }
}

fn send(to: Option<AccountId>, reply_to: Option<Seq>, random: &mut Random) -> Action {
    let silent = random.percent(10);
    Action::Send { to, text: text(random), entities: Vec::new(), reply_to, seen: None, silent }
}

fn text(random: &mut Random) -> MessageText {
    let word = ["yes", "no", "see you at", "日本", "👋", "\u{202e}abc\0"][random.below(6) as usize];
    MessageText::new(&format!("{word} {}", random.below(1_000))).expect("a short text is a text")
}

fn title(random: &mut Random) -> Title {
    Title::new(["Plans", "Trip", "日本"][random.below(3) as usize]).expect("a word is a title")
}

fn emoji(random: &mut Random) -> Emoji {
    Emoji::new(["👍", "❤️", "🎉"][random.below(3) as usize]).expect("an emoji is an emoji")
}
