//! An event stream read by hand, byte for byte as it comes.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::harness::{PATIENCE, Person, Server};

/// An open event stream.
pub(crate) struct Events {
    stream: TcpStream,
    /// What came of the body and is no whole event yet.
    text: String,
    raw: Vec<u8>,
    ended: bool,
    /// The last `id` and the last `retry`.
    pub(crate) id: Option<String>,
    pub(crate) retry: Option<u64>,
}

impl Server {
    /// Opens an event stream that goes on at `last`.
    pub(crate) fn events(&self, person: &Person, last: Option<&str>) -> Events {
        let last = last.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        let headers = format!("Authorization: Bearer {}\r\n{last}", person.token);
        self.events_with("/v1/events", &headers).expect("a stream")
    }

    /// Opens an event stream. `Err`: the answer's status.
    pub(crate) fn events_with(&self, path: &str, headers: &str) -> Result<Events, u16> {
        let mut stream = TcpStream::connect(&self.address).expect("connected");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let request = format!("GET {path} HTTP/1.1\r\nHost: parlance\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).expect("written");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("a head");
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).expect("UTF-8");
        let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
        if status != 200 {
            return Err(status);
        }
        assert!(head.to_lowercase().contains("content-type: text/event-stream"), "{head}");
        let (text, raw) = (String::new(), Vec::new());
        Ok(Events { stream, text, raw, ended: false, id: None, retry: None })
    }
}

impl Events {
    /// The next frame. `None`: the stream ended.
    pub(crate) fn next(&mut self) -> Option<Value> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                if let Some(frame) = self.block(&block) {
                    return Some(frame);
                }
            }
            if self.ended {
                return None;
            }
            self.read();
        }
    }

    fn block(&mut self, block: &str) -> Option<Value> {
        let mut frame = None;
        for line in block.lines() {
            match line.split_once(": ").expect("a field") {
                ("data", json) => frame = Some(serde_json::from_str(json).expect("JSON")),
                ("id", id) => self.id = Some(id.to_owned()),
                ("retry", ms) => self.retry = Some(ms.parse().expect("a number")),
                other => panic!("{other:?}"),
            }
        }
        frame
    }

    /// Reads what is there and takes whole chunks out of it.
    fn read(&mut self) {
        let mut buffer = [0; 16 * 1024];
        let count = self.stream.read(&mut buffer).expect("read");
        self.ended = count == 0;
        self.raw.extend_from_slice(&buffer[..count]);
        while let Some(end) = self.raw.windows(2).position(|bytes| bytes == b"\r\n") {
            let size = std::str::from_utf8(&self.raw[..end]).expect("ASCII");
            let size = usize::from_str_radix(size, 16).expect("a size");
            let (from, to) = (end + 2, end + 2 + size);
            if self.raw.len() < to + 2 {
                return;
            }
            self.ended |= size == 0;
            self.text.push_str(std::str::from_utf8(&self.raw[from..to]).expect("whole events"));
            self.raw.drain(..to + 2);
        }
    }

    /// The next frame named `name`; those before it are dropped.
    pub(crate) fn expect(&mut self, name: &str) -> Value {
        self.expect_where(name, |_| true)
    }

    pub(crate) fn expect_where(&mut self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let frame = self.next().unwrap_or_else(|| panic!("ended while waiting for {name}"));
            if frame.get(name).is_some_and(&wanted) {
                return frame[name].clone();
            }
        }
    }
}
