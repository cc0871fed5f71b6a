//! `slow`: readers that take a kilobyte a second while a group is flooded. The server's memory has to be what it is without them, and
//! once they read at full speed they get everything.

use std::time::{Duration, Instant};

use parlance_types::ConversationId;

use super::Stage;
use crate::crowd::{Crowd, Post};
use crate::fleet::Fleet;
use crate::history::Judge;
use crate::ids::IdSource;
use crate::process::Process;
use crate::progress::Progress;
use crate::report::Slow;
use crate::world::World;
use crate::{LoadError, Report};

const SIP_BYTES: usize = 1_000;
const SIP: Duration = Duration::from_secs(1);
/// Small, so that what is not read stays with the server; not so small that reading at full speed would wait for every packet.
const RECEIVE_BYTES: usize = 64 * 1024;
const REST: Duration = Duration::from_secs(2);
const FLOOD_MAX: Duration = Duration::from_mins(1);
const WINDOW: u64 = 16;
const MEMORY_WITHIN: f64 = 0.05;
/// Two runs without slow readers differ by as much, as flushes and the allocator have it. Frames that pile up are hundreds of MiB.
const MEMORY_NOISE: f64 = 24.0 * 1_048_576.0;

/// What one flood left.
struct Flooded {
    /// At rest, while the slow readers are still slow.
    memory: u64,
    /// The most that was seen during the flood.
    peak: u64,
    caught_up: Duration,
    sent: u64,
    delivered: u64,
    lags: u64,
    length: Duration,
    judge: Judge,
    faults: Vec<String>,
}

pub(crate) fn slow(stage: &Stage<'_>, messages: u64, readers: usize) -> Result<Report, LoadError> {
    let progress = Progress::new("slow");
    // Before and after: what the server takes without slow readers differs from run to run, too.
    progress.say("flooding without slow readers");
    let before = flood(stage, messages, 0, &progress)?;
    progress.say("flooding with slow readers");
    let with = flood(stage, messages, readers, &progress)?;
    progress.say("flooding without slow readers");
    let after = flood(stage, messages, 0, &progress)?;
    let mut report = Report::new("slow");
    report.sent = with.sent;
    report.delivered = with.delivered;
    report.rate_per_s = Some(with.sent as f64 / with.length.as_secs_f64());
    let slow = figures(&before, &with, &after);
    let most = before.memory.max(after.memory) as f64;
    report.check(with.memory as f64 - most <= (most * MEMORY_WITHIN).max(MEMORY_NOISE), || {
        format!(
            "the server's memory is {} with slow readers and at most {most} without",
            with.memory
        )
    });
    if with.sent < messages {
        report
            .notes
            .push(format!("only {} messages in the minute that a flood may take", with.sent));
    }
    report.check(readers == 0 || with.lags > 0, || {
        "no slow reader was told that it lags: the flood was too small to show anything".to_owned()
    });
    report.check(with.faults.is_empty(), || with.faults.join("; "));
    report.notes.push(format!(
        "{readers} readers take {SIP_BYTES} bytes a second; memory passes within 5 % or {:.0} MiB of the larger of the others",
        MEMORY_NOISE / 1_048_576.0
    ));
    report.slow = Some(slow);
    for flooded in [before, with, after] {
        report.judge(flooded.judge.finish()?);
    }
    Ok(report)
}

fn figures(before: &Flooded, with: &Flooded, after: &Flooded) -> Slow {
    let ratio = |of: fn(&Flooded) -> u64| {
        of(with) as f64 / (of(before) as f64 / 2.0 + of(after) as f64 / 2.0)
    };
    Slow {
        flood_s: with.length.as_secs_f64(),
        memory_bytes: with.memory,
        memory_without_bytes: [before.memory, after.memory],
        memory_ratio: ratio(|flooded| flooded.memory),
        memory_peak_ratio: ratio(|flooded| flooded.peak),
        lags: with.lags,
        caught_up_s: with.caught_up.as_secs_f64(),
    }
}

