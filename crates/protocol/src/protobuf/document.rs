//! The schema as a `.proto` file, for authors of clients.

use std::fmt::Write as _;

use super::schema::{CLIENT_FRAME, Field, Message, SERVER_FRAME, Shape, Type};

const HEAD: &str = "\
// The subprotocol parlance.v1.protobuf: what a binary message of the WebSocket holds. Written from the code; what the fields mean is in
// protocol.md, where they have the same names. Ids are the 16 bytes of a UUID, hashes and epochs 16 bytes; kinds of entities, roles and the
// like are texts as there. Every field may be absent; what is not known is to be left alone.
syntax = \"proto3\";

package parlance.v1;

message ClientMessage {
  repeated ClientFrame frames = 1;
}

message ServerMessage {
  repeated ServerFrame frames = 1;
}
";

/// The text of `docs/parlance.proto`.
pub fn document() -> String {
    let mut all: Vec<&Message> = vec![&CLIENT_FRAME, &SERVER_FRAME];
    let mut next = 0;
    while let Some(message) = all.get(next).copied() {
        next += 1;
        for field in message.fields {
            if let Type::Is(of) = field.of
                && all.iter().all(|known| known.name != of.name)
            {
                all.push(of);
            }
        }
    }
    let mut text = HEAD.to_owned();
    for message in all {
        write(message, &mut text).expect("a string takes everything");
    }
    text
}

fn write(message: &Message, out: &mut String) -> std::fmt::Result {
    let Message { name, shape, fields } = message;
    if fields.is_empty() {
        return writeln!(out, "\nmessage {name} {{}}");
    }
    writeln!(out, "\nmessage {name} {{")?;
    let one_of = *shape != Shape::Fields;
    if one_of {
        let what = if *shape == Shape::Named { "frame" } else { "kind" };
        writeln!(out, "  oneof {what} {{")?;
    }
    for field in *fields {
        let indent = if one_of { "    " } else { "  " };
        writeln!(
            out,
            "{indent}{}{} {} = {};",
            label(field, one_of),
            type_of(field),
            field.name,
            field.number
        )?;
    }
    if one_of {
        writeln!(out, "  }}")?;
    }
    writeln!(out, "}}")
}

fn label(field: &Field, one_of: bool) -> &'static str {
    match field.of {
        _ if field.many => "repeated ",
        Type::Table | Type::Is(_) => "",
        _ if one_of => "",
        _ => "optional ",
    }
}

fn type_of(field: &Field) -> &'static str {
    match field.of {
        Type::Text => "string",
        Type::Flag => "bool",
        Type::Number => "uint64",
        Type::Id | Type::Hash => "bytes",
        Type::Table => "map<string, uint64>",
        Type::Is(message) => message.name,
    }
}
