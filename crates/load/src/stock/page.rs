//! Pages and what has to be in them: the events that were acknowledged, each at its place.

use parlance_types::ConversationId;

use super::writer::{LAST, MOST};
use super::{Asked, READERS, Stock, Work};
use crate::checker::{Observer, Sight};
use crate::scan::{EventFields, elements, event_of, field, string};

impl Stock {
    /// Whoever reads everything back sees all of it, in order and once.
    pub(super) fn begin_audit(&mut self) {
        for (index, writer) in self.writers.iter_mut().enumerate() {
            writer.audited = (0, 0);
            for place in &writer.places {
                self.judge.follow(READERS + index as Observer, place.conversation, place.after);
            }
        }
    }

    pub(super) fn page(&mut self, index: usize, value: &str) {
        let writer = &mut self.writers[index];
        let Some(asked) = writer.asked.take() else { return };
        self.tally.pages += 1;
        self.tally.times.saturating_record(asked.at.elapsed().as_micros() as u64);
        let place = &writer.places[asked.place];
        let Some(events) = events_of(value, place.conversation, &asked, place.last) else {
            self.wrong_pages += 1;
            // Whoever reads everything back goes on with the next: this one is lost.
            writer.audited = (asked.place + 1, 0);
            return;
        };
        if self.work != Work::Audit {
            return;
        }
        let end = events.last().map_or(place.last, |event| event.seq);
        writer.audited = if end >= place.last { (asked.place + 1, 0) } else { (asked.place, end) };
        let observer = READERS + index as Observer;
        for EventFields { conversation, message_id, seq, hash, .. } in events {
            self.judge.saw(&Sight { observer, conversation, seq, message_id, hash });
        }
    }
}

/// The events of a page that is dense, begins where it was asked to, and ends at the `last` event unless it is full. Behind `last` there
/// may be what was not acknowledged yet.
fn events_of(
    page: &str,
    conversation: ConversationId,
    asked: &Asked,
    last: u64,
) -> Option<Vec<EventFields>> {
    (string(field(page, "conversation")?)?.parse().ok() == Some(conversation)).then_some(())?;
    let elements = elements(field(page, "events")?)?;
    let events: Option<Vec<EventFields>> =
        elements.into_iter().map(|event| event_of(event, conversation)).collect();
    let events = events?;
    let (count, end) = (events.len() as u64, events.last().map_or(0, |event| event.seq));
    let first = match asked.after {
        Some(after) => {
            ((count > 0 || after >= last) && count <= MOST).then_some(())?;
            after + 1
        }
        None => {
            (end >= last && count == LAST.min(end)).then_some(())?;
            end + 1 - count
        }
    };
    events.iter().zip(first..).all(|(event, seq)| event.seq == seq).then_some(events)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const HERE: ConversationId = ConversationId::from_bytes([1; 16]);

    /// Whether a page with these events is what was asked for, where the last acknowledged one is `last`.
    fn fits(seqs: impl IntoIterator<Item = u64>, after: Option<u64>, last: u64) -> bool {
        let event = |seq| {
            let id = "01890000-0000-7000-8000-000000000000";
            let hash = "00".repeat(16);
            format!(r#"{{"seq":{seq},"sender":"{id}","message_id":"{id}","hash":"{hash}"}}"#)
        };
        let events: Vec<String> = seqs.into_iter().map(event).collect();
        let page = format!(r#"{{"conversation":"{HERE}","events":[{}]}}"#, events.join(","));
        let asked = Asked { place: 0, after, at: Instant::now() };
        events_of(&page, HERE, &asked, last).is_some()
    }

    #[test]
    fn the_last_page_is_full_and_ends_at_the_end() {
        assert!(fits(51..=100, None, 100));
        assert!(fits(1..=3, None, 3));
        assert!(fits(52..=101, None, 100), "more than was acknowledged");
        assert!(!fits(50..=99, None, 100), "the last is missing");
        assert!(!fits(60..=100, None, 100), "too few");
        assert!(!fits((51..=100).filter(|seq| *seq != 70), None, 100), "a hole");
        assert!(!fits([], None, 1), "nothing");
    }

    #[test]
    fn reading_back_goes_on_from_where_it_was() {
        assert!(fits(11..=110, Some(10), 300));
        assert!(fits([], Some(10), 10), "there is nothing more");
        assert!(!fits([], Some(10), 11), "there is more");
        assert!(!fits(12..=20, Some(10), 20), "one was left out");
        assert!(!fits([11, 12, 12], Some(10), 12), "one came twice");
        assert!(!fits(11..=120, Some(10), 300), "more than a page");
    }
}
