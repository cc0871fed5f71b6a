//! What tests of this crate share: a log kept the naive way, and strategies for everything that can be wished.

use std::collections::BTreeMap;

use parlance_types::{
    AccountId, Action, Command, ConversationId, ConversationKind, DraftText, Emoji, Entity,
    EntityKind, Facts, History, MessageId, MessageText, Micros, Overlay, Personal, PersonalChange,
    Record, Role, Salt, Seq, Settings, SettingsChange, Stamp, Title, Verdict, Who,
};
use proptest::prelude::*;

use crate::{Decided, Decision, Named, State, decide, identity, needs, needs_made};

/// Milliseconds at which the tests begin.
pub(crate) const NOW_MS: u64 = 1_795_430_000_000;

pub(crate) fn account(n: u8) -> AccountId {
    AccountId::from_bytes([n; 16])
}

pub(crate) fn seq(n: u64) -> Seq {
    Seq::new(n).expect("tests count from 1")
}

pub(crate) fn text(text: &str) -> MessageText {
    MessageText::new(text).expect("tests write valid texts")
}

pub(crate) fn emoji(text: &str) -> Emoji {
    Emoji::new(text).expect("tests react with emoji")
}

pub(crate) fn title(text: &str) -> Title {
    Title::new(text).expect("tests use valid titles")
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
}

/// A fresh name: later `n`, later time.
pub(crate) fn id(n: u64) -> MessageId {
    let mut random = [0; 10];
    random[..8].copy_from_slice(&n.to_be_bytes());
    MessageId::from_time(NOW_MS + n, random)
}

pub(crate) fn stamp(n: u64) -> Stamp {
    Stamp {
        time: Micros::from_ms(NOW_MS + n),
        salt: Salt::from_bytes([n as u8; 16]),
        verdict: Verdict::Allow,
        unknown_accounts: Vec::new(),
    }
}

pub(crate) fn say(words: &str) -> Action {
    Action::Send {
        to: None,
        text: text(words),
        entities: Vec::new(),
        reply_to: None,
        seen: None,
        silent: false,
    }
}

/// A conversation whose log is kept in full, as a shell and a store would between them.
#[derive(Clone)]
pub(crate) struct Log {
    pub(crate) state: State,
    pub(crate) records: Vec<Record>,
    pub(crate) decided: Vec<Decided>,
    overlays: BTreeMap<Seq, Overlay>,
    next: u64,
}

impl Log {
    pub(crate) fn new(conversation: ConversationId) -> Self {
        let state = State::empty(conversation);
        Self { state, records: Vec::new(), decided: Vec::new(), overlays: BTreeMap::new(), next: 1 }
    }

    /// A group of account 1's with these others.
    pub(crate) fn group(others: &[u8], settings: Settings) -> Self {
        let mut log = Self::new(identity::group(account(1), "g"));
        let members = others.iter().map(|n| account(*n)).collect();
        let message_id = identity::group_message_id(account(1), "g");
        let create = Action::Create { title: None, members, settings };
        let decision = log.submit(&log.command(1, message_id, create), &stamp(0));
        assert!(matches!(decision, Decision::Decided(_)), "{decision:?}");
        log
    }

    /// Accounts 1 and 2 after a first message of 1.
    pub(crate) fn direct() -> Self {
        let mut log = Self::new(identity::direct(account(1), account(2)));
        let Action::Send { text, entities, reply_to, seen, silent, .. } = say("hello") else {
            unreachable!("say sends")
        };
        let to = Some(account(2));
        let first = Action::Send { to, text, entities, reply_to, seen, silent };
        assert!(matches!(log.wish(1, first), Decision::Decided(_)));
        log
    }

    pub(crate) fn command(&self, sender: u8, message_id: MessageId, action: Action) -> Command {
        let conversation = self.state.conversation();
        Command { conversation, sender: account(sender), device: None, message_id, action }
    }

    /// Submits under a fresh name.
    pub(crate) fn wish(&mut self, sender: u8, action: Action) -> Decision {
        self.next += 1;
        let command = self.command(sender, id(self.next), action);
        self.submit(&command, &stamp(self.next))
    }

