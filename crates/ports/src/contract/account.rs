//! What every [`AccountStore`] must do, whatever it is made of.
//!
//! [`account_contract!`](crate::account_contract) stamps the suite out over a [`Place`].
#![expect(clippy::unwrap_used, reason = "a contract is a test")]

mod search;
mod sequence;
mod sessions;
mod ties;

use std::sync::Arc;

use async_trait::async_trait;
use parlance_types::Micros;

use crate::account::{
    Account, AccountError, AccountStore, Credentials, PasswordHash, Rotation, SUPERSEDED_MAX,
    Session, Superseded,
};

pub mod sample;
pub use search::{
    people_are_found_by_the_beginning_of_a_name, whoever_blocks_somebody_is_not_found,
};
pub use sequence::any_sequence_agrees_with_memory;
pub use sessions::{
    an_account_is_shown_by_its_new_name, an_old_password_begins_no_session,
    another_password_ends_the_others, of_too_many_sessions_the_oldest_end,
    those_that_live_are_listed,
};
pub use ties::{a_tie_lasts_until_it_is_taken_back, ties_are_listed_page_by_page};

/// Where accounts are kept.
#[async_trait]
pub trait Place: Send {
    /// Opens the store, closing the one that was opened before; the first time it is empty.
    async fn open(&mut self) -> Arc<dyn AccountStore>;
}

/// Stamps out the contract of the account store as tests over the place that `$place` makes.
#[macro_export]
macro_rules! account_contract {
    ($place:expr) => {
        $crate::account_contract! { $place =>
            an_account_is_found_by_all_its_names
            a_handle_has_one_account
            of_two_at_once_one_gets_the_handle
            a_refused_account_leaves_nothing
            a_password_is_replaced_only_if_it_is_the_current_one
            a_session_needs_an_account
            a_token_is_exchanged_once
            the_newest_superseded_tokens_are_remembered
            a_revoked_session_stays_revoked
            all_sessions_of_one_account_end_at_once
            those_that_live_are_listed
            another_password_ends_the_others
            an_old_password_begins_no_session
            of_too_many_sessions_the_oldest_end
            an_account_is_shown_by_its_new_name
            a_tie_lasts_until_it_is_taken_back
            ties_are_listed_page_by_page
            people_are_found_by_the_beginning_of_a_name
            whoever_blocks_somebody_is_not_found
            the_last_time_that_an_account_was_seen_stays
            everything_is_there_after_opening_again
        }
    };
    ($place:expr => $($test:ident)*) => {
        $(#[tokio::test]
        async fn $test() {
            $crate::contract::account::$test(&mut $place).await;
        })*
    };
}

pub async fn an_account_is_found_by_all_its_names(place: &mut impl Place) {
    let store = place.open().await;
    let (ada, grace) = (sample::account(1, "ada"), sample::account(2, "grace"));
    sample::create(&*store, &ada).await.unwrap();
    sample::create(&*store, &grace).await.unwrap();
    let nobody = sample::account(3, "nobody");

    assert_eq!(store.account_by_handle(&ada.handle).await, Ok(Some(ada.clone())));
    assert_eq!(store.account_by_handle(&nobody.handle).await, Ok(None));
    let credentials = Credentials { account: ada.id, password: sample::password(1) };
    assert_eq!(store.credentials(&ada.handle).await, Ok(Some(credentials)));
    assert_eq!(store.credentials(&nobody.handle).await, Ok(None));

    assert_eq!(store.accounts(&[]).await, Ok(vec![]));
    let mut found = store.accounts(&[grace.id, nobody.id, ada.id, grace.id]).await.unwrap();
    found.sort_unstable_by_key(|account| account.id);
    assert_eq!(found, [ada, grace]);
}

pub async fn the_last_time_that_an_account_was_seen_stays(place: &mut impl Place) {
    let store = place.open().await;
    let (ada, grace, nobody) =
        (sample::account(1, "ada"), sample::account(2, "grace"), sample::account(3, "nobody"));
    sample::create(&*store, &ada).await.unwrap();
    sample::create(&*store, &grace).await.unwrap();
    assert_eq!(store.last_seen(&[ada.id]).await, Ok(vec![]));

    let at = |ms| Micros::from_ms(ms);
    store.note_seen(&[(ada.id, at(5)), (nobody.id, at(5)), (grace.id, at(7))]).await.unwrap();
    store.note_seen(&[(ada.id, at(4)), (grace.id, at(8))]).await.unwrap();
    store.note_seen(&[]).await.unwrap();
    drop(store);
    let store = place.open().await;
    let mut seen = store.last_seen(&[grace.id, nobody.id, ada.id, grace.id]).await.unwrap();
    seen.sort_unstable();
    assert_eq!(seen, [(ada.id, at(5)), (grace.id, at(8))]);
}

pub async fn a_handle_has_one_account(place: &mut impl Place) {
    let store = place.open().await;
    sample::create(&*store, &sample::account(1, "ada")).await.unwrap();
    for same in ["ada", "ADA", "aDa"] {
        let refused = sample::create(&*store, &sample::account(2, same)).await;
        assert_eq!(refused, Err(AccountError::HandleTaken), "{same}");
    }
    sample::create(&*store, &sample::account(2, "ada.")).await.unwrap();
}

