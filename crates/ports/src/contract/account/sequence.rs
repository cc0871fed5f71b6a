//! Any sequence of calls, with an opening again at any point, answers what memory answers.

use std::sync::Arc;

use parlance_types::{AccountId, Handle, Micros, SessionId};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{Place, sample};
use crate::account::{
    Account, AccountError, AccountStore, Credentials, PasswordChange, Rotation, Search, Session,
    Tie, Tied,
};
use crate::memory::MemoryAccounts;

const HANDLES: [&str; 4] = ["ada", "ADA", "grace", "alan"];
const NUMBERS: u8 = 6;

#[derive(Clone, Debug)]
enum Call {
    Create { account: u8, handle: usize },
    Begin { account: u8, session: u8, proof: u8, living_max: usize },
    Replace { account: u8, current: u8, with: u8 },
    Change { account: u8, current: u8, with: u8, keep: Option<u8>, at: u64 },
    Rename { account: u8, name: u8 },
    Rotate { session: u8, presented: u8, successor: u8, at: u64 },
    Revoke { session: u8, at: u64 },
    RevokeAll { account: u8, at: u64 },
    Tie { account: u8, tie: Tie, other: u8, at: u64 },
    Untie { account: u8, tie: Tie, other: u8 },
    OpenAgain,
}

fn call() -> impl Strategy<Value = Call> {
    let number = || 1..NUMBERS;
    let at = || 0_u64..50;
    let tie = || prop::sample::select(vec![Tie::Contact, Tie::Block]);
    prop_oneof![
        4 => (number(), 0..HANDLES.len()).prop_map(|(account, handle)| Call::Create { account, handle }),
        3 => (number(), NUMBERS..2 * NUMBERS, number(), 1..4_usize).prop_map(
            |(account, session, proof, living_max)| Call::Begin { account, session, proof, living_max }
        ),
        3 => (number(), NUMBERS..2 * NUMBERS).prop_map(
            |(account, session)| Call::Begin { account, session, proof: account, living_max: 4 }
        ),
        2 => (number(), number(), number())
            .prop_map(|(account, current, with)| Call::Replace { account, current, with }),
        2 => (number(), number(), number(), proptest::option::of(1..2 * NUMBERS), at()).prop_map(
            |(account, current, with, keep, at)| Call::Change { account, current, with, keep, at }
        ),
        1 => (number(), number()).prop_map(|(account, name)| Call::Rename { account, name }),
        6 => (1..2 * NUMBERS, number(), number(), at())
            .prop_map(|(session, presented, successor, at)| Call::Rotate { session, presented, successor, at }),
        1 => (1..2 * NUMBERS, at()).prop_map(|(session, at)| Call::Revoke { session, at }),
        1 => (number(), at()).prop_map(|(account, at)| Call::RevokeAll { account, at }),
        3 => (number(), tie(), number(), at())
            .prop_map(|(account, tie, other, at)| Call::Tie { account, tie, other, at }),
        1 => (number(), tie(), number())
            .prop_map(|(account, tie, other)| Call::Untie { account, tie, other }),
        1 => Just(Call::OpenAgain),
    ]
}

/// Whether the write was done, and how it was refused otherwise.
async fn make(store: &dyn AccountStore, call: &Call) -> Result<bool, AccountError> {
    match *call {
        Call::Create { account, handle } => {
            let account = sample::account(account, HANDLES[handle]);
            sample::create(store, &account).await.map(|()| true)
        }
        Call::Begin { account, session, proof, living_max } => {
            let new = sample::session(account, session);
            let begun = store.create_session(new, &sample::password(proof), living_max).await?;
            Ok(begun.is_some())
        }
        Call::Change { account, current, with, keep, at } => {
            let change = PasswordChange {
                account: AccountId::from_bytes([account; 16]),
                current: sample::password(current),
                with: sample::password(with),
                keep: keep.map(|session| SessionId::from_bytes([session; 16])),
                at: Micros::new(at),
            };
            Ok(store.change_password(change).await?.is_some())
        }
        Call::Rename { account, name } => {
            let name = sample::title(&format!("name {name}"));
            store.rename(AccountId::from_bytes([account; 16]), name).await
        }
        Call::Replace { account, current, with } => {
            let account = AccountId::from_bytes([account; 16]);
            store
                .replace_password(account, &sample::password(current), sample::password(with))
                .await
        }
        Call::Rotate { session, presented, successor, at } => {
            let session = SessionId::from_bytes([session; 16]);
            let (presented, successor) = (sample::token(presented), sample::token(successor));
            store.rotate(Rotation { session, presented, successor, at: Micros::new(at) }).await
        }
        Call::Revoke { session, at } => {
            store.revoke(SessionId::from_bytes([session; 16]), Micros::new(at)).await
        }
        Call::RevokeAll { account, at } => {
            let account = AccountId::from_bytes([account; 16]);
            store.revoke_all(account, Micros::new(at)).await.map(|ended| !ended.is_empty())
        }
        Call::Tie { account, tie, other, at } => {
            let [account, other] = [account, other].map(|n| AccountId::from_bytes([n; 16]));
            let tied = store.tie(account, tie, other, Micros::new(at), 2).await?;
            Ok(tied == Tied::Now)
        }
        Call::Untie { account, tie, other } => {
            let [account, other] = [account, other].map(|n| AccountId::from_bytes([n; 16]));
            store.untie(account, tie, other).await
        }
        Call::OpenAgain => Ok(true),
    }
}

