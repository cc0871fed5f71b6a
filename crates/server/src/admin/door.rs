//! The socket while a server runs.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{LINE_BYTES_MAX, Operator, Reply, Request, socket_in};

/// Wishes that are carried out at a time; beyond, connections are closed.
const OPERATORS_MAX: usize = 4;
/// From the connection to the end of the wish.
const PATIENCE: Duration = Duration::from_secs(10);
/// After an accept that failed, e.g. for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The socket in a data directory; gone with the value.
pub(crate) struct Door {
    listener: UnixListener,
    path: PathBuf,
}

impl Door {
    /// Takes the place of what a killed server left: only who holds the stores of `data` may ask for it.
    pub(crate) fn open(data: &Path) -> io::Result<Self> {
        let path = socket_in(data);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        let door = Self { listener, path };
        // Who connects before this is asked for who they are as well.
        std::fs::set_permissions(&door.path, std::fs::Permissions::from_mode(0o600))?;
        Ok(door)
    }

    /// Until the operator is stopped; what is being done then is waited for.
    pub(crate) async fn serve(self, operator: Operator) {
        let mut asked = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = operator.stop().cancelled() => break,
                Some(ended) = asked.join_next() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "a wish of an operator did not end");
                    }
                    continue;
                }
            };
            match accepted {
                Ok((stream, _)) if may_ask(&stream) && asked.len() < OPERATORS_MAX => {
                    asked.spawn(answer(stream, operator.clone()));
                }
                Ok(_) => tracing::warn!("somebody was turned away at the admin socket"),
                Err(error) => {
                    tracing::warn!(%error, "could not accept at the admin socket");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        while asked.join_next().await.is_some() {}
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(%error, "could not remove the admin socket");
        }
    }
}

/// The user of this process, or root.
fn may_ask(stream: &UnixStream) -> bool {
    let user = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == user || peer.uid() == 0)
}

async fn answer(stream: UnixStream, operator: Operator) {
    let (reader, mut writer) = stream.into_split();
    let mut line = Vec::new();
    let mut reader = BufReader::new(reader.take(LINE_BYTES_MAX));
    let read = tokio::time::timeout(PATIENCE, reader.read_until(b'\n', &mut line));
    let request = match read.await {
        Ok(Ok(1..)) => serde_json::from_slice::<Request>(&line),
        // Somebody only looked whether a server is there, or went away.
        Ok(Ok(0) | Err(_)) | Err(_) => return,
    };
    let reply = match request {
        Ok(request) => match carry_out(request, &operator, &mut writer).await {
            Ok(done) => Reply::Done(done),
            Err(why) => Reply::Refused(why),
        },
        // What was read may hold a password, and the error words of it.
        Err(_) => Reply::Refused(
            "this server does not know that wish: is it of another version?".to_owned(),
        ),
    };
    if let Err(error) = write(&mut writer, &reply).await {
        tracing::warn!(%error, "an operator went away before the answer");
    }
}

/// Waits for the end of it, and says how far it is. Who does not listen any more does not want it any more.
async fn carry_out(
    request: Request,
    operator: &Operator,
    writer: &mut OwnedWriteHalf,
) -> Result<Value, String> {
    let (sender, mut progress) = watch::channel((0, 0));
    let mut work = pin!(operator.perform(request, sender));
    loop {
        tokio::select! {
            done = &mut work => return done,
            Ok(()) = progress.changed() => {}
        }
        let (done, total) = *progress.borrow_and_update();
        if write(writer, &Reply::Progress { done, total }).await.is_err() {
            break;
        }
    }
    drop(progress);
    work.await
}

async fn write(writer: &mut OwnedWriteHalf, reply: &Reply) -> io::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    writer.write_all(&line).await
}
