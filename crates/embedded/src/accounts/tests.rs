use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use parlance_ports::contract::account::{self, Place, sample};
use parlance_ports::{Account, AccountError, AccountStore, Credentials, Rotation, Session};
use parlance_types::{Micros, SessionId};
use tempfile::TempDir;

use super::{Accounts, verify};

/// A folder with a database in it.
struct Folder {
    folder: TempDir,
    open: Option<Arc<Accounts>>,
}

impl Folder {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), open: None }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("accounts.sqlite")
    }
}

#[async_trait]
impl Place for Folder {
    async fn open(&mut self) -> Arc<dyn AccountStore> {
        if let Some(open) = self.open.take() {
            open.close().await;
        }
        let accounts = Arc::new(Accounts::open(&self.path()).await.unwrap());
        self.open = Some(accounts.clone());
        accounts
    }
}

parlance_ports::account_contract!(Folder::new());

#[test]
fn any_sequence_agrees() {
    account::any_sequence_agrees_with_memory(12, Folder::new);
}

/// A few accounts, sessions, exchanged tokens and revocations.
async fn fill(store: &dyn AccountStore) {
    for (number, handle) in (1..).zip(["ada", "grace", "alan", "edsger", "barbara"]) {
        sample::create(store, &sample::account(number, handle)).await.unwrap();
        sample::begin(store, &sample::session(number, 100 + number)).await.unwrap();
        let first = sample::session(number, number);
        let (presented, successor) = (first.refresh, sample::token(200 + number));
        let rotation =
            Rotation { session: first.session, presented, successor, at: Micros::new(500) };
        assert_eq!(store.rotate(rotation).await, Ok(true));
    }
    store.revoke(sample::session(1, 101).session, Micros::new(600)).await.unwrap();
}

/// Everything that the database answers.
#[derive(Debug, PartialEq)]
struct Everything {
    accounts: Vec<Option<Account>>,
    credentials: Vec<Option<Credentials>>,
    sessions: Vec<Option<Session>>,
    revoked: Vec<(SessionId, Micros)>,
}

async fn everything(store: &dyn AccountStore) -> Result<Everything, AccountError> {
    let (mut accounts, mut credentials, mut sessions) = (vec![], vec![], vec![]);
    for (number, handle) in (1..).zip(["ada", "grace", "alan", "edsger", "barbara"]) {
        let account = sample::account(number, handle);
        accounts.extend(store.accounts(&[account.id]).await?.into_iter().map(Some));
        accounts.push(store.account_by_handle(&account.handle).await?);
        credentials.push(store.credentials(&account.handle).await?);
        for session in [number, 100 + number] {
            sessions.push(store.session(sample::session(number, session).session).await?);
        }
    }
    let revoked = store.revoked_since(Micros::ZERO).await?;
    Ok(Everything { accounts, credentials, sessions, revoked })
}

#[tokio::test]
async fn a_whole_database_has_no_problems_open_or_closed() {
    let mut place = Folder::new();
    let store = place.open().await;
    fill(&*store).await;
    assert_eq!(verify(&place.path()).await, Ok(vec![]), "in the write-ahead log");
    let open = place.open.take().unwrap();
    open.close().await;
    let names = || fs::read_dir(place.folder.path()).unwrap().count();
    assert_eq!(names(), 1, "the write-ahead log is folded in");
    assert_eq!(verify(&place.path()).await, Ok(vec![]));
    let mode = fs::metadata(place.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "hashes of passwords are nobody else's");
    let missing = verify(&place.folder.path().join("none")).await;
    assert!(matches!(missing, Err(AccountError::Unavailable(_))), "{missing:?}");
}

/// Flips bytes of a file one after another; each flip is found, or everything reads back equal.
async fn flips(folder: &std::path::Path, file: &str, step: usize) {
    let place = folder.join("copy");
    let files = ["accounts.sqlite", "accounts.sqlite-wal"];
    let original: Vec<_> = files.iter().map(|file| fs::read(folder.join(file)).ok()).collect();
    let restore = || {
        drop(fs::remove_dir_all(&place));
        fs::create_dir(&place).unwrap();
        for (file, bytes) in files.iter().zip(&original) {
            if let Some(bytes) = bytes {
                fs::write(place.join(file), bytes).unwrap();
            }
        }
    };
    restore();
    let database = place.join("accounts.sqlite");
    let store = Accounts::open(&database).await.unwrap();
    let expected = everything(&store).await.unwrap();
    store.close().await;

    let size = fs::metadata(folder.join(file)).unwrap().len() as usize;
    for offset in (0..size).step_by(step) {
        restore();
        let path = place.join(file);
        let mut bytes = fs::read(&path).unwrap();
        bytes[offset] ^= 1 << (offset % 8);
        fs::write(&path, bytes).unwrap();
        if !verify(&database).await.unwrap().is_empty() {
            continue;
        }
        let Ok(store) = Accounts::open(&database).await else {
            panic!(
                "byte {offset} of {file} keeps it from being opened, and verify does not say so"
            );
        };
        let found = everything(&store).await;
        store.close().await;
        assert_eq!(found.as_ref(), Ok(&expected), "byte {offset} of {file}");
    }
}

