use super::*;

fn nobody(number: u8) -> AccountId {
    AccountId::from_bytes([number; 16])
}

#[tokio::test]
async fn people_are_shown_in_the_order_asked_for_and_read_once() {
    let world = World::new().await;
    let wish = SignUp {
        handle: "Ada",
        password: "correct horse",
        name: None,
        device_name: None,
        from: None,
    };
    let ada = world.accounts.sign_up(wish).await.unwrap().account;
    let wish = SignUp { handle: "grace", name: Some("Grace Hopper"), ..wish };
    let grace = world.accounts.sign_up(wish).await.unwrap().account;
    let world = world.restart(config()).await;

    let calls = world.store.calls();
    for _ in 0..3 {
        let people = world.accounts.people(vec![grace, ada]).await.unwrap();
        let shown: Vec<_> = people
            .iter()
            .map(|person| (person.account, person.handle.as_str(), &*person.name))
            .collect();
        assert_eq!(shown, [(grace, "grace", "Grace Hopper"), (ada, "ada", "Ada")]);
    }
    assert_eq!(world.store.calls() - calls, 1);
    let people = world.accounts.people(vec![nobody(1), ada, nobody(2)]).await.unwrap();
    assert_eq!(people.len(), 1);
}

#[tokio::test]
async fn an_exact_handle_finds_its_account() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await.unwrap().account;
    let find = async |handle: &str| {
        let handle = handle.parse().unwrap();
        world.accounts.find(nobody(1), &handle).await.unwrap().map(|person| person.account)
    };
    assert_eq!(find("ADA").await, Some(ada));
    for other in ["adam", "ada.", "_ada"] {
        assert_eq!(find(other).await, None, "{other}");
    }
    assert_eq!(world.accounts.person(ada).await.unwrap().unwrap().account, ada);
    assert_eq!(world.accounts.person(nobody(1)).await, Ok(None));
}

#[tokio::test]
async fn only_accounts_that_exist_are_remembered() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await.unwrap().account;
    let world = world.restart(config()).await;
    let calls = world.store.calls();
    let unknown = async |accounts: Vec<AccountId>| world.accounts.unknown(accounts).await.unwrap();
    assert_eq!(unknown(vec![]).await, []);
    assert_eq!(unknown(vec![ada]).await, []);
    assert_eq!(unknown(vec![ada]).await, []);
    assert_eq!(world.store.calls() - calls, 1, "an account that exists goes on existing");
    assert_eq!(unknown(vec![nobody(1), ada]).await, [nobody(1)]);
    assert_eq!(unknown(vec![nobody(1)]).await, [nobody(1)]);
    assert_eq!(world.store.calls() - calls, 3, "one that does not may be made any moment");

    let many: Vec<_> = (1..=250).map(nobody).collect();
    assert_eq!(unknown(many.clone()).await, many);
    assert_eq!(world.store.calls() - calls, 6, "a hundred at a time");
}
