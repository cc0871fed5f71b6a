//! From the JSON of a frame to a message. What the schema has no number for is left out.

use bytes::BytesMut;
use parlance_types::{AccountId, Hash};
use serde_json::Value;

use super::schema::{Field, Message, Shape, Type};
use super::wire::{put_bytes, put_number};

/// The field of a message that holds a frame.
pub(super) const FRAMES: u32 = 1;

/// Writes the frame that `text` says as a message of one frame.
pub(super) fn message(schema: &Message, text: &[u8], out: &mut BytesMut) {
    let frame: Value = serde_json::from_slice(text).expect("frames are written as JSON");
    let mut bytes = BytesMut::with_capacity(text.len());
    object(schema, &frame, &mut bytes);
    put_bytes(FRAMES, &bytes, out);
}

/// Writes the fields of the object that `text` says.
pub(super) fn fields(schema: &Message, text: &[u8], out: &mut BytesMut) {
    let value: Value = serde_json::from_slice(text).expect("it was written as JSON");
    object(schema, &value, out);
}

fn object(schema: &Message, value: &Value, out: &mut BytesMut) {
    match schema.shape {
        Shape::Fields | Shape::Named => {
            for field in schema.fields {
                if let Some(value) = value.get(field.name) {
                    put(field, value, out);
                }
            }
        }
        Shape::Kinded => {
            let kind = value.get("kind").and_then(Value::as_str);
            let field = schema.fields.iter().find(|field| Some(field.name) == kind);
            if let Some(field) = field {
                // Its fields stand beside the kind.
                put(field, value, out);
            }
        }
    }
}

fn put(field: &Field, value: &Value, out: &mut BytesMut) {
    match value {
        Value::Array(values) if field.many => {
            for value in values {
                single(field, value, out);
            }
        }
        value => single(field, value, out),
    }
}

fn single(field: &Field, value: &Value, out: &mut BytesMut) {
    match (&field.of, value) {
        (Type::Text, Value::String(text)) => put_bytes(field.number, text.as_bytes(), out),
        (Type::Flag, Value::Bool(flag)) => put_number(field.number, u64::from(*flag), out),
        (Type::Number, Value::Number(number)) => {
            if let Some(number) = number.as_u64() {
                put_number(field.number, number, out);
            }
        }
        (Type::Id, Value::String(text)) => {
            // All ids have one form.
            if let Ok(id) = text.parse::<AccountId>() {
                put_bytes(field.number, id.as_bytes(), out);
            }
        }
        (Type::Hash, Value::String(text)) => {
            if let Ok(hash) = text.parse::<Hash>() {
                put_bytes(field.number, hash.as_bytes(), out);
            }
        }
        (Type::Table, Value::Object(table)) => {
            for (name, value) in table {
                let mut entry = BytesMut::new();
                put_bytes(1, name.as_bytes(), &mut entry);
                put_number(2, value.as_u64().unwrap_or_default(), &mut entry);
                put_bytes(field.number, &entry, out);
            }
        }
        (Type::Is(schema), Value::Object(_)) => {
            let mut bytes = BytesMut::new();
            object(schema, value, &mut bytes);
            put_bytes(field.number, &bytes, out);
        }
        _ => {}
    }
}
