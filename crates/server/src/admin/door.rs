//! The socket while a server runs.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

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

    /// Until `stop`; what is being done then is waited for.
    pub(crate) async fn serve(self, operator: Operator, stop: CancellationToken) {
        let mut asked = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = stop.cancelled() => break,
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
        Ok(Ok(_)) => serde_json::from_slice::<Request>(&line),
        Ok(Err(_)) | Err(_) => return,
    };
    let reply = match request {
        Ok(request) => match operator.perform(request).await {
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

async fn write(writer: &mut (impl AsyncWriteExt + Unpin), reply: &Reply) -> io::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    writer.write_all(&line).await
}
