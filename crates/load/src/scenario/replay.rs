//! `replay`: recorded conversations as if they happened now. Line k + 1 is sent after the `ok` of line k, while half of the members lose
//! their connections at random and some repeat what was acknowledged. In the end every member's history has to be the file.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use http::Method;
use parlance_types::{AccountId, ConversationId};
use serde_json::Value;

use super::Stage;
use crate::crowd::{Crowd, Post};
use crate::fleet::Fleet;
use crate::history::Judge;
use crate::progress::Progress;
use crate::random::Random;
use crate::replay::{Log, read};
use crate::report::latencies;
use crate::world::{Ask, Seat, World};
use crate::{LoadError, Report, ids};

/// One in so many lines is followed by a lost connection, or by a repeated send.
const CUT_ONE_IN: u64 = 8;
const REPEAT_ONE_IN: u64 = 10;
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// Long enough for anybody's display name.
const HANDLE_CHARS: usize = 20;

/// A log on its stage.
struct Play<'l> {
    log: &'l Log,
    conversation: ConversationId,
    /// By nick of the log.
    seats: Vec<Seat>,
    /// The connection of each nick.
    devices: Vec<usize>,
    /// Where each message went.
    seqs: Vec<u64>,
    posts: Vec<Post>,
}

#[derive(Default)]
struct Counts {
    cuts: u64,
    repeats: u64,
    replies: u64,
}

pub(crate) fn replay(stage: &Stage<'_>, files: &[PathBuf]) -> Result<Report, LoadError> {
    let logs = read(files)?;
    let progress = Progress::new("replay");
    progress.say("signing everybody up");
    let server = stage.server()?;
    let mut world = server.world()?;
    let people = sign_up(&mut world, &logs)?;
    let mut report = Report::new("replay");
    let mut random = Random::new(stage.options.seed);
    let (mut counts, mut times) = (Counts::default(), latencies());
    let start = Instant::now();
    for (index, log) in logs.iter().filter(|log| !log.messages.is_empty()).enumerate() {
        // A record of all files would mix their observers: the first one is recorded.
        let record = stage.options.record.as_deref().filter(|_| index == 0);
        let mut crowd = Crowd::new(Judge::new(record)?);
        let mut fleet = Fleet::new(server.address, stage.options.seed)?;
        let mut play = Play::new(log, &people, &mut world, &mut crowd)?;
        crowd.assemble(&mut fleet)?;
        for line in 0..log.messages.len() {
            let sent = Instant::now();
            play.line(line, &mut crowd, &mut fleet, &mut random, &mut counts)?;
            times.saturating_record(sent.elapsed().as_micros() as u64);
            progress.show(report.sent + line as u64, "lines");
        }
        crowd.assemble(&mut fleet)?;
        crowd.settle(&mut fleet)?;
        report.sent += log.messages.len() as u64;
        report.delivered += crowd.delivered;
        report.check(crowd.faults.is_empty(), || crowd.faults.join("; "));
        report.judge(crowd.judge.finish()?);
        play.compare(&world, &mut report)?;
    }
    report.rate_per_s = Some(report.sent as f64 / start.elapsed().as_secs_f64());
    report.time(&times);
    let (empty, other): (u64, u64) =
        logs.iter().fold((0, 0), |(empty, other), log| (empty + log.empty, other + log.other));
    let Counts { cuts, repeats, replies } = counts;
    report.notes.push(format!(
        "{} files, {} people, {replies} replies; {empty} empty messages and {other} other lines skipped; \
         {cuts} connections lost, {repeats} acknowledged sends repeated; times are from send to ok",
        logs.len(),
        people.len()
    ));
    Ok(report)
}

/// One account per nickname, over all files.
fn sign_up(world: &mut World, logs: &[Log]) -> Result<HashMap<String, Seat>, LoadError> {
    let nicks: BTreeSet<&String> = logs.iter().flat_map(|log| &log.nicks).collect();
    let tag = world.tag();
    let mut taken = BTreeSet::new();
    let mut handles = Vec::new();
    for nick in &nicks {
        let base: String = nick
            .chars()
            .take(HANDLE_CHARS)
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
            .collect();
        let mut handle = format!("{base}.{tag}");
        let mut number = 1;
        while !taken.insert(handle.clone()) {
            number += 1;
            handle = format!("{base}{number}.{tag}");
        }
        handles.push(handle);
    }
    let names: Vec<String> = nicks.iter().map(|nick| (*nick).clone()).collect();
    let seats = world.sign_up_as(handles, Some(&names))?;
    Ok(nicks.into_iter().cloned().zip(seats).collect())
}

impl<'l> Play<'l> {
    fn new(
        log: &'l Log,
        people: &HashMap<String, Seat>,
        world: &mut World,
        crowd: &mut Crowd,
    ) -> Result<Self, LoadError> {
        let seats: Vec<Seat> = log.nicks.iter().map(|nick| people[nick].clone()).collect();
        let title = log.name.rsplit('/').next().unwrap_or(&log.name);
        let groups = world.groups(&[seats.iter().collect()], Some(title))?;
        let (conversation, after) = groups[0];
        let devices: Vec<usize> = seats.iter().map(|seat| crowd.join(&seat.token)).collect();
        for device in &devices {
            crowd.follow(*device, conversation, after);
        }
        Ok(Self { log, conversation, seats, devices, seqs: Vec::new(), posts: Vec::new() })
    }

