//! Bodies from JSON, by kind: what a client wants (`send.body`, an [`Action`]) and what an event says ([`Body`]).

use parlance_types::{
    AccountId, Action, Body, Code, ConversationKind, Emoji, Entity, History, Kind, Listed,
    MessageText, Role, Seq, Settings, SettingsChange, Title, Who, limits,
};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

use super::entity::{self, EntityIn};
use super::personal;
use super::read::{At, Checked, Fields};
use crate::DecodeError;

/// What the body of a `send` wants, and the key of a group that it creates.
pub(crate) struct Wish {
    pub(crate) action: Action,
    pub(crate) key: Option<Box<str>>,
}

/// Reads the body of a `send`.
pub(crate) fn action(at: At<'_>, context: Context, text: &str) -> Result<Wish, DecodeError> {
    let KindName::Known(kind) = at.need("kind", at.read::<KindIn>(text)?.kind)? else {
        return Err(unknown_kind(at));
    };
    let action = match kind {
        Kind::Text => return message(at, context, at.read(text)?),
        Kind::Edit => {
            let (target, body) = edit(at, text)?;
            let (text, entities) = accepted(At(&format!("{}.body", at.0)), body)?;
            Action::Edit { target, text, entities }
        }
        Kind::Delete => Action::Delete { target: target(at, text)? },
        Kind::React => {
            let (target, emoji) = reaction(at, text)?;
            Action::React { target, emoji }
        }
        Kind::Unreact => {
            let (target, emoji) = reaction(at, text)?;
            Action::Unreact { target, emoji }
        }
        Kind::Create => return create(at, text),
        Kind::Add => Action::Add { accounts: accounts(at, text)? },
        Kind::Remove => Action::Remove { account: account(at, text)? },
        Kind::Leave => Action::Leave,
        Kind::Role => {
            let (account, role) = role(at, text)?;
            Action::Role { account, role }
        }
        Kind::Rename => Action::Rename { title: title(at, text)? },
        Kind::Describe => Action::Describe { text: description(at, text)? },
        Kind::Settings => Action::Settings(at.read::<SettingsIn>(text)?.change()),
        Kind::Personal => Action::Personal(personal::change(at, text)?),
    };
    Ok(Wish { action, key: None })
}

/// What stands beside the body of a message; other bodies take no notice of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context {
    pub(crate) to: Option<AccountId>,
    pub(crate) reply_to: Option<Seq>,
    pub(crate) seen: Option<Seq>,
    pub(crate) silent: bool,
}

/// The message that a body of kind `text` wants to be.
pub(super) fn message(at: At<'_>, context: Context, read: TextIn) -> Result<Wish, DecodeError> {
    let (text, entities) = accepted(at, read)?;
    let Context { to, reply_to, seen, silent } = context;
    let action = Action::Send { to, text, entities, reply_to, seen, silent };
    Ok(Wish { action, key: None })
}

fn create(at: At<'_>, text: &str) -> Result<Wish, DecodeError> {
    let (key, title, members, settings) = group(at, text)?;
    Ok(Wish { action: Action::Create { title, members, settings }, key: Some(key) })
}

type Group = (Box<str>, Option<Title>, Vec<AccountId>, Settings);

/// Reads what a new group is to be: its key, title, members and settings.
pub(crate) fn group(at: At<'_>, text: &str) -> Result<Group, DecodeError> {
    let read: CreateIn = at.read(text)?;
    let key = at.need("key", read.key)?;
    if key.is_empty() || key.len() > limits::GROUP_KEY_BYTES_MAX {
        return Err(
            at.wrong("key", format!("must have 1 to {} bytes", limits::GROUP_KEY_BYTES_MAX))
        );
    }
    let settings = Settings::default()
        .with(read.settings.map(|Fields(settings)| settings.change()).unwrap_or_default());
    Ok((key, read.title.map(|title| title.0), at.need("members", read.members)?, settings))
}

