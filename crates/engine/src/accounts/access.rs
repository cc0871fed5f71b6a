//! Access tokens: compact JWS with EdDSA, checked without a database.
//!
//! **One form only**: a header is compared byte for byte with those that the live keys write, before anything is decoded. So another
//! algorithm, none, another key, white space or padding cannot be expressed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlance_types::{AccountId, DeviceId, Micros, SessionId};
use ring::signature::{ED25519, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use super::keys::KeyRing;
use super::secret::Secret;

/// Longer than any token that is issued here.
const BYTES_MAX: usize = 1_024;

/// Whom a valid access token names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed {
    pub account: AccountId,
    pub device: DeviceId,
    pub session: SessionId,
    /// From this moment on the token is not valid.
    pub expires: Micros,
}

/// Not a token of this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Forged;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    sub: AccountId,
    dev: DeviceId,
    sid: SessionId,
    iat: u64,
    exp: u64,
}

/// A token for `signed`, whose `expires` is cut to whole seconds.
pub(super) fn issue(keys: &KeyRing, signed: &Signed, now: Micros) -> Secret {
    let Signed { account: sub, device: dev, session: sid, expires } = *signed;
    let claims = Claims { sub, dev, sid, iat: seconds(now), exp: seconds(expires) };
    let claims = serde_json::to_vec(&claims).expect("ids and numbers can be written as JSON");
    let key = &keys.signing[0];
    let mut token = String::with_capacity(400);
    token.push_str(&key.header);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(claims, &mut token);
    let signature = key.pair.sign(token.as_bytes());
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Secret::new(token)
}

/// Whom the token names, whether or not it has expired. None lives longer than `lifetime_ms` after it was issued, whatever it says:
/// the deny list reaches back no further.
pub(super) fn verify(keys: &KeyRing, token: &str, lifetime_ms: u64) -> Result<Signed, Forged> {
    if token.len() > BYTES_MAX {
        return Err(Forged);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(Forged)?;
    let (header, claims) = message.split_once('.').ok_or(Forged)?;
    let key = keys.signing.iter().find(|key| key.header == header).ok_or(Forged)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Forged)?;
    UnparsedPublicKey::new(&ED25519, key.pair.public_key())
        .verify(message.as_bytes(), &signature)
        .map_err(|_| Forged)?;
    let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| Forged)?;
    let Claims { sub, dev, sid, iat, exp } = serde_json::from_slice(&claims).map_err(|_| Forged)?;
    let expires =
        Micros::from_ms(exp.saturating_mul(1_000).min(iat.saturating_mul(1_000) + lifetime_ms));
    Ok(Signed { account: sub, device: dev, session: sid, expires })
}

fn seconds(time: Micros) -> u64 {
    time.as_ms() / 1_000
}
