//! The first frame: it must come in time, and it must be `hello` with a token that holds.

use std::sync::Arc;

use parlance_core::Refusal;
use parlance_core::connection::{Connection, Input, Output, Page};
use parlance_engine::outlet::{Outlet, Peer};
use parlance_engine::{Listing, random};
use parlance_protocol::json;
use parlance_types::frame::{Bye, Hello, Listing as FirstPage, Ready, ServerFrame};
use parlance_types::{CloseCode, ConnectionId, limits};
use parlance_websocket::{Decoder, Message};
use tokio::io::AsyncReadExt;
use tokio::time::sleep_until;

use super::link::{Reader, Writer};
use super::queue::Outgoing;
use super::{instant, now_ms, wire};
use crate::Gateway;

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
    match machine.handle(now_ms(), Input::TurnedAway(code)) {
        Output::Close(bye) => Turned::Away(bye),
        _ => Turned::Gone,
    }
}

/// Reads until `hello` is there. What follows it in the same read is given back.
pub(super) async fn read(
    machine: &mut Connection,
    reader: &mut Reader,
    decoder: &mut Decoder,
    early: Vec<u8>,
) -> Result<(Hello, Vec<u8>), Turned> {
    let mut bytes = early;
    loop {
        if !bytes.is_empty() {
            let mut input = parlance_websocket::Input::new(&mut bytes);
            match decoder.next(&mut input) {
                Ok(Some(Message::Text(text))) => {
                    let hello = first(machine, text)?;
                    return Ok((hello, input.into_rest().to_vec()));
                }
                Ok(Some(Message::Close(_))) => return Err(Turned::Gone),
                Ok(Some(Message::Ping(_) | Message::Pong(_)) | None) => {}
                Ok(Some(Message::Binary(_))) => {
                    return Err(away(machine, CloseCode::ProtocolViolation));
                }
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
fn first(machine: &mut Connection, text: &str) -> Result<Hello, Turned> {
    let mut found = None;
    let mut turned = None;
    json::decode_client(text.as_bytes(), &mut |frame| {
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

/// A connection that has proved who it is: registered, listed and told.
pub(super) async fn greet(
    gateway: &Gateway,
    hello: Hello,
    mut machine: Connection,
    writer: Writer,
) -> Result<(Arc<Outgoing>, Option<Listing>), (Turned, Writer)> {
    let engine = &gateway.engine;
    let signed = match engine.accounts().authenticate(&hello.token) {
        Ok(signed) => signed,
        Err(code) => {
            engine.metrics().refused(code);
            return Err((away(&mut machine, CloseCode::Unauthenticated), writer));
        }
    };
    let connection = ConnectionId::from_time(engine.clock().now().as_ms(), random());
    let peer = Peer {
        connection,
        session: signed.session,
        account: signed.account,
        device: signed.device,
    };
    let shared = (engine.watermark().clone(), engine.metrics().clone());
    let outgoing = Arc::new(Outgoing::new(peer, engine.epoch(), machine, writer, shared));
    // Live first, heads second: what comes between is pushed, what came before is listed.
    engine.hub().register(outgoing.clone());
    let listing = ready(gateway, &outgoing, &hello).await;
    // The session may have been ended between the check of its token and the registration.
    if engine.accounts().authenticate(&hello.token).is_err() {
        outgoing.revoke();
    }
    Ok((outgoing, listing))
}

/// Answers `hello` with the first page of the listing.
async fn ready(gateway: &Gateway, outgoing: &Arc<Outgoing>, hello: &Hello) -> Option<Listing> {
    let engine = &gateway.engine;
    let peer = outgoing.peer();
    let since = hello.cursor.filter(|cursor| engine.covers(*cursor)).map(|cursor| cursor.position);
    let listed = async {
        let mut listing = engine.list(peer.account, since).await?;
        let page = engine.next_page(&mut listing, limits::PAGE_HEADS_DEFAULT).await?;
        Ok::<(Listing, FirstPage), Refusal>((listing, page))
    };
    let (listing, page) = match listed.await {
        Ok(listed) => listed,
        Err(refusal) => {
            let error = parlance_engine::reply::refused(None, &refusal);
            outgoing.send(wire::encode(&ServerFrame::Error(error)));
            outgoing.close(wire::goodbye(&Bye {
                code: CloseCode::Overloaded,
                retry_after_ms: Some(1_000),
                spread_ms: Some(1_000),
            }));
            return None;
        }
    };
    let first = Page { position: listing.position(), more: page.more.is_some() };
    let ready = Ready {
        connection: peer.connection,
        session: peer.session,
        account: peer.account,
        device: peer.device,
        node: gateway.config.node.clone(),
        epoch: engine.epoch(),
        heartbeat_ms: gateway.config.heartbeat.as_millis() as u64,
        now: engine.clock().now(),
        resumed: since.is_some(),
        listing: page,
    };
    let authenticated = Input::Authenticated { resumed: since, listing: first };
    outgoing.greet(wire::encode(&ServerFrame::Ready(Box::new(ready))), authenticated);
    first.more.then_some(listing)
}