/// Reads what an event says. `None`: of a kind that is not known here, and without words to show instead.
pub(super) fn body(at: At<'_>, text: &str) -> Result<Option<Body>, DecodeError> {
    let read: KindIn = at.read(text)?;
    let KindName::Known(kind) = at.need("kind", read.kind)? else {
        return Ok(read.alt.map(|alt| Body::Text { text: alt.0, entities: Vec::new() }));
    };
    Ok(Some(match kind {
        Kind::Text => {
            let (text, entities) = trusted(at, at.read(text)?)?;
            Body::Text { text, entities }
        }
        Kind::Edit => {
            let (target, body) = edit(at, text)?;
            let (text, entities) = trusted(at, body)?;
            Body::Edit { target, text, entities }
        }
        Kind::Delete => Body::Delete { target: target(at, text)? },
        Kind::React => {
            let (target, emoji) = reaction(at, text)?;
            Body::React { target, emoji }
        }
        Kind::Unreact => {
            let (target, emoji) = reaction(at, text)?;
            Body::Unreact { target, emoji }
        }
        Kind::Create => created(at, text)?,
        Kind::Add => Body::Add { accounts: accounts(at, text)? },
        Kind::Remove => Body::Remove { account: account(at, text)? },
        Kind::Leave => Body::Leave { promoted: at.read::<LeaveIn>(text)?.promoted },
        Kind::Role => {
            let (account, role) = role(at, text)?;
            Body::Role { account, role }
        }
        Kind::Rename => Body::Rename { title: title(at, text)? },
        Kind::Describe => Body::Describe { text: description(at, text)? },
        Kind::Settings => Body::Settings(at.read::<SettingsIn>(text)?.change()),
        Kind::Personal => Body::Personal(personal::change(at, text)?),
    }))
}

fn created(at: At<'_>, text: &str) -> Result<Body, DecodeError> {
    let read: CreatedIn = at.read(text)?;
    Ok(Body::Create {
        kind: at.need("conversation_kind", read.conversation_kind)?,
        title: read.title.map(|title| title.0),
        members: at.need("members", read.members)?,
        settings: Settings::default()
            .with(read.settings.map(|Fields(settings)| settings.change()).unwrap_or_default()),
        region: read.region.unwrap_or(0),
    })
}

/// Reads the new version of a message: a body of kind `text`.
pub(crate) fn version(at: At<'_>, text: &str) -> Result<(MessageText, Vec<Entity>), DecodeError> {
    accepted(at, at.read(text)?)
}

fn accepted(at: At<'_>, read: TextIn) -> Result<(MessageText, Vec<Entity>), DecodeError> {
    let Checked(text) = written(at, read.kind, read.text)?;
    let entities = match read.entities {
        Some(entities) => entity::accept(at, entities, &text)?,
        None => Vec::new(),
    };
    Ok((text, entities))
}

fn trusted(at: At<'_>, read: TextIn) -> Result<(MessageText, Vec<Entity>), DecodeError> {
    let Checked(text) = written(at, read.kind, read.text)?;
    Ok((text, entity::trust(read.entities.unwrap_or_default())))
}

/// The text of a body that must be one.
fn written(
    at: At<'_>,
    kind: Option<KindName>,
    text: Option<Checked<MessageText>>,
) -> Result<Checked<MessageText>, DecodeError> {
    match at.need("kind", kind)? {
        KindName::Known(Kind::Text) => at.need("text", text),
        _ => Err(unknown_kind(at)),
    }
}

fn edit(at: At<'_>, text: &str) -> Result<(Seq, TextIn), DecodeError> {
    let read: EditIn = at.read(text)?;
    Ok((at.need("target", read.target)?, at.need("body", read.body)?.0))
}

fn target(at: At<'_>, text: &str) -> Result<Seq, DecodeError> {
    at.need("target", at.read::<TargetIn>(text)?.target)
}

fn reaction(at: At<'_>, text: &str) -> Result<(Seq, Emoji), DecodeError> {
    let read: ReactIn = at.read(text)?;
    Ok((at.need("target", read.target)?, at.need("emoji", read.emoji)?.0))
}

