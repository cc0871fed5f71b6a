//! The engine of a node: what the doors call. It stamps commands and routes them to the shard that owns the conversation.

mod ephemera;

use std::sync::Arc;

use parlance_core::{Refusal, Shelf};
use parlance_ports::{ConversationStore, EventSink, Stamped};
use parlance_types::frame::{Cursor, Fetch, Page, PageEntry, Person};
use parlance_types::{
    AccountId, Action, Code, Command, ConversationId, ConversationKind, Epoch, PersonalChange, Seq,
    Stamp, Verdict, figures,
};
use tokio::sync::{mpsc, oneshot};

use crate::accounts::{Accounts, SessionView, Signed};
use crate::clock::Clock;
use crate::entropy;
use crate::fetch::unavailable;
use crate::hub::Hub;
use crate::limits::Commands;
use crate::mailbox::{MAILBOX_MAX, Mailbox, MailboxError, MailboxSource};
use crate::metrics::{FigurePage, Mailboxes, Metrics};
use crate::outlet::Outlet;
use crate::reply::{self, Outcome, Reply, Tickets};
use crate::shard::{self, HeadAnswer, MembersAnswer, MembersAsked, Request, Shard, ShardConfig};
use crate::watermark::Watermark;

/// Requests that wait in one shard before askers are told to come back.
const REQUESTS_MAX: usize = 16_384;

/// The stores of a node.
#[derive(Clone)]
pub struct Stores {
    pub sink: Arc<dyn EventSink>,
    pub conversations: Arc<dyn ConversationStore>,
}

struct Door {
    mailbox: Mailbox,
    requests: mpsc::Sender<Request>,
}

/// A node's engine. Cheap to share: everything is behind one `Arc`.
pub struct Engine {
    doors: Vec<Door>,
    stores: Stores,
    accounts: Arc<Accounts>,
    commands: Commands,
    shared: shard::Shared,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("shards", &self.doors.len()).finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine of `shards` shards; the caller runs each of them and waits for it.
    pub fn new(
        stores: Stores,
        accounts: Arc<Accounts>,
        clock: Arc<dyn Clock>,
        shards: usize,
        config: ShardConfig,
    ) -> (Arc<Self>, Vec<Shard<MailboxSource>>) {
        let shared = shard::Shared {
            hub: Arc::new(Hub::new(clock.clone())),
            tickets: Arc::new(Tickets::default()),
            watermark: Arc::new(Watermark::new(stores.sink.clone(), shards)),
            metrics: Arc::new(Metrics::new(shards)),
            lookups: Arc::new(shard::Lookups::new(config.lookups_per_minute)),
            clock,
        };
        let (doors, owners) = (0..shards)
            .map(|index| {
                let mailbox = Mailbox::default();
                let (requests, receiver) = mpsc::channel(REQUESTS_MAX);
                let (sink, store) = (stores.sink.clone(), stores.conversations.clone());
                let owner = Shard::new(
                    index,
                    mailbox.source(),
                    receiver,
                    sink,
                    store,
                    shared.clone(),
                    config,
                );
                (Door { mailbox, requests }, owner)
            })
            .unzip();
        let commands = Commands::new(accounts.rates());
        (Arc::new(Self { doors, stores, accounts, commands, shared }), owners)
    }

    pub fn accounts(&self) -> &Arc<Accounts> {
        &self.accounts
    }

    /// The sessions of an account that live. One with a connection is in use now.
    pub async fn sessions(&self, signed: Signed) -> Result<Vec<SessionView>, Refusal> {
        let online = self.shared.hub.of(signed.account);
        let is_online = |session| {
            online
                .iter()
                .flat_map(|outlets| outlets.iter())
                .any(|outlet| outlet.peer().session == session)
        };
        self.accounts.sessions(signed, is_online).await
    }

