//! Text from people, checked once at the edge: what has one of these types cannot be too long or empty.

use std::fmt;
use std::ops::Deref;

use crate::limits;

/// Why a text was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    Empty,
    TooLong,
    /// Not a single emoji, or a control character in a title.
    Characters,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "must not be empty",
            Self::TooLong => "is too long",
            Self::Characters => "contains characters that are not allowed here",
        })
    }
}

impl std::error::Error for Invalid {}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            pub fn new(text: &str) -> Result<Self, Invalid> {
                let check: fn(&str) -> Result<(), Invalid> = $check;
                check(text)?;
                Ok(Self(text.into()))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        /// The words of people stay out of logs: only the length is shown.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({} bytes)"), self.0.len())
            }
        }
    };
}

text!(
    /// The text of a message: kept as sent, control characters allowed, not empty, at most
    /// [`limits::TEXT_CHARS_MAX`] characters and [`limits::TEXT_BYTES_MAX`] bytes.
    MessageText,
    |text| {
        if text.is_empty() {
            return Err(Invalid::Empty);
        }
        let long = text.len() > limits::TEXT_BYTES_MAX
            || text.len() > limits::TEXT_CHARS_MAX && text.chars().count() > limits::TEXT_CHARS_MAX;
        if long { Err(Invalid::TooLong) } else { Ok(()) }
    }
);

text!(
    /// A title or a person's name: one line, at most [`limits::TITLE_CHARS_MAX`] characters.
    Title,
    |text| {
        if text.trim().is_empty() {
            Err(Invalid::Empty)
        } else if text.chars().count() > limits::TITLE_CHARS_MAX {
            Err(Invalid::TooLong)
        } else if text.chars().any(char::is_control) {
            Err(Invalid::Characters)
        } else {
            Ok(())
        }
    }
);

text!(
    /// What somebody wrote and did not send: kept as written, not empty, at most [`limits::DRAFT_BYTES_MAX`] bytes.
    DraftText,
    |text| {
        if text.is_empty() {
            Err(Invalid::Empty)
        } else if text.len() > limits::DRAFT_BYTES_MAX {
            Err(Invalid::TooLong)
        } else {
            Ok(())
        }
    }
);

text!(
    /// What a reaction shows: a short text without letters, spaces or control characters, in practice one emoji. The set of emoji
    /// grows every year, so the server does not hold a list that old servers would use to refuse new ones.
    Emoji,
    |text| {
        if text.is_empty() {
            return Err(Invalid::Empty);
        }
        if text.len() > limits::EMOJI_BYTES_MAX {
            return Err(Invalid::TooLong);
        }
        let keycap = text.ends_with('\u{20e3}');
        let odd = |c: char| c.is_control() || c.is_whitespace() || c.is_alphabetic() || (c.is_ascii() && !keycap);
        if text.chars().any(odd) { Err(Invalid::Characters) } else { Ok(()) }
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_limits_of_a_text_hold() {
        assert_eq!(MessageText::new(""), Err(Invalid::Empty));
        assert!(MessageText::new(&"x".repeat(20_000)).is_ok());
        assert_eq!(MessageText::new(&"x".repeat(20_001)), Err(Invalid::TooLong));
        assert!(MessageText::new(&"é".repeat(20_000)).is_ok());
        assert_eq!(MessageText::new(&"日".repeat(13_334)), Err(Invalid::TooLong), "40,002 bytes");
        assert!(MessageText::new("\0\u{202e}\n").is_ok(), "kept as sent");
    }

    #[test]
    fn reactions_are_emoji() {
        for good in ["👍", "❤️", "👩‍👩‍👧‍👦", "🇨🇭", "1️⃣", "#️⃣"]
        {
            assert!(Emoji::new(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "lol", " ", "👍 ", "é", "日", &"👍".repeat(40)] {
            assert!(Emoji::new(bad).is_err(), "{bad}");
        }
    }
}
