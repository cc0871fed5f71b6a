//! What an owner does to an account: its sessions, its password, its name.

use parlance_types::{Micros, SessionId};

use super::{Place, sample};
use crate::account::{AccountStore, PasswordChange, Rotation, Session};

async fn living(store: &dyn AccountStore, account: u8) -> Vec<SessionId> {
    let account = sample::account(account, "nobody").id;
    let mut living: Vec<SessionId> =
        store.sessions(account).await.unwrap().iter().map(|session| session.id).collect();
    living.sort_unstable();
    living
}

pub async fn those_that_live_are_listed(place: &mut impl Place) {
    let store = place.open().await;
    for number in [1, 2] {
        sample::create(
            &*store,
            &sample::account(number, ["ada", "grace"][usize::from(number) - 1]),
        )
        .await
        .unwrap();
    }
    let (first, second) = (sample::session(1, 1), sample::session(1, 3));
    sample::begin(&*store, &second).await.unwrap();
    assert_eq!(living(&*store, 1).await, [first.session, second.session]);
    let found = store.sessions(first.account).await.unwrap();
    for session in &found {
        assert_eq!(store.session(session.id).await, Ok(Some(Session::clone(session))));
    }
    store.revoke(first.session, Micros::new(10)).await.unwrap();
    assert_eq!(living(&*store, 1).await, [second.session]);
    assert_eq!(living(&*store, 2).await, [sample::session(2, 2).session]);
    assert_eq!(living(&*store, 3).await, []);
}

pub async fn another_password_ends_the_others(place: &mut impl Place) {
    let store = place.open().await;
    let ada = sample::account(1, "ada");
    sample::create(&*store, &ada).await.unwrap();
    sample::create(&*store, &sample::account(2, "grace")).await.unwrap();
    let (one, two, three) = (sample::session(1, 1), sample::session(1, 3), sample::session(1, 4));
    sample::begin(&*store, &two).await.unwrap();
    sample::begin(&*store, &three).await.unwrap();
    store.revoke(three.session, Micros::new(10)).await.unwrap();
    let change = PasswordChange {
        account: ada.id,
        current: sample::password(9),
        with: sample::password(8),
        keep: Some(one.session),
        at: Micros::new(20),
    };
    assert_eq!(store.change_password(change.clone()).await, Ok(None));
    assert_eq!(living(&*store, 1).await, [one.session, two.session]);

    let change = PasswordChange { current: sample::password(1), ..change };
    assert_eq!(store.change_password(change.clone()).await, Ok(Some(vec![two.session])));
    assert_eq!(living(&*store, 1).await, [one.session]);
    assert_eq!(living(&*store, 2).await, [sample::session(2, 2).session]);
    let ended = store.session(two.session).await.unwrap().unwrap();
    assert_eq!(ended.revoked_at, Some(Micros::new(20)));
    let credentials = store.credentials(&ada.handle).await.unwrap().unwrap();
    assert_eq!(credentials.password, sample::password(8));

    assert_eq!(store.change_password(change).await, Ok(None), "it is not the current one now");
    let nobody = PasswordChange {
        account: sample::account(5, "nobody").id,
        current: sample::password(5),
        with: sample::password(8),
        keep: None,
        at: Micros::new(30),
    };
    assert_eq!(store.change_password(nobody).await, Ok(None));
    let all = PasswordChange {
        account: ada.id,
        current: sample::password(8),
        with: sample::password(1),
        keep: None,
        at: Micros::new(40),
    };
    assert_eq!(store.change_password(all).await, Ok(Some(vec![one.session])));
    assert_eq!(living(&*store, 1).await, []);
}

pub async fn an_old_password_begins_no_session(place: &mut impl Place) {
    let store = place.open().await;
    let ada = sample::account(1, "ada");
    sample::create(&*store, &ada).await.unwrap();
    store.replace_password(ada.id, &sample::password(1), sample::password(2)).await.unwrap();
    let new = sample::session(1, 3);
    assert_eq!(store.create_session(new.clone(), &sample::password(1), 9).await, Ok(None));
    assert_eq!(store.session(new.session).await, Ok(None));
    assert_eq!(store.create_session(new, &sample::password(2), 9).await, Ok(Some(vec![])));
}

pub async fn of_too_many_sessions_the_oldest_end(place: &mut impl Place) {
    let store = place.open().await;
    sample::create(&*store, &sample::account(1, "ada")).await.unwrap();
    sample::create(&*store, &sample::account(2, "grace")).await.unwrap();
    let proof = sample::password(1);
    let begin = async |number| {
        let new = sample::session(1, number);
        store.create_session(new, &proof, 3).await.unwrap().unwrap()
    };
    assert_eq!((begin(3).await, begin(4).await), (vec![], vec![]));
    // The first is used, so the second is the one that was not for longest.
    let first = sample::session(1, 1);
    let rotation = Rotation {
        session: first.session,
        presented: first.refresh,
        successor: sample::token(50),
        at: Micros::new(100),
    };
    assert_eq!(store.rotate(rotation).await, Ok(true));
    let number = |number| sample::session(1, number).session;
    assert_eq!(begin(5).await, [number(3)]);
    assert_eq!(living(&*store, 1).await, [number(1), number(4), number(5)]);
    let ended = store.session(number(3)).await.unwrap().unwrap();
    assert_eq!(ended.revoked_at, Some(Micros::new(5)), "when the new one began");
    let new = sample::session(1, 6);
    let mut ended = store.create_session(new, &proof, 1).await.unwrap().unwrap();
    ended.sort_unstable();
    assert_eq!(ended, [number(1), number(4), number(5)]);
    assert_eq!(living(&*store, 1).await, [number(6)], "never the new one");
    assert_eq!(living(&*store, 2).await, [sample::session(2, 2).session]);
}

pub async fn an_account_is_shown_by_its_new_name(place: &mut impl Place) {
    let store = place.open().await;
    let ada = sample::account(1, "ada");
    sample::create(&*store, &ada).await.unwrap();
    let name = sample::title("Ada Lovelace");
    assert_eq!(store.rename(ada.id, name.clone()).await, Ok(true));
    let found = store.account_by_handle(&ada.handle).await.unwrap().unwrap();
    assert_eq!((found.name, found.created_at), (name.clone(), ada.created_at));
    assert_eq!(store.rename(sample::account(5, "nobody").id, name).await, Ok(false));
}
