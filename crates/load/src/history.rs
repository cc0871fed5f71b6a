//! A history as JSON lines: what observers were to see, saw and were promised, in the order in which it happened. `verify-order` judges
//! it with the [`Checker`] alone.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write as _};
use std::path::Path;

use parlance_types::{ConversationId, Hash, MessageId};
use serde::{Deserialize, Serialize};

use crate::checker::{Checker, Observer, Sight, Verdict};
use crate::{LoadError, Report};

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Line {
    /// From now on the observer sees every event above `after`.
    Follow {
        observer: Observer,
        conversation: ConversationId,
        after: u64,
    },
    /// It need not come to the end.
    Excuse {
        observer: Observer,
        conversation: ConversationId,
    },
    Saw(SightLine),
    SawAgain(SightLine),
    Acked(SightLine),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SightLine {
    observer: Observer,
    conversation: ConversationId,
    seq: u64,
    message_id: MessageId,
    hash: Hash,
}

/// A checker that keeps a record if it is asked to.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    checker: Checker,
    record: Option<BufWriter<File>>,
    failed: Option<std::io::Error>,
}

impl Judge {
    pub(crate) fn new(record: Option<&Path>) -> Result<Self, LoadError> {
        let record = record.map(File::create).transpose()?.map(BufWriter::new);
        Ok(Self { record, ..Self::default() })
    }

    pub(crate) const fn checker(&self) -> &Checker {
        &self.checker
    }

    pub(crate) fn follow(&mut self, observer: Observer, conversation: ConversationId, after: u64) {
        self.write(|| Line::Follow { observer, conversation, after });
        self.checker.follow(observer, conversation, after);
    }

    pub(crate) fn saw(&mut self, sight: &Sight) {
        self.write(|| Line::Saw(sight.into()));
        self.checker.saw(sight);
    }

    pub(crate) fn saw_again(&mut self, sight: &Sight) {
        self.write(|| Line::SawAgain(sight.into()));
        self.checker.saw_again(sight);
    }

    pub(crate) fn acked(&mut self, sight: &Sight) {
        self.write(|| Line::Acked(sight.into()));
        self.checker.acked(sight);
    }

    /// The judgement; fails if the record could not be written whole.
    pub(crate) fn finish(mut self) -> Result<(Verdict, Vec<String>), LoadError> {
        if let Some(error) = self.failed {
            return Err(error.into());
        }
        if let Some(record) = &mut self.record {
            record.flush()?;
        }
        Ok(self.checker.finish())
    }

    fn write(&mut self, line: impl FnOnce() -> Line) {
        let Some(record) = &mut self.record else { return };
        let written = serde_json::to_writer(&mut *record, &line()).map_err(std::io::Error::from);
        if let Err(error) = written.and_then(|()| record.write_all(b"\n")) {
            self.failed.get_or_insert(error);
        }
    }
}

/// Judges a recorded history.
pub(crate) fn verify(path: &Path) -> Result<Report, LoadError> {
    let name = path.display().to_string();
    let (verdict, faults) = judge(&name, BufReader::new(File::open(path)?))?;
    let mut report = Report::new("verify-order");
    report.sent = verdict.events;
    report.delivered = verdict.sights;
    report.judge((verdict, faults));
    Ok(report)
}

fn judge(name: &str, history: impl BufRead) -> Result<(Verdict, Vec<String>), LoadError> {
    let mut checker = Checker::default();
    for (index, line) in history.lines().enumerate() {
        let line = serde_json::from_str(&line?).map_err(|error| LoadError::Line {
            file: name.to_owned(),
            line: index + 1,
            what: error.to_string(),
        })?;
        match line {
            Line::Follow { observer, conversation, after } => {
                checker.follow(observer, conversation, after);
            }
            Line::Excuse { observer, conversation } => checker.excuse(observer, conversation),
            Line::Saw(sight) => checker.saw(&sight.into()),
            Line::SawAgain(sight) => checker.saw_again(&sight.into()),
            Line::Acked(sight) => checker.acked(&sight.into()),
        }
    }
    Ok(checker.finish())
}

impl From<&Sight> for SightLine {
    fn from(sight: &Sight) -> Self {
        let Sight { observer, conversation, seq, message_id, hash } = *sight;
        Self { observer, conversation, seq, message_id, hash: Hash::from_bytes(hash) }
    }
}

impl From<SightLine> for Sight {
    fn from(line: SightLine) -> Self {
        let SightLine { observer, conversation, seq, message_id, hash } = line;
        Self { observer, conversation, seq, message_id, hash: *hash.as_bytes() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: ConversationId = ConversationId::from_bytes([1; 16]);

    fn recorded(spoil: impl Fn(&str) -> Vec<String>) -> Verdict {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("history.jsonl");
        let mut judge = Judge::new(Some(&path)).unwrap();
        judge.follow(0, HERE, 0);
        judge.follow(1, HERE, 0);
        for seq in 1..=5 {
            let id = MessageId::from_time(seq, [0; 10]);
            let hash = [seq as u8; 16];
            let sight = Sight { observer: 0, conversation: HERE, seq, message_id: id, hash };
            judge.acked(&sight);
            judge.saw(&sight);
            judge.saw_again(&sight);
            judge.saw(&Sight { observer: 1, ..sight });
        }
        assert!(judge.finish().unwrap().0.passed());
        let text = std::fs::read_to_string(&path).unwrap();
        let spoilt = text.lines().flat_map(spoil).collect::<Vec<_>>().join("\n");
        super::judge("test", spoilt.as_bytes()).unwrap().0
    }

    #[test]
    fn a_recorded_history_is_judged_like_the_live_one() {
        assert!(recorded(|line| vec![line.to_owned()]).passed());
        let third =
            r#""saw":{"observer":1,"conversation":"01010101-0101-0101-0101-010101010101","seq":3"#;
        let lost =
            recorded(|line| if line.contains(third) { vec![] } else { vec![line.to_owned()] });
        assert_eq!((lost.lost, lost.duplicated), (1, 0));
        let twice = recorded(|line| vec![line.to_owned(); 1 + usize::from(line.contains(third))]);
        assert_eq!((twice.lost, twice.duplicated), (0, 1));
        let forged = recorded(|line| {
            let to = if line.contains(third) { "ff" } else { "03" };
            vec![line.replacen(
                &format!("\"{}", "03".repeat(16)),
                &format!("\"{}{}", to, "03".repeat(15)),
                1,
            )]
        });
        assert_eq!(forged.reordered, 1);
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        let error = judge("h", "{}".as_bytes()).unwrap_err();
        assert!(matches!(error, LoadError::Line { line: 1, .. }));
    }
}
