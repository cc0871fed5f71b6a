use parlance_types::Position;
use proptest::prelude::*;

use super::*;
use crate::testkit::seq;

/// In these tests every second event counts.
fn ordinal(seq: Seq) -> Ordinal {
    Ordinal::new(seq.get() / 2)
}

fn mark(n: u64) -> Mark {
    Mark { seq: seq(n), ordinal: ordinal(seq(n)) }
}

fn stay(from: u64, left: Option<u64>) -> Interval {
    let join_ordinal = ordinal(seq(from));
    Interval { from: seq(from), join: seq(from), join_ordinal, left: left.map(seq) }
}

fn ask(delivered: Option<u64>, read: Option<u64>) -> Asked {
    Asked { delivered: delivered.map(seq), read: read.map(seq) }
}

fn marks(delivered: Option<u64>, read: Option<u64>) -> Marks {
    Marks { delivered: delivered.map(mark), read: read.map(mark), position: Position::new(7) }
}

#[test]
fn what_is_asked_and_what_comes_of_it() {
    let (open, closed) = ([stay(3, Some(5)), stay(8, None)], [stay(3, Some(5))]);
    let current = marks(Some(9), Some(8));
    let unknown = |field| Err(Refusal::field(Code::SeqUnknown, field));
    for (intervals, asked, expected) in [
        (&open[..], ask(None, None), Ok(None)),
        (&open, ask(Some(9), None), Ok(None)),
        (&open, ask(Some(10), None), Ok(Some(marks(Some(10), Some(8))))),
        (&open, ask(None, Some(9)), Ok(Some(marks(Some(9), Some(9))))),
        (&open, ask(None, Some(12)), Ok(Some(marks(Some(12), Some(12))))),
        (&open, ask(Some(10), Some(4)), Ok(Some(marks(Some(10), Some(8))))),
        (&open, ask(Some(13), None), unknown("delivered")),
        (&open, ask(Some(10), Some(13)), unknown("read")),
        // Whoever left learns nothing of how far the others have come.
        (&closed, ask(Some(10), None), Ok(None)),
        (&closed, ask(Some(13), Some(99)), Ok(None)),
    ] {
        let found = advance(&current, intervals, mark(12), asked, |seq| Some(ordinal(seq)));
        assert_eq!(found, expected, "{asked:?}");
    }
    let blank = Marks::default();
    let found = advance(&blank, &open, mark(12), ask(None, Some(6)), |seq| Some(ordinal(seq)));
    assert_eq!(found, Ok(None), "in the gap between two stays");
    let found = advance(&blank, &closed, mark(12), ask(None, Some(5)), |seq| Some(ordinal(seq)));
    let expected = Marks { position: Position::ZERO, ..marks(Some(5), Some(5)) };
    assert_eq!(found, Ok(Some(expected)), "whoever left may go on reading");
}

#[test]
fn sending_is_reading() {
    let current = marks(Some(4), Some(2));
    assert_eq!(effective(&current, None), current);
    assert_eq!(effective(&current, Some(mark(3))), marks(Some(4), Some(3)));
    assert_eq!(effective(&current, Some(mark(9))), marks(Some(9), Some(9)));
    assert_eq!(effective(&current, Some(mark(1))), current);
}

#[test]
fn unread_is_a_difference() {
    let ordinal = Ordinal::new;
    assert_eq!(unread(ordinal(10), None, ordinal(0)), 10);
    assert_eq!(unread(ordinal(10), None, ordinal(4)), 6);
    assert_eq!(unread(ordinal(10), Some(mark(12)), ordinal(4)), 4);
    assert_eq!(unread(ordinal(10), Some(mark(2)), ordinal(4)), 6);
    assert_eq!(unread(ordinal(0), Some(mark(12)), ordinal(4)), 0);
}

proptest! {
    #[test]
    fn an_ordinal_that_is_not_known_never_understates_unread(
        counting in prop::collection::vec(any::<bool>(), 1..40),
        at: prop::sample::Index,
        known: prop::sample::Index,
    ) {
        let ordinals: Vec<u64> = counting
            .iter()
            .scan(0, |count, counts| { *count += u64::from(*counts); Some(*count) })
            .collect();
        let exact = |n: usize| Mark { seq: seq(n as u64 + 1), ordinal: Ordinal::new(ordinals[n]) };
        let (at, known) = (at.index(ordinals.len()), known.index(ordinals.len()));
        let head = exact(ordinals.len() - 1);
        let current = Marks { read: Some(exact(known)), ..Marks::default() };
        let asked = Asked { delivered: None, read: Some(exact(at).seq) };
        let found = advance(&current, &[stay(1, None)], head, asked, |_| None);
        let read = found.expect("not above the head").map_or(current.read, |marks| marks.read);
        let read = read.expect("one was read before");
        prop_assert!(read.ordinal <= exact(at.max(known)).ordinal);
        prop_assert!(read.ordinal >= exact(known).ordinal);
    }
}