fn flood(
    stage: &Stage<'_>,
    messages: u64,
    readers: usize,
    progress: &Progress,
) -> Result<Flooded, LoadError> {
    let process = stage.own_server("the memory of a server can be read only if it is our child")?;
    let record = stage.options.record.as_deref().filter(|_| readers > 0);
    let mut crowd = Crowd::new(Judge::new(record)?);
    let conversation = cast(&process, &mut crowd, readers)?;
    let mut fleet = Fleet::new(process.address(), stage.options.seed)?;
    for device in 0..2 + readers {
        fleet.connect_with(device, (device > 1).then_some(RECEIVE_BYTES))?;
    }
    crowd.assemble(&mut fleet)?;
    crowd.settle(&mut fleet)?;
    for device in 2..2 + readers {
        fleet.pause(device, true)?;
    }
    let start = Instant::now();
    let flow = Flow { conversation, messages, readers };
    let (sent, peak) = pour(&mut crowd, &mut fleet, &process, &flow, progress)?;
    let length = start.elapsed();
    // What the server does behind the flood comes to rest.
    let end = Instant::now() + REST;
    while Instant::now() < end {
        crowd.turn(&mut fleet, Duration::from_millis(100))?;
    }
    let memory = process.memory_bytes()?;
    for device in 2..2 + readers {
        fleet.pause(device, false)?;
    }
    let start = Instant::now();
    crowd.settle(&mut fleet)?;
    let caught_up = start.elapsed();
    let (delivered, lags) = (crowd.delivered, crowd.lags());
    let Crowd { judge, faults, .. } = crowd;
    Ok(Flooded { memory, peak, caught_up, sent, delivered, lags, length, judge, faults })
}

/// One sends (device 0), one reads as fast as it can, the others are slow.
fn cast(process: &Process, crowd: &mut Crowd, readers: usize) -> Result<ConversationId, LoadError> {
    let mut world = World::new(process.address())?;
    let seats = world.sign_up(2 + readers)?;
    let (conversation, after) = world.groups(&[seats.iter().collect()], Some("slow"))?[0];
    for seat in &seats {
        let device = crowd.join(&seat.token);
        crowd.follow(device, conversation, after);
    }
    Ok(conversation)
}

/// What is poured, and where.
struct Flow {
    conversation: ConversationId,
    messages: u64,
    readers: usize,
}

/// Sends with a window until all is sent or the time is up, and waits for the acknowledgements. How many that were, and the most memory
/// that the server took meanwhile.
fn pour(
    crowd: &mut Crowd,
    fleet: &mut Fleet,
    process: &Process,
    flow: &Flow,
    progress: &Progress,
) -> Result<(u64, u64), LoadError> {
    let &Flow { conversation, messages, readers } = flow;
    let mut ids = IdSource::new(0);
    let (mut sent, mut acked, mut peak) = (0, 0, 0);
    let start = Instant::now();
    let mut sip = start + SIP;
    let text = format!("\"{}\"", "x".repeat(100));
    loop {
        let flowing = sent < messages && start.elapsed() < FLOOD_MAX;
        while flowing && sent - acked < WINDOW && sent < messages {
            sent += 1;
            let message_id = ids.next(sent as u32);
            let post = Post { conversation, message_id, text: text.clone(), reply_to: None };
            let out = fleet.out(0).ok_or(LoadError::Timeout("the sender's connection"))?;
            crowd.send(0, &post, out);
        }
        fleet.flush(0)?;
        crowd.turn(fleet, Duration::from_millis(20))?;
        acked += crowd.acks.drain(..).count() as u64;
        if !crowd.retries.is_empty() {
            return Err(LoadError::Broken("a send was refused for now".to_owned()));
        }
        let now = Instant::now();
        if now >= sip {
            sip += SIP;
            for device in 2..2 + readers {
                fleet.sip(device, SIP_BYTES, crowd)?;
            }
            peak = peak.max(process.memory_bytes()?);
            progress.show(sent, "messages");
        }
        if !flowing && acked == sent {
            return Ok((sent, peak.max(process.memory_bytes()?)));
        }
        if now > start + FLOOD_MAX * 2 {
            return Err(LoadError::Timeout("the last ok"));
        }
    }
}
