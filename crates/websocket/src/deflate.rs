//! `permessage-deflate` (RFC 7692) without context takeover: every message is compressed by itself, so that one compressed message can be
//! shared by many connections and an idle connection holds nothing.
//!
//! **A message is inflated up to its limit and not a byte further.** The compressor belongs to the thread.

use std::cell::RefCell;

use bytes::{BufMut, BytesMut};
use miniz_oxide::deflate::core::{
    CompressorOxide, TDEFLFlush, compress_to_output, create_comp_flags_from_zip_params,
};
use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_with_limit};

use crate::frame::{COMPRESSED, header};
use crate::{Opcode, ProtocolError};

/// What a sync flush ends with, which a sender leaves out (7.2.1); and an empty last block, so that the stream has an end.
const FLUSH_END: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
const STREAM_END: [u8; 5] = [0x01, 0x00, 0x00, 0xff, 0xff];
/// Quick: most of the gain is in the first level.
const LEVEL: i32 = 1;
/// Negative: without the header of zlib.
const WINDOW_BITS: i32 = -15;

thread_local! {
    static COMPRESSOR: RefCell<CompressorOxide> =
        RefCell::new(CompressorOxide::new(create_comp_flags_from_zip_params(LEVEL, WINDOW_BITS, 0)));
}

/// Appends a whole frame of a server, compressed if that makes it shorter.
pub fn write_deflated(out: &mut BytesMut, opcode: Opcode, payload: &[u8]) {
    let deflated = deflate(payload).filter(|deflated| deflated.len() < payload.len());
    let (first, payload) = match &deflated {
        Some(deflated) => (COMPRESSED, &deflated[..]),
        None => (0, payload),
    };
    let start = out.len();
    out.put_slice(&header(opcode, payload.len(), true, None));
    out[start] |= first;
    out.put_slice(payload);
}

/// `None`: it could not be compressed.
fn deflate(payload: &[u8]) -> Option<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|compressor| {
        compressor.reset();
        let mut deflated = Vec::with_capacity(payload.len() / 2);
        compress_to_output(compressor, payload, TDEFLFlush::Sync, |bytes| {
            deflated.extend_from_slice(bytes);
            true
        });
        let length = deflated.len().checked_sub(FLUSH_END.len())?;
        if deflated[length..] != FLUSH_END {
            return None;
        }
        deflated.truncate(length);
        Some(deflated)
    })
}

/// What a message says, at most `bytes_max` of it.
pub(crate) fn inflate(mut payload: Vec<u8>, bytes_max: usize) -> Result<Vec<u8>, ProtocolError> {
    payload.extend_from_slice(&FLUSH_END);
    payload.extend_from_slice(&STREAM_END);
    decompress_to_vec_with_limit(&payload, bytes_max).map_err(|error| match error.status {
        TINFLStatus::HasMoreOutput => ProtocolError::MessageTooBig { bytes_max },
        _ => ProtocolError::InvalidDeflate,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_deflated_inflates_to_itself(payload in prop::collection::vec(0..9_u8, 1..3_000)) {
            let deflated = deflate(&payload).expect("compressed");
            prop_assert_eq!(inflate(deflated.clone(), payload.len()), Ok(payload.clone()));
            let bytes_max = payload.len() - 1;
            prop_assert_eq!(inflate(deflated, bytes_max), Err(ProtocolError::MessageTooBig { bytes_max }));
        }

        #[test]
        fn anything_else_is_refused_or_bounded(payload in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(inflated) = inflate(payload, 1_000) {
                prop_assert!(inflated.len() <= 1_000);
            }
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let bomb = deflate(&vec![0; 10_000_000]).expect("compressed");
        assert!(bomb.len() < 100_000);
        let bytes_max = 128 * 1024;
        assert_eq!(inflate(bomb, bytes_max), Err(ProtocolError::MessageTooBig { bytes_max }));
    }
}
