//! The wire format of Protocol Buffers: tags, numbers, and bytes with a length. Knows no schema.

use bytes::{BufMut, BytesMut};

/// The bytes are not of the wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raw<'b> {
    Number(u64),
    Bytes(&'b [u8]),
    /// Of a width that no field of ours has.
    Other,
}

/// Takes the next field: its number and value. `None`: that was all.
pub(super) fn next<'b>(input: &mut &'b [u8]) -> Result<Option<(u32, Raw<'b>)>, Malformed> {
    if input.is_empty() {
        return Ok(None);
    }
    let tag = number(input)?;
    let field = u32::try_from(tag >> 3).map_err(|_| Malformed)?;
    if field == 0 {
        return Err(Malformed);
    }
    let raw = match tag & 7 {
        0 => Raw::Number(number(input)?),
        1 => take(input, 8).map(|_| Raw::Other)?,
        2 => {
            let length = usize::try_from(number(input)?).map_err(|_| Malformed)?;
            Raw::Bytes(take(input, length)?)
        }
        5 => take(input, 4).map(|_| Raw::Other)?,
        // Groups went out of use before this protocol came.
        _ => return Err(Malformed),
    };
    Ok(Some((field, raw)))
}

fn take<'b>(input: &mut &'b [u8], length: usize) -> Result<&'b [u8], Malformed> {
    let (taken, rest) = input.split_at_checked(length).ok_or(Malformed)?;
    *input = rest;
    Ok(taken)
}

fn number(input: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let [byte] = take(input, 1)? else { return Err(Malformed) };
        if shift == 63 && *byte > 1 {
            return Err(Malformed);
        }
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Malformed)
}

pub(super) fn put_number(field: u32, value: u64, out: &mut BytesMut) {
    put_varint(u64::from(field) << 3, out);
    put_varint(value, out);
}

pub(super) fn put_bytes(field: u32, bytes: &[u8], out: &mut BytesMut) {
    put_varint((u64::from(field) << 3) | 2, out);
    put_varint(bytes.len() as u64, out);
    out.put_slice(bytes);
}

/// Begins a field that is a message of less than 128 bytes; whoever writes it puts the length into the last byte.
pub(super) fn put_length(field: u32, out: &mut BytesMut) {
    put_varint((u64::from(field) << 3) | 2, out);
    out.put_u8(0);
}

fn put_varint(mut value: u64, out: &mut BytesMut) {
    while value >= 0x80 {
        out.put_u8((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}
