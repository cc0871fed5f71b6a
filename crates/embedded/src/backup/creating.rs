//! Taking a backup of stores that are open.

use std::path::Path;
use std::sync::Arc;

use parlance_types::{Epoch, Micros};
use tokio::sync::oneshot;

use super::error::BackupError;
use super::folder::Folder;
pub use super::folder::Room;
use super::list::{LIST, List};
use super::rows_file::Writer;
use super::{ACCOUNTS, GoOn, ROWS};
use crate::accounts;
use crate::conversations::priority;
use crate::conversations::{Conversations, Frozen, JOURNAL, OpenError, RowError};

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    pub epoch: Epoch,
    pub files: usize,
    pub bytes: u64,
}

/// Writes everything to `into`, which is made or empty. `version` is that of the program. What fails leaves nothing.
pub async fn create(
    (conversations, accounts): (&Conversations, &Path),
    into: &Path,
    (version, made_at): (&str, Micros),
    room: Room,
    go_on: Arc<GoOn>,
) -> Result<Created, BackupError> {
    let (store, file, path) = (conversations.clone(), accounts.to_owned(), into.to_owned());
    let (folder, epoch, end) = aside(move || {
        let frozen = store.freeze()?;
        let total = frozen.rows_bytes + frozen.journal().bytes() + size(&file)?;
        let mut folder = Folder::take(&path, total, room, go_on)?;
        write_rows(&frozen, &mut folder)?;
        let copy = frozen.journal();
        copy.write(|name, piece| {
            folder.append(&format!("{JOURNAL}/{name}"), piece).map_err(Failed)
        })
        .map_err(|Failed(error)| error)?;
        folder.close()?;
        Ok((folder, frozen.epoch(), copy.end()))
    })
    .await?;
    // After the messages, so that everybody who wrote one is there.
    accounts::copy(accounts, &folder.path(ACCOUNTS)).await?;
    let version = version.to_owned();
    aside(move || {
        let mut folder = folder;
        folder.adopt(ACCOUNTS)?;
        let files = folder.close()?.to_vec();
        let list = List::new(&version, made_at, epoch, end.get(), files);
        let created = Created { epoch, files: list.files.len(), bytes: list.bytes() };
        folder.finish(LIST, &list.encode())?;
        Ok(created)
    })
    .await
}

/// What the journal hands on from its callback.
struct Failed(BackupError);

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        Self(BackupError::io(Path::new(JOURNAL))(error))
    }
}

fn size(path: &Path) -> Result<u64, BackupError> {
    std::fs::metadata(path).map(|metadata| metadata.len()).map_err(BackupError::io(path))
}

fn write_rows(frozen: &Frozen, folder: &mut Folder) -> Result<(), BackupError> {
    let place = folder.path(ROWS);
    let in_rows = |error: RowError| OpenError::rows(Path::new(ROWS), error);
    let mut writer = Writer::new();
    for row in frozen.rows() {
        let (key, value) = row.map_err(in_rows)?;
        writer.push(&key, &value).map_err(BackupError::io(&place))?;
        let ready = writer.take();
        if !ready.is_empty() {
            folder.append(ROWS, &ready)?;
        }
    }
    writer.finish().map_err(BackupError::io(&place))?;
    folder.append(ROWS, &writer.take())
}

/// Runs on a thread of its own that steps back behind those that serve.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T, BackupError> {
    let (answer, answered) = oneshot::channel();
    let thread = std::thread::Builder::new().name("backup".to_owned());
    let thread = thread.spawn(move || {
        priority::step_back();
        // Who asked may have gone.
        drop(answer.send(work()));
    });
    let thread = thread.map_err(OpenError::Thread)?;
    let done = answered.await;
    if thread.join().is_err() {
        tracing::error!("the thread that writes a backup panicked");
    }
    done.unwrap_or_else(|_| {
        Err(OpenError::damaged("the stores cannot be read: the backup panicked").into())
    })
}
