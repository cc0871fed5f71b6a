use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::signature::KeyPair;

use super::*;

/// Header, claims and signature of a token.
fn parts(grant: &Grant) -> [String; 3] {
    let parts: Vec<_> = grant.access_token.expose().split('.').map(String::from).collect();
    parts.try_into().unwrap()
}

#[tokio::test]
async fn a_token_is_checked_without_the_store() {
    let world = World::new().await;
    let grant = world.sign_up("ada").await.unwrap();
    let calls = world.store.calls();
    let first = world.accounts.authenticate(grant.access_token.expose());
    assert!(first.is_ok() && world.accounts.authenticate(grant.access_token.expose()) == first);
    assert_eq!(world.store.calls(), calls);

    let [header, claims, _] = parts(&grant);
    let decoded = |part: &str| -> serde_json::Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    let (header, claims) = (decoded(&header), decoded(&claims));
    assert_eq!((&header["alg"], &header["typ"]), (&"EdDSA".into(), &"JWT".into()));
    assert!(header["kid"].is_string());
    assert_eq!(claims["sub"], grant.account.to_string());
    assert_eq!(claims["dev"], grant.device.to_string());
    assert_eq!(claims["sid"], grant.session.to_string());
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 15 * 60);
}

#[tokio::test]
async fn a_token_expires() {
    let world = World::new().await;
    let grant = world.sign_up("ada").await.unwrap();
    let remembered = grant.access_token.expose();
    let fresh = world.sign_in("ada", "correct horse").await.unwrap();
    world.clock.advance_ms(15 * MINUTE_MS - 1);
    assert!(world.accounts.authenticate(remembered).is_ok());
    world.clock.advance_ms(1);
    assert_eq!(world.accounts.authenticate(remembered), Err(Code::TokenExpired));
    assert_eq!(world.accounts.authenticate(fresh.access_token.expose()), Err(Code::TokenExpired));
}

