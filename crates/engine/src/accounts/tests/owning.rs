use parking_lot::Mutex;
use parlance_ports::memory::AccountFault;
use parlance_types::limits;

use super::*;

fn signed(world: &World, grant: &Grant) -> Signed {
    world.accounts.authenticate(grant.access_token.expose()).unwrap()
}

/// Whether the tokens of each still hold.
fn live(world: &World, grants: &[&Grant]) -> Vec<bool> {
    let holds = |grant: &&Grant| world.accounts.authenticate(grant.access_token.expose()).is_ok();
    grants.iter().map(holds).collect()
}

#[tokio::test]
async fn sessions_are_listed_with_the_hour_of_their_last_use() {
    let world = World::new().await;
    let laptop = world.sign_up("ada").await.unwrap();
    world.clock.advance_ms(1);
    let phone = world.sign_in("ada", "correct horse").await.unwrap();
    let tablet = world.sign_in("ada", "correct horse").await.unwrap();
    world.sign_up("grace").await.unwrap();
    world.clock.advance_ms(3 * 60 * MINUTE_MS);
    let laptop = world.accounts.refresh(laptop.refresh_token.expose()).await.unwrap();
    let views =
        world.accounts.sessions(signed(&world, &laptop), |session| session == phone.session);
    let views = views.await.unwrap();
    let names: Vec<_> = views.iter().map(|view| (view.session, view.current)).collect();
    // The last used first; of equals the younger.
    assert_eq!(names, [(phone.session, false), (laptop.session, true), (tablet.session, false)]);
    assert_eq!(views[0].device_name.as_deref(), Some("telephone"));
    assert!(views.iter().all(|view| view.used_at.get() % 3_600_000_000 == 0));
    assert_eq!(views[0].used_at.get() - views[2].used_at.get(), 3 * 3_600_000_000);
    assert_eq!(views[1].created_at, START);

    world.clock.advance_ms(config().session_unused_ms - 60 * MINUTE_MS);
    let laptop = world.accounts.refresh(laptop.refresh_token.expose()).await.unwrap();
    let views = world.accounts.sessions(signed(&world, &laptop), |_| false).await.unwrap();
    assert_eq!(views.len(), 1, "what was not used for too long does not live");
}

#[tokio::test]
async fn one_of_ones_own_sessions_ends_and_nobody_elses() {
    let world = World::new().await;
    let laptop = world.sign_up("ada").await.unwrap();
    let phone = world.sign_in("ada", "correct horse").await.unwrap();
    let grace = world.sign_up("grace").await.unwrap();
    let by = signed(&world, &laptop);
    for _ in 0..2 {
        assert_eq!(world.accounts.end_session(by, phone.session).await, Ok(()));
        assert_eq!(live(&world, &[&laptop, &phone, &grace]), [true, false, true]);
    }
    for other in [grace.session, SessionId::from_bytes([7; 16])] {
        let refused = world.accounts.end_session(by, other).await;
        assert_eq!(code(refused), Some(Code::NotFound));
    }
    assert_eq!(live(&world, &[&laptop, &grace]), [true, true]);
}

#[tokio::test]
async fn signing_out_everywhere_and_everywhere_else() {
    let world = World::new().await;
    let laptop = world.sign_up("ada").await.unwrap();
    let phone = world.sign_in("ada", "correct horse").await.unwrap();
    let grace = world.sign_up("grace").await.unwrap();
    world.accounts.sign_out_elsewhere(signed(&world, &laptop)).await.unwrap();
    assert_eq!(live(&world, &[&laptop, &phone, &grace]), [true, false, true]);
    let tablet = world.sign_in("ada", "correct horse").await.unwrap();
    world.accounts.sign_out_everywhere(signed(&world, &laptop)).await.unwrap();
    assert_eq!(live(&world, &[&laptop, &tablet, &grace]), [false, false, true]);
}

#[tokio::test]
async fn another_password_ends_the_other_sessions_and_needs_the_old_one() {
    let world = World::new().await;
    let laptop = world.sign_up("ada").await.unwrap();
    let phone = world.sign_in("ada", "correct horse").await.unwrap();
    let by = signed(&world, &laptop);
    for (old, new, expected) in [
        ("wrong horse", "battery staple", Refusal::field(Code::WrongPassword, "password")),
        ("short", "battery staple", Refusal::field(Code::WrongPassword, "password")),
        ("correct horse", "short", Refusal::field(Code::WeakPassword, "new_password")),
    ] {
        assert_eq!(world.accounts.change_password(by, old, new, HERE).await, Err(expected));
    }
    assert_eq!(live(&world, &[&laptop, &phone]), [true, true]);
    world.accounts.change_password(by, "correct horse", "battery staple", HERE).await.unwrap();
    assert_eq!(live(&world, &[&laptop, &phone]), [true, false]);
    assert!(world.accounts.refresh(laptop.refresh_token.expose()).await.is_ok());
    assert_eq!(code(world.sign_in("ada", "correct horse").await), Some(Code::InvalidCredentials));
    assert!(world.sign_in("ada", "battery staple").await.is_ok());
}

#[tokio::test]
async fn who_hangs_up_while_changing_the_password_ends_the_others_all_the_same() {
    let world = World::new().await;
    let laptop = world.sign_up("ada").await.unwrap();
    let phone = world.sign_in("ada", "correct horse").await.unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = told.clone();
    world.accounts.on_revoked(move |_, session| telling.lock().push(session));
    let by = signed(&world, &laptop);
    // Of the four calls, reading the account, its password and its sessions pass.
    let pass = [AccountFault::None, AccountFault::None, AccountFault::None];
    world.store.inject(pass.into_iter().chain([AccountFault::Hang]));
    let calls = world.store.calls();
    let mut hanging =
        Box::pin(world.accounts.change_password(by, "correct horse", "battery staple", HERE));
    while world.store.calls() < calls + 4 {
        assert!(futures_util::poll!(&mut hanging).is_pending());
        tokio::task::yield_now().await;
    }
    drop(hanging);
    assert_eq!(*told.lock(), [phone.session]);
    assert_eq!(live(&world, &[&laptop, &phone]), [true, false]);
}

#[tokio::test]
async fn of_too_many_sessions_the_one_unused_for_longest_ends() {
    let world = World::new().await;
    let first = world.sign_up("ada").await.unwrap();
    let second = world.sign_in("ada", "correct horse").await.unwrap();
    world.clock.advance_ms(MINUTE_MS);
    world.accounts.refresh(first.refresh_token.expose()).await.unwrap();
    for _ in 2..limits::SESSIONS_MAX {
        world.sign_in("ada", "correct horse").await.unwrap();
    }
    assert_eq!(live(&world, &[&first, &second]), [true, true]);
    world.sign_in("ada", "correct horse").await.unwrap();
    assert_eq!(live(&world, &[&first, &second]), [true, false]);
}

#[tokio::test]
async fn a_new_name_is_shown_at_once() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await.unwrap();
    assert_eq!(&*world.accounts.person(ada.account).await.unwrap().unwrap().name, "ada");
    let name = Title::new("Ada Lovelace").unwrap();
    let person = world.accounts.rename(ada.account, name.clone()).await.unwrap();
    assert_eq!((person.name, &person.handle), (name.clone(), &"ada".parse().unwrap()));
    assert_eq!(world.accounts.person(ada.account).await.unwrap().unwrap().name, name);
}
