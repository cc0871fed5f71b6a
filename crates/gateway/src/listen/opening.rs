//! Connections over which nothing was asked yet.
//!
//! **Law**: there are at most so many of them, and for one more the oldest is closed. Whoever opens connections and keeps silent pushes out
//! his own; a client that speaks has done so before it is the oldest.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use tokio::sync::Notify;

/// Those of one worker.
#[derive(Debug)]
pub(super) struct Openings {
    max: usize,
    open: Arc<AtomicUsize>,
    /// Oldest first. Some have spoken since; they are swept out before they are the most of it.
    queue: VecDeque<Weak<Opening>>,
}

/// A connection over which nothing was asked yet.
#[derive(Debug)]
pub(crate) struct Opening {
    evicted: Notify,
    spoken: AtomicBool,
    open: Arc<AtomicUsize>,
}

impl Openings {
    pub(super) fn new(max: usize) -> Self {
        Self { max, open: Arc::default(), queue: VecDeque::new() }
    }

    /// Takes one more in. True: another was closed for it.
    pub(super) fn add(&mut self) -> (Arc<Opening>, bool) {
        let full = self.open.load(Ordering::Relaxed) >= self.max;
        let evicted = full && self.evict();
        if self.queue.len() >= 2 * self.max {
            self.queue.retain(|opening| opening.upgrade().is_some_and(|it| it.is_silent()));
        }
        self.open.fetch_add(1, Ordering::Relaxed);
        let opening = Arc::new(Opening {
            evicted: Notify::new(),
            spoken: AtomicBool::new(false),
            open: self.open.clone(),
        });
        self.queue.push_back(Arc::downgrade(&opening));
        (opening, evicted)
    }

    fn evict(&mut self) -> bool {
        while let Some(oldest) = self.queue.pop_front() {
            if let Some(oldest) = oldest.upgrade()
                && oldest.is_silent()
            {
                oldest.speak();
                oldest.end();
                return true;
            }
        }
        false
    }
}

impl Opening {
    /// Something was asked: the connection is not one of these any more.
    pub(super) fn speak(&self) {
        if !self.spoken.swap(true, Ordering::Relaxed) {
            self.open.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Ends the connection without a word, also if it has spoken: its answer does not reach the client.
    pub(crate) fn end(&self) {
        self.evicted.notify_one();
    }

    /// Waits until the connection has to go.
    pub(super) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    fn is_silent(&self) -> bool {
        !self.spoken.load(Ordering::Relaxed)
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.speak();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_evicted(opening: &Opening) -> bool {
        let mut evicted = std::pin::pin!(opening.evicted());
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        evicted.as_mut().poll(&mut cx).is_ready()
    }

    #[test]
    fn the_oldest_that_is_silent_goes_first() {
        let mut openings = Openings::new(2);
        let (speaks, _) = openings.add();
        let (silent, _) = openings.add();
        speaks.speak();
        let (third, evicted) = openings.add();
        assert!(!evicted);
        let (_fourth, evicted) = openings.add();
        assert!(evicted);
        assert!(is_evicted(&silent) && !is_evicted(&third) && !is_evicted(&speaks));
    }

    #[test]
    fn who_leaves_makes_room_and_nobody_is_remembered_for_ever() {
        let mut openings = Openings::new(2);
        let (_silent, _) = openings.add();
        for _ in 0..1_000 {
            let (opening, evicted) = openings.add();
            assert!(!evicted);
            drop(opening);
        }
        assert!(openings.queue.len() <= 5, "{}", openings.queue.len());
    }
}
