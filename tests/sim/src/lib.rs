//! A seeded simulation of the engine: real shards over ports in memory, honest clients, a bad network, a store that fails and
//! machines that crash, and a judge that shares no code with any of them.
//!
//! One seed is one story, the same every time: chance comes from the seed, time moves only when nothing else does, and everything
//! runs on one thread. `tests/seeds.rs` runs many; `regressions.txt` holds those that once found something.

mod cast;
mod client;
mod faults;
mod judge;
mod mutant;
mod node;
mod random;
mod wire;
mod world;

pub use judge::Counts;
pub use mutant::Mutation;

/// How the owner loop is fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One engine, commands from its mailboxes.
    Embedded,
    /// Two owners that both read one log of commands and write to one store.
    TwoOwners,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub seed: u64,
    pub shape: Shape,
    /// What the judge objected to; empty if all is well.
    pub violations: Vec<String>,
    pub counts: Counts,
}

/// Plays the story of `seed`.
pub fn play(seed: u64, shape: Shape, mutation: Option<Mutation>) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime of one thread needs nothing that can be missing");
    runtime.block_on(world::World::play(seed, shape, mutation))
}
