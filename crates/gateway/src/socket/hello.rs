//! The first frame: it must come in time, and it must be `hello` with a token that holds.

use parlance_core::connection::{Connection, Input, Output};
use parlance_types::CloseCode;
use parlance_types::frame::{Bye, Hello};
use parlance_websocket::{Decoder, Message};
use tokio::io::AsyncReadExt;
use tokio::time::sleep_until;

use super::link::Reader;
use crate::connection::{Wire, instant, now_ms, turned_away};

/// Bytes read at a time before a connection has proved who it is.
const FIRST_READ_BYTES: usize = 4 * 1024;

/// Why there is no connection.
pub(super) enum Turned {
    /// Say why and close.
    Away(Bye),
    /// The other side broke the protocol below frames.
    Broken(parlance_websocket::CloseCode),
    /// It went away.
    Gone,
}

fn away(machine: &mut Connection, code: CloseCode) -> Turned {
    turned_away(machine, code).map_or(Turned::Gone, Turned::Away)
}

/// Reads until `hello` is there. What follows it in the same read is given back.
pub(super) async fn read(
    machine: &mut Connection,
    reader: &mut Reader,
    decoder: &mut Decoder,
    (early, wire): (Vec<u8>, Wire),
) -> Result<(Hello, Vec<u8>), Turned> {
    let mut bytes = early;
    loop {
        if !bytes.is_empty() {
            let mut input = parlance_websocket::Input::new(&mut bytes);
            match decoder.next(&mut input) {
                Ok(Some(Message::Close(_))) => return Err(Turned::Gone),
                Ok(Some(Message::Ping(_) | Message::Pong(_)) | None) => {}
                Ok(Some(message)) => match wire.payload(&message) {
                    Some(payload) => {
                        let hello = first(machine, wire, payload)?;
                        return Ok((hello, input.into_rest().to_vec()));
                    }
                    None => return Err(away(machine, CloseCode::ProtocolViolation)),
                },
                Err(error) => return Err(Turned::Broken(error.close_code())),
            }
        }
        bytes.resize(FIRST_READ_BYTES, 0);
        let deadline = machine.deadline().unwrap_or_else(now_ms);
        tokio::select! {
            read = reader.read(&mut bytes) => match read {
                Ok(0) | Err(_) => return Err(Turned::Gone),
                Ok(count) => bytes.truncate(count),
            },
            () = sleep_until(instant(deadline)) => {
                if let Output::Close(bye) = machine.handle(now_ms(), Input::Time) {
                    return Err(Turned::Away(bye));
                }
                bytes.clear();
            }
        }
    }
}

/// The first message holds `hello` and nothing else.
fn first(machine: &mut Connection, wire: Wire, payload: &[u8]) -> Result<Hello, Turned> {
    let mut found = None;
    let mut turned = None;
    wire.decode(payload, &mut |frame| {
        let input = match frame {
            Ok(frame) => Input::Frame(frame),
            Err(error) => Input::Unreadable(error.into_frame()),
        };
        match machine.handle(now_ms(), input) {
            Output::Authenticate(hello) => found = Some(hello),
            Output::Close(bye) => turned = Some(bye),
            // More than hello: this client does not wait to be let in.
            _ => found = None,
        }
    });
    match (found, turned) {
        (Some(hello), None) => Ok(hello),
        (_, Some(bye)) => Err(Turned::Away(bye)),
        (None, None) => Err(away(machine, CloseCode::ProtocolViolation)),
    }
}
