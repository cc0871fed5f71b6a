//! Numbers and fixed-size bytes, each a type of its own so that no bare `u64` crosses a crate.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The place of an event in its conversation: 1, 2, 3 …, dense, below 2^53. Absence is `Option<Seq>`, never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Seq(NonZeroU64);

impl Seq {
    pub const FIRST: Self = Self(NonZeroU64::MIN);
    /// Numbers stay exact in clients whose only number is a double.
    pub const MAX: u64 = (1 << 53) - 1;

    pub const fn new(value: u64) -> Option<Self> {
        match NonZeroU64::new(value) {
            Some(value) if value.get() <= Self::MAX => Some(Self(value)),
            _ => None,
        }
    }

    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// The one after. A conversation would need 285 years of a million events a second to run out.
    #[must_use]
    pub fn next(self) -> Self {
        Self::new(self.get() + 1).expect("a conversation cannot reach 2^53 events")
    }

    /// The one after `last`, the first if there is none.
    pub fn after(last: Option<Self>) -> Self {
        last.map_or(Self::FIRST, Self::next)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Seq {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = u64::deserialize(deserializer)?;
        Self::new(value).ok_or_else(|| de::Error::custom("expected a number from 1 to 2^53 - 1"))
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            pub const ZERO: Self = Self(0);

            pub const fn new(value: u64) -> Self {
                Self(value)
            }

            pub const fn get(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(
    /// Microseconds since 1970.
    Micros
);
number!(
    /// How many counting messages a conversation has, up to and including an event. Unread is a difference of two.
    Ordinal
);
number!(
    /// A place in the installation's durable log. Only compared, and only within one [`Epoch`].
    Position
);

impl Micros {
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms * 1000)
    }

    pub const fn as_ms(self) -> u64 {
        self.0 / 1000
    }

    #[must_use]
    pub const fn plus_ms(self, ms: u64) -> Self {
        Self(self.0 + ms * 1000)
    }
}

impl Ordinal {
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The text is not the right number of lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HexError;

impl fmt::Display for HexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected lower-case hexadecimal digits")
    }
}

impl std::error::Error for HexError {}

fn digit(byte: u8) -> Result<u8, HexError> {
    match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => Err(HexError),
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

macro_rules! bytes {
    ($(#[$doc:meta])* $name:ident, $size:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; $size]);

        impl $name {
            pub const SIZE: usize = $size;

            pub const fn from_bytes(bytes: [u8; $size]) -> Self {
                Self(bytes)
            }

            pub const fn as_bytes(&self) -> &[u8; $size] {
                &self.0
            }

            /// Writes the hexadecimal text without allocating.
            pub fn encode_text<'a>(&self, buffer: &'a mut [u8; $size * 2]) -> &'a str {
                for (pair, byte) in buffer.chunks_exact_mut(2).zip(self.0) {
                    pair[0] = DIGITS[usize::from(byte >> 4)];
                    pair[1] = DIGITS[usize::from(byte & 15)];
                }
                std::str::from_utf8(buffer).expect("hexadecimal digits are ASCII")
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.encode_text(&mut [0; $size * 2]))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = HexError;

            fn from_str(text: &str) -> Result<Self, HexError> {
                if text.len() != $size * 2 {
                    return Err(HexError);
                }
                let mut bytes = [0; $size];
                for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
                    *byte = digit(pair[0])? << 4 | digit(pair[1])?;
                }
                Ok(Self(bytes))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.encode_text(&mut [0; $size * 2]))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl de::Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        write!(f, "{} lower-case hexadecimal digits", $size * 2)
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

bytes!(
    /// The link of a conversation's hash chain at an event. **Equal `seq` means equal hash**, everywhere.
    Hash, 16
);
bytes!(
    /// blake3 of salt and content: what remains of an event whose content is gone.
    Digest, 32
);
bytes!(
    /// Random bytes that keep a digest from being guessed.
    Salt, 16
);
bytes!(
    /// The name of an installation's life; compared for equality only. Another epoch: another history.
    Epoch, 16
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seq_is_from_1_to_2_to_the_53() {
        assert_eq!(Seq::new(0), None);
        assert_eq!(Seq::new(Seq::MAX).map(Seq::get), Some(9_007_199_254_740_991));
        assert_eq!(Seq::new(Seq::MAX + 1), None);
        assert_eq!(Seq::after(None).next().get(), 2);
        assert!(serde_json::from_str::<Seq>("0").is_err());
    }

    #[test]
    fn bytes_are_lower_case_hexadecimal_text() {
        let hash = Hash::from_bytes([0xab; 16]);
        assert_eq!(hash.to_string(), "ab".repeat(16));
        assert_eq!("ab".repeat(16).parse(), Ok(hash));
        assert_eq!("AB".repeat(16).parse::<Hash>(), Err(HexError));
        assert_eq!("ab".parse::<Hash>(), Err(HexError));
    }
}
