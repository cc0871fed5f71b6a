//! Every case of the Autobahn suite that concerns a decoder, by its categories, and an independent peer.
//!
//! Each case runs as server and as client, whole, byte by byte, and cut in two at every place: what comes out must
//! be the same. Frames are built by `script`, which shares no code with the crate.

mod close;
mod deflate;
mod encoder;
mod fragments;
mod framing;
mod fuzz;
mod handshake;
mod limits;
mod peer;
mod script;
mod text;
