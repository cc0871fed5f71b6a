//! Cursors as the opaque text that clients keep: base64url of a version, the epoch and the position.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlance_types::frame::Cursor;
use parlance_types::{Epoch, Position};
use thiserror::Error;

const VERSION: u8 = 1;
const BYTES: usize = 1 + Epoch::SIZE + 8;
pub(crate) const CHARS: usize = (BYTES * 4).div_ceil(3);

/// The text is not a cursor that this version wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("is not a cursor of this server; leave it out to get everything")]
pub struct CursorError;

/// The text of a cursor.
pub fn encode_cursor(cursor: Cursor) -> String {
    with_text(cursor, ToOwned::to_owned)
}

/// Reads the text of a cursor.
pub fn decode_cursor(text: &str) -> Result<Cursor, CursorError> {
    if text.len() != CHARS {
        return Err(CursorError);
    }
    // The decoder wants room for whole groups of four characters.
    let mut bytes = [0; CHARS.div_ceil(4) * 3];
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).map_err(|_| CursorError)?;
    let [VERSION, rest @ ..] = &bytes[..length] else { return Err(CursorError) };
    let (epoch, position) = rest.split_at_checked(Epoch::SIZE).ok_or(CursorError)?;
    Ok(Cursor {
        epoch: Epoch::from_bytes(epoch.try_into().expect("split at its size")),
        position: Position::new(u64::from_be_bytes(position.try_into().map_err(|_| CursorError)?)),
    })
}

/// Writes the text without allocating.
pub(crate) fn with_text<R>(cursor: Cursor, use_text: impl FnOnce(&str) -> R) -> R {
    let mut bytes = [VERSION; BYTES];
    bytes[1..=Epoch::SIZE].copy_from_slice(cursor.epoch.as_bytes());
    bytes[1 + Epoch::SIZE..].copy_from_slice(&cursor.position.get().to_be_bytes());
    let mut text = [0; CHARS];
    URL_SAFE_NO_PAD.encode_slice(bytes, &mut text).expect("the text has room for its bytes");
    use_text(std::str::from_utf8(&text).expect("base64 is ASCII"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_survives_its_text(epoch: [u8; 16], position: u64) {
            let cursor = Cursor { epoch: Epoch::from_bytes(epoch), position: Position::new(position) };
            prop_assert_eq!(decode_cursor(&encode_cursor(cursor)), Ok(cursor));
        }

        #[test]
        fn other_text_is_refused(text in "[A-Za-z0-9_=+/-]{0,40}") {
            // Whatever is accepted is the one text of what it says.
            if let Ok(cursor) = decode_cursor(&text) {
                prop_assert_eq!(encode_cursor(cursor), text);
            }
        }
    }

    #[test]
    fn another_version_and_loose_bits_are_refused() {
        let good =
            encode_cursor(Cursor { epoch: Epoch::from_bytes([7; 16]), position: Position::new(9) });
        assert!(decode_cursor(&good).is_ok());
        for bad in [
            good.replacen("AQ", "Ag", 1),
            format!("{}B", &good[..CHARS - 1]),
            format!("{good}A"),
            "é".repeat(CHARS / 2),
        ] {
            assert_eq!(decode_cursor(&bad), Err(CursorError), "{bad}");
        }
    }
}
