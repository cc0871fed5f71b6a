//! `doors`: in each room one device never changes its door and another changes it every few seconds, while both send. In the end both have
//! the same log with the same hashes, and so has whoever only listens.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use parlance_client::{Client, Connection, Door, Saved, Update};
use parlance_types::frame::Place;
use parlance_types::{Action, ConversationId, Event, MessageText};
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at, sleep_until};

use super::Stage;
use crate::checker::{Observer, Sight};
use crate::history::Judge;
use crate::progress::Progress;
use crate::report::Doors;
use crate::world::credentials;
use crate::{LoadError, Report};

/// Messages of a sender that are not acknowledged yet.
const WINDOW: u32 = 4;
/// Everything of a conversation.
const BACKLOG: u64 = u64::MAX / 2;
/// How long everybody has to get what is missing when nothing is sent any more.
const SETTLE: Duration = Duration::from_mins(1);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What the observers share.
struct Scene {
    judge: Mutex<Judge>,
    figures: Mutex<(u64, Doors)>,
    sending: watch::Receiver<bool>,
}

/// A device and what it does.
struct Role {
    observer: Observer,
    conversation: ConversationId,
    sends: bool,
    /// Changes its door so often.
    period: Option<Duration>,
}

pub(crate) fn doors(stage: &Stage<'_>, rooms: usize, period: f64) -> Result<Report, LoadError> {
    let progress = Progress::new("doors");
    progress.say("setting the scene");
    let period = Duration::from_secs_f64(period.clamp(0.05, 3_600.0));
    let server = stage.server()?;
    let mut world = server.world()?;
    let seats = world.sign_up(rooms * 2)?;
    let lists: Vec<_> = seats.chunks_exact(2).map(|two| two.iter().collect()).collect();
    let places = world.groups(&lists, None)?;
    let (stop, sending) = watch::channel(true);
    let mut judge = Judge::new(stage.options.record.as_deref())?;
    let mut devices = Vec::new();
    for (two, (conversation, _)) in seats.chunks_exact(2).zip(places) {
        // The first stays, the second moves, and another device of the second only listens.
        for (seat, sends, period) in
            [(&two[0], true, None), (&two[1], true, Some(period)), (&two[1], false, None)]
        {
            let observer = devices.len() as Observer;
            judge.follow(observer, conversation, 0);
            devices.push((credentials(seat)?, Role { observer, conversation, sends, period }));
        }
    }
    let figures = Mutex::new((0, Doors::default()));
    let scene = Arc::new(Scene { judge: Mutex::new(judge), figures, sending });
    let url = format!("http://{}", server.address);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let settled = runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for (credentials, role) in devices {
            let client = Client::sign_in(&url, &credentials).await?;
            tasks.spawn(act(client, role, scene.clone()));
        }
        progress.say("moving");
        let settled = conduct(&scene, &stop, stage.length(), &mut tasks).await;
        tasks.shutdown().await;
        settled
    })?;
    let Some(Scene { judge, figures, .. }) = Arc::into_inner(scene) else {
        return Err(LoadError::Answer("every device has ended"));
    };
    let (sent, doors) = figures.into_inner();
    let mut report = Report { sent, doors: Some(doors), ..Report::new("doors") };
    let (verdict, faults) = judge.into_inner().finish()?;
    report.delivered = verdict.sights;
    report.judge((verdict, faults));
    report.check(settled, || "somebody did not get everything in time".to_owned());
    Ok(report)
}

/// Lets them send for a while, then waits until nobody misses anything. `false`: somebody does.
async fn conduct(
    scene: &Scene,
    stop: &watch::Sender<bool>,
    length: Duration,
    tasks: &mut JoinSet<Result<(), LoadError>>,
) -> Result<bool, LoadError> {
    let end = Instant::now() + length;
    let mut deadline = end;
    loop {
        tokio::select! {
            () = sleep_until(deadline) => {}
            Some(done) = tasks.join_next() => done.map_err(std::io::Error::other)??,
        }
        if *scene.sending.borrow() {
            stop.send_replace(false);
        } else if scene.figures.lock().1.unacknowledged == 0
            && scene.judge.lock().checker().is_complete()
        {
            return Ok(true);
        } else if Instant::now() > end + SETTLE {
            return Ok(false);
        }
        deadline = Instant::now() + LOOK_AGAIN;
    }
}

/// One device, until it is stopped.
async fn act(client: Client, role: Role, scene: Arc<Scene>) -> Result<(), LoadError> {
    let mut connection = client.connect(Saved::default(), BACKLOG)?;
    let mut sending = scene.sending.clone();
    let period = role.period.unwrap_or(Duration::MAX / 4);
    let mut moves = interval_at(Instant::now() + period.min(Duration::from_hours(24)), period);
    let mut door = Door::Socket;
    let (mut in_flight, mut number) = (0, 0_u64);
    loop {
        while role.sends && *sending.borrow() && in_flight < WINDOW {
            number += 1;
            in_flight += 1;
            say(&mut connection, &role, number)?;
            let mut figures = scene.figures.lock();
            figures.0 += 1;
            figures.1.unacknowledged += 1;
        }
        tokio::select! {
            update = connection.next() => {
                if let Update::Sent { .. } = note(&scene, &role, door, update?)? {
                    in_flight -= 1;
                    scene.figures.lock().1.unacknowledged -= 1;
                }
            }
            _ = moves.tick(), if role.period.is_some() => {
                door = match door {
                    Door::Socket => Door::Stream,
                    Door::Protobuf => Door::Socket,
                    Door::Stream => Door::Poll,
                    Door::Poll => Door::Protobuf,
                };
                scene.figures.lock().1.changes += 1;
                connection.change_door(door);
            }
            changed = sending.changed() => if changed.is_err() { return Ok(()) },
        }
    }
}

fn say(connection: &mut Connection, role: &Role, number: u64) -> Result<(), LoadError> {
    let text = MessageText::new(&format!("{number} of {}", role.observer));
    let text = text.map_err(|_| LoadError::Answer("a text"))?;
    let (entities, reply_to) = (Vec::new(), None);
    let action = Action::Send { to: None, text, entities, reply_to, seen: None, silent: false };
    connection.send(Place::Conversation(role.conversation), action)?;
    Ok(())
}

/// Tells the judge what a device saw.
fn note(scene: &Scene, role: &Role, door: Door, update: Update) -> Result<Update, LoadError> {
    match &update {
        Update::Event { event, .. } if event.conversation == role.conversation => {
            scene.judge.lock().saw(&sight(role.observer, event));
            if role.period.is_some() {
                scene.figures.lock().1.at(door).events += 1;
            }
        }
        Update::Ready { .. } if role.period.is_some() => {
            scene.figures.lock().1.at(door).connections += 1;
        }
        Update::Refused { .. } | Update::Truncated { .. } | Update::Deleted { .. } => {
            return Err(LoadError::Answer("nothing but events"));
        }
        _ => {}
    }
    Ok(update)
}

fn sight(observer: Observer, event: &Event) -> Sight {
    Sight {
        observer,
        conversation: event.conversation,
        seq: event.seq.get(),
        message_id: event.message_id,
        hash: *event.hash.as_bytes(),
    }
}
