//! Contacts and blocks.

use parlance_types::{AccountId, Micros};

use super::{Place, sample};
use crate::account::{AccountError, AccountStore, Tie, Tied};

fn id(number: u8) -> AccountId {
    AccountId::from_bytes([number; 16])
}

async fn tie(store: &dyn AccountStore, from: u8, to: u8, at: u64) -> Result<Tied, AccountError> {
    store.tie(id(from), Tie::Block, id(to), Micros::new(at), 2).await
}

pub async fn a_tie_lasts_until_it_is_taken_back(place: &mut impl Place) {
    let store = place.open().await;
    for (number, handle) in [(1, "ada"), (2, "bob"), (3, "cleo"), (4, "dan")] {
        sample::create(&*store, &sample::account(number, handle)).await.unwrap();
    }
    assert_eq!(tie(&*store, 1, 3, 5).await, Ok(Tied::Now));
    assert_eq!(tie(&*store, 1, 3, 9).await, Ok(Tied::Before(Micros::new(5))));
    assert_eq!(tie(&*store, 1, 2, 6).await, Ok(Tied::Now));
    assert_eq!(tie(&*store, 1, 4, 7).await, Ok(Tied::TooMany));
    assert_eq!(tie(&*store, 1, 2, 7).await, Ok(Tied::Before(Micros::new(6))), "even when full");
    assert_eq!(tie(&*store, 2, 1, 8).await, Ok(Tied::Now), "each has its own");
    for (from, to) in [(3, 9), (9, 3)] {
        assert_eq!(tie(&*store, from, to, 8).await, Err(AccountError::NoSuchAccount));
    }
    assert_eq!(store.untie(id(1), Tie::Contact, id(2)).await, Ok(false), "of another kind");
    assert_eq!(store.untie(id(2), Tie::Block, id(1)).await, Ok(true));
    assert_eq!(store.untie(id(2), Tie::Block, id(1)).await, Ok(false));
    drop(store);

    let store = place.open().await;
    assert_eq!(store.tied(id(1), Tie::Block, id(3)).await, Ok(Some(Micros::new(5))));
    assert_eq!(store.tied(id(2), Tie::Block, id(1)).await, Ok(None));
    assert_eq!(store.tied(id(1), Tie::Contact, id(3)).await, Ok(None));
}

pub async fn ties_are_listed_page_by_page(place: &mut impl Place) {
    let store = place.open().await;
    for (number, handle) in [(1, "ada"), (2, "bob"), (3, "cleo"), (4, "dan")] {
        sample::create(&*store, &sample::account(number, handle)).await.unwrap();
    }
    for (from, to) in [(2, 1), (1, 4), (1, 2), (1, 3)] {
        let at = Micros::new(to.into());
        store.tie(id(from), Tie::Contact, id(to), at, 9).await.unwrap();
    }
    store.tie(id(1), Tie::Block, id(4), Micros::new(9), 9).await.unwrap();
    let own = async |after: Option<u8>, max| {
        let listed = store.ties(id(1), Tie::Contact, after.map(id), max).await.unwrap();
        listed.into_iter().map(|(other, at)| (other.as_bytes()[0], at.get())).collect::<Vec<_>>()
    };
    assert_eq!(own(None, 2).await, [(2, 2), (3, 3)]);
    assert_eq!(own(Some(3), 2).await, [(4, 4)]);
    assert_eq!(own(Some(4), 2).await, []);
    let all = async |after: Option<(u8, u8)>, max| {
        let after = after.map(|(from, to)| (id(from), id(to)));
        let listed = store.all_ties(Tie::Contact, after, max).await.unwrap();
        let numbers = |(from, to): (AccountId, AccountId)| (from.as_bytes()[0], to.as_bytes()[0]);
        listed.into_iter().map(numbers).collect::<Vec<_>>()
    };
    assert_eq!(all(None, 3).await, [(1, 2), (1, 3), (1, 4)]);
    assert_eq!(all(Some((1, 3)), 3).await, [(1, 4), (2, 1)]);
    assert_eq!(all(Some((2, 1)), 3).await, []);
}
