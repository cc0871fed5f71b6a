//! What one writer sends: messages, the same again, and questions for pages.

use std::collections::VecDeque;
use std::time::Instant;

use super::{Asked, Place, Sent, Writer};
use crate::ids::IdSource;
use crate::socket::Outgoing;

/// Events of a page at the end of a conversation.
pub(crate) const LAST: u64 = 50;
/// Events of a page when everything is read: as many as a server gives.
pub(super) const MOST: u64 = 100;
const TEXT: &str = "The quick brown fox jumps over the lazy dog, and the lazy dog sleeps on as if nothing had happened.\u{20}";
const _: () = assert!(TEXT.len() == 100);

impl Writer {
    pub(super) fn new(index: u32, token: String, places: Vec<Place>) -> Self {
        Self {
            token,
            places,
            next: 0,
            ids: IdSource::new(index),
            counter: 0,
            outbox: VecDeque::new(),
            refused: None,
            asked: None,
            audited: (0, 0),
        }
    }

    /// The next of the first `places` conversations.
    pub(super) fn turn(&mut self, places: usize) -> usize {
        self.next = (self.next + 1) % self.places.len().min(places).max(1);
        self.next
    }

    pub(super) fn write(&mut self, place: usize, out: &mut Outgoing) {
        self.counter += 1;
        let message_id = self.ids.next(self.counter);
        let sent = Sent { place, message_id, at: Instant::now() };
        self.send(&sent, out);
        self.outbox.push_back(sent);
    }

    /// Everything that was not answered: messages under the same ids and in the same order.
    pub(super) fn again(&mut self, out: &mut Outgoing) {
        self.refused = None;
        if let Some(Asked { place, after, .. }) = self.asked {
            self.ask(place, after, out);
        }
        let mut outbox = std::mem::take(&mut self.outbox);
        for sent in &mut outbox {
            sent.at = Instant::now();
            self.send(sent, out);
        }
        self.outbox = outbox;
    }

    fn send(&self, sent: &Sent, out: &mut Outgoing) {
        let Sent { place, message_id, .. } = sent;
        let conversation = self.places[*place].conversation;
        out.text(&format!(
            r#"{{"send":{{"id":1,"conversation":"{conversation}","message_id":"{message_id}","body":{{"kind":"text","text":"{TEXT}"}}}}}}"#
        ));
    }

    /// A page from above `after` on, or the last one.
    pub(super) fn ask(&mut self, place: usize, after: Option<u64>, out: &mut Outgoing) {
        self.asked = Some(Asked { place, after, at: Instant::now() });
        let conversation = self.places[place].conversation;
        out.text(&match after {
            Some(after) => format!(
                r#"{{"fetch":{{"id":1,"conversation":"{conversation}","after":{after},"limit":{MOST}}}}}"#
            ),
            None => format!(
                r#"{{"fetch":{{"id":1,"conversation":"{conversation}","before":null,"limit":{LAST}}}}}"#
            ),
        });
    }

    /// Nothing of it waits for an answer.
    pub(super) fn is_idle(&self) -> bool {
        self.outbox.is_empty() && self.asked.is_none()
    }

    pub(super) const fn is_audited(&self) -> bool {
        self.audited.0 == self.places.len()
    }

    /// The next page of reading everything back.
    pub(super) fn audit(&mut self, out: &mut Outgoing) {
        let (place, after) = self.audited;
        if let Some(next) = self.places.get(place) {
            self.ask(place, Some(after.max(next.after)), out);
        }
    }
}
