//! Which door to take. Owns what is known of doors that do not let through; knows neither sockets nor clocks.
//!
//! **A door is left only when it was tried and failed while the server could be reached**, and the one that the application chose is tried
//! again later: networks change.

use std::time::{Duration, Instant};

use crate::Door;

/// Failures in a row before the next door is tried.
const FAILURES_MAX: u32 = 2;
/// How long a door that works is good enough before the chosen one is tried again.
const TRY_AGAIN: Duration = Duration::from_mins(5);

#[derive(Debug)]
pub(crate) struct Fallback {
    chosen: Door,
    current: Door,
    failures: u32,
    /// The door that worked while the chosen one is tried again: one failure is enough to go back.
    refuge: Option<Door>,
    /// When to try the chosen one again.
    again: Option<Instant>,
}

impl Fallback {
    pub(crate) const fn new(chosen: Door) -> Self {
        Self { chosen, current: chosen, failures: 0, refuge: None, again: None }
    }

    pub(crate) const fn current(&self) -> Door {
        self.current
    }

    /// When [`Self::try_again`] has something to do.
    pub(crate) const fn deadline(&self) -> Option<Instant> {
        self.again
    }

    /// The connection is live.
    pub(crate) fn succeeded(&mut self, now: Instant) {
        self.failures = 0;
        self.refuge = None;
        self.again = (self.current != self.chosen).then(|| now + TRY_AGAIN);
    }

    /// The server was reached, and this door led nowhere.
    pub(crate) fn failed(&mut self) {
        self.again = None;
        self.failures += 1;
        if let Some(refuge) = self.refuge.take() {
            (self.current, self.failures) = (refuge, 0);
        } else if self.failures >= FAILURES_MAX {
            (self.current, self.failures) = (self.next(), 0);
        }
    }

    /// True: it is time to leave for the door that was chosen.
    pub(crate) fn try_again(&mut self, now: Instant) -> bool {
        if self.again.is_none_or(|again| now < again) {
            return false;
        }
        self.again = None;
        self.refuge = Some(self.current);
        self.current = self.chosen;
        true
    }

    /// Sockets, then a stream, then polls, then what was chosen.
    const fn next(&self) -> Door {
        match self.current {
            Door::Socket | Door::Protobuf => Door::Stream,
            Door::Stream => Door::Poll,
            Door::Poll => self.chosen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is tried, by a network that lets through what `opens` says, over `attempts` attempts.
    fn walk(fallback: &mut Fallback, attempts: usize, opens: impl Fn(Door) -> bool) -> Vec<Door> {
        let mut tried = Vec::new();
        for _ in 0..attempts {
            tried.push(fallback.current());
            if opens(fallback.current()) {
                fallback.succeeded(Instant::now());
                break;
            }
            fallback.failed();
        }
        tried
    }

    #[test]
    fn each_door_is_tried_twice_before_the_next_one() {
        use Door::{Poll, Protobuf, Socket, Stream};
        let mut fallback = Fallback::new(Socket);
        let tried = walk(&mut fallback, 7, |_| false);
        assert_eq!(tried, [Socket, Socket, Stream, Stream, Poll, Poll, Socket]);
        let tried = walk(&mut Fallback::new(Protobuf), 9, |door| door == Poll);
        assert_eq!(tried, [Protobuf, Protobuf, Stream, Stream, Poll]);
        assert_eq!(walk(&mut Fallback::new(Poll), 9, |door| door == Poll), [Poll]);
    }

    #[test]
    fn the_chosen_door_is_tried_again_later_and_left_at_once_if_it_still_fails() {
        let now = Instant::now();
        let mut fallback = Fallback::new(Door::Socket);
        walk(&mut fallback, 9, |door| door == Door::Stream);
        let later = now + 2 * TRY_AGAIN;
        assert!(!fallback.try_again(now), "not yet");
        assert!(fallback.try_again(later));
        assert_eq!(fallback.current(), Door::Socket);
        fallback.failed();
        assert_eq!(fallback.current(), Door::Stream);
        fallback.succeeded(later);
        assert!(fallback.try_again(later + TRY_AGAIN));
        fallback.succeeded(later);
        assert_eq!((fallback.current(), fallback.deadline()), (Door::Socket, None));
    }
}
