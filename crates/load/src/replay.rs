//! Recorded conversations: lines `[HH:MM] <nick> text`, and annotations that link lines. Reads files, knows nothing of servers.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::LoadError;

/// One conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Log {
    pub(crate) name: String,
    /// In order of their first message.
    pub(crate) nicks: Vec<String>,
    pub(crate) messages: Vec<Message>,
    /// Messages without a text, which cannot be sent.
    pub(crate) empty: u64,
    /// Actions, notices and what else is no message.
    pub(crate) other: u64,
}

/// What somebody said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// Which of the nicks.
    pub(crate) nick: usize,
    /// Byte for byte as in the file.
    pub(crate) text: String,
    /// Which of the messages it answers.
    pub(crate) reply_to: Option<usize>,
}

/// Reads logs, each with the annotations that are named like it.
pub(crate) fn read(files: &[PathBuf]) -> Result<Vec<Log>, LoadError> {
    let annotations: HashMap<String, &PathBuf> =
        files.iter().filter(|path| is_annotation(path)).map(|path| (stem(path), path)).collect();
    let mut logs = Vec::new();
    for path in files.iter().filter(|path| !is_annotation(path)) {
        let name = path.display().to_string();
        let text = text_of(path)?;
        let mut links = Vec::new();
        if let Some(annotation) = annotations.get(&stem(path)) {
            links = parse_links(&annotation.display().to_string(), &text_of(annotation)?)?;
        }
        logs.push(parse(&name, &text, &links));
    }
    Ok(logs)
}

fn text_of(path: &Path) -> Result<String, LoadError> {
    String::from_utf8(fs::read(path)?).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        let file = path.display().to_string();
        LoadError::Line { file, line, what: "is not UTF-8".to_owned() }
    })
}

fn is_annotation(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(".annotation.txt"))
}

/// What a log and its annotations have in common.
fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let cut = [".annotation.txt", ".raw.txt", ".ascii.txt", ".txt"];
    let stem = cut.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    path.with_file_name(stem).display().to_string()
}

/// `links` are pairs of line numbers from 0.
pub(crate) fn parse(name: &str, text: &str, links: &[(usize, usize)]) -> Log {
    let mut log = Log { name: name.to_owned(), ..Log::default() };
    let mut nicks: HashMap<&str, usize> = HashMap::new();
    // Which message a line is.
    let mut by_line: HashMap<usize, usize> = HashMap::new();
    for (number, line) in lines(text).enumerate() {
        let Some((nick, text)) = message(line) else {
            log.other += u64::from(!line.is_empty());
            continue;
        };
        if text.is_empty() {
            log.empty += 1;
            continue;
        }
        let nick = *nicks.entry(nick).or_insert_with(|| {
            log.nicks.push(nick.to_owned());
            log.nicks.len() - 1
        });
        by_line.insert(number, log.messages.len());
        log.messages.push(Message { nick, text: text.to_owned(), reply_to: None });
    }
    for &(a, b) in links {
        // Links to lines that are no messages, and of a line to itself, say nothing.
        let (Some(&a), Some(&b)) = (by_line.get(&a), by_line.get(&b)) else { continue };
        let (earlier, later) = (a.min(b), a.max(b));
        if earlier < later {
            let reply_to = &mut log.messages[later].reply_to;
            *reply_to = (*reply_to).max(Some(earlier));
        }
    }
    log
}

/// Lines end with a line feed and nothing else; what else looks like an end belongs to the text.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.strip_suffix('\n').unwrap_or(text).split('\n')
}

/// Nick and text of `[HH:MM] <nick> text`.
fn message(line: &str) -> Option<(&str, &str)> {
    let bytes = line.as_bytes();
    let [b'[', h1, h2, b':', m1, m2, b']', b' ', b'<', ..] = bytes else { return None };
    if ![h1, h2, m1, m2].into_iter().all(u8::is_ascii_digit) {
        return None;
    }
    let (nick, text) = line[9..].split_once('>')?;
    if nick.is_empty() {
        return None;
    }
    match text.strip_prefix(' ') {
        Some(text) => Some((nick, text)),
        // Nothing was said.
        None if text.is_empty() => Some((nick, text)),
        None => None,
    }
}

