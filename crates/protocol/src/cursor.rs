//! Cursors as the opaque text that clients keep: base64url of a version, the epoch and the position; one from a long poll says besides which
//! answer it came with.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlance_types::frame::Cursor;
use parlance_types::{ConnectionId, Epoch, Position};
use thiserror::Error;

const VERSION: u8 = 1;
const BYTES: usize = 1 + Epoch::SIZE + 8;
const POLL_VERSION: u8 = 2;
const POLL_BYTES: usize = BYTES + 16 + 8;
const POLL_CHARS: usize = (POLL_BYTES * 4).div_ceil(3);
pub(crate) const CHARS: usize = (BYTES * 4).div_ceil(3);

/// The text is not a cursor that this version wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("is not a cursor of this server; leave it out to get everything")]
pub struct CursorError;

/// The text of a cursor.
pub fn encode_cursor(cursor: Cursor) -> String {
    with_text(cursor, ToOwned::to_owned)
}

/// The cursor of an answer to a long poll: the next poll gives it back, and says by that which answer has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PollCursor {
    /// How far the client has everything: what any other door takes it for.
    pub cursor: Cursor,
    /// Which connection answered.
    pub connection: ConnectionId,
    /// The number of the answer.
    pub answer: u64,
}

/// The text of a poll's cursor.
pub fn encode_poll_cursor(cursor: PollCursor) -> String {
    let mut bytes = [POLL_VERSION; POLL_BYTES];
    put(cursor.cursor, &mut bytes);
    bytes[BYTES..BYTES + 16].copy_from_slice(cursor.connection.as_bytes());
    bytes[BYTES + 16..].copy_from_slice(&cursor.answer.to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads the text of a poll's cursor. `None`: it is none, though it may be another door's.
pub fn decode_poll_cursor(text: &str) -> Option<PollCursor> {
    if text.len() != POLL_CHARS {
        return None;
    }
    let mut bytes = [0; POLL_CHARS.div_ceil(4) * 3];
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    let (cursor, rest) = bytes[..length].split_first_chunk::<BYTES>()?;
    let (connection, answer) = rest.split_first_chunk::<16>()?;
    Some(PollCursor {
        cursor: take(cursor, POLL_VERSION)?,
        connection: ConnectionId::from_bytes(*connection),
        answer: u64::from_be_bytes(answer.try_into().ok()?),
    })
}

/// Reads the text of a cursor, whichever door it came from.
pub fn decode_cursor(text: &str) -> Result<Cursor, CursorError> {
    if let Some(PollCursor { cursor, .. }) = decode_poll_cursor(text) {
        return Ok(cursor);
    }
    if text.len() != CHARS {
        return Err(CursorError);
    }
    // The decoder wants room for whole groups of four characters.
    let mut bytes = [0; CHARS.div_ceil(4) * 3];
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).map_err(|_| CursorError)?;
    let bytes = bytes[..length].try_into().map_err(|_| CursorError)?;
    take(bytes, VERSION).ok_or(CursorError)
}

fn put(cursor: Cursor, bytes: &mut [u8]) {
    bytes[1..=Epoch::SIZE].copy_from_slice(cursor.epoch.as_bytes());
    bytes[1 + Epoch::SIZE..BYTES].copy_from_slice(&cursor.position.get().to_be_bytes());
}

fn take(bytes: &[u8; BYTES], version: u8) -> Option<Cursor> {
    let (epoch, position) = bytes[1..].split_first_chunk()?;
    let position = u64::from_be_bytes(position.try_into().ok()?);
    (bytes[0] == version)
        .then(|| Cursor { epoch: Epoch::from_bytes(*epoch), position: Position::new(position) })
}

/// Writes the text without allocating.
pub(crate) fn with_text<R>(cursor: Cursor, use_text: impl FnOnce(&str) -> R) -> R {
    let mut bytes = [VERSION; BYTES];
    put(cursor, &mut bytes);
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
        fn a_polls_cursor_survives_its_text_and_is_a_cursor(epoch: [u8; 16], position: u64, connection: [u8; 16], answer: u64) {
            let cursor = Cursor { epoch: Epoch::from_bytes(epoch), position: Position::new(position) };
            let connection = ConnectionId::from_bytes(connection);
            let polled = PollCursor { cursor, connection, answer };
            let text = encode_poll_cursor(polled);
            prop_assert_eq!(decode_poll_cursor(&text), Some(polled));
            prop_assert_eq!(decode_cursor(&text), Ok(cursor));
            prop_assert_eq!(decode_poll_cursor(&encode_cursor(cursor)), None);
        }

        #[test]
        fn other_text_is_refused(text in "[A-Za-z0-9_=+/-]{0,70}") {
            // Whatever is accepted is the one text of what it says.
            if let Some(polled) = decode_poll_cursor(&text) {
                prop_assert_eq!(encode_poll_cursor(polled), text);
            } else if let Ok(cursor) = decode_cursor(&text) {
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
