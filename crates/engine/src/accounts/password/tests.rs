use super::*;

const CHEAP: Argon2Cost = Argon2Cost { memory_kib: 8, iterations: 1, lanes: 1 };

fn password(text: &str) -> Password {
    Password::new(text).unwrap()
}

#[test]
fn a_password_has_8_to_256_bytes() {
    for (text, allowed) in [
        ("", false),
        ("1234567", false),
        ("12345678", true),
        ("日本語", true),
        (&"x".repeat(256), true),
        (&"x".repeat(257), false),
    ] {
        assert_eq!(Password::new(text).is_some(), allowed, "{text}");
    }
}

#[tokio::test]
async fn only_the_same_password_fits() {
    let passwords = Passwords::new(CHEAP, 1, 8).unwrap();
    let hash = passwords.hash(password("correct horse")).await.unwrap();
    let again = passwords.hash(password("correct horse")).await.unwrap();
    assert_ne!(hash, again, "each has its own salt");
    for (text, fit) in [
        ("correct horse", Fit::Right),
        ("correct horsf", Fit::Wrong),
        ("correct horse\0", Fit::Wrong),
        ("Correct horse", Fit::Wrong),
    ] {
        assert_eq!(passwords.verify(password(text), hash.clone()).await, Ok(fit), "{text}");
    }
}

#[tokio::test]
async fn another_cost_is_noticed_and_a_decoy_costs_the_same() {
    let passwords = Passwords::new(CHEAP, 1, 8).unwrap();
    let dearer = Passwords::new(Argon2Cost { iterations: 2, ..CHEAP }, 1, 8).unwrap();
    let hash = passwords.hash(password("correct horse")).await.unwrap();
    let fit = dearer.verify(password("correct horse"), hash).await;
    assert_eq!(fit, Ok(Fit::RightButOutdated));

    let decoy = dearer.decoy();
    assert!(is_current(&Phc::new(decoy.as_str()).unwrap(), dearer.argon2.params()));
    assert_eq!(dearer.verify(password("correct horse"), decoy).await, Ok(Fit::Wrong));
}

#[tokio::test]
async fn what_is_not_a_hash_is_an_error_of_ours() {
    let passwords = Passwords::new(CHEAP, 1, 8).unwrap();
    let refused = passwords.verify(password("correct horse"), PasswordHash::new("nonsense")).await;
    assert_eq!(refused, Err(Refusal::new(Code::Internal)));
    assert!(Passwords::new(Argon2Cost { memory_kib: 0, ..CHEAP }, 1, 8).is_none());
}

#[tokio::test]
async fn the_queue_is_bounded_and_a_thread_keeps_its_place() {
    let passwords = Passwords::new(CHEAP, 1, 0).unwrap();
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let (start, started) = std::sync::mpsc::channel::<()>();
    let mut busy = Box::pin(passwords.run(move || {
        start.send(()).ok();
        wait.recv().ok();
        Ok(())
    }));
    let first = futures_util::poll!(&mut busy);
    assert!(first.is_pending());
    started.recv().unwrap();
    let refused = passwords.hash(password("correct horse")).await.unwrap_err();
    assert_eq!((refused.code, refused.retry_after_ms), (Code::RateLimited, Some(RETRY_AFTER_MS)));

    drop(busy);
    let refused = passwords.hash(password("correct horse")).await.unwrap_err();
    assert_eq!(refused.code, Code::RateLimited, "nobody waits for it, but it still runs");
    release.send(()).unwrap();
    drop(passwords.places.acquire().await.unwrap());
    passwords.hash(password("correct horse")).await.unwrap();
}