    /// The one event that this wish makes.
    pub(crate) fn expect(&mut self, sender: u8, action: Action) -> Decided {
        match self.wish(sender, action) {
            Decision::Decided(decided) => decided.last().expect("a decision has events").clone(),
            other => panic!("not decided: {other:?}"),
        }
    }

    pub(crate) fn submit(&mut self, command: &Command, stamp: &Stamp) -> Decision {
        let facts = self.facts(command);
        let decision = decide(&self.state, &facts, command, stamp);
        if let Decision::Decided(decided) = &decision {
            for decided in decided {
                self.state.apply(&decided.event);
                self.records.push(decided.entry.record.clone());
                if let Some((target, change)) = &decided.entry.rows.overlay {
                    self.overlays.entry(*target).or_default().apply(decided.event.seq, change);
                }
                self.decided.push(decided.clone());
            }
        }
        decision
    }

    /// What a shell would look up, and nothing that was not asked for.
    pub(crate) fn facts(&self, command: &Command) -> Facts {
        let needs = needs(&self.state, command);
        let mut facts = Facts::default();
        if needs.original {
            let same = |record: &&Record| {
                record.sender == command.sender && record.message_id == command.message_id
            };
            facts.original = self.records.iter().find(same).cloned();
        }
        if let Some(target) = needs.target {
            let overlay = self.overlays.get(&target).cloned().unwrap_or_default();
            facts.target = self.at(target).map(|record| (record.clone(), overlay));
        }
        facts.made = needs_made(command, &facts).and_then(|seq| self.at(seq)).cloned();
        facts
    }

    /// Points a wish at events that are there, most of the time, and edits at the sender's own.
    pub(crate) fn aim(&self, mut command: Command) -> Command {
        let messages = self.records.iter().filter(|record| record.kind.counts());
        let messages: Vec<Seq> = messages.map(|record| record.seq).collect();
        let aim = |seq: &mut Seq| {
            let index = usize::try_from(seq.get()).unwrap_or(usize::MAX);
            if !messages.is_empty() && index < 25 {
                *seq = messages[index % messages.len()];
            }
        };
        match &mut command.action {
            Action::Edit { target, .. }
            | Action::Delete { target }
            | Action::React { target, .. }
            | Action::Unreact { target, .. } => aim(target),
            Action::Send { reply_to, seen, .. } => {
                reply_to.iter_mut().for_each(aim);
                seen.iter_mut().for_each(aim);
            }
            _ => {}
        }
        if let Action::Edit { target, .. } = command.action
            && let Some(record) = self.at(target)
            && !command.message_id.unix_ms().is_multiple_of(4)
        {
            command.sender = record.sender;
        }
        command
    }

    pub(crate) fn at(&self, seq: Seq) -> Option<&Record> {
        self.records.get(usize::try_from(seq.get() - 1).expect("logs in tests are short"))
    }

    pub(crate) fn named(&self, n: u64) -> Decision {
        Decision::Duplicate(Named::from(self.at(seq(n)).expect("the log is that long")))
    }
}

pub(crate) fn any_role() -> impl Strategy<Value = Role> {
    prop::sample::select(vec![Role::Member, Role::Admin, Role::Owner])
}

fn any_who() -> impl Strategy<Value = Who> {
    prop::sample::select(vec![Who::Members, Who::Admins])
}

fn any_history() -> impl Strategy<Value = History> {
    prop::sample::select(vec![History::SinceJoin, History::All])
}

pub(crate) fn any_settings() -> impl Strategy<Value = Settings> {
    (any_who(), any_who(), any_who(), any_history())
        .prop_map(|(send, add, info, history)| Settings { send, add, info, history })
}

pub(crate) fn any_change() -> impl Strategy<Value = SettingsChange> {
    let who = || prop::option::of(any_who());
    (who(), who(), who(), prop::option::of(any_history()))
        .prop_map(|(send, add, info, history)| SettingsChange { send, add, info, history })
}

