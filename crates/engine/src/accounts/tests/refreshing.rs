use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlance_ports::SUPERSEDED_MAX;
use parlance_ports::memory::AccountFault;
use proptest::prelude::*;

use super::*;

async fn refresh(world: &World, token: &str) -> Result<String, Code> {
    match world.accounts.refresh(token).await {
        Ok(grant) => Ok(grant.refresh_token.expose().to_owned()),
        Err(refusal) => Err(refusal.code),
    }
}

#[tokio::test]
async fn a_refreshed_session_goes_on() {
    let world = World::new().await;
    let first = world.sign_up("ada").await.unwrap();
    world.clock.advance_ms(15 * MINUTE_MS);
    let second = world.accounts.refresh(first.refresh_token.expose()).await.unwrap();
    let names = |grant: &Grant| (grant.account, grant.device, grant.session);
    assert_eq!(names(&first), names(&second));
    assert_ne!(first.refresh_token.expose(), second.refresh_token.expose());
    let signed = world.accounts.authenticate(second.access_token.expose()).unwrap();
    assert_eq!((signed.account, signed.device, signed.session), names(&first));
}

#[tokio::test]
async fn two_tabs_get_the_same_successor() {
    let world = World::new().await;
    let first = world.sign_up("ada").await.unwrap();
    let token = first.refresh_token.expose();
    let (one, two) = tokio::join!(refresh(&world, token), refresh(&world, token));
    assert!(one.is_ok() && one == two, "{one:?} {two:?}");
    world.clock.advance_ms(MINUTE_MS);
    assert_eq!(refresh(&world, token).await, one, "for a minute");
    let world = world.restart(config()).await;
    assert_eq!(refresh(&world, token).await, one, "whichever process they ask");
}

#[tokio::test]
async fn a_lost_answer_can_be_asked_for_again() {
    let world = World::new().await;
    let first = world.sign_up("ada").await.unwrap();
    world.store.inject([AccountFault::None, AccountFault::LoseAnswer]);
    assert_eq!(refresh(&world, first.refresh_token.expose()).await, Err(Code::OutcomeUnknown));
    let again = refresh(&world, first.refresh_token.expose()).await.unwrap();
    assert!(refresh(&world, &again).await.is_ok());
}

#[tokio::test]
async fn a_token_that_comes_back_later_ends_the_session() {
    let world = World::new().await;
    let first = world.sign_up("ada").await.unwrap();
    let second = world.accounts.refresh(first.refresh_token.expose()).await.unwrap();
    world.clock.advance_ms(MINUTE_MS + 1);
    assert!(world.accounts.authenticate(second.access_token.expose()).is_ok());
    assert_eq!(refresh(&world, first.refresh_token.expose()).await, Err(Code::SessionRevoked));
    let refused = world.accounts.authenticate(second.access_token.expose());
    assert_eq!(refused, Err(Code::SessionRevoked), "whoever has the newer one is out as well");
    assert_eq!(refresh(&world, second.refresh_token.expose()).await, Err(Code::SessionRevoked));
}

#[tokio::test]
async fn forged_refresh_tokens_end_nothing() {
    let world = World::new().await;
    let grant = world.sign_up("ada").await.unwrap();
    let other = World::new().await.sign_up("ada").await.unwrap();
    let token = URL_SAFE_NO_PAD.decode(grant.refresh_token.expose()).unwrap();
    let mut forged = vec![
        String::new(),
        "nonsense".into(),
        "A".repeat(100_000),
        format!("{}=", grant.refresh_token.expose()),
        format!(" {}", grant.refresh_token.expose()),
        format!("{}A", grant.refresh_token.expose()),
        other.refresh_token.expose().into(),
        grant.access_token.expose().into(),
    ];
    for at in 0..token.len() {
        let mut changed = token.clone();
        changed[at] ^= 1 << (at % 8);
        forged.push(URL_SAFE_NO_PAD.encode(changed));
        forged.push(URL_SAFE_NO_PAD.encode(&token[..at]));
    }
    let calls = world.store.calls();
    for token in forged {
        assert_eq!(refresh(&world, &token).await, Err(Code::Unauthenticated), "{token}");
    }
    assert_eq!(world.store.calls(), calls, "they cost no look-up");
    assert!(refresh(&world, grant.refresh_token.expose()).await.is_ok());
}

#[tokio::test]
async fn a_session_that_is_not_used_ends() {
    let world = World::new().await;
    let world = world.restart(AccountsConfig { session_unused_ms: 1_000_000, ..config() }).await;
    let first = world.sign_up("ada").await.unwrap();
    world.clock.advance_ms(1_000_000);
    let second = refresh(&world, first.refresh_token.expose()).await.unwrap();
    world.clock.advance_ms(1_000_001);
    assert_eq!(refresh(&world, &second).await, Err(Code::SessionRevoked));
}

#[derive(Clone, Debug)]
enum Step {
    /// Present the token that is so many exchanges old.
    Present(usize),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => Just(Step::Present(0)),
        3 => (1_usize..4).prop_map(Step::Present),
        1 => (4..SUPERSEDED_MAX + 3).prop_map(Step::Present),
        3 => (0..45_000_u64).prop_map(Step::Wait),
    ]
}

/// Whatever clients do with the tokens that they were given: the current one is exchanged, one that was exchanged in the last minute
/// gets the current one, and any other ends the session for good.
async fn run(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let world = World::new().await;
    let grant = world.sign_up("ada").await.unwrap();
    let mut issued = vec![grant.refresh_token.expose().to_owned()];
    let mut exchanged: Vec<Micros> = Vec::new();
    let mut ended = false;
    for step in steps {
        let age = match step {
            Step::Wait(ms) => {
                world.clock.advance_ms(ms);
                continue;
            }
            Step::Present(age) => age.min(issued.len() - 1),
        };
        let now = world.clock.now();
        let index = issued.len() - 1 - age;
        let answer = refresh(&world, &issued[index]).await;
        if ended {
            prop_assert_eq!(answer, Err(Code::SessionRevoked));
        } else if age == 0 {
            let successor = answer.expect("the current token is exchanged");
            prop_assert!(!issued.contains(&successor));
            issued.push(successor);
            exchanged.push(now);
        } else if age <= SUPERSEDED_MAX && exchanged[index].plus_ms(MINUTE_MS) >= now {
            prop_assert_eq!(answer.as_ref(), Ok(issued.last().unwrap()));
        } else {
            prop_assert_eq!(answer, Err(Code::SessionRevoked));
            ended = true;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_tokens_of_the_last_minute_are_exchanged(steps in proptest::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(steps))?;
    }
}