    fn line(
        &mut self,
        line: usize,
        crowd: &mut Crowd,
        fleet: &mut Fleet,
        random: &mut Random,
        counts: &mut Counts,
    ) -> Result<(), LoadError> {
        let message = &self.log.messages[line];
        let reply_to = message.reply_to.map(|earlier| self.seqs[earlier]);
        counts.replies += u64::from(reply_to.is_some());
        let post = Post {
            conversation: self.conversation,
            message_id: ids::random(random),
            text: Value::from(message.text.as_str()).to_string(),
            reply_to,
        };
        // Half of the members lose their connections, the sender's among them while its message is on its way.
        let mut cut = None;
        if random.below(CUT_ONE_IN) == 0 {
            let nick = random.below(self.devices.len() as u64) as usize & !1;
            cut = Some(if message.nick.is_multiple_of(2) { message.nick } else { nick });
        }
        counts.cuts += u64::from(cut.is_some());
        let seq = self.deliver(&post, message.nick, cut, crowd, fleet)?;
        self.seqs.push(seq);
        self.posts.push(post);
        if random.below(REPEAT_ONE_IN) == 0 {
            counts.repeats += 1;
            let again = random.below(self.posts.len() as u64) as usize;
            let nick = self.log.messages[again].nick;
            let post = self.posts[again].clone();
            let seq = self.deliver(&post, nick, None, crowd, fleet)?;
            if seq != self.seqs[again] {
                let first = self.seqs[again];
                crowd.faults.push(format!("a retry of {first} was answered with {seq}"));
            }
        }
        Ok(())
    }

    /// Sends until it is acknowledged, under one id; `cut` loses its connection meanwhile.
    fn deliver(
        &self,
        post: &Post,
        nick: usize,
        cut: Option<usize>,
        crowd: &mut Crowd,
        fleet: &mut Fleet,
    ) -> Result<u64, LoadError> {
        let device = self.devices[nick];
        let deadline = Instant::now() + ANSWER_MAX;
        let (mut sent, mut cut) = (false, cut.map(|nick| self.devices[nick]));
        while Instant::now() < deadline {
            if !sent && crowd.is_ready(device) {
                if let Some(out) = fleet.out(device) {
                    crowd.send(device, post, out);
                    fleet.flush(device)?;
                    sent = true;
                }
                if let Some(other) = cut.take() {
                    crowd.cut(other, fleet);
                    fleet.connect(other)?;
                    sent &= other != device;
                }
            }
            crowd.turn(fleet, Duration::from_millis(20))?;
            sent &= crowd.retries.pop_front().is_none();
            while let Some(ack) = crowd.acks.pop_front() {
                if ack.message_id == post.message_id {
                    return Ok(ack.seq);
                }
            }
        }
        Err(LoadError::Timeout("an ok"))
    }

    /// Every member's history, page by page, is the file.
    fn compare(&self, world: &World, report: &mut Report) -> Result<(), LoadError> {
        let expected: Vec<(AccountId, &str, Option<u64>)> = self
            .log
            .messages
            .iter()
            .map(|message| {
                let reply_to = message.reply_to.map(|earlier| self.seqs[earlier]);
                (self.seats[message.nick].account, message.text.as_str(), reply_to)
            })
            .collect();
        let mut pages: Vec<Vec<Value>> = vec![Vec::new(); self.seats.len()];
        let mut after: Vec<Option<u64>> = vec![Some(0); self.seats.len()];
        while after.iter().any(Option::is_some) {
            let asking: Vec<usize> = (0..after.len()).filter(|i| after[*i].is_some()).collect();
            let asks = asking.iter().map(|&i| Ask {
                method: Method::GET,
                path: format!(
                    "/v1/conversations/{}/messages?after={}&limit=100",
                    self.conversation,
                    after[i].unwrap_or_default()
                ),
                token: Some(self.seats[i].token.clone()),
                body: Value::Null,
            });
            for (&i, mut page) in asking.iter().zip(world.ask_all(asks.collect())?) {
                let events = page["events"].as_array_mut().ok_or(LoadError::Answer("events"))?;
                let last = events.last().and_then(|event| event["seq"].as_u64());
                pages[i].append(events);
                after[i] = if page["next"].is_null() { None } else { last };
            }
        }
        for (seat, events) in self.seats.iter().zip(&pages) {
            let texts = events.iter().filter(|event| event["body"]["kind"] == "text");
            let got: Vec<(AccountId, &str, Option<u64>)> = texts
                .filter_map(|event| {
                    let sender = event["sender"].as_str()?.parse().ok()?;
                    Some((sender, event["body"]["text"].as_str()?, event["reply_to"].as_u64()))
                })
                .collect();
            report.check(got == expected, || {
                let first = got.iter().zip(&expected).position(|(got, expected)| got != expected);
                let (name, handle) = (&self.log.name, &seat.handle);
                format!(
                    "{name}: the history of {handle} has {} messages of {}, the first difference is at {first:?}",
                    got.len(),
                    expected.len()
                )
            });
        }
        Ok(())
    }
}