pub(crate) fn any_text() -> impl Strategy<Value = MessageText> {
    prop_oneof!["[ab]", "\\PC{1,40}", "(?s).{1,40}"].prop_map(|words| text(&words))
}

pub(crate) fn any_title() -> impl Strategy<Value = Title> {
    "[ab日]{1,3}".prop_map(|words| title(&words))
}

pub(crate) fn any_emoji() -> impl Strategy<Value = Emoji> {
    prop::sample::select(vec!["👍", "❤️", "👩‍👩‍👧‍👦"]).prop_map(emoji)
}

pub(crate) fn any_account() -> impl Strategy<Value = AccountId> {
    (1..7_u8).prop_map(account)
}

pub(crate) fn any_seq() -> impl Strategy<Value = Seq> {
    prop_oneof![9 => 1..30_u64, 1 => 1..Seq::MAX].prop_map(seq)
}

pub(crate) fn any_entities() -> impl Strategy<Value = Vec<Entity>> {
    let kind = prop_oneof![
        any_account().prop_map(|account| EntityKind::Mention { account }),
        Just(EntityKind::Link),
        Just(EntityKind::Bold),
        Just(EntityKind::Italic),
        Just(EntityKind::Strike),
        Just(EntityKind::Code),
        prop::option::of("[a-z]{0,9}")
            .prop_map(|language| EntityKind::Pre { language: language.map(Into::into) }),
        Just(EntityKind::Quote),
        Just(EntityKind::Spoiler),
    ];
    let entity = (kind, any::<u32>(), any::<u32>()).prop_map(|(kind, offset, length)| Entity {
        kind,
        offset,
        length,
    });
    prop::collection::vec(entity, 0..4)
}

/// Settings of one of a few conversations, based on something near or on nothing.
pub(crate) fn any_personal() -> impl Strategy<Value = Box<PersonalChange>> {
    let conversation = (1..4_u8).prop_map(|n| identity::direct(account(1), account(n)));
    let based_on = prop::option::weighted(0.8, any_seq());
    let reference = || prop::option::weighted(0.2, any_seq());
    let mute_until = prop::option::weighted(0.2, (1..9_u64).prop_map(Micros::new));
    let draft = prop::option::weighted(0.3, "[ab\u{0}日]{1,3}");
    let flags = any::<[bool; 3]>();
    (conversation, based_on, (mute_until, flags, reference(), reference(), draft)).prop_map(
        |(conversation, based_on, (mute_until, flags, cleared, hidden, draft))| {
            let [archived, pinned, unread] = flags;
            let draft = draft.map(|text| DraftText::new(&text).expect("a short text"));
            let personal =
                Personal { mute_until, archived, pinned, cleared, hidden, unread, draft };
            Box::new(PersonalChange { conversation, based_on, personal })
        },
    )
}

fn any_accounts() -> impl Strategy<Value = Vec<AccountId>> {
    prop::collection::vec(any_account(), 0..4)
}

pub(crate) fn any_action() -> impl Strategy<Value = Action> {
    let reference = || prop::option::of(any_seq());
    let to = prop::option::of(any_account());
    let send = (to, any_text(), any_entities(), reference(), reference(), any::<bool>()).prop_map(
        |(to, text, entities, reply_to, seen, silent)| Action::Send {
            to,
            text,
            entities,
            reply_to,
            seen,
            silent,
        },
    );
    prop_oneof![
        12 => any_text().prop_map(|text| {
            let (entities, silent) = (Vec::new(), false);
            Action::Send { to: None, text, entities, reply_to: None, seen: None, silent }
        }),
        6 => send,
        6 => (any_seq(), any_text(), any_entities())
            .prop_map(|(target, text, entities)| Action::Edit { target, text, entities }),
        3 => any_seq().prop_map(|target| Action::Delete { target }),
        8 => (any_seq(), any_emoji()).prop_map(|(target, emoji)| Action::React { target, emoji }),
        5 => (any_seq(), any_emoji()).prop_map(|(target, emoji)| Action::Unreact { target, emoji }),
        1 => (prop::option::of(any_title()), any_accounts(), any_settings()).prop_map(
            |(title, members, settings)| Action::Create { title, members, settings }
        ),
        6 => any_accounts().prop_map(|accounts| Action::Add { accounts }),
        4 => any_account().prop_map(|account| Action::Remove { account }),
        1 => Just(Action::Leave),
        4 => (any_account(), any_role())
            .prop_map(|(account, role)| Action::Role { account, role }),
        1 => any_title().prop_map(|title| Action::Rename { title }),
        1 => prop::option::of(any_text()).prop_map(|text| Action::Describe { text }),
        2 => any_change().prop_map(Action::Settings),
        8 => any_personal().prop_map(Action::Personal),
    ]
}

