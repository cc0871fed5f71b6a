//! `history`: the last 50 messages of random conversations, over and over, while nothing else happens.

use std::time::{Duration, Instant};

use super::Stage;
use crate::fleet::Fleet;
use crate::history::Judge;
use crate::process::Process;
use crate::progress::Progress;
use crate::stock::{LAST, Stock, Work};
use crate::{LoadError, Report};

const WARM_UP: Duration = Duration::from_millis(500);

pub(crate) fn history(
    stage: &Stage<'_>,
    messages: usize,
    conversations: usize,
    readers: usize,
) -> Result<Report, LoadError> {
    let progress = Progress::new("history");
    progress.say("setting the scene");
    let server = stage.server()?;
    let judge = Judge::new(stage.options.record.as_deref())?;
    let seed = stage.options.seed;
    let mut stock = Stock::found(&mut server.world()?, readers, conversations, judge, seed)?;
    let mut fleet = Fleet::new(server.address, seed)?;
    stock.connect(&mut fleet)?;
    let start = Instant::now();
    stock.fill(&mut fleet, messages as u64, &progress)?;
    let filled = start.elapsed();
    progress.say("reading");
    stock.begin(Work::Read, &mut fleet)?;
    stock.run(&mut fleet, WARM_UP)?;
    stock.reset();
    let cpu = || server.process.as_ref().map(Process::cpu).transpose();
    let (before, start) = (cpu()?, Instant::now());
    stock.run(&mut fleet, stage.length())?;
    let (wall, after) = (start.elapsed().as_secs_f64(), cpu()?);
    let read = stock.reset();
    stock.settle(&mut fleet)?;
    let mut report = Report::new("history");
    if let Some((before, after)) = before.zip(after) {
        let used = after.saturating_sub(before).as_secs_f64();
        report.server_cpu_us_per_message = Some(used * 1e6 / read.pages.max(1) as f64);
    }
    report.sent = read.pages;
    report.delivered = read.pages * LAST;
    report.rate_per_s = Some(read.pages as f64 / wall);
    report.time(&read.times);
    report.notes.push(format!(
        "{messages} messages in {} conversations, written at {:.0}/s; rate and cpu are per request",
        stock.conversations(),
        messages as f64 / filled.as_secs_f64()
    ));
    stock.judgement(&mut report)?;
    Ok(report)
}
