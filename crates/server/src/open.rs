//! Opening and closing what a node keeps: the only place that names an adapter.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parlance_embedded::accounts::{Accounts as AccountsFile, keys};
use parlance_embedded::conversations::{Conversations, Options, Standing};
use parlance_engine::accounts::{Accounts, AccountsConfig, Argon2Cost, KeyRing};
use parlance_engine::clock::{Clock, SystemClock};
use parlance_engine::shard::{Shard, ShardConfig};
use parlance_engine::{Engine, MailboxSource, Stores};
use parlance_journal::Observer;
use parlance_ports::AccountError;
use parlance_types::limits;
use rustix::fs::Access;

use crate::backup;
use crate::cli::Failure;
use crate::config::Config;
use crate::journal_watch::JournalWatch;

/// A node that is ready to serve.
pub(crate) struct Opened {
    pub(crate) engine: Arc<Engine>,
    pub(crate) shards: Vec<Shard<MailboxSource>>,
    pub(crate) stores: OpenStores,
}

/// What must be closed when the node stops.
pub(crate) struct OpenStores {
    conversations: Conversations,
    accounts: Arc<AccountsFile>,
    journal: Arc<JournalWatch>,
}

impl OpenStores {
    /// Why nothing can be written, while that is so. `config` is that of [`open`].
    pub(crate) fn ailment(
        &self,
        config: &Config,
    ) -> impl Fn() -> Option<String> + Send + Sync + use<> {
        let conversations = self.conversations.clone();
        let data = config.server.data.clone();
        let needed = room_needed(config);
        move || match conversations.standing() {
            Standing::Taking => None,
            // The next send finds out that there is room again, and who keeps away until this says so never sends it.
            Standing::Full if free_bytes(&data).is_some_and(|free| free >= needed) => None,
            Standing::Full => Some("the disk is full".to_owned()),
            Standing::Stopped(why) => Some(why),
        }
    }

    pub(crate) fn journal(&self) -> &Arc<JournalWatch> {
        &self.journal
    }

    pub(crate) fn conversations(&self) -> &Conversations {
        &self.conversations
    }

    /// Everything is on disk when this returns.
    pub(crate) async fn close(self) -> Result<(), Failure> {
        let conversations = self.conversations.close().await;
        self.accounts.close().await;
        conversations
            .map_err(|error| format!("the conversations were not closed cleanly: {error}").into())
    }
}

/// Opens the data directory, making it if it is not there.
pub(crate) async fn open(config: &Config, workers: usize) -> Result<Opened, Failure> {
    make_directory(&config.server.data)?;
    backup::refuse_unfinished(&config.server.data)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    // In this order: conversations without accounts are a loss, and never what a first start leaves that was cut short.
    let (accounts_file, accounts) = open_accounts(config, &clock).await?;
    let journal = Arc::<JournalWatch>::default();
    let conversations = open_conversations(config, journal.clone()).await?;

    let shard_config = ShardConfig {
        memory_bytes_max: config.engine.memory_mib * 1024 * 1024,
        lookups_per_minute: limits::OLD_IDS_PER_MINUTE_MAX,
        ..ShardConfig::default()
    };
    let stores = Stores {
        sink: Arc::new(conversations.clone()),
        conversations: Arc::new(conversations.clone()),
    };
    let (engine, shards) = Engine::new(stores, accounts.clone(), clock, workers, shard_config);
    let hub = engine.hub().clone();
    accounts.on_revoked(move |account, session| hub.revoke(account, session));
    let hub = engine.hub().clone();
    accounts.on_blocked(move |one, other| hub.presence().part(one, other));
    Ok(Opened {
        engine,
        shards,
        stores: OpenStores { conversations, accounts: accounts_file, journal },
    })
}

/// With less than this the journal takes nothing more.
pub(crate) fn room_needed(config: &Config) -> u64 {
    (config.store.segment_mib + config.store.reserve_mib) << 20
}