#[tokio::test]
async fn no_token_outlives_what_the_deny_list_covers() {
    let world = World::new().await;
    let world = world.restart(AccountsConfig { access_ms: 60 * MINUTE_MS, ..config() }).await;
    let grant = world.sign_up("ada").await.unwrap();
    let world = world.restart(config()).await;
    world.clock.advance_ms(15 * MINUTE_MS);
    let refused = world.accounts.authenticate(grant.access_token.expose());
    assert_eq!(refused, Err(Code::TokenExpired));
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let world = World::new().await;
    let grant = world.sign_up("ada").await.unwrap();
    let [header, claims, signature] = parts(&grant);
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let kid =
        &serde_json::from_slice::<serde_json::Value>(&URL_SAFE_NO_PAD.decode(&header).unwrap())
            .unwrap()["kid"];

    let public = world.accounts.keys.signing[0].pair.public_key().as_ref().to_vec();
    let hs256 = encode(&format!(r#"{{"alg":"HS256","kid":{kid},"typ":"JWT"}}"#));
    let message = format!("{hs256}.{claims}");
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &public), message.as_bytes());
    let mac = URL_SAFE_NO_PAD.encode(mac);

    // A genuine signature of the right key under headers that say otherwise.
    let signed = |header: &str| {
        let message = format!("{header}.{claims}");
        let signature = world.accounts.keys.signing[0].pair.sign(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    };
    let other = World::new().await.sign_up("ada").await.unwrap();
    let [other_header, other_claims, other_signature] = parts(&other);
    let mut forged = vec![
        String::new(),
        ".".into(),
        "..".into(),
        header.clone(),
        format!("{header}.{claims}"),
        format!("{header}.{claims}."),
        format!("{header}..{signature}"),
        format!(".{claims}.{signature}"),
        format!("{header}.{claims}.{signature}."),
        format!("{header}.{claims}.{signature}.{signature}"),
        format!("{header}.{claims}.{signature}="),
        format!("{header}.{claims}=.{signature}"),
        format!("{}.{claims}.", encode(r#"{"alg":"none","typ":"JWT"}"#)),
        format!("{}.{claims}.{signature}", encode(r#"{"alg":"none"}"#)),
        format!("{message}.{mac}"),
        signed(&hs256),
        signed(&encode(&format!(r#"{{"alg":"none","kid":{kid},"typ":"JWT"}}"#))),
        signed(&encode(&format!(r#"{{ "alg":"EdDSA","kid":{kid},"typ":"JWT"}}"#))),
        signed(&encode(r#"{"alg":"EdDSA","kid":"0000000000000000","typ":"JWT"}"#)),
        other.access_token.expose().into(),
        format!("{header}.{other_claims}.{other_signature}"),
        format!("{other_header}.{claims}.{signature}"),
        format!("{header}.{other_claims}.{signature}"),
        format!("{header}.{}.{signature}", "A".repeat(100_000)),
    ];
    for space in [" ", "\n", "\t", "\0", "\u{feff}"] {
        forged.push(format!("{space}{}", grant.access_token.expose()));
        forged.push(format!("{}{space}", grant.access_token.expose()));
    }
    for token in forged {
        let refused = world.accounts.authenticate(&token);
        assert_eq!(refused, Err(Code::Unauthenticated), "{token}");
    }
    assert!(world.accounts.authenticate(grant.access_token.expose()).is_ok());
}

#[tokio::test]
async fn any_change_of_a_token_is_a_forgery() {
    let world = World::new().await;
    let grant = world.sign_up("ada").await.unwrap();
    let token = grant.access_token.expose().as_bytes();
    for at in 0..token.len() {
        for bit in 0..7 {
            let mut changed = token.to_vec();
            changed[at] ^= 1 << bit;
            let changed = String::from_utf8(changed).unwrap();
            let refused = world.accounts.authenticate(&changed);
            assert_eq!(refused, Err(Code::Unauthenticated), "bit {bit} of byte {at}");
        }
        let cut = std::str::from_utf8(&token[..at]).unwrap();
        assert_eq!(world.accounts.authenticate(cut), Err(Code::Unauthenticated), "{at} bytes");
    }
}

#[tokio::test]
async fn two_keys_live_and_the_third_makes_the_first_forget() {
    let mut ring = KeyRing::generate(START);
    assert!(!ring.renew(START.plus_ms(29 * 24 * 60 * MINUTE_MS)), "young");
    let world = World::new().await;
    let mut world = World { keys: ring.to_bytes(), ..world }.restart(config()).await;
    let mut grants = vec![world.sign_up("ada").await.unwrap()];
    for _ in 0..2 {
        ring = KeyRing::from_bytes(&world.keys).unwrap();
        // The clock of the tokens stays: keys are renewed long before tokens would expire.
        assert!(ring.renew(START.plus_ms(31 * 24 * 60 * MINUTE_MS * (1 + grants.len() as u64))));
        world = World { keys: ring.to_bytes(), ..world }.restart(config()).await;
        grants.push(world.sign_in("ada", "correct horse").await.unwrap());
    }
    let valid: Vec<_> = grants
        .iter()
        .map(|grant| world.accounts.authenticate(grant.access_token.expose()).is_ok())
        .collect();
    assert_eq!(valid, [false, true, true]);
    for grant in &grants {
        let refreshed = world.accounts.refresh(grant.refresh_token.expose()).await;
        assert!(refreshed.is_ok(), "refresh tokens have a key of their own");
    }
}

#[test]
fn keys_that_were_changed_are_refused() {
    let bytes = KeyRing::generate(START).to_bytes();
    assert!(KeyRing::from_bytes(&bytes).is_ok());
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let read = KeyRing::from_bytes(&changed);
        let harmless = bytes[at].is_ascii_whitespace();
        assert!(read.is_err() || harmless, "byte {at}");
        assert!(KeyRing::from_bytes(&bytes[..at]).is_err(), "{at} bytes");
    }
}

#[test]
fn keys_that_version_1_wrote_are_read_for_ever() {
    let written = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/v1/keys.json");
    let bytes = std::fs::read(written).unwrap();
    let ring = KeyRing::from_bytes(&bytes).unwrap();
    assert_eq!((ring.signing.len(), ring.to_bytes()), (2, bytes));
}