    pub fn hub(&self) -> &Arc<Hub> {
        &self.shared.hub
    }

    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.shared.metrics
    }

    pub fn watermark(&self) -> &Arc<Watermark> {
        &self.shared.watermark
    }

    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.clock
    }

    pub fn epoch(&self) -> Epoch {
        self.stores.conversations.epoch()
    }

    /// Whether `cursor` is of this life: another epoch, or a position that this log has not reached, is another history.
    pub fn covers(&self, cursor: Cursor) -> bool {
        cursor.epoch == self.epoch() && cursor.position <= self.shared.watermark.get()
    }

    pub(crate) fn store(&self) -> &Arc<dyn ConversationStore> {
        &self.stores.conversations
    }

    /// Fixes what the log must not look up later, if that needs no look-up now. `None`: use [`Engine::stamp`].
    pub fn stamp_now(&self, command: &Command) -> Option<Stamp> {
        let looks_up = matches!(command.action, Action::Personal(_))
            || !named_accounts(&command.action).is_empty();
        (!looks_up).then(|| self.stamped(command, Vec::new()))
    }

    /// Fixes what the log must not look up later.
    pub async fn stamp(&self, command: &Command) -> Result<Stamp, Refusal> {
        if let Action::Personal(wish) = &command.action {
            self.check_wish(command.sender, wish).await?;
        }
        let named = named_accounts(&command.action);
        let unknown =
            if named.is_empty() { Vec::new() } else { self.accounts.unknown(named).await? };
        Ok(self.stamped(command, unknown))
    }

    /// Personal settings are kept of conversations that their owner knows, and name what is there. Who was a member is known for ever and
    /// no log goes back, so that a retry never fails here.
    async fn check_wish(&self, owner: AccountId, wish: &PersonalChange) -> Result<(), Refusal> {
        let store = self.store();
        let known = store.membership(owner, wish.conversation).await;
        if known.map_err(|error| unavailable(&error))?.is_none() {
            return Err(Refusal::field(Code::NotFound, "conversation"));
        }
        let named = wish.personal.cleared.max(wish.personal.hidden);
        if named.is_some() {
            let heads = store.heads(&[wish.conversation]).await;
            let end = heads.map_err(|error| unavailable(&error))?.pop().flatten();
            if named > end.map(|end| end.seq) {
                let is_cleared = wish.personal.cleared == named;
                let field = if is_cleared { "cleared" } else { "hidden" };
                return Err(Refusal::field(Code::SeqUnknown, field));
            }
        }
        Ok(())
    }

    fn stamped(&self, command: &Command, unknown_accounts: Vec<AccountId>) -> Stamp {
        let (sender, device) = (command.sender, command.device);
        let is_direct = command.conversation.kind() == Some(ConversationKind::Direct);
        let verdict = match self.commands.count(sender, device, self.shared.clock.steady()) {
            Verdict::Allow if is_direct && self.accounts.is_closed(command.conversation) => {
                Verdict::CannotMessage
            }
            verdict => verdict,
        };
        Stamp { time: self.shared.clock.now(), salt: entropy::salt(), verdict, unknown_accounts }
    }

    fn door(&self, conversation: ConversationId) -> &Door {
        let bytes = conversation.as_bytes();
        // The last bytes are of a hash.
        &self.doors[usize::from(u16::from_be_bytes([bytes[14], bytes[15]])) % self.doors.len()]
    }

    /// Hands a command to the shard of its conversation; `reply` gets the outcome, whatever it is.
    pub fn submit(&self, command: Command, stamp: Stamp, reply: Reply) {
        let door = self.door(command.conversation);
        let ticket = self.shared.tickets.issue(reply);
        let Err(error) = door.mailbox.push(Stamped { command, stamp, ticket: Some(ticket) }) else {
            return;
        };
        let code = match error {
            MailboxError::Full => Code::Unavailable,
            MailboxError::Closed => Code::ShuttingDown,
        };
        self.shared.metrics.refused(code);
        let refusal = Refusal { retry_after_ms: Some(1_000), ..Refusal::new(code) };
        let waiting = self.shared.tickets.redeem(ticket);
        if let Some(outlet) = reply::tell(waiting, &Outcome::Refused(refusal)) {
            outlet.flush();
        }
    }

    /// Submits a command of another door than a socket and waits for its outcome.
    pub async fn perform(&self, command: Command) -> Result<Outcome, Refusal> {
        let stamp = self.stamp(&command).await?;
        let (sender, outcome) = oneshot::channel();
        self.submit(command, stamp, Reply::Once(sender));
        // The shard went away with the command in hand: nobody knows.
        Ok(outcome.await.unwrap_or(Outcome::OutcomeUnknown))
    }

    /// Takes marks of the account behind `outlet`, which is told only if they are refused.
    pub fn mark(
        &self,
        outlet: Arc<dyn Outlet>,
        conversation: ConversationId,
        delivered: Option<Seq>,
        read: Option<Seq>,
    ) -> Result<(), Refusal> {
        let account = outlet.peer().account;
        let request = Request::Mark {
            conversation,
            account,
            delivered,
            read,
            outlet: Some(outlet),
            done: None,
        };
        self.ask(request)
    }

    /// As [`Engine::mark`], for a door that waits for the answer.
    pub async fn mark_for(
        &self,
        account: AccountId,
        conversation: ConversationId,
        (delivered, read): (Option<Seq>, Option<Seq>),
    ) -> Result<(), Refusal> {
        let (done, answer) = oneshot::channel();
        let done = Some(done);
        self.ask(Request::Mark { conversation, account, delivered, read, outlet: None, done })?;
        answer.await.map_err(|_| come_back())?
    }

    /// Some members of a conversation and how far they have come; `None` for outsiders.
    pub async fn members(
        &self,
        conversation: ConversationId,
        asked: MembersAsked,
    ) -> Result<Option<MembersAnswer>, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.ask(Request::Members { conversation, asked, reply })?;
        answer.await.map_err(|_| come_back())
    }

    /// The versions of a message, as `account` may see them: as it was first, then each edit above `after`.
    pub async fn versions(
        &self,
        account: AccountId,
        (conversation, seq): (ConversationId, Seq),
        after: u64,
    ) -> Result<Page, Refusal> {
        let page =
            crate::fetch::versions(self.store(), account, (conversation, seq), after).await?;
        Ok(self.with_people(page).await)
    }

    fn ask(&self, request: Request) -> Result<(), Refusal> {
        let door = self.door(request.conversation());
        door.requests
            .try_send(request)
            .map_err(|_| Refusal { retry_after_ms: Some(1_000), ..Refusal::new(Code::Unavailable) })
    }

    pub(crate) async fn ask_head(
        &self,
        conversation: ConversationId,
        viewer: AccountId,
    ) -> Result<Option<HeadAnswer>, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.ask(Request::Head { conversation, viewer, reply })?;
        // A shard that could not tell drops the question: a listing without this head would claim to be whole.
        answer
            .await
            .map_err(|_| Refusal { retry_after_ms: Some(1_000), ..Refusal::new(Code::Unavailable) })
    }

    /// What the owner of the log `devices` keeps of conversations; everything of it is durable.
    pub(crate) async fn ask_shelf(
        &self,
        devices: ConversationId,
    ) -> Result<Option<Arc<Shelf>>, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.ask(Request::Shelf { conversation: devices, reply })?;
        answer
            .await
            .map_err(|_| Refusal { retry_after_ms: Some(1_000), ..Refusal::new(Code::Unavailable) })
    }

    /// A range of a log as `account` may see it.
    pub async fn fetch(&self, account: AccountId, asked: Fetch) -> Result<Page, Refusal> {
        let page = crate::fetch::fetch(self.store(), account, asked).await?;
        Ok(self.with_people(page).await)
    }

    async fn with_people(&self, mut page: Page) -> Page {
        let mut senders: Vec<AccountId> = page
            .events
            .iter()
            .filter_map(|entry| match entry {
                PageEntry::Event { event, .. } => Some(event.sender),
                PageEntry::Deleted(deleted) => Some(deleted.sender),
                PageEntry::Hidden { .. } => None,
            })
            .collect();
        senders.sort_unstable();
        senders.dedup();
        page.people = self.people(senders).await;
        page
    }

    /// How accounts are shown. Those that cannot be read now are left out: a client asks for them by id.
    pub async fn people(&self, accounts: Vec<AccountId>) -> Vec<Person> {
        match self.accounts.people(accounts).await {
            Ok(people) => people,
            Err(refusal) => {
                tracing::warn!(code = %refusal.code, "could not read people");
                Vec::new()
            }
        }
    }

    /// Takes no more commands. The shards finish what they have, and then end.
    pub fn close(&self) {
        for door in &self.doors {
            door.mailbox.close();
        }
    }

    /// The figures of the engine and its doors. The caller adds its own.
    pub fn figures(&self) -> FigurePage {
        let queued = self.doors.iter().map(|door| door.mailbox.len()).collect();
        let mut page = self.shared.metrics.render(&Mailboxes { queued, max: MAILBOX_MAX });
        page.each(&figures::LIMITED, self.commands.refused().chain(self.accounts.limited()));
        page
    }
}

/// What was asked came to nothing now.
fn come_back() -> Refusal {
    Refusal { retry_after_ms: Some(1_000), ..Refusal::new(Code::Unavailable) }
}

/// The accounts that a command names and that must exist.
fn named_accounts(action: &Action) -> Vec<AccountId> {
    match action {
        Action::Send { to: Some(account), .. } => vec![*account],
        Action::Create { members, .. } => members.clone(),
        Action::Add { accounts } => accounts.clone(),
        _ => Vec::new(),
    }
}