/// What is free on the disk of `data`.
pub(crate) fn free_bytes(data: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(data).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Makes the data directory if it is not there, and sees that it can be written: stores that find out half-way say it less clearly.
fn make_directory(data: &Path) -> Result<(), Failure> {
    let name = data.display();
    let remedy = "choose another with --data, or let this user write there";
    std::fs::create_dir_all(data)
        .map_err(|error| format!("cannot make the data directory {name}: {error}; {remedy}"))?;
    rustix::fs::access(data, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| {
        format!("the data directory {name} cannot be written: {error}; {remedy}")
    })?;
    Ok(())
}

/// How conversations are kept.
pub(crate) fn store_options(config: &Config) -> Options {
    let store = &config.store;
    Options {
        waiting_bytes_max: store.tails_mib << 20,
        journal_age_max: Duration::from_secs(store.journal_hours * 60 * 60),
        journal_bytes_max: store.journal_mib << 20,
        segment_bytes: store.segment_mib << 20,
        reserve_bytes: store.reserve_mib << 20,
        ..Options::default()
    }
}

async fn open_conversations(
    config: &Config,
    observer: Arc<dyn Observer>,
) -> Result<Conversations, Failure> {
    let options = Options { observer: Some(observer), ..store_options(config) };
    let directory = config.server.data.clone();
    Ok(tokio::task::spawn_blocking(move || Conversations::open(&directory, options)).await??)
}

async fn open_accounts(
    config: &Config,
    clock: &Arc<dyn Clock>,
) -> Result<(Arc<AccountsFile>, Arc<Accounts>), Failure> {
    let data = &config.server.data;
    let path = data.join("accounts.sqlite");
    miss_nothing(&path, data)?;
    let file = AccountsFile::open(&path).await.map_err(|error| {
        let remedy = match error {
            AccountError::Damaged(_) => {
                "; nothing was changed, `parlance verify` tells how far it goes"
            }
            AccountError::Full => "; make room on this disk",
            _ => "",
        };
        format!("{}: {error}{remedy}", path.display())
    })?;
    let file = Arc::new(file);
    let keys = open_keys(&data.join("keys.json"), &**clock)?;
    let argon2 = config.accounts.argon2;
    let accounts_config = AccountsConfig {
        argon2: Argon2Cost {
            memory_kib: argon2.memory_kib,
            iterations: argon2.iterations,
            lanes: argon2.lanes,
        },
        access_ms: config.accounts.access_seconds * 1_000,
        session_unused_ms: config.accounts.session_days * 24 * 60 * 60 * 1_000,
        rates: config.limits.rates(),
        ..AccountsConfig::default()
    };
    let accounts = Accounts::open(file.clone(), keys, accounts_config, clock.clone()).await?;
    Ok((file, Arc::new(accounts)))
}

/// Refuses to make new accounts beside conversations of others.
fn miss_nothing(accounts: &Path, data: &Path) -> Result<(), Failure> {
    if accounts.exists() || !Conversations::are_in(data) {
        return Ok(());
    }
    let name = accounts.display();
    Err(format!("{name} is missing, but {} holds conversations; put a copy of it back, or choose another directory with --data", data.display()).into())
}

/// The keys of the data directory. They are made once: losing them would end every session.
fn open_keys(path: &Path, clock: &dyn Clock) -> Result<KeyRing, Failure> {
    let name = path.display();
    if let Some(bytes) = keys::load(path).map_err(|error| format!("cannot read {name}: {error}"))? {
        let mut ring = KeyRing::from_bytes(&bytes).map_err(|error| {
            format!("{name}: {error}; put a copy of it back, or move it away: everybody then has to sign in again")
        })?;
        if ring.renew(clock.now()) {
            keys::save(path, &ring.to_bytes())
                .map_err(|error| format!("cannot write {name}: {error}"))?;
        }
        return Ok(ring);
    }
    let ring = KeyRing::generate(clock.now());
    if path.parent().is_some_and(Conversations::are_in) {
        tracing::warn!(
            "{name} was missing and is made anew: everybody has to refresh their session"
        );
    }
    keys::save(path, &ring.to_bytes()).map_err(|error| format!("cannot write {name}: {error}"))?;
    Ok(ring)
}
