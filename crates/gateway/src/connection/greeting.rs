//! From a checked first frame to `ready`: the connection registers, is listed and told, whichever door it came through.

use std::sync::Arc;

use parlance_core::Refusal;
use parlance_core::connection::{Connection, Door, Input, Output, Page};
use parlance_engine::outlet::{Outlet, Peer};
use parlance_engine::{Listing, random};
use parlance_types::frame::{Bye, ClientFrame, Hello, Listing as FirstPage, Ready, ServerFrame};
use parlance_types::{CloseCode, Code, ConnectionId, limits};

use super::now_ms;
use super::queue::{Line, Outgoing};
use super::requests::Requests;
use super::wire::{self, Wire};
use crate::Gateway;

/// Closes a connection that is not let in. `None`: it is closed already.
pub(crate) fn turned_away(machine: &mut Connection, code: CloseCode) -> Option<Bye> {
    match machine.handle(now_ms(), Input::TurnedAway(code)) {
        Output::Close(bye) => Some(bye),
        _ => None,
    }
}

/// A connection that has proved who it is: registered, listed and told. `Err`: it has not, and gets its line back.
pub(crate) async fn greet(
    gateway: &Gateway,
    hello: Hello,
    mut machine: Connection,
    (line, wire): (Line, Wire),
) -> Result<(Arc<Outgoing>, Option<Listing>), (Option<Bye>, Line)> {
    let engine = &gateway.engine;
    let signed = match engine.accounts().authenticate(&hello.token) {
        Ok(signed) => signed,
        Err(code) => {
            engine.metrics().refused(code);
            let why = match code {
                Code::SessionRevoked => CloseCode::SessionRevoked,
                _ => CloseCode::Unauthenticated,
            };
            return Err((turned_away(&mut machine, why), line));
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
    let outgoing = Arc::new(Outgoing::new(peer, engine.epoch(), machine, (line, wire), shared));
    // Before anybody sees the connection: who wants to be invisible is not seen for a moment.
    if let Some(presence) = &hello.presence {
        engine.say_presence(peer, presence);
    }
    // Live first, heads second: what comes between is pushed, what came before is listed.
    engine.hub().register(outgoing.clone());
    let listing = ready(gateway, &outgoing, &hello).await;
    // The session may have been ended between the check of its token and the registration.
    if engine.accounts().authenticate(&hello.token).is_err() {
        outgoing.revoke();
    }
    Ok((outgoing, listing))
}

/// As [`greet`], for a door whose frames go into answers and whose request was the `hello`.
pub(crate) async fn admit(
    gateway: &Gateway,
    door: Door,
    hello: Hello,
) -> Result<Requests, Option<Bye>> {
    let heartbeat_ms = gateway.config.heartbeat.as_millis() as u64;
    let mut machine = Connection::new(door, now_ms(), heartbeat_ms);
    let first = Input::Frame(ClientFrame::Hello(hello));
    let Output::Authenticate(hello) = machine.handle(now_ms(), first) else { return Err(None) };
    match greet(gateway, hello, machine, (Line::Answer, Wire::Json)).await {
        Ok((outgoing, listing)) => Ok(Requests::new(gateway.engine.clone(), outgoing, listing)),
        Err((bye, _)) => Err(bye),
    }
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
            outgoing.send(outgoing.encode(&ServerFrame::Error(error)));
            outgoing.close(wire::goodbye(
                outgoing.wire(),
                &Bye {
                    code: CloseCode::Overloaded,
                    retry_after_ms: Some(1_000),
                    spread_ms: Some(1_000),
                },
            ));
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
    outgoing.greet(outgoing.encode(&ServerFrame::Ready(Box::new(ready))), authenticated);
    engine.tell_presence(&**outgoing);
    first.more.then_some(listing)
}
