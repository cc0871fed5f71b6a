//! `pairs` and `group`: the same flood over rooms of two or over one large room, against the server and, window by window in turn,
//! against the yardstick.

use parlance_types::{ConversationId, ConversationKind};

use super::{Server, Stage};
use crate::cli::Pace;
use crate::fleet::Fleet;
use crate::flood::{Dialect, Flood, Room};
use crate::history::Judge;
use crate::progress::Progress;
use crate::report::{Figures, latencies, median, quantile_ms};
use crate::surroundings::write_us;
use crate::window::{Side, Window};
use crate::{LoadError, Report};

pub(crate) fn pairs(stage: &Stage<'_>, pairs: usize, pace: Pace) -> Result<Report, LoadError> {
    let progress = Progress::new("pairs");
    if stage.options.yardstick_only {
        return alone(stage, Report::new("pairs"), pairs, 2, pace, &progress);
    }
    progress.say("setting the scene");
    let server = stage.server()?;
    let mut world = server.world()?;
    let seats = world.sign_up(pairs * 2)?;
    let couples: Vec<_> = seats.chunks_exact(2).map(|two| (&two[0], &two[1])).collect();
    let places = world.directs(&couples)?;
    let rooms: Vec<Room> =
        places.iter().zip(&couples).map(|(place, (a, b))| Room::of(*place, [*a, *b])).collect();
    measure(stage, Report::new("pairs"), server, &rooms, pace, &progress)
}

pub(crate) fn group(stage: &Stage<'_>, size: usize, pace: Pace) -> Result<Report, LoadError> {
    if size < 2 {
        return Err(LoadError::Usage("a group that anybody hears has at least 2 members"));
    }
    let progress = Progress::new("group");
    if stage.options.yardstick_only {
        return alone(stage, Report::new("group"), 1, size, pace, &progress);
    }
    progress.say("setting the scene");
    let server = stage.server()?;
    let mut world = server.world()?;
    let seats = world.sign_up(size)?;
    let places = world.groups(&[seats.iter().collect()], Some("drill"))?;
    let rooms = [Room::of(places[0], &seats)];
    measure(stage, Report::new("group"), server, &rooms, pace, &progress)
}

fn measure(
    stage: &Stage<'_>,
    mut report: Report,
    server: Server,
    rooms: &[Room],
    pace: Pace,
    progress: &Progress,
) -> Result<Report, LoadError> {
    let judge = Judge::new(stage.options.record.as_deref())?;
    let mut own = Side {
        fleet: Fleet::new(server.address, stage.options.seed)?,
        flood: Flood::new(Dialect::Parlance, rooms, judge),
        process: server.process,
    };
    own.connect()?;
    let mut other = if stage.options.yardstick {
        Some(yardstick(stage, rooms.len(), rooms[0].tokens.len())?)
    } else {
        None
    };
    let (mut windows, mut yardstick) = (Vec::new(), Vec::new());
    for _ in 0..stage.windows() {
        windows.push(own.window(pace, stage.length(), progress)?);
        if let Some(other) = &mut other {
            yardstick.push(other.window(pace, stage.length(), progress)?);
        }
    }
    summarise(&mut report, &windows);
    report.notes.push(format!("one write of 400 bytes to a socket costs {:.1} us", write_us()?));
    if !yardstick.is_empty() {
        report.compare(figures(&yardstick));
        if yardstick.iter().any(Window::saturated) {
            report.notes.push("the generator saturates first on the yardstick".to_owned());
        }
    }
    report.judge(own.flood.into_judge().finish()?);
    Ok(report)
}

fn alone(
    stage: &Stage<'_>,
    mut report: Report,
    rooms: usize,
    size: usize,
    pace: Pace,
    progress: &Progress,
) -> Result<Report, LoadError> {
    let mut relay = yardstick(stage, rooms, size)?;
    let windows: Result<Vec<Window>, LoadError> =
        (0..stage.windows()).map(|_| relay.window(pace, stage.length(), progress)).collect();
    summarise(&mut report, &windows?);
    report.notes.push("the yardstick alone".to_owned());
    Ok(report)
}

fn yardstick(stage: &Stage<'_>, rooms: usize, size: usize) -> Result<Side, LoadError> {
    let process = stage.yardstick()?;
    let rooms: Vec<Room> = (0..rooms as u64)
        .map(|index| {
            let mut hash = [0; 16];
            hash[8..].copy_from_slice(&index.to_be_bytes());
            let conversation = ConversationId::from_hash(ConversationKind::Group, hash);
            Room { conversation, after: 0, tokens: vec![index.to_string(); size] }
        })
        .collect();
    let mut relay = Side {
        fleet: Fleet::new(process.address(), stage.options.seed)?,
        flood: Flood::new(Dialect::Relay, &rooms, Judge::new(None)?),
        process: Some(process),
    };
    relay.connect()?;
    Ok(relay)
}

fn summarise(report: &mut Report, windows: &[Window]) {
    let mut all = latencies();
    for window in windows {
        report.sent += window.tally.sent;
        report.delivered += window.tally.delivered;
        // Histograms of the same bounds always add up.
        let _ = all.add(&window.tally.latencies);
    }
    report.time(&all);
    let quantile =
        |q| median(windows.iter().filter_map(|w| quantile_ms(&w.tally.latencies, q)).collect());
    report.p50_ms = quantile(0.50);
    report.p95_ms = quantile(0.95);
    report.p99_ms = quantile(0.99);
    report.rate_per_s = median(windows.iter().map(Window::rate).collect());
    report.server_cpu_us_per_message = median(windows.iter().filter_map(Window::cpu_us).collect());
    report.per_server_cpu_second = report.server_cpu_us_per_message.map(|us| 1e6 / us);
    let surroundings: Vec<&str> = windows.iter().map(|w| w.surroundings.as_str()).collect();
    report.notes.push(format!("in each window: {}", surroundings.join("; ")));
    report.generator_saturated = windows.iter().any(Window::saturated);
}

fn figures(windows: &[Window]) -> Figures {
    let quantile = |q| {
        median(windows.iter().filter_map(|w| quantile_ms(&w.tally.latencies, q)).collect())
            .unwrap_or_default()
    };
    Figures {
        rate_per_s: median(windows.iter().map(Window::rate).collect()).unwrap_or_default(),
        server_cpu_us_per_message: median(windows.iter().filter_map(Window::cpu_us).collect())
            .unwrap_or_default(),
        p50_ms: quantile(0.50),
        p99_ms: quantile(0.99),
    }
}
