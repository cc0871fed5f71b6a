//! Ids: 16 bytes, lower-case UUIDs in text. Accounts, devices, sessions and connections are UUIDv7 made by the server,
//! message ids UUIDv7 made by the client, conversations UUIDv8 derived by hash (`parlance-core`).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// The text is not a lower-case, hyphenated UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdError;

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a lower-case UUID such as 0192f0c1-2b3c-7d4e-8f90-a1b2c3d4e5f6")
    }
}

impl std::error::Error for IdError {}

/// Parses the one text form that ids have: 36 bytes, hyphenated, lower case.
fn parse(text: &[u8]) -> Result<Uuid, IdError> {
    if text.len() != 36 || text.iter().any(u8::is_ascii_uppercase) {
        return Err(IdError);
    }
    Uuid::try_parse_ascii(text).map_err(|_| IdError)
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; 16]);

        impl $name {
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// Writes the 36 bytes of the text form without allocating.
            pub fn encode_text<'a>(&self, buffer: &'a mut [u8; 36]) -> &'a str {
                Uuid::from_bytes(self.0).hyphenated().encode_lower(buffer)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.encode_text(&mut [0; 36]))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse(text.as_bytes()).map(|uuid| Self(uuid.into_bytes()))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.encode_text(&mut [0; 36]))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl de::Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("a lower-case UUID")
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    };
}

/// Ids that are UUIDv7: a time in milliseconds and random bits, both the caller's.
macro_rules! timed_id {
    ($name:ident) => {
        impl $name {
            /// A UUIDv7 of `unix_ms` and `random` (of which 74 bits are used).
            pub fn from_time(unix_ms: u64, random: [u8; 10]) -> Self {
                Self(
                    uuid::Builder::from_unix_timestamp_millis(unix_ms, &random)
                        .into_uuid()
                        .into_bytes(),
                )
            }

            /// The time inside, milliseconds since 1970.
            pub fn unix_ms(&self) -> u64 {
                let mut bytes = [0; 8];
                bytes[2..].copy_from_slice(&self.0[..6]);
                u64::from_be_bytes(bytes)
            }
        }
    };
}

id!(
    /// A person or a bot.
    AccountId
);
id!(
    /// One installation of a client, across sign-ins of its session.
    DeviceId
);
id!(
    /// A sign-in of a device: it has tokens and can be revoked.
    SessionId
);
id!(
    /// One socket, event stream or poll of a session.
    ConnectionId
);
id!(
    /// The name that a client gives to what it sends, for ever (with the sender and the conversation).
    MessageId
);
id!(
    /// A log with one writer. Its kind can be read off the id.
    ConversationId
);

timed_id!(AccountId);
timed_id!(DeviceId);
timed_id!(SessionId);
timed_id!(ConnectionId);
timed_id!(MessageId);

impl MessageId {
    /// Whether version and variant bits are those of a UUIDv7.
    pub fn is_v7(&self) -> bool {
        self.0[6] >> 4 == 7 && self.0[8] >> 6 == 0b10
    }
}

/// What a conversation is for. The number is the nibble in its id; never renumber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ConversationKind {
    /// Two accounts; exists once for each pair.
    Direct = 1,
    /// Many accounts, with roles.
    Group = 2,
    /// One account's notes to itself. (`self` on the wire.)
    #[serde(rename = "self")]
    Own = 3,
    /// What the devices of one account have to know; never shown as a chat.
    Account = 4,
}

impl ConversationKind {
    pub const ALL: [Self; 4] = [Self::Direct, Self::Group, Self::Own, Self::Account];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Group => "group",
            Self::Own => "self",
            Self::Account => "account",
        }
    }
}

impl ConversationId {
    /// A UUIDv8 whose bits are `hash` but for version, variant and the nibble of `kind` (the low half of byte 6).
    pub fn from_hash(kind: ConversationKind, hash: [u8; 16]) -> Self {
        let mut bytes = hash;
        bytes[6] = 0x80 | kind as u8;
        bytes[8] = 0x80 | (bytes[8] & 0x3f);
        Self(bytes)
    }

    /// `None`: not the id of a conversation that this version knows.
    pub fn kind(&self) -> Option<ConversationKind> {
        if self.0[6] >> 4 != 8 || self.0[8] >> 6 != 0b10 {
            return None;
        }
        match self.0[6] & 0x0f {
            1 => Some(ConversationKind::Direct),
            2 => Some(ConversationKind::Group),
            3 => Some(ConversationKind::Own),
            4 => Some(ConversationKind::Account),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_text_is_an_id() {
        let id = MessageId::from_time(1_795_430_000_123, [7; 10]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.unix_ms(), 1_795_430_000_123);
        assert!(id.is_v7());
        for bad in [
            "",
            "x",
            &id.to_string().to_uppercase(),
            &id.to_string().replace('-', ""),
            &format!("{{{id}}}"),
        ] {
            assert_eq!(bad.parse::<MessageId>(), Err(IdError), "{bad}");
        }
    }

    #[test]
    fn the_kind_of_a_conversation_is_in_its_id() {
        for kind in ConversationKind::ALL {
            assert_eq!(ConversationId::from_hash(kind, [0xff; 16]).kind(), Some(kind));
        }
        assert_eq!(ConversationId::from_bytes([0; 16]).kind(), None);
    }
}
