//! The simulation proves itself: each deliberate fault is noticed by some of a few seeds.

use parlance_sim::{Mutation, Shape, play};

/// Seeds among which each mutant must be caught.
const SEEDS: u64 = 12;

fn assert_caught(mutation: Mutation) {
    let shape = match mutation {
        Mutation::OwnSalt | Mutation::OwnOrder => Shape::TwoOwners,
        _ => Shape::Embedded,
    };
    let is_caught = |seed| !play(seed, shape, Some(mutation)).violations.is_empty();
    assert!((0..SEEDS).any(is_caught), "{mutation:?} went unnoticed");
}

macro_rules! caught {
    ($($test:ident: $mutation:ident,)*) => {
        $(#[test]
        fn $test() {
            assert_caught(Mutation::$mutation);
        })*

        #[test]
        fn no_mutant_is_forgotten() {
            let caught = [$(Mutation::$mutation),*];
            assert!(Mutation::ALL.iter().all(|mutation| caught.contains(mutation)));
        }
    };
}

caught! {
    a_sync_that_is_skipped: SkipSync,
    an_early_acknowledgement: AcknowledgeEarly,
    a_tail_that_is_dropped: DropTail,
    a_load_without_the_last_event: LoadShort,
    a_load_of_old_events: LoadOld,
    names_that_are_forgotten: ForgetNames,
    ids_whose_greatest_is_forgotten: ForgetLastId,
    members_who_stay_after_their_removal: KeepRemoved,
    an_audience_with_somebody_else: WrongAudience,
    pushes_that_are_lost: LosePushes,
    a_cursor_from_the_end_of_the_log: CursorTooFar,
    a_listing_of_old_heads: StaleHeads,
    a_listing_without_a_conversation: HideConversation,
    an_event_that_is_written_twice: Repeat,
    events_that_change_places: Reorder,
    a_flipped_byte: FlipByte,
    marks_that_are_lost: LoseMarks,
    changes_that_are_lost: LoseOverlays,
    an_owner_with_salt_of_its_own: OwnSalt,
    an_owner_with_an_order_of_its_own: OwnOrder,
}