pub async fn of_two_at_once_one_gets_the_handle(place: &mut impl Place) {
    let store = place.open().await;
    let (one, two) = (sample::account(1, "ada"), sample::account(2, "Ada"));
    let (first, second) =
        tokio::join!(sample::create(&*store, &one), sample::create(&*store, &two));
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    assert_eq!(first.and(second), Err(AccountError::HandleTaken));
    assert_eq!(store.accounts(&[one.id, two.id]).await.map(|found| found.len()), Ok(1));
}

pub async fn a_refused_account_leaves_nothing(place: &mut impl Place) {
    let store = place.open().await;
    sample::create(&*store, &sample::account(1, "ada")).await.unwrap();
    let refused = sample::account(2, "ada");
    sample::create(&*store, &refused).await.unwrap_err();
    assert_eq!(store.accounts(&[refused.id]).await, Ok(vec![]));
    assert_eq!(store.session(sample::session(2, 2).session).await, Ok(None));
    let credentials = store.credentials(&refused.handle).await.unwrap().unwrap();
    assert_eq!(credentials.account, sample::account(1, "ada").id);
    let none = sample::begin(&*store, &sample::session(2, 9)).await;
    assert_eq!(none, Err(AccountError::NoSuchAccount));
}

pub async fn a_password_is_replaced_only_if_it_is_the_current_one(place: &mut impl Place) {
    let store = place.open().await;
    let ada = sample::account(1, "ada");
    sample::create(&*store, &ada).await.unwrap();
    let (first, second, third) = (sample::password(1), sample::password(2), sample::password(3));
    assert_eq!(store.replace_password(ada.id, &second, third.clone()).await, Ok(false));
    assert_eq!(store.replace_password(ada.id, &first, second.clone()).await, Ok(true));
    assert_eq!(store.replace_password(ada.id, &first, third.clone()).await, Ok(false));
    let credentials = store.credentials(&ada.handle).await.unwrap().unwrap();
    assert_eq!(credentials.password, second);
    let nobody = sample::account(2, "nobody").id;
    assert_eq!(store.replace_password(nobody, &first, third).await, Ok(false));
}

pub async fn a_session_needs_an_account(place: &mut impl Place) {
    let store = place.open().await;
    let new = sample::session(1, 7);
    assert_eq!(sample::begin(&*store, &new).await, Err(AccountError::NoSuchAccount));
    assert_eq!(store.session(new.session).await, Ok(None));

    sample::create(&*store, &sample::account(1, "ada")).await.unwrap();
    assert_eq!(sample::begin(&*store, &new).await, Ok(Some(vec![])));
    let expected = Session {
        id: new.session,
        account: new.account,
        device: new.device,
        device_name: new.device_name,
        created_at: new.at,
        refresh: new.refresh,
        refreshed_at: new.at,
        superseded: vec![],
        revoked_at: None,
    };
    assert_eq!(store.session(new.session).await, Ok(Some(expected)));
}

pub async fn a_token_is_exchanged_once(place: &mut impl Place) {
    let store = place.open().await;
    sample::create(&*store, &sample::account(1, "ada")).await.unwrap();
    let first = sample::session(1, 1);
    let rotation = Rotation {
        session: first.session,
        presented: first.refresh,
        successor: sample::token(50),
        at: Micros::new(7),
    };
    let (one, two) = tokio::join!(store.rotate(rotation), store.rotate(rotation));
    assert_eq!(
        [one, two].iter().filter(|done| **done == Ok(true)).count(),
        1,
        "of two at once one is first"
    );
    let unknown = Rotation { presented: sample::token(99), ..rotation };
    assert_eq!(store.rotate(unknown).await, Ok(false));
    let elsewhere = Rotation { session: sample::session(1, 2).session, ..rotation };
    assert_eq!(store.rotate(elsewhere).await, Ok(false));

    let session = store.session(first.session).await.unwrap().unwrap();
    assert_eq!((session.refresh, session.refreshed_at), (sample::token(50), Micros::new(7)));
    assert_eq!(session.superseded, [Superseded { refresh: first.refresh, at: Micros::new(7) }]);
}

pub async fn the_newest_superseded_tokens_are_remembered(place: &mut impl Place) {
    let store = place.open().await;
    sample::create(&*store, &sample::account(1, "ada")).await.unwrap();
    let first = sample::session(1, 1);
    let tokens: Vec<_> = (0..=SUPERSEDED_MAX as u8 + 2).map(|n| sample::token(100 + n)).collect();
    let mut presented = first.refresh;
    for (successor, at) in tokens.iter().zip(1..) {
        let at = Micros::new(at);
        let rotation = Rotation { session: first.session, presented, successor: *successor, at };
        assert_eq!(store.rotate(rotation).await, Ok(true));
        presented = *successor;
    }
    let session = store.session(first.session).await.unwrap().unwrap();
    let (current, before) = tokens.split_last().unwrap();
    assert_eq!(session.refresh, *current);
    let remembered: Vec<_> =
        session.superseded.iter().map(|superseded| superseded.refresh).collect();
    assert_eq!(remembered, before[before.len() - SUPERSEDED_MAX..]);
    assert!(session.superseded.is_sorted_by_key(|superseded| superseded.at));
}

