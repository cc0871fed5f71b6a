//! The server's keys: what signs access tokens and what makes refresh tokens. Where they are kept is the caller's affair.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use parlance_types::Micros;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Age at which a key that signs gets a successor.
const RENEW_AFTER_MS: u64 = 30 * 24 * 60 * 60 * 1000;
/// The one that signs, and the one before it whose tokens still live.
const SIGNING_KEYS_MAX: usize = 2;
const VERSION: u32 = 1;

/// Why keys cannot be used. Says nothing of what is in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    #[error("the keys cannot be read: not the format that this version writes")]
    Format,
    #[error("the keys are damaged: their checksum differs")]
    Damaged,
}

/// All keys of an installation. Losing them signs everybody out; leaking them lets anybody in.
pub struct KeyRing {
    /// Newest first, one or two.
    pub(super) signing: Vec<SigningKey>,
    pub(super) refresh: hmac::Key,
    refresh_bytes: [u8; 32],
}

pub(super) struct SigningKey {
    pub(super) pair: Ed25519KeyPair,
    /// The only header that a token of this key has, encoded.
    pub(super) header: String,
    pkcs8: Vec<u8>,
    made_at: Micros,
}

impl KeyRing {
    pub fn generate(now: Micros) -> Self {
        let refresh_bytes = crate::entropy::random();
        Self {
            signing: vec![SigningKey::generate(now)],
            refresh: hmac::Key::new(hmac::HMAC_SHA256, &refresh_bytes),
            refresh_bytes,
        }
    }

    /// What [`KeyRing::to_bytes`] made.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let stored: Stored = serde_json::from_slice(bytes).map_err(|_| KeyError::Format)?;
        if stored.version != VERSION || !(1..=SIGNING_KEYS_MAX).contains(&stored.signing.len()) {
            return Err(KeyError::Format);
        }
        if stored.checksum != stored.sum() {
            return Err(KeyError::Damaged);
        }
        let refresh_bytes: [u8; 32] =
            decode(&stored.refresh)?.try_into().map_err(|_| KeyError::Format)?;
        let signing =
            stored.signing.iter().map(|key| SigningKey::new(decode(&key.pkcs8)?, key.made_at));
        Ok(Self {
            signing: signing.collect::<Result<_, _>>()?,
            refresh: hmac::Key::new(hmac::HMAC_SHA256, &refresh_bytes),
            refresh_bytes,
        })
    }

    /// For a file that nobody else can read.
    pub fn to_bytes(&self) -> Vec<u8> {
        let one = |key: &SigningKey| StoredKey {
            made_at: key.made_at,
            pkcs8: STANDARD.encode(&key.pkcs8),
        };
        let mut stored = Stored {
            version: VERSION,
            signing: self.signing.iter().map(one).collect(),
            refresh: STANDARD.encode(self.refresh_bytes),
            checksum: String::new(),
        };
        stored.checksum = stored.sum();
        serde_json::to_vec_pretty(&stored).expect("text and numbers can be written as JSON")
    }

    /// Gives the key that signs a successor if it is old; its tokens stay valid. True if the keys must be saved.
    pub fn renew(&mut self, now: Micros) -> bool {
        if self.signing[0].made_at.plus_ms(RENEW_AFTER_MS) > now {
            return false;
        }
        self.signing.insert(0, SigningKey::generate(now));
        self.signing.truncate(SIGNING_KEYS_MAX);
        true
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("signing", &self.signing.len()).finish_non_exhaustive()
    }
}

impl SigningKey {
    fn generate(now: Micros) -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .expect("the operating system gives random bytes");
        Self::new(pkcs8.as_ref().to_vec(), now).expect("a new key can be read")
    }

    fn new(pkcs8: Vec<u8>, made_at: Micros) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_pkcs8(&pkcs8).map_err(|_| KeyError::Format)?;
        let name = blake3::hash(pair.public_key().as_ref()).to_hex();
        let header = format!(r#"{{"alg":"EdDSA","kid":"{}","typ":"JWT"}}"#, &name[..16]);
        Ok(Self { pair, header: URL_SAFE_NO_PAD.encode(header), pkcs8, made_at })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    signing: Vec<StoredKey>,
    refresh: String,
    checksum: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredKey {
    made_at: Micros,
    pkcs8: String,
}

impl Stored {
    fn sum(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.version.to_be_bytes());
        for key in &self.signing {
            hasher
                .update(&key.made_at.get().to_be_bytes())
                .update(key.pkcs8.as_bytes())
                .update(b"\n");
        }
        hasher.update(self.refresh.as_bytes());
        hasher.finalize().to_hex().to_string()
    }
}

fn decode(text: &str) -> Result<Vec<u8>, KeyError> {
    STANDARD.decode(text).map_err(|_| KeyError::Format)
}