#[tokio::test]
async fn a_flipped_bit_is_named_or_changes_nothing() {
    let mut place = Folder::new();
    let store = place.open().await;
    fill(&*store).await;
    place.open.take().unwrap().close().await;
    flips(place.folder.path(), "accounts.sqlite", 331).await;
}

#[tokio::test]
async fn a_flipped_bit_in_the_write_ahead_log_is_named() {
    let mut place = Folder::new();
    let store = place.open().await;
    fill(&*store).await;
    // As a kill leaves it: the log is not folded in.
    let killed = tempfile::tempdir().unwrap();
    for file in ["accounts.sqlite", "accounts.sqlite-wal"] {
        fs::copy(place.folder.path().join(file), killed.path().join(file)).unwrap();
    }
    flips(killed.path(), "accounts.sqlite-wal", 1_999).await;
}

#[tokio::test]
async fn a_log_with_a_hole_is_refused_and_one_that_ends_early_is_not() {
    let mut place = Folder::new();
    let store = place.open().await;
    fill(&*store).await;
    let killed = tempfile::tempdir().unwrap();
    let (database, log) =
        (killed.path().join("accounts.sqlite"), killed.path().join("accounts.sqlite-wal"));
    fs::copy(place.path(), &database).unwrap();
    let whole = fs::read(place.folder.path().join("accounts.sqlite-wal")).unwrap();

    let mut hole = whole.clone();
    hole[whole.len() / 2] ^= 1;
    fs::write(&log, hole).unwrap();
    let refused = Accounts::open(&database).await.map(drop);
    assert!(matches!(refused, Err(AccountError::Damaged(_))), "{refused:?}");

    let mut torn = whole;
    *torn.last_mut().unwrap() ^= 1;
    fs::write(&log, torn).unwrap();
    Accounts::open(&database).await.unwrap().close().await;
}

#[tokio::test]
async fn what_is_not_a_database_is_refused_and_left_alone() {
    let place = Folder::new();
    let text =
        "this is not a database, and long enough to have a header of one hundred bytes ".repeat(20);
    fs::write(place.path(), &text).unwrap();
    let refused = Accounts::open(&place.path()).await.map(drop);
    assert!(matches!(refused, Err(AccountError::Damaged(_))), "{refused:?}");
    assert_eq!(fs::read_to_string(place.path()).unwrap(), text);
    assert_eq!(verify(&place.path()).await.map(|found| found.len()), Ok(1));
    let nowhere = Accounts::open(&place.folder.path().join("none/accounts.sqlite")).await.map(drop);
    assert!(matches!(nowhere, Err(AccountError::Unavailable(_))), "{nowhere:?}");
}

#[tokio::test]
async fn what_version_1_wrote_is_read_for_ever() {
    let written =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/v1/accounts.sqlite");
    let copy = Folder::new();
    fs::copy(written, copy.path()).unwrap();
    assert_eq!(verify(&copy.path()).await, Ok(vec![]));
    let old = Accounts::open(&copy.path()).await.unwrap();
    let mut fresh = Folder::new();
    let new = fresh.open().await;
    fill(&*new).await;
    assert_eq!(everything(&old).await, everything(&*new).await);
    assert!(everything(&old).await.is_ok());
    old.close().await;
}

#[tokio::test]
async fn a_search_reads_nothing_but_what_it_looks_for() {
    let folder = Folder::new();
    let accounts = Accounts::open(&folder.path()).await.unwrap();
    for statement in super::names::STATEMENTS {
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
        let plan = sqlx::query(explain).fetch_all(&accounts.readers).await.unwrap();
        let steps: Vec<String> =
            plan.iter().map(|step| sqlx::Row::try_get(step, "detail").unwrap()).collect();
        assert!(steps.iter().any(|step| step.starts_with("SEARCH")), "{steps:?}");
        assert!(steps.iter().all(|step| !step.starts_with("SCAN")), "{steps:?}");
    }
    accounts.close().await;
}
