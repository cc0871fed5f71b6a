//! What goes wrong and when: the plan of one run, made from its seed before it begins.

use crate::random::Random;

/// The longest that commits are held back.
pub(crate) const HOLD_MS_MAX: u64 = 300;

/// Something goes wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Commits wait.
    Hold,
    Release,
    /// The next commit finds no room.
    Full,
    /// The next commit fails for good; a crash follows.
    Broken,
    /// Nobody knows about the next commit; a crash follows.
    Unknown {
        survives: bool,
    },
    /// Everything stops, and starts again a little later.
    Crash,
    /// One of several nodes stops, and starts again.
    NodeCrash,
    /// The server is asked to stop, and starts again.
    Stop,
}

/// The settings of one run.
pub(crate) struct Plan {
    /// When and what, in order.
    pub(crate) faults: Vec<(u64, Fault)>,
    /// When people stop.
    pub(crate) end_ms: u64,
    /// Bytes of conversations that a shard keeps.
    pub(crate) memory: usize,
    /// Pushes that a connection queues before it lags.
    pub(crate) capacity: usize,
    /// Requests and answers that the other door loses, in percent.
    pub(crate) loss: u64,
}

impl Plan {
    pub(crate) fn new(random: &mut Random, owners: bool) -> Self {
        let end_ms = random.between(2_500, 7_000);
        let mut faults = Vec::new();
        for _ in 0..random.between(2, 7) {
            let at = random.between(100, end_ms);
            let held = random.between(1, HOLD_MS_MAX);
            match random.below(10) {
                0..3 => {
                    faults.push((at, Fault::Hold));
                    faults.push((at + held, Fault::Release));
                }
                3..6 => {
                    // Something is on its way when the power goes.
                    faults.push((at, Fault::Hold));
                    faults.push((at + held, Fault::Crash));
                }
                6 if owners => faults.push((at, Fault::NodeCrash)),
                _ if owners => faults.push((at, Fault::Crash)),
                6 => faults.push((at, Fault::Full)),
                7 => {
                    faults.push((at, Fault::Unknown { survives: random.percent(50) }));
                    faults.push((at + held, Fault::Crash));
                }
                8 => {
                    faults.push((at, Fault::Broken));
                    faults.push((at + held, Fault::Crash));
                }
                _ => faults.push((at, Fault::Stop)),
            }
        }
        faults.sort_by_key(|(at, _)| *at);
        Self {
            faults,
            end_ms,
            memory: *random.pick(&[0, 8_000, 1 << 26]).unwrap_or(&0),
            capacity: random.between(3, 24) as usize,
            loss: random.below(40),
        }
    }
}