pub async fn a_revoked_session_stays_revoked(place: &mut impl Place) {
    let store = place.open().await;
    sample::create(&*store, &sample::account(1, "ada")).await.unwrap();
    sample::begin(&*store, &sample::session(1, 2)).await.unwrap();
    let (one, two) = (sample::session(1, 1), sample::session(1, 2));
    assert_eq!(store.revoke(one.session, Micros::new(10)).await, Ok(true));
    assert_eq!(
        store.revoke(one.session, Micros::new(20)).await,
        Ok(false),
        "the first time counts"
    );
    assert_eq!(store.revoke(two.session, Micros::new(20)).await, Ok(true));
    assert_eq!(store.revoke(sample::session(1, 3).session, Micros::new(20)).await, Ok(false));

    let rotation = Rotation {
        session: one.session,
        presented: one.refresh,
        successor: sample::token(50),
        at: Micros::new(30),
    };
    assert_eq!(store.rotate(rotation).await, Ok(false));
    let session = store.session(one.session).await.unwrap().unwrap();
    assert_eq!((session.refresh, session.revoked_at), (one.refresh, Some(Micros::new(10))));

    let since = async |at| {
        let mut revoked = store.revoked_since(Micros::new(at)).await.unwrap();
        revoked.sort_unstable();
        revoked
    };
    let (first, second) = ((one.session, Micros::new(10)), (two.session, Micros::new(20)));
    assert_eq!(since(0).await, [first, second]);
    assert_eq!(since(10).await, [first, second], "at or after");
    assert_eq!(since(11).await, [second]);
    assert_eq!(since(21).await, []);
}

pub async fn all_sessions_of_one_account_end_at_once(place: &mut impl Place) {
    let store = place.open().await;
    sample::create(&*store, &sample::account(1, "ada")).await.unwrap();
    let grace = sample::account(2, "grace");
    sample::create(&*store, &grace).await.unwrap();
    let [one, two, three] = [1, 3, 4].map(|session| sample::session(1, session));
    sample::begin(&*store, &two).await.unwrap();
    sample::begin(&*store, &three).await.unwrap();
    store.revoke(two.session, Micros::new(10)).await.unwrap();

    let mut ended = store.revoke_all(one.account, Micros::new(20)).await.unwrap();
    ended.sort_unstable();
    let mut expected = [one.session, three.session];
    expected.sort_unstable();
    assert_eq!(ended, expected, "those that lived");
    assert_eq!(store.revoke_all(one.account, Micros::new(30)).await, Ok(vec![]));
    assert_eq!(
        store.revoke_all(sample::account(5, "nobody").id, Micros::new(30)).await,
        Ok(vec![])
    );
    for (session, at) in
        [(one, Some(20)), (two, Some(10)), (three, Some(20)), (sample::session(2, 2), None)]
    {
        let found = store.session(session.session).await.unwrap().unwrap();
        assert_eq!(found.revoked_at, at.map(Micros::new));
    }
}

pub async fn everything_is_there_after_opening_again(place: &mut impl Place) {
    let store = place.open().await;
    let ada = Account {
        name: sample::title("Ada \u{202e}\u{0301} 日本 👩‍👩‍👧‍👦"),
        ..sample::account(1, "ada")
    };
    sample::create(&*store, &ada).await.unwrap();
    let (first, second) = (sample::session(1, 1), sample::session(1, 2));
    sample::begin(&*store, &second).await.unwrap();
    store.revoke(second.session, Micros::new(9)).await.unwrap();
    let rotation = Rotation {
        session: first.session,
        presented: first.refresh,
        successor: sample::token(50),
        at: Micros::new(7),
    };
    store.rotate(rotation).await.unwrap();
    let other = PasswordHash::new("$argon2id$v=19$m=8,t=1,p=1$other");
    store.replace_password(ada.id, &sample::password(1), other.clone()).await.unwrap();
    let before = (store.session(first.session).await, store.session(second.session).await);
    drop(store);

    let store = place.open().await;
    assert_eq!(store.account_by_handle(&ada.handle).await, Ok(Some(ada.clone())));
    let credentials = Credentials { account: ada.id, password: other };
    assert_eq!(store.credentials(&ada.handle).await, Ok(Some(credentials)));
    let after = (store.session(first.session).await, store.session(second.session).await);
    assert_eq!(before, after);
    assert_eq!(store.revoked_since(Micros::ZERO).await, Ok(vec![(second.session, Micros::new(9))]));
    assert_eq!(store.rotate(rotation).await, Ok(false), "exchanged before");
    assert_eq!(
        sample::create(&*store, &sample::account(2, "ada")).await,
        Err(AccountError::HandleTaken)
    );
}
