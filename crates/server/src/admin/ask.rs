//! Asking, from another process.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::pin::pin;

use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{LINE_BYTES_MAX, Operator, Reply, Request, socket_in};
use crate::backup::until_cancelled;
use crate::cli::Failure;
use crate::config::Config;
use crate::figures::LastBackup;
use crate::open;

/// Has the server do it that has the data directory open. If there is none, opens the directory and does it here.
pub(crate) fn ask(
    config: &Config,
    request: Request,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Value, Failure> {
    let path = socket_in(&config.server.data);
    match UnixStream::connect(&path) {
        Ok(stream) => ask_server(stream, &request, progress),
        Err(error) if is_nobody_there(&error) => do_here(config, request, progress),
        Err(error) => Err(format!("cannot reach the server at {}: {error}", path.display()).into()),
    }
}

fn is_nobody_there(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::InvalidInput
    )
}

fn ask_server(
    mut stream: UnixStream,
    request: &Request,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Value, Failure> {
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut reader = BufReader::new(stream);
    loop {
        line.clear();
        reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Err("the server ended before it answered: look at its log".into());
        }
        match serde_json::from_slice(&line) {
            Ok(Reply::Progress { done, total }) => progress(done, total),
            Ok(Reply::Done(done)) => return Ok(done),
            Ok(Reply::Refused(why)) => return Err(why.into()),
            Err(_) => {
                return Err("the server answers in another way: is it of another version?".into());
            }
        }
    }
}

fn do_here(
    config: &Config,
    request: Request,
    show: &mut dyn FnMut(u64, u64),
) -> Result<Value, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let opened = open::open(config, 1).await?;
        let stop = CancellationToken::new();
        let operator = Operator::new(
            config,
            &opened.engine,
            &opened.stores,
            stop.clone(),
            (false, LastBackup::default()),
        );
        let (sender, mut progress) = watch::channel((0, 0));
        let work = async {
            let mut work = pin!(operator.perform(request, sender));
            loop {
                tokio::select! {
                    done = &mut work => return done,
                    Ok(()) = progress.changed() => {
                        let (done, total) = *progress.borrow_and_update();
                        show(done, total);
                    }
                }
            }
        };
        let done = until_cancelled(work, &stop).await;
        drop((operator, opened.engine, opened.shards));
        opened.stores.close().await?;
        Ok(done?)
    })
}
