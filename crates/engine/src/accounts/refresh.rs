//! Refresh tokens: opaque to clients, each exchanged once for its successor.
//!
//! A token is `session ‖ secret ‖ tag`. The tag lets a forged one be told from a genuine old one without a list of all old ones; the
//! secret of a successor is made from its predecessor, so that whoever presents the same token gets the same successor.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlance_ports::{SUPERSEDED_MAX, Session, TokenHash};
use parlance_types::{Micros, SessionId};
use ring::hmac;

use super::keys::KeyRing;
use super::secret::Secret;

/// How long a superseded token still gets its successor: two tabs, a lost answer.
pub(super) const GRACE_MS: u64 = 60_000;

const SESSION: usize = 16;
const NAMED: usize = SESSION + 32;
const SIZE: usize = NAMED + 32;

/// A genuine refresh token: it was issued here once.
pub(super) struct RefreshToken([u8; SIZE]);

impl RefreshToken {
    /// The first one of a session.
    pub(super) fn first(keys: &KeyRing, session: SessionId, random: [u8; 32]) -> Self {
        Self::seal(keys, session, &random)
    }

    /// `None`: never issued here.
    pub(super) fn parse(keys: &KeyRing, text: &str) -> Option<Self> {
        // One byte of room, so that a longer text does not fit instead of being cut.
        let mut bytes = [0; SIZE + 1];
        let size = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        let bytes: [u8; SIZE] = bytes[..size].try_into().ok()?;
        let (named, tag) = bytes.split_at(NAMED);
        hmac::verify(&keys.refresh, &labelled(b"parlance.refresh.tag", named), tag).ok()?;
        Some(Self(bytes))
    }

    pub(super) fn successor(&self, keys: &KeyRing) -> Self {
        let secret = hmac::sign(&keys.refresh, &labelled(b"parlance.refresh.next", &self.0));
        Self::seal(keys, self.session(), secret.as_ref())
    }

    pub(super) fn session(&self) -> SessionId {
        let (session, _) = self.0.split_first_chunk().expect("a token begins with a session");
        SessionId::from_bytes(*session)
    }

    pub(super) fn hash(&self) -> TokenHash {
        TokenHash::from_bytes(*blake3::hash(&self.0).as_bytes())
    }

    pub(super) fn text(&self) -> Secret {
        Secret::new(URL_SAFE_NO_PAD.encode(self.0))
    }

    fn seal(keys: &KeyRing, session: SessionId, secret: &[u8]) -> Self {
        let mut bytes = [0; SIZE];
        bytes[..SESSION].copy_from_slice(session.as_bytes());
        bytes[SESSION..NAMED].copy_from_slice(secret);
        let tag = hmac::sign(&keys.refresh, &labelled(b"parlance.refresh.tag", &bytes[..NAMED]));
        bytes[NAMED..].copy_from_slice(tag.as_ref());
        Self(bytes)
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken(…)")
    }
}

/// One key makes tags and secrets; the label keeps the two apart.
fn labelled(label: &[u8], bytes: &[u8]) -> Vec<u8> {
    [label, b"\0", bytes].concat()
}

/// What a genuine token of a session gets.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It is the current one: exchange it.
    Exchange,
    /// It was exchanged a moment ago; this is the current one, the same for everybody who asks.
    Again(RefreshToken),
    /// Somebody kept a token that was exchanged long ago: end the session.
    Reused,
    /// The session was not used for too long: end it.
    Unused,
    /// The session was ended.
    Revoked,
}

/// Judges `token`, which names `session`.
pub(super) fn judge(
    keys: &KeyRing,
    session: &Session,
    token: &RefreshToken,
    unused_ms_max: u64,
    now: Micros,
) -> Verdict {
    if session.revoked_at.is_some() {
        return Verdict::Revoked;
    }
    if session.refreshed_at.plus_ms(unused_ms_max) < now {
        return Verdict::Unused;
    }
    let presented = token.hash();
    if session.refresh == presented {
        return Verdict::Exchange;
    }
    let before = session.superseded.iter().find(|superseded| superseded.refresh == presented);
    let Some(_) = before.filter(|superseded| superseded.at.plus_ms(GRACE_MS) >= now) else {
        return Verdict::Reused;
    };
    // Where a quick client has gone on already, its own successor would be an old one soon: it gets the one that lasts.
    let mut token = token.successor(keys);
    for _ in 0..SUPERSEDED_MAX {
        if token.hash() == session.refresh {
            return Verdict::Again(token);
        }
        token = token.successor(keys);
    }
    Verdict::Reused
}
