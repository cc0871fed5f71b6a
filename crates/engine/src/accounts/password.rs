//! Passwords: argon2id on threads of its own, so many at a time as there are cores, with a bounded queue before them.

use std::fmt;
use std::sync::Arc;

use argon2::password_hash::{Error as HashError, PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, PasswordHash as Phc, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use parlance_core::Refusal;
use parlance_ports::PasswordHash;
use parlance_types::{Code, limits};
use tokio::sync::Semaphore;

use crate::entropy::random;

const OUTPUT: usize = 32;
const SALT: usize = 16;
/// When to come back if the queue is full.
const RETRY_AFTER_MS: u64 = 2_000;

/// The cost of a password (RFC 9106).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argon2Cost {
    pub memory_kib: u32,
    pub iterations: u32,
    pub lanes: u32,
}

/// A password that is long enough and not too long.
pub(super) struct Password(Box<str>);

impl Password {
    pub(super) fn new(text: &str) -> Option<Self> {
        let size = limits::PASSWORD_BYTES_MIN..=limits::PASSWORD_BYTES_MAX;
        size.contains(&text.len()).then(|| Self(text.into()))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Whether a password fits a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Wrong,
    Right,
    /// And the hash has another cost than new ones: replace it.
    RightButOutdated,
}

pub(super) struct Passwords {
    argon2: Argon2<'static>,
    /// The queue and those who run.
    places: Arc<Semaphore>,
    running: Arc<Semaphore>,
    decoy: PasswordHash,
}

impl Passwords {
    /// `None`: argon2 does not take this cost.
    pub(super) fn new(cost: Argon2Cost, threads: usize, queue_max: usize) -> Option<Self> {
        let Argon2Cost { memory_kib, iterations, lanes } = cost;
        let params = Params::new(memory_kib, iterations, lanes, Some(OUTPUT)).ok()?;
        let (salt, output) = (random::<SALT>(), random::<OUTPUT>());
        let (salt, output) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(output));
        let decoy =
            format!("$argon2id$v=19$m={memory_kib},t={iterations},p={lanes}${salt}${output}");
        let threads = threads.max(1);
        Some(Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            places: Arc::new(Semaphore::new(threads + queue_max)),
            running: Arc::new(Semaphore::new(threads)),
            decoy: PasswordHash::new(decoy),
        })
    }

    /// A hash that no password fits, for an account that does not exist: trying costs the same.
    pub(super) fn decoy(&self) -> PasswordHash {
        self.decoy.clone()
    }

    pub(super) async fn hash(&self, password: Password) -> Result<PasswordHash, Refusal> {
        let argon2 = self.argon2.clone();
        let hashed = self.run(move || {
            let salt = random::<SALT>();
            let hash: Result<Phc, HashError> =
                argon2.hash_password_with_salt(password.0.as_bytes(), &salt);
            hash.map(|hash| PasswordHash::new(hash.to_string()))
        });
        hashed.await
    }

    pub(super) async fn verify(
        &self,
        password: Password,
        hash: PasswordHash,
    ) -> Result<Fit, Refusal> {
        let argon2 = self.argon2.clone();
        let verified = self.run(move || {
            let hash = Phc::new(hash.as_str())?;
            match argon2.verify_password(password.0.as_bytes(), &hash) {
                Ok(()) if is_current(&hash, argon2.params()) => Ok(Fit::Right),
                Ok(()) => Ok(Fit::RightButOutdated),
                Err(HashError::PasswordInvalid) => Ok(Fit::Wrong),
                Err(error) => Err(error),
            }
        });
        verified.await
    }

    /// Waits for a thread and runs `work` there.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            return Err(Refusal {
                retry_after_ms: Some(RETRY_AFTER_MS),
                ..Refusal::new(Code::RateLimited)
            });
        };
        let turn =
            self.running.clone().acquire_owned().await.expect("the semaphore is never closed");
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            // Held to the end even if nobody waits any more: a thread that runs takes its core.
            drop((turn, place));
            done
        });
        match done.await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => {
                tracing::error!(%error, "a password hash cannot be used");
                Err(Refusal::new(Code::Internal))
            }
            Err(error) => {
                tracing::error!(%error, "hashing a password did not end");
                Err(Refusal::new(Code::Internal))
            }
        }
    }
}

fn is_current(hash: &Phc, params: &Params) -> bool {
    let cost = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
    let same_kind =
        hash.algorithm == argon2::ARGON2ID_IDENT && hash.version == Some(Version::V0x13.into());
    same_kind && Params::try_from(hash).is_ok_and(|used| cost(&used) == cost(params))
}

#[cfg(test)]
mod tests;
