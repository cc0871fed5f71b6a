use std::net::Ipv4Addr;

use parlance_core::rate::Rate;

use super::*;

async fn world() -> World {
    let rates = Rates {
        sign_in_pair: Rate::new(3, 1),
        sign_in_account: Rate::new(5, 1),
        sign_in_address: Rate::new(8, 1),
        sign_up_address: Rate::new(2, 1),
        ..Rates::default()
    };
    let world = World::new().await;
    world.sign_up("ada").await.unwrap();
    world.sign_up("grace").await.unwrap();
    world.restart(AccountsConfig { rates, ..config() }).await
}

fn address(number: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(198, 51, 100, number))
}

/// Wrong passwords until the first refusal, at most 100, and when to come back.
async fn guess(world: &World, handle: &str, from: IpAddr) -> (u32, Option<u64>) {
    for count in 0..100 {
        let refused = world.sign_in_from(handle, "wrong horse", from).await.unwrap_err();
        if refused.code == Code::RateLimited {
            return (count, refused.retry_after_ms);
        }
        assert_eq!(refused.code, Code::InvalidCredentials);
    }
    (100, None)
}

#[tokio::test]
async fn guesses_are_limited_whether_or_not_the_account_exists() {
    let world = world().await;
    for (handle, from) in [("ada", address(1)), ("nobody", address(2))] {
        assert_eq!(guess(&world, handle, from).await, (3, Some(60_000)), "{handle}");
        // The right one is not taken either, so that a refusal tells nothing.
        let refused = world.sign_in_from(handle, "correct horse", from).await;
        assert_eq!(code(refused), Some(Code::RateLimited));
    }
    world.clock.advance_ms(MINUTE_MS);
    assert_eq!(guess(&world, "ada", address(1)).await.0, 1, "one comes back in a minute");
}

#[tokio::test]
async fn an_account_and_an_address_have_limits_over_all() {
    let world = world().await;
    assert_eq!(guess(&world, "ada", address(1)).await.0, 3);
    assert_eq!(guess(&world, "ADA", address(2)).await.0, 2, "five for one account");
    assert_eq!(guess(&world, "ada", address(3)).await.0, 0);
    assert_eq!(guess(&world, "grace", address(1)).await.0, 3);
    assert_eq!(guess(&world, "nobody", address(1)).await.0, 2, "eight from one address");
    assert_eq!(guess(&world, "somebody", address(1)).await.0, 0);
    assert!(world.sign_in_from("grace", "correct horse", address(4)).await.is_ok());
}

#[tokio::test]
async fn who_is_right_uses_nothing_up() {
    let world = world().await;
    for _ in 0..20 {
        world.sign_in_from("ada", "correct horse", address(1)).await.unwrap();
        world.sign_in_from("grace", "correct horse", address(1)).await.unwrap();
    }
    assert_eq!(guess(&world, "ada", address(1)).await.0, 3);
}

#[tokio::test]
async fn strangers_do_not_keep_an_owner_out() {
    let world = world().await;
    let home = address(200);
    world.sign_in_from("ada", "correct horse", home).await.unwrap();
    for number in 1..50 {
        guess(&world, "ada", address(number)).await;
    }
    assert!(world.sign_in_from("ada", "correct horse", home).await.is_ok(), "from where it was");
    let refused = world.sign_in_from("ada", "correct horse", address(201)).await.unwrap_err();
    assert_eq!(refused.retry_after_ms, Some(60_000));
    world.clock.advance_ms(MINUTE_MS);
    let elsewhere = world.sign_in_from("ada", "correct horse", address(201)).await;
    assert!(elsewhere.is_ok(), "and from anywhere when one has come back");
    // Who guesses from there is limited as everywhere.
    assert_eq!(guess(&world, "ada", home).await.0, 3);
}

#[tokio::test]
async fn a_thief_guesses_no_faster_where_the_password_is_changed() {
    let world = world().await;
    let grant = world.sign_in_from("ada", "correct horse", address(9)).await.unwrap();
    let thief = world.accounts.authenticate(grant.access_token.expose()).unwrap();
    for expected in
        [Code::WrongPassword, Code::WrongPassword, Code::WrongPassword, Code::RateLimited]
    {
        let guess =
            world.accounts.change_password(thief, "wrong horse", "battery staple", address(9));
        assert_eq!(code(guess.await), Some(expected));
    }
}

#[tokio::test]
async fn new_accounts_from_one_address_are_limited() {
    let world = world().await;
    let sign_up = async |handle, from| {
        let wish =
            SignUp { handle, password: "correct horse", name: None, device_name: None, from };
        code(world.accounts.sign_up(wish).await)
    };
    assert_eq!(sign_up("one", Some(HERE)).await, None);
    assert_eq!(sign_up("two", Some(HERE)).await, None);
    assert_eq!(sign_up("three", Some(HERE)).await, Some(Code::RateLimited));
    assert_eq!(sign_up("three", Some(address(1))).await, None);
    assert_eq!(sign_up("four", None).await, None, "an operator has none");
}
