//! Finding people.

use parlance_types::{AccountId, Micros};

use super::{Place, sample};
use crate::account::{Account, AccountStore, Search, Tie, terms};

fn id(number: u8) -> AccountId {
    AccountId::from_bytes([number; 16])
}

/// The numbers of those whom account `seeker` finds.
async fn find(
    store: &dyn AccountStore,
    seeker: u8,
    text: &str,
    after: Option<u8>,
    max: usize,
) -> Vec<u8> {
    let prefix = terms::prefix(text).expect("a sample can be looked for");
    let search = Search { seeker: id(seeker), prefix, after: after.map(id), max };
    let found = store.search(&search).await.unwrap();
    found.into_iter().map(|account| account.id.as_bytes()[0]).collect()
}

pub async fn people_are_found_by_the_beginning_of_a_name(place: &mut impl Place) {
    let store = place.open().await;
    let people = [
        (1, "seeker", "Seeker"),
        (2, "ada", "Ada Lovelace"),
        (3, "adam", "王小明"),
        (4, "grace", "Grace Ada Hopper"),
        (5, "lev", "Лев Толстой"),
        (6, "som", "สมชาย ใจดี"),
        (7, "muh", "محمد"),
    ];
    for (number, handle, name) in people {
        let account = Account { name: sample::title(name), ..sample::account(number, handle) };
        sample::create(&*store, &account).await.unwrap();
    }
    for (text, expected) in [
        ("ad", &[2, 4, 3][..]),
        ("ADAM", &[3]),
        ("lovelace a", &[2]),
        ("L", &[5, 2]),
        ("小", &[3]),
        ("толст", &[5]),
        ("ใจ", &[6]),
        ("محم", &[7]),
        ("velace", &[]),
    ] {
        assert_eq!(find(&*store, 1, text, None, 10).await, expected, "{text}");
    }

    store.tie(id(1), Tie::Contact, id(3), Micros::new(1), 9).await.unwrap();
    assert_eq!(find(&*store, 1, "ad", None, 10).await, [3, 2, 4], "contacts first");
    assert_eq!(find(&*store, 2, "ad", None, 10).await, [2, 4, 3], "only one's own");
    for max in 1..4 {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = find(&*store, 1, "ad", after, max).await;
            assert!(page.len() <= max);
            let Some(last) = page.last() else { break };
            after = Some(*last);
            all.extend(page);
        }
        assert_eq!(all, [3, 2, 4], "in pages of {max}");
    }
    assert_eq!(
        find(&*store, 1, "ad", Some(5), 10).await,
        [0; 0],
        "behind somebody who is not found"
    );

    store.rename(id(2), sample::title("Augusta")).await.unwrap();
    assert_eq!(find(&*store, 1, "lov", None, 10).await, [0; 0]);
    drop(store);
    let store = place.open().await;
    assert_eq!(find(&*store, 1, "aug", None, 10).await, [2]);
}

pub async fn whoever_blocks_somebody_is_not_found(place: &mut impl Place) {
    let store = place.open().await;
    for (number, handle) in [(1, "ada"), (2, "bob"), (3, "bobby")] {
        sample::create(&*store, &sample::account(number, handle)).await.unwrap();
    }
    store.tie(id(1), Tie::Contact, id(2), Micros::new(1), 9).await.unwrap();
    store.tie(id(2), Tie::Block, id(1), Micros::new(1), 9).await.unwrap();
    store.tie(id(3), Tie::Block, id(1), Micros::new(1), 9).await.unwrap();
    assert_eq!(find(&*store, 1, "bob", None, 10).await, [0; 0], "a contact neither");
    assert_eq!(find(&*store, 2, "ada", None, 10).await, [1], "to be let go again");
    store.untie(id(3), Tie::Block, id(1)).await.unwrap();
    assert_eq!(find(&*store, 1, "bob", None, 10).await, [3]);
}
