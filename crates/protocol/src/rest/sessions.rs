//! What an owner sees and changes of an account: its sessions, its password, its name.

use bytes::BytesMut;
use parlance_types::{DeviceId, Micros, SessionId, Title};
use serde::Deserialize;

use super::{RestBody, Secret, TOP};
use crate::DecodeError;
use crate::json::read::Checked;
use crate::json::write::{Json, object};

/// A session as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// What can be ended.
    pub session: SessionId,
    /// Where it is.
    pub device: DeviceId,
    /// How the owner called that place.
    pub device_name: Option<Title>,
    /// When it began.
    pub created_at: Micros,
    /// The hour in which it was used last.
    pub used_at: Micros,
    /// It is the one that asks.
    pub current: bool,
}

impl Json for Session {
    fn write(&self, out: &mut BytesMut) {
        object(out, |fields| {
            fields.put("session", self.session).put("device", self.device);
            fields.put_some("device_name", self.device_name.as_ref());
            fields.put("created_at", self.created_at).put("used_at", self.used_at);
            fields.put_true("current", self.current);
        });
    }
}

/// `GET /v1/sessions`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sessions(pub Vec<Session>);

impl RestBody for Sessions {
    fn read(text: &str) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct In {
            sessions: Vec<One>,
        }
        #[derive(Deserialize)]
        struct One {
            session: SessionId,
            device: DeviceId,
            device_name: Option<Checked<Title>>,
            created_at: Micros,
            used_at: Micros,
            #[serde(default)]
            current: bool,
        }

        let read: In = TOP.read(text)?;
        let sessions = read.sessions.into_iter().map(|one| Session {
            session: one.session,
            device: one.device,
            device_name: one.device_name.map(|name| name.0),
            created_at: one.created_at,
            used_at: one.used_at,
            current: one.current,
        });
        Ok(Self(sessions.collect()))
    }

    fn write(&self, out: &mut BytesMut) {
        object(out, |fields| {
            fields.put("sessions", &self.0[..]);
        });
    }
}

/// `PUT /v1/me/password`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordChange {
    /// The one until now.
    pub password: Secret,
    /// The one from now on, of allowed length.
    pub new_password: Secret,
}

impl RestBody for PasswordChange {
    fn read(text: &str) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct In {
            password: Option<Secret>,
            new_password: Option<Secret>,
        }

        let read: In = TOP.read(text)?;
        let new_password = TOP.need("new_password", read.new_password)?;
        new_password.check_length("new_password")?;
        Ok(Self { password: TOP.need("password", read.password)?, new_password })
    }

    fn write(&self, out: &mut BytesMut) {
        object(out, |fields| {
            fields.put("password", &self.password).put("new_password", &self.new_password);
        });
    }
}

/// `PATCH /v1/me`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeChange {
    /// How the account is shown from now on.
    pub name: Option<Title>,
}

impl RestBody for MeChange {
    fn read(text: &str) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct In {
            name: Option<Checked<Title>>,
        }

        let read: In = TOP.read(text)?;
        Ok(Self { name: read.name.map(|name| name.0) })
    }

    fn write(&self, out: &mut BytesMut) {
        object(out, |fields| {
            fields.put_some("name", self.name.as_ref());
        });
    }
}
