//! `GET /v1/socket`: the upgrade, and what follows it.

mod hello;
mod link;
mod live;

use std::cell::RefCell;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use parlance_core::connection::Door;
use parlance_types::frame::ErrorFrame;
use parlance_types::{Code, limits};
use parlance_websocket::{Decoder, Limits, Role, handshake};

use crate::Gateway;
use crate::connection::Wire;
use crate::http::ApiError;

pub(crate) use link::Writer;

/// The subprotocols that this server speaks.
const PROTOCOLS: &[&str] = &[JSON, PROTOBUF];
const JSON: &str = "parlance.v1.json";
const PROTOBUF: &str = "parlance.v1.protobuf";
/// Bytes of a read: they belong to the thread, so an idle connection holds none.
const READ_BYTES: usize = 64 * 1024;
/// Frames that one message may be cut into.
const FRAGMENTS_MAX: u32 = 1_024;

thread_local! {
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into_boxed_slice());
}

/// Answers an upgrade and leaves the connection to a task of its own.
pub(crate) async fn upgrade(State(gateway): State<Gateway>, mut request: Request) -> Response {
    let headers = request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let upgrade = match handshake::check_upgrade(headers, PROTOCOLS) {
        Ok(handshake::Upgrade { accept, protocol: Some(protocol), deflate }) => {
            (accept, protocol, deflate)
        }
        Ok(_) => {
            return ask_for_upgrade(
                "header Sec-WebSocket-Protocol offers neither parlance.v1.json nor parlance.v1.protobuf",
            );
        }
        Err(error) => return ask_for_upgrade(&error.to_string()),
    };
    let (accept, protocol, deflate) = upgrade;
    let wire = if protocol == PROTOBUF { Wire::SocketProtobuf } else { Wire::SocketJson };
    let wire = wire.deflated(deflate);
    let upgraded = hyper::upgrade::on(&mut request);
    let tasks = gateway.tasks.clone();
    tasks.spawn(async move {
        let link = match upgraded.await {
            Ok(upgraded) => link::split(upgraded),
            Err(error) => return tracing::debug!(%error, "an upgrade did not complete"),
        };
        let Some(link) = link else {
            return tracing::error!("an upgraded connection is of no kind that is listened to");
        };
        gateway.engine.metrics().opened(Door::Socket);
        // Boxed, so that what only opening needs is not carried along for as long as the connection lives.
        if let Some(mut connection) = Box::pin(live::open(&gateway, link, wire)).await {
            connection.run(&gateway).await;
        }
        gateway.engine.metrics().ended(Door::Socket);
    });
    let headers = [
        (header::CONNECTION, "Upgrade"),
        (header::UPGRADE, "websocket"),
        (header::SEC_WEBSOCKET_ACCEPT, accept.as_str()),
        (header::SEC_WEBSOCKET_PROTOCOL, protocol),
    ];
    let mut response = (StatusCode::SWITCHING_PROTOCOLS, headers).into_response();
    if deflate {
        let taken = HeaderValue::from_static(handshake::DEFLATE);
        response.headers_mut().insert(header::SEC_WEBSOCKET_EXTENSIONS, taken);
    }
    response
}

fn ask_for_upgrade(message: &str) -> Response {
    let error = ErrorFrame {
        message: Some(message.into()),
        ..ErrorFrame::new(None, Code::UpgradeRequired)
    };
    let headers = [(header::UPGRADE, "websocket"), (header::SEC_WEBSOCKET_VERSION, "13")];
    (headers, ApiError(error)).into_response()
}

fn decoder(wire: Wire) -> Decoder {
    let decoder = Decoder::new(
        Role::Server,
        Limits { message_bytes_max: limits::FRAME_BYTES_MAX, fragments_max: FRAGMENTS_MAX },
    );
    if wire.inflates() { decoder.with_deflate() } else { decoder }
}
