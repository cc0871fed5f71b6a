//! From a message to the JSON that says the same. Fields without a number in the schema are left out, as unknown ones are.

use parlance_types::{AccountId, Hash, limits};

use super::schema::{Field, Message, Shape, Type};
use super::wire::{Malformed, Raw, next};
use super::write::FRAMES;

/// What is not known here, as JSON that is not known either.
const UNKNOWN_FRAME: &str = "{\"?\":{}}";
const UNKNOWN_KIND: &str = "{\"kind\":\"?\"}";

/// The frames of a message: one, or an array of them.
pub(super) fn message(schema: &Message, bytes: &[u8]) -> Result<String, Malformed> {
    let mut input = bytes;
    let (mut text, mut count) = (String::from("["), 0);
    while let Some((field, raw)) = next(&mut input)? {
        if field != FRAMES {
            continue;
        }
        let Raw::Bytes(frame) = raw else { return Err(Malformed) };
        count += 1;
        if count > 1 {
            text.push(',');
        }
        if count > limits::FRAMES_MAX {
            // One too many says it all.
            text.push_str(UNKNOWN_FRAME);
            break;
        }
        object(schema, frame, 0, &mut text)?;
    }
    if count == 1 {
        text.remove(0);
    } else {
        text.push(']');
    }
    Ok(text)
}

fn object(
    schema: &Message,
    mut input: &[u8],
    depth: usize,
    out: &mut String,
) -> Result<(), Malformed> {
    if depth > limits::DEPTH_MAX {
        return Err(Malformed);
    }
    let mut found = Vec::new();
    while let Some((number, raw)) = next(&mut input)? {
        if let Some(field) = schema.fields.iter().find(|field| field.number == number) {
            found.push((field, raw));
        }
    }
    match schema.shape {
        Shape::Fields => {
            out.push('{');
            let mut first = true;
            members(schema, &found, depth, &mut first, out)?;
            out.push('}');
        }
        Shape::Named => match found.last() {
            None => out.push_str(UNKNOWN_FRAME),
            Some((field, raw)) => {
                out.push('{');
                name(field.name, out);
                value(field, *raw, depth, out)?;
                out.push('}');
            }
        },
        Shape::Kinded => match found.last() {
            None => out.push_str(UNKNOWN_KIND),
            Some((field, Raw::Bytes(bytes))) => kinded(field, bytes, depth, out)?,
            Some(_) => return Err(Malformed),
        },
    }
    Ok(())
}

/// A body: the fields of its kind beside the kind's name.
fn kinded(
    field: &Field,
    mut input: &[u8],
    depth: usize,
    out: &mut String,
) -> Result<(), Malformed> {
    let Type::Is(schema) = &field.of else { return Err(Malformed) };
    let mut found = Vec::new();
    while let Some((number, raw)) = next(&mut input)? {
        if let Some(field) = schema.fields.iter().find(|field| field.number == number) {
            found.push((field, raw));
        }
    }
    out.push('{');
    name("kind", out);
    string(field.name, out);
    let mut first = false;
    members(schema, &found, depth + 1, &mut first, out)?;
    out.push('}');
    Ok(())
}

/// The members of an object: of a field that came twice the last, of one that may come often all.
fn members(
    schema: &Message,
    found: &[(&Field, Raw<'_>)],
    depth: usize,
    first: &mut bool,
    out: &mut String,
) -> Result<(), Malformed> {
    for field in schema.fields {
        let mut values = found.iter().filter(|(of, _)| of.number == field.number).map(|it| it.1);
        let table = matches!(field.of, Type::Table);
        if field.many || table {
            separate(first, out);
            name(field.name, out);
            out.push(if table { '{' } else { '[' });
            for (index, raw) in values.enumerate() {
                if index > 0 {
                    out.push(',');
                }
                value(field, raw, depth, out)?;
            }
            out.push(if table { '}' } else { ']' });
        } else if let Some(raw) = values.next_back() {
            separate(first, out);
            name(field.name, out);
            value(field, raw, depth, out)?;
        }
    }
    Ok(())
}

fn value(field: &Field, raw: Raw<'_>, depth: usize, out: &mut String) -> Result<(), Malformed> {
    match (&field.of, raw) {
        (Type::Text, Raw::Bytes(bytes)) => {
            string(std::str::from_utf8(bytes).map_err(|_| Malformed)?, out);
        }
        (Type::Flag, Raw::Number(number)) => {
            out.push_str(if number == 0 { "false" } else { "true" });
        }
        (Type::Number, Raw::Number(number)) => out.push_str(itoa::Buffer::new().format(number)),
        // What is no id is refused where ids are read, by its name.
        (Type::Id, Raw::Bytes(bytes)) => match bytes.try_into() {
            Ok(id) => string(AccountId::from_bytes(id).encode_text(&mut [0; 36]), out),
            Err(_) => string("?", out),
        },
        (Type::Hash, Raw::Bytes(bytes)) => match bytes.try_into() {
            Ok(hash) => string(Hash::from_bytes(hash).encode_text(&mut [0; 32]), out),
            Err(_) => string("?", out),
        },
        (Type::Table, Raw::Bytes(entry)) => entry_of_table(entry, out)?,
        (Type::Is(schema), Raw::Bytes(bytes)) => object(schema, bytes, depth + 1, out)?,
        _ => return Err(Malformed),
    }
    Ok(())
}

fn entry_of_table(mut input: &[u8], out: &mut String) -> Result<(), Malformed> {
    let (mut key, mut number) = ("", 0);
    while let Some((field, raw)) = next(&mut input)? {
        match (field, raw) {
            (1, Raw::Bytes(bytes)) => key = std::str::from_utf8(bytes).map_err(|_| Malformed)?,
            (2, Raw::Number(value)) => number = value,
            _ => {}
        }
    }
    name(key, out);
    out.push_str(itoa::Buffer::new().format(number));
    Ok(())
}

fn separate(first: &mut bool, out: &mut String) {
    if !std::mem::replace(first, false) {
        out.push(',');
    }
}

fn name(text: &str, out: &mut String) {
    string(text, out);
    out.push(':');
}

fn string(text: &str, out: &mut String) {
    out.push_str(&serde_json::to_string(text).expect("a text can be written as JSON"));
}
