//! The servers: how they start, crash and stop.

use std::sync::Arc;

use parlance_engine::Stores;
use parlance_engine::shard::ShardConfig;
use tokio::task::JoinSet;
use tokio::time::Duration;

use super::{Step, World};
use crate::Shape;
use crate::mutant::Adapter;
use crate::node::Node;
use crate::node::embedded::Embedded;
use crate::node::owner::{Owner, Parts};

/// A server that is asked to stop has stopped by then.
const STOP_MAX: Duration = Duration::from_secs(30);

/// A running node and its tasks.
pub(super) struct Seat {
    pub(super) node: Arc<dyn Node>,
    tasks: JoinSet<()>,
}

impl World {
    pub(super) fn start(&mut self, index: usize) {
        if self.seats[index].is_some() {
            return;
        }
        let mut tasks = JoinSet::new();
        let adapter = Arc::new(Adapter::new(self.store.clone(), self.mutation, self.judge.clone()));
        let config = ShardConfig {
            memory_bytes_max: self.plan.memory,
            save_from: self.save_from,
            ..ShardConfig::default()
        };
        let node: Arc<dyn Node> = match self.shape {
            Shape::Embedded => {
                let stores = Stores { sink: adapter.clone(), conversations: adapter };
                let accounts = self.accounts.clone();
                Arc::new(Embedded::start(stores, accounts, self.clock, config, &mut tasks))
            }
            Shape::TwoOwners => {
                let parts = Parts {
                    log: self.log.clone(),
                    origin: self.lives * 2 + index as u64,
                    seed: self.random.next(),
                    store: adapter,
                    clock: self.clock,
                    config,
                    mutation: self.mutation,
                };
                Arc::new(Owner::start(parts, &mut tasks))
            }
        };
        self.lives += 1;
        self.seats[index] = Some(Seat { node, tasks });
    }

    pub(super) fn node(&self, index: usize) -> Option<Arc<dyn Node>> {
        self.seats[index].as_ref().map(|seat| seat.node.clone())
    }

    /// The node that a device connects to.
    pub(super) fn home(&self, device: usize) -> usize {
        device % self.seats.len()
    }

    /// The power goes: every node stops in the middle of whatever it did, and the store keeps what is durable.
    pub(super) async fn crash(&mut self) {
        for index in 0..self.seats.len() {
            self.kill(index).await;
        }
        let survivors = self.random.below(self.faults().unanswered() as u64 + 1) as usize;
        self.reopen(survivors);
    }

    pub(super) fn reopen(&mut self, survivors: usize) {
        self.store = Arc::new(self.store.reopen(survivors));
        self.judge.opened(self.store.clone());
        for index in 0..self.seats.len() {
            let pause = self.random.between(10, 400);
            self.after(pause, Step::Start(index));
        }
    }

    pub(super) async fn kill(&mut self, index: usize) {
        let Some(mut seat) = self.seats[index].take() else { return };
        self.judge.lost_marks();
        seat.tasks.abort_all();
        self.bury(&mut seat.tasks).await;
        self.disconnect_all(index);
    }

    /// Waits for the tasks of a node that is ending.
    async fn bury(&mut self, tasks: &mut JoinSet<()>) {
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended
                && error.is_panic()
            {
                self.judge.violation(format!("a shard panicked: {error}"));
            }
        }
    }

    /// A server is asked to stop: it takes nothing more and finishes what it has.
    pub(super) async fn stop(&mut self) {
        self.faults().release_all();
        let seats: Vec<usize> = (0..self.seats.len()).collect();
        for index in seats {
            let Some(mut seat) = self.seats[index].take() else { continue };
            seat.node.close();
            let ended = tokio::time::timeout(STOP_MAX, self.bury(&mut seat.tasks)).await;
            if ended.is_err() {
                self.judge.violation("a shard does not stop".into());
            }
            self.disconnect_all(index);
        }
        self.reopen(0);
    }

    /// A shard that ends while nobody asked it to has a fault of its own.
    pub(super) fn look_for_panics(&mut self) {
        for seat in self.seats.iter_mut().flatten() {
            while let Some(ended) = seat.tasks.try_join_next() {
                self.judge.violation(format!("a shard ended: {ended:?}"));
            }
        }
        while let Some(ended) = self.helpers.try_join_next() {
            if let Err(error) = ended {
                self.judge.violation(format!("a request panicked: {error}"));
            }
        }
    }
}
