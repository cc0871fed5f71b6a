//! `crash`: kill -9 and restart under load, again and again. Senders keep what was not acknowledged and send it again under the same
//! ids; everybody fetches what was missed. Nothing acknowledged may be gone, nothing may be there twice.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use parlance_types::ConversationId;

use super::Stage;
use crate::crowd::{Ack, Crowd, Post};
use crate::fleet::Fleet;
use crate::history::Judge;
use crate::ids::IdSource;
use crate::process::Process;
use crate::progress::Progress;
use crate::random::Random;
use crate::report::latencies;
use crate::world::World;
use crate::{LoadError, Report};

const WINDOW: usize = 4;
/// A kill comes this long after everybody is back, at random.
const LIFE_MS: (u64, u64) = (100, 900);

#[derive(Debug)]
struct Sender {
    device: usize,
    conversation: ConversationId,
    ids: IdSource,
    counter: u32,
    /// Sent or to be sent, not acknowledged.
    outbox: VecDeque<Post>,
}

pub(crate) fn crash(stage: &Stage<'_>, kills: usize, pairs: usize) -> Result<Report, LoadError> {
    let progress = Progress::new("crash");
    progress.say("setting the scene");
    let mut process = stage.own_server("crash kills the server, so it has to be its own child")?;
    let mut crowd = Crowd::new(Judge::new(stage.options.record.as_deref())?);
    let mut senders = cast(&process, &mut crowd, pairs)?;
    let mut fleet = Fleet::new(process.address(), stage.options.seed)?;
    let mut random = Random::new(stage.options.seed);
    let mut recoveries = latencies();
    let (mut acked, mut duplicates) = (0u64, 0u64);
    for kill in 0..=kills {
        let start = Instant::now();
        crowd.assemble(&mut fleet)?;
        if kill > 0 {
            recoveries.saturating_record(start.elapsed().as_micros() as u64);
        }
        for sender in &mut senders {
            sender.resume(&mut crowd, &mut fleet)?;
        }
        let life = Duration::from_millis(LIFE_MS.0 + random.below(LIFE_MS.1 - LIFE_MS.0));
        let end = Instant::now() + life;
        while Instant::now() < end {
            crowd.turn(&mut fleet, Duration::from_millis(5))?;
            answer(&mut crowd, &mut fleet, &mut senders, true, (&mut acked, &mut duplicates))?;
        }
        if kill < kills {
            process.kill()?;
            fleet.drop_all();
            (0..crowd.len()).for_each(|device| crowd.cut(device, &mut fleet));
            process.restart()?;
            fleet.retarget(process.address());
            progress.show(kill as u64 + 1, "kills");
        }
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    while senders.iter().any(|sender| !sender.outbox.is_empty()) && Instant::now() < deadline {
        crowd.turn(&mut fleet, Duration::from_millis(20))?;
        answer(&mut crowd, &mut fleet, &mut senders, false, (&mut acked, &mut duplicates))?;
    }
    crowd.settle(&mut fleet)?;
    let mut report = Report::new("crash");
    report.sent = senders.iter().map(|sender| u64::from(sender.counter)).sum();
    report.delivered = crowd.delivered;
    let open: usize = senders.iter().map(|sender| sender.outbox.len()).sum();
    report.check(open == 0, || format!("{open} messages were never acknowledged"));
    let shorter = crowd.shorter;
    report.lost += shorter;
    report.check(shorter == 0, || crowd.faults.join("; "));
    report.time(&recoveries);
    report.notes.push(format!(
        "{kills} kills; {acked} acknowledged, {duplicates} of them as answers to retries; times are from restart to everybody ready"
    ));
    report.judge(crowd.judge.finish()?);
    Ok(report)
}

fn cast(process: &Process, crowd: &mut Crowd, pairs: usize) -> Result<Vec<Sender>, LoadError> {
    let mut world = World::new(process.address())?;
    let seats = world.sign_up(pairs * 2)?;
    let couples: Vec<_> = seats.chunks_exact(2).map(|two| (&two[0], &two[1])).collect();
    let mut senders = Vec::new();
    for ((conversation, after), (from, to)) in world.directs(&couples)?.into_iter().zip(couples) {
        let device = crowd.join(&from.token);
        let receiver = crowd.join(&to.token);
        crowd.follow(device, conversation, after);
        crowd.follow(receiver, conversation, after);
        senders.push(Sender {
            device,
            conversation,
            ids: IdSource::new(device as u32),
            counter: 0,
            outbox: VecDeque::new(),
        });
    }
    Ok(senders)
}

/// Takes acknowledged messages out of the outboxes and, while `more`, sends new ones in their place.
fn answer(
    crowd: &mut Crowd,
    fleet: &mut Fleet,
    senders: &mut [Sender],
    more: bool,
    (acked, duplicates): (&mut u64, &mut u64),
) -> Result<(), LoadError> {
    while let Some(Ack { device, message_id, duplicate, .. }) = crowd.acks.pop_front() {
        let sender = &mut senders[device / 2];
        sender.outbox.retain(|post| post.message_id != message_id);
        *acked += 1;
        *duplicates += u64::from(duplicate);
        if more {
            sender.fill(crowd, fleet)?;
        }
    }
    while let Some(device) = crowd.retries.pop_front() {
        senders[device / 2].resume(crowd, fleet)?;
    }
    Ok(())
}

impl Sender {
    /// Sends everything again that was not acknowledged, then goes on.
    fn resume(&mut self, crowd: &mut Crowd, fleet: &mut Fleet) -> Result<(), LoadError> {
        for post in &self.outbox {
            if let Some(out) = fleet.out(self.device) {
                crowd.send(self.device, post, out);
            }
        }
        self.fill(crowd, fleet)
    }

    fn fill(&mut self, crowd: &mut Crowd, fleet: &mut Fleet) -> Result<(), LoadError> {
        while self.outbox.len() < WINDOW {
            self.counter += 1;
            let post = Post {
                conversation: self.conversation,
                message_id: self.ids.next(self.counter),
                text: format!("\"message {}\"", self.counter),
                reply_to: None,
            };
            if let Some(out) = fleet.out(self.device)
                && crowd.is_ready(self.device)
            {
                crowd.send(self.device, &post, out);
            }
            self.outbox.push_back(post);
        }
        Ok(fleet.flush(self.device)?)
    }
}
