//! The end of a run: people stop, everything heals, and everybody must come to hold the same.

use super::World;
use crate::client::Device;
use crate::judge::Counts;

/// By then everybody has everything.
const QUIET_MS_MAX: u64 = 40_000;
/// How often is looked whether that is so.
const LOOK_MS: u64 = 500;

impl World {
    /// One last crash, every device comes back from its disk, and then nothing more goes wrong.
    pub(super) async fn calm_down(&mut self) {
        self.crash().await;
        self.quiet = true;
        for device in 0..self.devices.len() {
            self.cut(device);
            if self.random.percent(50) {
                self.devices[device].crash();
            }
        }
        let end = self.now() + QUIET_MS_MAX;
        while self.now() < end {
            self.run_until(self.now() + LOOK_MS).await;
            if self.is_settled().await {
                return;
            }
        }
    }

    async fn is_settled(&self) -> bool {
        if !self.devices.iter().all(Device::is_settled) {
            return false;
        }
        let truth = self.judge.truth().await;
        self.devices.iter().all(|device| truth.is_held(device.number, &device.replica))
    }

    /// After another crash nothing is missing, and everybody is told the truth.
    pub(super) async fn judgement(&mut self) -> Counts {
        for device in &self.devices {
            if device.unanswered() > 0 {
                let (account, count) = (device.account, device.unanswered());
                self.judge.violation(format!("{count} commands of {account} were not answered"));
            }
        }
        self.crash().await;
        self.run_until(self.now() + 2_000).await;
        let truth = self.judge.truth().await;
        for device in &self.devices {
            self.judge.converged(&truth, device.number, &device.replica);
        }
        for index in 0..self.seats.len() {
            match self.node(index) {
                Some(node) => self.judge.audit(&*node, &truth).await,
                None => self.judge.violation("a node does not run in quiet".into()),
            }
        }
        self.judge.compare(&truth)
    }
}
