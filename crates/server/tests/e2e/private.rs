//! What tests say to servers and hear from them that no log may hold; every log is searched for it when its data directory goes.

use std::collections::HashMap;
use std::sync::LazyLock;

use parking_lot::Mutex;
use serde_json::Value;

/// Shorter values could stand in a log by chance.
const LEAST: usize = 10;
/// Where a search begins.
const BEGIN: usize = 8;

type Known = HashMap<[u8; BEGIN], Vec<String>>;

static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);

/// Takes note of what is private in a frame, a body or an answer.
pub(crate) fn note(value: &Value) {
    match value {
        Value::Array(values) => values.iter().for_each(note),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(text) if is_private(name) => note_text(text),
                    _ => note(value),
                }
            }
        }
        _ => {}
    }
}

fn is_private(name: &str) -> bool {
    ["text", "name", "title", "draft", "about", "ticket", "description"].contains(&name)
        || name.contains("password")
        || name.contains("token")
}

pub(crate) fn note_text(text: &str) {
    // What of it is on one line of a log is enough.
    let text: String = text.chars().take_while(|c| !c.is_control()).take(80).collect();
    let Some(begin) = text.as_bytes().first_chunk::<BEGIN>() else { return };
    if text.len() < LEAST {
        return;
    }
    let mut known = KNOWN.lock();
    let same = known.entry(*begin).or_default();
    if !same.contains(&text) {
        same.push(text);
    }
}

/// The first line of a log that says what is private, with what that is.
pub(crate) fn found_in(log: &[u8]) -> Option<(String, String)> {
    let known = KNOWN.lock();
    let mut begins = vec![false; 1 << 16];
    for begin in known.keys() {
        begins[usize::from(u16::from_be_bytes([begin[0], begin[1]]))] = true;
    }
    for (at, window) in log.windows(BEGIN).enumerate() {
        if !begins[usize::from(u16::from_be_bytes([window[0], window[1]]))] {
            continue;
        }
        let begin = window.first_chunk::<BEGIN>().expect("as long as that");
        let text = known.get(begin).into_iter().flatten();
        if let Some(text) = text.into_iter().find(|text| log[at..].starts_with(text.as_bytes())) {
            let start = log[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            let line = log[start..].split(|byte| *byte == b'\n').next().unwrap_or_default();
            return Some((text.clone(), String::from_utf8_lossy(line).into_owned()));
        }
    }
    None
}
