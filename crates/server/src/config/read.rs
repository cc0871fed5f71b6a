//! Reading sections of a TOML table key by key, so that one wrong key hides no other.

use serde::de::DeserializeOwned;
use toml::{Table, Value};

const PREFIX: &str = "PARLANCE__";

/// A section that is being read: keys are taken out one by one, and what is left is unknown.
pub(super) struct Section<'p> {
    path: String,
    table: Table,
    known: Vec<&'static str>,
    problems: &'p mut Vec<String>,
}

impl<'p> Section<'p> {
    pub(super) fn new(path: &str, table: Table, problems: &'p mut Vec<String>) -> Self {
        Self { path: path.to_owned(), table, known: Vec::new(), problems }
    }

    fn full(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The value of `key`, or `default` where it is absent or wrong (which is reported).
    pub(super) fn value<T: DeserializeOwned>(&mut self, key: &'static str, default: T) -> T {
        self.known.push(key);
        let Some(value) = self.table.remove(key) else { return default };
        value.try_into().unwrap_or_else(|error: toml::de::Error| {
            let name = self.full(key);
            self.problems.push(format!("{name}: {}", wish(error.message())));
            default
        })
    }

    /// The values of the list `key`, each read by `parse`; `wanted` says what was expected.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        wanted: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let texts = self.value(key, Vec::<String>::new());
        let mut values = Vec::with_capacity(texts.len());
        for text in texts {
            match parse(&text) {
                Some(value) => values.push(value),
                None => {
                    let name = self.full(key);
                    self.problems.push(format!("{name}: {text:?} is not {wanted}"));
                }
            }
        }
        values
    }

    /// The section `key` within this one.
    pub(super) fn section<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'_>) -> T,
    ) -> T {
        self.known.push(key);
        let path = self.full(key);
        let table = match self.table.remove(key) {
            None => Table::new(),
            Some(Value::Table(table)) => table,
            Some(_) => {
                self.problems.push(format!("{path}: expected a section"));
                Table::new()
            }
        };
        let mut section = Section::new(&path, table, self.problems);
        let value = read(&mut section);
        section.finish();
        value
    }

    /// Reports every key that nobody asked for.
    pub(super) fn finish(&mut self) {
        for key in std::mem::take(&mut self.table).keys() {
            let name = self.full(key);
            let nearest = self.known.iter().min_by_key(|known| distance(known, key));
            let hint = nearest.map(|known| format!(", did you mean {known}?")).unwrap_or_default();
            self.problems.push(format!("{name}: unknown key{hint}"));
        }
    }
}

/// What was expected, in words for people.
fn wish(message: &str) -> &str {
    match message.rsplit_once("expected ") {
        Some((_, "u16" | "u32" | "u64" | "usize")) => {
            "expected a whole number that is not negative"
        }
        Some((_, "a string" | "path string")) => "expected text",
        _ if message.contains("socket address") => {
            "expected an address and a port, such as 127.0.0.1:8080"
        }
        _ => message,
    }
}

/// Puts `PARLANCE__SECTION__KEY=value` over the table. A value is TOML where it reads as such, else text.
pub(super) fn overlay(table: &mut Table, environment: impl IntoIterator<Item = (String, String)>) {
    for (name, value) in environment {
        let Some(path) = name.strip_prefix(PREFIX) else { continue };
        let path = path.to_ascii_lowercase();
        let mut keys: Vec<&str> = path.split("__").collect();
        let Some(last) = keys.pop() else { continue };
        let mut section = &mut *table;
        for key in keys {
            let entry = section.entry(key).or_insert_with(|| Value::Table(Table::new()));
            if !entry.is_table() {
                *entry = Value::Table(Table::new());
            }
            section = entry.as_table_mut().expect("made a table just now");
        }
        let parsed = format!("value = {value}")
            .parse::<Table>()
            .ok()
            .and_then(|mut table| table.remove("value"));
        section.insert(last.to_owned(), parsed.unwrap_or(Value::String(value)));
    }
}

/// Edits between two short words (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let next = (diagonal + usize::from(x != y)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], next);
        }
    }
    row[b.len()]
}