/// Lines `a b -`.
fn parse_links(file: &str, text: &str) -> Result<Vec<(usize, usize)>, LoadError> {
    let mut links = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let mut words = line.split_ascii_whitespace();
        let pair = (words.next().map(str::parse), words.next().map(str::parse));
        let (Some(Ok(a)), Some(Ok(b))) = pair else {
            let (file, line) = (file.to_owned(), number + 1);
            return Err(LoadError::Line { file, line, what: "is no link".to_owned() });
        };
        links.push((a, b));
    }
    Ok(links)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "=== ann has joined #here\n\
        [12:18] <ann> hello\n\
        [12:18] <bob|away>  two > spaces > kept \n\
        [12:19] * bob waves\n\
        [12:19] <ann> \n\
        [12:20] <ann>\n\
        [12:20] <bob|away> what?\r\n\
        [1:20] <ann> no time\n\
        [12:21] <> nobody\n\
        [12:22] <ann> last";

    fn log(links: &[(usize, usize)]) -> Log {
        parse("log", TEXT, links)
    }

    #[test]
    fn messages_are_the_lines_with_time_nick_and_text() {
        let log = log(&[]);
        let texts: Vec<&str> = log.messages.iter().map(|m| m.text.as_str()).collect();
        assert_eq!(texts, ["hello", " two > spaces > kept ", "what?\r", "last"]);
        assert_eq!(log.nicks, ["ann", "bob|away"]);
        assert_eq!(log.messages.iter().map(|m| m.nick).collect::<Vec<_>>(), [0, 1, 1, 0]);
        assert_eq!((log.empty, log.other), (2, 4));
    }

    #[test]
    fn a_reply_goes_to_the_nearest_earlier_linked_message() {
        let replies = |links: &[(usize, usize)]| -> Vec<Option<usize>> {
            log(links).messages.iter().map(|m| m.reply_to).collect()
        };
        assert_eq!(replies(&[(1, 6), (2, 6)])[2], Some(1), "the nearest");
        assert_eq!(replies(&[(6, 1)])[2], Some(0), "however the link is written");
        assert_eq!(replies(&[(6, 6)])[2], None, "a self-link starts a thread");
        assert_eq!(replies(&[(3, 6), (0, 6), (4, 6)])[2], None, "lines that are no messages");
        assert_eq!(replies(&[(3, 6), (1, 6)])[2], Some(0), "beside one that is");
        assert_eq!(replies(&[(9, 1_000)])[3], None, "beyond the end");
    }

    #[test]
    fn logs_find_their_annotations() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let files = [
            write("a.raw.txt", "[00:00] <x> 1\n[00:00] <y> 2\n"),
            write("b.ascii.txt", "[00:00] <x> 1\n[00:00] <y> 2\n"),
            write("a.annotation.txt", "0 1 -\n"),
        ];
        let logs = read(&files).unwrap();
        assert_eq!(logs.len(), 2);
        assert_eq!(logs[0].messages[1].reply_to, Some(0));
        assert_eq!(logs[1].messages[1].reply_to, None);
        let bad = write("b.annotation.txt", "0 1 -\nx\n");
        assert!(matches!(
            read(&[bad.clone(), files[1].clone()]),
            Err(LoadError::Line { line: 2, .. })
        ));
        fs::write(&bad, b"\xff").unwrap();
        assert!(matches!(read(&[bad, files[1].clone()]), Err(LoadError::Line { line: 1, .. })));
    }

    #[test]
    fn the_excerpt_of_a_real_log_is_read_whole() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/irc");
        let file = |name: &str| folder.join(name);
        let log = &read(&[file("2009-02-23_10.raw.txt"), file("2009-02-23_10.annotation.txt")])
            .unwrap()[0];
        let text = fs::read_to_string(file("2009-02-23_10.raw.txt")).unwrap();
        let lines = text.lines().count() as u64;
        assert_eq!(log.messages.len() as u64 + log.empty + log.other, lines);
        assert!(log.messages.iter().any(|message| message.reply_to.is_some()));
        let replies = log.messages.iter().enumerate().filter_map(|(k, m)| Some((k, m.reply_to?)));
        assert!(replies.into_iter().all(|(answer, question)| question < answer));
    }
}
