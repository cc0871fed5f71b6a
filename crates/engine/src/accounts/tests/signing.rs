use parking_lot::Mutex;
use parlance_ports::memory::AccountFault;

use super::*;

#[tokio::test]
async fn who_signs_up_can_sign_in_from_another_device() {
    let world = World::new().await;
    let first = world.sign_up("Ada").await.unwrap();
    let second = world.sign_in("aDA", "correct horse").await.unwrap();
    assert_eq!(first.account, second.account);
    assert!(first.device != second.device && first.session != second.session);
    assert_eq!(first.expires_in, 15 * 60);
    for grant in [&first, &second] {
        let signed = world.accounts.authenticate(grant.access_token.expose()).unwrap();
        let expires = START.plus_ms(15 * MINUTE_MS);
        let expected = Signed {
            account: grant.account,
            device: grant.device,
            session: grant.session,
            expires,
        };
        assert_eq!(signed, expected);
    }
}

#[tokio::test]
async fn what_is_wrong_is_named_by_its_field() {
    let world = World::new().await;
    let calls = world.store.calls();
    let good = SignUp {
        handle: "ada",
        password: "correct horse",
        name: Some("Ada Lovelace"),
        device_name: Some("telephone"),
        from: None,
    };
    let long = "x".repeat(300);
    for (wish, code, field) in [
        (SignUp { handle: "", ..good }, Code::InvalidField, "handle"),
        (SignUp { handle: "a da", ..good }, Code::InvalidField, "handle"),
        (SignUp { handle: &long, ..good }, Code::InvalidField, "handle"),
        (SignUp { password: "1234567", ..good }, Code::WeakPassword, "password"),
        (SignUp { password: &long, ..good }, Code::WeakPassword, "password"),
        (SignUp { name: Some(" "), ..good }, Code::InvalidField, "name"),
        (SignUp { name: Some(&long), ..good }, Code::InvalidField, "name"),
        (SignUp { device_name: Some("a\nb"), ..good }, Code::InvalidField, "device_name"),
    ] {
        let refused = world.accounts.sign_up(wish).await.unwrap_err();
        assert_eq!(refused, Refusal::field(code, field));
    }
    assert_eq!(world.store.calls(), calls, "no store was asked");
    world.accounts.sign_up(good).await.unwrap();
}

