//! Scripts of frames, what must come out of them, and the checks that compare the two.

use parlance_websocket::{Close, Decoder, Input, Limits, Message, Role};

pub(crate) const FIN: u8 = 0x80;
pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xa;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
/// Cutting long scripts at every place would take the square of their length.
const EVERY_CUT_BYTES_MAX: usize = 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
    /// The error's close code; nothing may follow.
    Fail(u16),
}

/// A frame before it is laid out for one of the roles: first byte as on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) first: u8,
    pub(crate) payload: Vec<u8>,
}

pub(crate) fn frame(first: u8, payload: impl AsRef<[u8]>) -> Frame {
    Frame { first, payload: payload.as_ref().to_vec() }
}

pub(crate) fn text(text: &str) -> Event {
    Event::Text(text.to_owned())
}

/// Checks a script in both roles under limits that it does not reach.
pub(crate) fn check(frames: &[Frame], expected: &[Event]) {
    check_within(LIMITS, frames, expected);
}

pub(crate) const LIMITS: Limits = Limits { message_bytes_max: 16 << 20, fragments_max: 1 << 20 };

pub(crate) fn check_within(limits: Limits, frames: &[Frame], expected: &[Event]) {
    for reader in [Role::Server, Role::Client] {
        let bytes = wire(reader, frames);
        check_bytes(reader, limits, &bytes, expected);
    }
}

pub(crate) fn check_bytes(reader: Role, limits: Limits, bytes: &[u8], expected: &[Event]) {
    let check = |how: &str, pieces: &mut dyn Iterator<Item = &[u8]>| {
        let got = run(reader, limits, pieces);
        assert!(got == expected, "{reader:?}, {how}: {} for {}", brief(&got), brief(expected));
    };
    check("whole", &mut std::iter::once(bytes));
    check("byte by byte", &mut bytes.chunks(1));
    let step = if bytes.len() <= EVERY_CUT_BYTES_MAX { 1 } else { bytes.len() / 16 };
    let ends = (0..bytes.len().min(32)).chain(bytes.len().saturating_sub(32)..bytes.len());
    for cut in ends.chain((0..bytes.len()).step_by(step)) {
        let (front, back) = bytes.split_at(cut);
        check(&format!("cut at {cut}"), &mut [front, back].into_iter());
    }
}

/// Feeds `bytes` one at a time: the failure comes with the byte at `position` and not before.
pub(crate) fn check_fails_at(reader: Role, bytes: &[u8], position: usize, code: u16) {
    let mut decoder = Decoder::new(reader, LIMITS);
    for (index, byte) in bytes.iter().enumerate() {
        let mut events = Vec::new();
        feed(&mut decoder, &[*byte], &mut events);
        let failed = events.contains(&Event::Fail(code));
        assert_eq!(failed, index == position, "{bytes:02x?}: byte {index}, {events:?}");
        if failed {
            return;
        }
    }
    panic!("{bytes:02x?} did not fail");
}

pub(crate) fn run(
    reader: Role,
    limits: Limits,
    pieces: &mut dyn Iterator<Item = &[u8]>,
) -> Vec<Event> {
    let mut decoder = Decoder::new(reader, limits);
    let mut events = Vec::new();
    for piece in pieces {
        feed(&mut decoder, piece, &mut events);
    }
    events
}

/// One read of a connection.
pub(crate) fn feed(decoder: &mut Decoder, piece: &[u8], events: &mut Vec<Event>) {
    let mut buffer = piece.to_vec();
    let mut input = Input::new(&mut buffer);
    loop {
        match decoder.next(&mut input) {
            Ok(Some(message)) => events.push(Event::from(message)),
            Ok(None) => break,
            Err(error) => events.push(Event::Fail(error.close_code().get())),
        }
    }
    assert!(input.is_empty(), "a connection has nowhere to keep what is left");
}

pub(crate) fn wire(reader: Role, frames: &[Frame]) -> Vec<u8> {
    let mut out = Vec::new();
    for Frame { first, payload } in frames {
        let (short, long) = match payload.len() {
            length @ ..=125 => (length as u8, Vec::new()),
            length @ ..=0xffff => (126, (length as u16).to_be_bytes().to_vec()),
            length => (127, (length as u64).to_be_bytes().to_vec()),
        };
        out.push(*first);
        match reader {
            Role::Client => {
                out.push(short);
                out.extend(long);
                out.extend(payload);
            }
            Role::Server => {
                out.push(short | 0x80);
                out.extend(long);
                out.extend(KEY);
                out.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
            }
        }
    }
    out
}

impl From<Message<'_>> for Event {
    fn from(message: Message<'_>) -> Self {
        match message {
            Message::Text(text) => Self::Text(text.to_owned()),
            Message::Binary(bytes) => Self::Binary(bytes.to_vec()),
            Message::Ping(bytes) => Self::Ping(bytes.to_vec()),
            Message::Pong(bytes) => Self::Pong(bytes.to_vec()),
            Message::Close(close) => {
                Self::Close(close.map(|Close { code, reason }| (code.get(), reason.to_owned())))
            }
        }
    }
}

fn brief(events: &[Event]) -> String {
    format!("{events:?}").chars().take(400).collect()
}