fn any_verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        97 => Just(Verdict::Allow),
        1 => Just(Verdict::CannotMessage),
        1 => Just(Verdict::Suspended),
        1 => Just(Verdict::RateLimited { retry_after_ms: 5 }),
    ]
}

/// A command and its stamp; names come from a small pool, so that some repeat.
pub(crate) fn any_command(conversation: ConversationId) -> impl Strategy<Value = (Command, Stamp)> {
    let stamp =
        (any::<u32>(), any::<[u8; 16]>(), any_verdict()).prop_map(|(ms, salt, verdict)| Stamp {
            time: Micros::from_ms(NOW_MS + u64::from(ms)),
            salt: Salt::from_bytes(salt),
            verdict,
            unknown_accounts: vec![account(6)],
        });
    // Whoever is likely to be in, and the owner of a group most.
    let present = match conversation.kind() {
        Some(ConversationKind::Own | ConversationKind::Account) => 1..2_u8,
        Some(ConversationKind::Direct) => 1..3,
        _ => 2..5,
    };
    let sender = prop_oneof![3 => Just(1), 5 => present, 1 => 1..7_u8].prop_map(account);
    (sender, 0..120_u64, any_action(), stamp).prop_map(move |(sender, name, action, stamp)| {
        let message_id = match &action {
            Action::Create { .. } => identity::create_message_id(conversation),
            _ => id(name),
        };
        (Command { conversation, sender, device: None, message_id, action }, stamp)
    })
}

/// A conversation of any kind and commands for it, the first of which creates it more often than not.
pub(crate) fn any_story() -> impl Strategy<Value = (ConversationId, Vec<(Command, Stamp)>)> {
    let kinds = vec![
        ConversationKind::Group,
        ConversationKind::Group,
        ConversationKind::Direct,
        ConversationKind::Own,
        ConversationKind::Account,
    ];
    prop::sample::select(kinds).prop_flat_map(|kind| {
        let (conversation, to) = match kind {
            ConversationKind::Direct => (identity::direct(account(1), account(2)), account(2)),
            ConversationKind::Own => (identity::own(account(1)), account(1)),
            ConversationKind::Group => (identity::group(account(1), "g"), account(2)),
            ConversationKind::Account => (identity::devices(account(1)), account(1)),
        };
        let first = (any_settings(), any_personal()).prop_map(move |(settings, personal)| {
            let action = if kind == ConversationKind::Account {
                Action::Personal(Box::new(PersonalChange { based_on: None, ..*personal }))
            } else if kind == ConversationKind::Group {
                let members = (2..5).map(account).collect();
                Action::Create { title: None, members, settings }
            } else {
                let (entities, silent) = (Vec::new(), false);
                Action::Send {
                    to: Some(to),
                    text: text("hi"),
                    entities,
                    reply_to: None,
                    seen: None,
                    silent,
                }
            };
            let message_id = match action {
                Action::Create { .. } => identity::create_message_id(conversation),
                _ => id(0),
            };
            (
                Command { conversation, sender: account(1), device: None, message_id, action },
                stamp(0),
            )
        });
        let rest = prop::collection::vec(any_command(conversation), 0..60);
        (first, rest).prop_map(move |(first, rest)| {
            (conversation, [first].into_iter().chain(rest).collect())
        })
    })
}