#[tokio::test]
async fn a_handle_is_taken_in_any_case() {
    let world = World::new().await;
    world.sign_up("ada").await.unwrap();
    for same in ["ada", "ADA", "Ada"] {
        let refused = world.sign_up(same).await.unwrap_err();
        assert_eq!(refused, Refusal::field(Code::HandleTaken, "handle"));
    }
    // Both see it free and hash their passwords; the store decides.
    let (one, two) = tokio::join!(world.sign_up("grace"), world.sign_up("GRACE"));
    assert!(one.is_ok() != two.is_ok());
    assert_eq!(code(one).or(code(two)), Some(Code::HandleTaken));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_handle_look_the_same() {
    let world = World::new().await;
    world.sign_up("ada").await.unwrap();
    let long = "x".repeat(300);
    for (handle, password) in [
        ("ada", "wrong horse"),
        ("nobody", "correct horse"),
        ("ada", "short"),
        ("nobody", "short"),
        ("ada", &long),
        ("a b", "correct horse"),
    ] {
        let refused = world.sign_in(handle, password).await.unwrap_err();
        assert_eq!(refused, Refusal::new(Code::InvalidCredentials), "{handle} {password}");
    }
}

#[tokio::test]
async fn a_hash_of_another_cost_is_renewed_when_its_owner_signs_in() {
    let world = World::new().await;
    world.sign_up("ada").await.unwrap();
    let handle: Handle = "ada".parse().unwrap();
    let hash =
        async |world: &World| world.store.credentials(&handle).await.unwrap().unwrap().password;
    let before = hash(&world).await;

    let argon2 = Argon2Cost { memory_kib: 16, iterations: 1, lanes: 1 };
    let world = world.restart(AccountsConfig { argon2, ..config() }).await;
    assert_eq!(code(world.sign_in("ada", "wrong horse").await), Some(Code::InvalidCredentials));
    assert_eq!(hash(&world).await, before);
    world.sign_in("ada", "correct horse").await.unwrap();
    let after = hash(&world).await;
    assert!(after.as_str().contains("m=16,"), "the new cost");
    world.sign_in("ada", "correct horse").await.unwrap();
    assert_eq!(hash(&world).await, after, "once");
}

#[tokio::test]
async fn an_ended_session_is_refused_at_once_and_after_a_restart() {
    let world = World::new().await;
    let (one, two) =
        (world.sign_up("ada").await.unwrap(), world.sign_in("ada", "correct horse").await.unwrap());
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = told.clone();
    world.accounts.on_revoked(move |account, session| telling.lock().push((account, session)));
    let signed = world.accounts.authenticate(one.access_token.expose()).unwrap();
    world.accounts.sign_out(signed).await.unwrap();

    let authenticate = |world: &World, grant: &Grant| {
        world.accounts.authenticate(grant.access_token.expose()).map(|signed| signed.session)
    };
    assert_eq!(authenticate(&world, &one), Err(Code::SessionRevoked));
    assert_eq!(authenticate(&world, &two), Ok(two.session));
    assert_eq!(*told.lock(), [(one.account, one.session)]);
    let refused = world.accounts.refresh(one.refresh_token.expose()).await;
    assert_eq!(code(refused), Some(Code::SessionRevoked));

    world.clock.advance_ms(10 * MINUTE_MS);
    let world = world.restart(config()).await;
    assert_eq!(authenticate(&world, &one), Err(Code::SessionRevoked));
    assert_eq!(authenticate(&world, &two), Ok(two.session));
    world.clock.advance_ms(5 * MINUTE_MS);
    assert_eq!(authenticate(&world, &one), Err(Code::TokenExpired));
}

#[tokio::test]
async fn a_failure_of_the_store_is_said_as_it_is() {
    let world = World::new().await;
    let grant = world.sign_up("ada").await.unwrap();
    let signed = world.accounts.authenticate(grant.access_token.expose()).unwrap();
    for (error, expected) in [
        (AccountError::Full, Code::StorageFull),
        (AccountError::Unavailable("gone".into()), Code::Unavailable),
        (AccountError::Damaged("row".into()), Code::Internal),
        (AccountError::Unknown("lost".into()), Code::OutcomeUnknown),
    ] {
        world.store.inject([AccountFault::None, AccountFault::Refuse(error.clone())]);
        assert_eq!(code(world.sign_up("grace").await), Some(expected), "{error}");
        if !matches!(error, AccountError::Unknown(_)) {
            world.store.inject([AccountFault::Refuse(error)]);
            assert_eq!(code(world.accounts.sign_out(signed).await), Some(expected));
            assert_eq!(world.accounts.authenticate(grant.access_token.expose()), Ok(signed));
        }
    }
    world.store.inject([AccountFault::LoseAnswer]);
    assert_eq!(code(world.accounts.sign_out(signed).await), Some(Code::OutcomeUnknown));
    let refused = world.accounts.authenticate(grant.access_token.expose());
    assert_eq!(refused, Err(Code::SessionRevoked), "it may have ended, so it has");
}

#[tokio::test]
async fn who_hangs_up_while_signing_out_is_signed_out() {
    let world = World::new().await;
    let grant = world.sign_up("ada").await.unwrap();
    let signed = world.accounts.authenticate(grant.access_token.expose()).unwrap();
    let told = Arc::new(Mutex::new(0));
    let telling = told.clone();
    world.accounts.on_revoked(move |_, _| *telling.lock() += 1);
    world.store.inject([AccountFault::Hang]);
    let mut hanging = Box::pin(world.accounts.sign_out(signed));
    assert!(futures_util::poll!(&mut hanging).is_pending());
    drop(hanging);
    let refused = world.accounts.authenticate(grant.access_token.expose());
    assert_eq!((refused, *told.lock()), (Err(Code::SessionRevoked), 1));
}

#[tokio::test]
async fn no_secret_is_shown() {
    let world = World::new().await;
    let grant = world.sign_up("ada").await.unwrap();
    let shown = format!("{grant:?} {:?} {:?}", world.accounts, world.accounts.keys);
    assert!(!shown.contains(grant.access_token.expose()), "{shown}");
    assert!(!shown.contains(grant.refresh_token.expose()), "{shown}");
}

#[tokio::test]
async fn a_password_that_is_reset_ends_every_session() {
    let world = World::new().await;
    let first = world.sign_up("ada").await.unwrap();
    let second = world.sign_in("ada", "correct horse").await.unwrap();
    let grace = world.sign_up("grace").await.unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = told.clone();
    world.accounts.on_revoked(move |_, session| telling.lock().push(session));

    let reset = world.accounts.reset_password("ADA", "battery staple").await;
    assert_eq!(reset, Ok((first.account, 2)));
    for grant in [&first, &second] {
        let refused = world.accounts.authenticate(grant.access_token.expose());
        assert_eq!(refused, Err(Code::SessionRevoked));
        assert!(told.lock().contains(&grant.session));
    }
    assert!(world.accounts.authenticate(grace.access_token.expose()).is_ok());
    assert_eq!(code(world.sign_in("ada", "correct horse").await), Some(Code::InvalidCredentials));
    assert!(world.sign_in("ada", "battery staple").await.is_ok());

    for (handle, password, expected) in
        [("nobody", "battery staple", Code::NotFound), ("ada", "short", Code::WeakPassword)]
    {
        assert_eq!(code(world.accounts.reset_password(handle, password).await), Some(expected));
    }
    assert!(
        world.sign_in("ada", "battery staple").await.is_ok(),
        "what is refused changes nothing"
    );
}
