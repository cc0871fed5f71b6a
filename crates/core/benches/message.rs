//! What a text message of 100 bytes costs here, from the command to the state after it, by the size of the conversation.

use divan::{Bencher, black_box};
use parlance_core::{Decision, State, chain, content, decide, identity, needs};
use parlance_types::{
    AccountId, Action, Command, Facts, Kind, MessageId, MessageText, Micros, Record, Salt,
    Settings, Stamp, Verdict,
};

const MEMBERS: [u64; 4] = [2, 8, 250, 1_000];

fn main() {
    divan::main();
}

fn account(n: u64) -> AccountId {
    let mut bytes = [7; 16];
    bytes[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    AccountId::from_bytes(bytes)
}

fn stamp(n: u64) -> Stamp {
    let salt = Salt::from_bytes([n as u8; 16]);
    Stamp { time: Micros::new(n), salt, verdict: Verdict::Allow, unknown_accounts: Vec::new() }
}

fn group(members: u64) -> State {
    let conversation = identity::group(account(0), "bench");
    let others = (1..members).map(account).collect();
    let action = Action::Create { title: None, members: others, settings: Settings::default() };
    let message_id = identity::group_message_id(account(0), "bench");
    let create = Command { conversation, sender: account(0), device: None, message_id, action };
    let mut state = State::empty(conversation);
    advance(&mut state, &create, 1);
    state
}

fn message(state: &State, n: u64) -> Command {
    let text = MessageText::new(&"x".repeat(100)).expect("short");
    let (entities, silent) = (Vec::new(), false);
    let action = Action::Send { to: None, text, entities, reply_to: None, seen: None, silent };
    let message_id = MessageId::from_time(n, [1; 10]);
    let conversation = state.conversation();
    Command { conversation, sender: account(1), device: None, message_id, action }
}

fn advance(state: &mut State, command: &Command, n: u64) -> Vec<Record> {
    let needs = needs(state, command);
    assert!(!needs.original && needs.target.is_none());
    match decide(state, &Facts::default(), command, &stamp(n)) {
        Decision::Decided(decided) => {
            let apply = |decided: parlance_core::Decided| {
                state.apply(&decided.event);
                decided.entry.record.clone()
            };
            decided.into_iter().map(apply).collect()
        }
        other => panic!("not decided: {other:?}"),
    }
}

/// Needs, decide, apply.
#[divan::bench(args = MEMBERS)]
fn decided_and_applied(bencher: Bencher<'_, '_>, members: u64) {
    let mut state = group(members);
    let mut n = 1_000;
    let mut command = message(&state, n);
    bencher.bench_local(|| {
        n += 1;
        command.message_id = MessageId::from_time(n, [1; 10]);
        match decide(&state, &Facts::default(), black_box(&command), &stamp(n)) {
            Decision::Decided(decided) => state.apply(&decided[0].event),
            other => panic!("not decided: {other:?}"),
        }
        needs(&state, &command)
    });
}

/// From the record back to the state, as after a restart.
#[divan::bench]
fn checked_and_replayed(bencher: Bencher<'_, '_>) {
    let mut state = group(2);
    let before = state.clone();
    let record = advance(&mut state, &message(&before, 1_000), 1_000).remove(0);
    bencher.with_inputs(|| before.clone()).bench_local_values(|mut state| {
        assert!(chain::check(state.hash(), black_box(&record)));
        state.replay(&record).map(|()| state)
    });
}

#[divan::bench]
fn content_there_and_back(bencher: Bencher<'_, '_>) {
    let state = group(2);
    let command = message(&state, 1_000);
    let Decision::Decided(decided) = decide(&state, &Facts::default(), &command, &stamp(1_000))
    else {
        panic!("not decided")
    };
    let written = &decided[0].event.content;
    bencher.bench_local(|| content::decode(Kind::Text, &content::encode(black_box(written))));
}

#[divan::bench(args = MEMBERS)]
fn snapshot_written_and_loaded(bencher: Bencher<'_, '_>, members: u64) {
    let state = group(members);
    bencher.bench_local(|| State::decode(&black_box(&state).encode()));
}