/// Everything that can be asked.
#[derive(Debug, PartialEq)]
struct Seen {
    accounts: Vec<Account>,
    by_handle: Vec<Option<Account>>,
    credentials: Vec<Option<Credentials>>,
    sessions: Vec<Option<Session>>,
    living: Vec<Session>,
    revoked: Vec<(SessionId, Micros)>,
    ties: Vec<Vec<(AccountId, Micros)>>,
    pairs: Vec<(AccountId, AccountId)>,
    found: Vec<Vec<AccountId>>,
}

async fn see(store: &dyn AccountStore) -> Result<Seen, AccountError> {
    let ids: Vec<_> = (0..NUMBERS).map(|number| AccountId::from_bytes([number; 16])).collect();
    let mut accounts = store.accounts(&ids).await?;
    accounts.sort_unstable_by_key(|account| account.id);
    let (mut by_handle, mut credentials, mut sessions) = (vec![], vec![], vec![]);
    let mut living = Vec::new();
    for id in &ids {
        living.extend(store.sessions(*id).await?);
    }
    living.sort_unstable_by_key(|session| session.id);
    for handle in HANDLES {
        let handle: Handle = handle.parse().expect("a sample is a handle");
        by_handle.push(store.account_by_handle(&handle).await?);
        credentials.push(store.credentials(&handle).await?);
    }
    for number in 0..2 * NUMBERS {
        sessions.push(store.session(SessionId::from_bytes([number; 16])).await?);
    }
    let mut revoked = store.revoked_since(Micros::new(25)).await?;
    revoked.sort_unstable();
    let (mut ties, mut pairs) = (Vec::new(), Vec::new());
    for tie in [Tie::Contact, Tie::Block] {
        for id in &ids {
            ties.push(store.ties(*id, tie, None, 10).await?);
        }
        pairs.extend(store.all_ties(tie, None, 100).await?);
    }
    let mut found = Vec::new();
    for (seeker, prefix) in ids.iter().flat_map(|id| ["a", "n", "g"].map(|prefix| (*id, prefix))) {
        let search = Search { seeker, prefix: prefix.to_owned(), after: None, max: 10 };
        found.push(store.search(&search).await?.into_iter().map(|account| account.id).collect());
    }
    Ok(Seen { accounts, by_handle, credentials, sessions, living, revoked, ties, pairs, found })
}

async fn run(place: &mut impl Place, calls: &[Call]) -> Result<(), TestCaseError> {
    let model = MemoryAccounts::default();
    let mut begun = [false; 2 * NUMBERS as usize];
    let mut created = [false; NUMBERS as usize];
    let mut store: Arc<dyn AccountStore> = place.open().await;
    for call in calls {
        // Ids are made by the caller and never used twice.
        match *call {
            Call::Create { account, .. } if created[usize::from(account)] => continue,
            Call::Begin { session, .. } if begun[usize::from(session)] => continue,
            Call::OpenAgain => {
                drop(store);
                store = place.open().await;
            }
            _ => {}
        }
        let (expected, found) = (make(&model, call).await, make(&*store, call).await);
        prop_assert_eq!(&expected, &found, "{:?}", call);
        match *call {
            Call::Create { account, .. } if found.is_ok() => created[usize::from(account)] = true,
            Call::Begin { session, .. } if found == Ok(true) => begun[usize::from(session)] = true,
            _ => {}
        }
    }
    prop_assert_eq!(see(&model).await, see(&*store).await);
    Ok(())
}

/// Runs `cases` sequences, each over a new place.
pub fn any_sequence_agrees_with_memory<P: Place>(cases: u32, new: impl Fn() -> P) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime of one thread can be built");
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let found = TestRunner::new(config).run(&proptest::collection::vec(call(), 1..60), |calls| {
        runtime.block_on(run(&mut new(), &calls))
    });
    if let Err(error) = found {
        panic!("an account store differs from memory: {error}");
    }
}
