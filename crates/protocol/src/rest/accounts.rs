//! Signing up, in and on, and who people are.

use std::fmt;

use bytes::BytesMut;
use parlance_types::frame::Person;
use parlance_types::{AccountId, Code, DeviceId, Handle, SessionId, Title, limits};
use serde::Deserialize;

use super::{RestBody, TOP};
use crate::DecodeError;
use crate::json::read::Checked;
use crate::json::shapes::PersonIn;
use crate::json::write::{Json, object};

/// A password or a token: it stays out of logs.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(Box<str>);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one who must check or send it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A password that is set may be neither short nor endless.
    pub(super) fn check_length(&self, field: &str) -> Result<(), DecodeError> {
        let length = limits::PASSWORD_BYTES_MIN..=limits::PASSWORD_BYTES_MAX;
        if length.contains(&self.0.len()) {
            return Ok(());
        }
        let error = TOP.wrong(field, Code::WeakPassword.message());
        Err(DecodeError { code: Code::WeakPassword, ..error })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Json for Secret {
    fn write(&self, out: &mut BytesMut) {
        self.0.write(out);
    }
}

/// `POST /v1/accounts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignUp {
    /// How the account is found.
    pub handle: Handle,
    /// Of allowed length.
    pub password: Secret,
    /// How the account is shown; without it like the handle.
    pub name: Option<Title>,
    /// How its owner tells this device from others.
    pub device_name: Option<Title>,
}

impl RestBody for SignUp {
    fn read(text: &str) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct In {
            handle: Option<Handle>,
            password: Option<Secret>,
            name: Option<Checked<Title>>,
            device_name: Option<Checked<Title>>,
        }

        let read: In = TOP.read(text)?;
        let password = TOP.need("password", read.password)?;
        password.check_length("password")?;
        Ok(Self {
            handle: TOP.need("handle", read.handle)?,
            password,
            name: read.name.map(|name| name.0),
            device_name: read.device_name.map(|name| name.0),
        })
    }

    fn write(&self, out: &mut BytesMut) {
        object(out, |fields| {
            fields.put("handle", &self.handle).put("password", &self.password);
            fields
                .put_some("name", self.name.as_ref())
                .put_some("device_name", self.device_name.as_ref());
        });
    }
}

/// `POST /v1/session`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// Whose.
    pub handle: Handle,
    /// As given; only the hash can tell whether it is right.
    pub password: Secret,
    /// How its owner tells this device from others.
    pub device_name: Option<Title>,
}

impl RestBody for SignIn {
    fn read(text: &str) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct In {
            handle: Option<Handle>,
            password: Option<Secret>,
            device_name: Option<Checked<Title>>,
        }

        let read: In = TOP.read(text)?;
        Ok(Self {
            handle: TOP.need("handle", read.handle)?,
            password: TOP.need("password", read.password)?,
            device_name: read.device_name.map(|name| name.0),
        })
    }

    fn write(&self, out: &mut BytesMut) {
        object(out, |fields| {
            fields.put("handle", &self.handle).put("password", &self.password);
            fields.put_some("device_name", self.device_name.as_ref());
        });
    }
}

/// `POST /v1/session/refresh`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refresh {
    /// The one that came last.
    pub refresh_token: Secret,
}

impl RestBody for Refresh {
    fn read(text: &str) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct In {
            refresh_token: Option<Secret>,
        }

        let read: In = TOP.read(text)?;
        Ok(Self { refresh_token: TOP.need("refresh_token", read.refresh_token)? })
    }

    fn write(&self, out: &mut BytesMut) {
        object(out, |fields| {
            fields.put("refresh_token", &self.refresh_token);
        });
    }
}

/// The answer to signing up, in and on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Tokens {
    /// Who signed in.
    pub account: AccountId,
    /// Where.
    pub device: DeviceId,
    /// What can be ended.
    pub session: SessionId,
    /// For `Authorization: Bearer` and `hello`.
    pub access_token: Secret,
    /// Seconds that the access token lives.
    pub expires_in: u64,
    /// Gets the next pair of tokens, once.
    pub refresh_token: Secret,
}

impl RestBody for Tokens {
    fn read(text: &str) -> Result<Self, DecodeError> {
        TOP.read(text)
    }

    fn write(&self, out: &mut BytesMut) {
        object(out, |fields| {
            fields
                .put("account", self.account)
                .put("device", self.device)
                .put("session", self.session);
            fields.put("access_token", &self.access_token).put("expires_in", self.expires_in);
            fields.put("refresh_token", &self.refresh_token);
        });
    }
}

/// The same for a browser, which has the refresh token in a cookie.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct BrowserTokens {
    /// Who signed in.
    pub account: AccountId,
    /// Where.
    pub device: DeviceId,
    /// What can be ended.
    pub session: SessionId,
    /// For `Authorization: Bearer` and `hello`.
    pub access_token: Secret,
    /// Seconds that the access token lives.
    pub expires_in: u64,
}

impl RestBody for BrowserTokens {
    fn read(text: &str) -> Result<Self, DecodeError> {
        TOP.read(text)
    }

    fn write(&self, out: &mut BytesMut) {
        object(out, |fields| {
            fields
                .put("account", self.account)
                .put("device", self.device)
                .put("session", self.session);
            fields.put("access_token", &self.access_token).put("expires_in", self.expires_in);
        });
    }
}

/// `GET /v1/me`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Me {
    /// As everybody sees it.
    pub person: Person,
    /// Where the request comes from.
    pub device: DeviceId,
    /// And in which session.
    pub session: SessionId,
}

impl RestBody for Me {
    fn read(text: &str) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct In {
            device: DeviceId,
            session: SessionId,
        }

        let person: PersonIn = TOP.read(text)?;
        let In { device, session } = TOP.read(text)?;
        Ok(Self { person: person.into(), device, session })
    }

    fn write(&self, out: &mut BytesMut) {
        object(out, |fields| {
            let Person { account, handle, name } = &self.person;
            fields.put("account", account).put("handle", handle).put("name", name);
            fields.put("device", self.device).put("session", self.session);
        });
    }
}