fn accounts(at: At<'_>, text: &str) -> Result<Vec<AccountId>, DecodeError> {
    at.need("accounts", at.read::<AccountsIn>(text)?.accounts)
}

fn account(at: At<'_>, text: &str) -> Result<AccountId, DecodeError> {
    at.need("account", at.read::<AccountIn>(text)?.account)
}

fn role(at: At<'_>, text: &str) -> Result<(AccountId, Role), DecodeError> {
    let read: RoleIn = at.read(text)?;
    Ok((at.need("account", read.account)?, at.need("role", read.role)?))
}

fn title(at: At<'_>, text: &str) -> Result<Title, DecodeError> {
    Ok(at.need("title", at.read::<RenameIn>(text)?.title)?.0)
}

fn description(at: At<'_>, text: &str) -> Result<Option<MessageText>, DecodeError> {
    Ok(at.read::<DescribeIn>(text)?.text.map(|text| text.0))
}

fn unknown_kind(at: At<'_>) -> DecodeError {
    let kinds = Kind::ALL.map(Kind::as_str).join(", ");
    DecodeError { code: Code::UnknownKind, ..at.wrong("kind", format!("one of {kinds}")) }
}

enum KindName {
    Known(Kind),
    Unknown,
}

impl<'de> Deserialize<'de> for KindName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;

        impl Visitor<'_> for Name {
            type Value = KindName;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<KindName, E> {
                let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == name);
                Ok(kind.map_or(KindName::Unknown, KindName::Known))
            }
        }

        deserializer.deserialize_str(Name)
    }
}

#[derive(Deserialize)]
struct KindIn {
    kind: Option<KindName>,
    /// Words in place of what only later versions can show.
    alt: Option<Checked<MessageText>>,
}

#[derive(Deserialize)]
pub(super) struct TextIn {
    kind: Option<KindName>,
    text: Option<Checked<MessageText>>,
    entities: Option<Vec<Fields<EntityIn>>>,
}

impl TextIn {
    /// Whether this is what the body is, and not just those of its fields that a text would have.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.kind, Some(KindName::Known(Kind::Text)))
    }
}

#[derive(Deserialize)]
struct EditIn {
    target: Option<Seq>,
    body: Option<Fields<TextIn>>,
}

#[derive(Deserialize)]
struct TargetIn {
    target: Option<Seq>,
}

#[derive(Deserialize)]
struct ReactIn {
    target: Option<Seq>,
    emoji: Option<Checked<Emoji>>,
}

#[derive(Deserialize)]
struct CreateIn {
    key: Option<Box<str>>,
    title: Option<Checked<Title>>,
    members: Option<Vec<AccountId>>,
    settings: Option<Fields<SettingsIn>>,
}

#[derive(Deserialize)]
struct CreatedIn {
    conversation_kind: Option<ConversationKind>,
    title: Option<Checked<Title>>,
    members: Option<Vec<Listed>>,
    settings: Option<Fields<SettingsIn>>,
    region: Option<u16>,
}

#[derive(Deserialize)]
struct AccountsIn {
    accounts: Option<Vec<AccountId>>,
}

#[derive(Deserialize)]
struct AccountIn {
    account: Option<AccountId>,
}

#[derive(Deserialize)]
struct LeaveIn {
    promoted: Option<AccountId>,
}

#[derive(Deserialize)]
struct RoleIn {
    account: Option<AccountId>,
    role: Option<Role>,
}

#[derive(Deserialize)]
struct RenameIn {
    title: Option<Checked<Title>>,
}

#[derive(Deserialize)]
struct DescribeIn {
    text: Option<Checked<MessageText>>,
}

/// Settings, or a change of some. Fields that are not known are ignored here as everywhere.
#[derive(Default, Deserialize)]
pub(crate) struct SettingsIn {
    send: Option<Who>,
    add: Option<Who>,
    info: Option<Who>,
    history: Option<History>,
}

impl SettingsIn {
    pub(crate) fn change(self) -> SettingsChange {
        let Self { send, add, info, history } = self;
        SettingsChange { send, add, info, history }
    }
}
