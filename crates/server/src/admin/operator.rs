//! Doing what was asked for, on stores that are open.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parlance_core::Refusal;
use parlance_embedded::backup::{self, Room};
use parlance_embedded::conversations::Conversations;
use parlance_engine::Engine;
use parlance_engine::accounts::{Accounts, SignUp};
use parlance_engine::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::{Progress, Request};
use crate::backup::stamp;
use crate::config::Config;
use crate::figures::LastBackup;
use crate::open::{self, OpenStores};

/// What an operator's wishes are carried out on.
#[derive(Clone)]
pub(crate) struct Operator {
    accounts: Arc<Accounts>,
    conversations: Conversations,
    data: PathBuf,
    room: Room,
    /// Ends what takes long.
    stop: CancellationToken,
    /// One backup at a time: two would take twice the room and not be done earlier.
    backup: Arc<Mutex<()>>,
    last_backup: LastBackup,
}

impl Operator {
    pub(crate) fn new(
        config: &Config,
        engine: &Engine,
        stores: &OpenStores,
        stop: CancellationToken,
        (is_serving, last_backup): (bool, LastBackup),
    ) -> Self {
        Self {
            accounts: engine.accounts().clone(),
            conversations: stores.conversations().clone(),
            data: config.server.data.clone(),
            room: Room { keep_free: open::room_needed(config), is_serving },
            stop,
            backup: Arc::default(),
            last_backup,
        }
    }

    pub(super) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Does it; an error is one line for the person who asked. Who drops the other end of `progress` wants it no more.
    pub(super) async fn perform(
        &self,
        request: Request,
        progress: Progress,
    ) -> Result<Value, String> {
        match request {
            Request::CreateAccount { handle, name, password } => {
                self.create(&handle, name.as_deref(), &password).await
            }
            Request::ResetPassword { handle, password } => {
                let (account, ended) = self
                    .accounts
                    .reset_password(&handle, &password)
                    .await
                    .map_err(|refusal| refused(&handle, &refusal))?;
                Ok(json!({"handle": handle, "account": account, "sessions_ended": ended}))
            }
            Request::Backup { directory } => self.back_up(&directory, progress).await,
        }
    }

    async fn back_up(&self, directory: &Path, progress: Progress) -> Result<Value, String> {
        let Ok(_only) = self.backup.try_lock() else {
            return Err("a backup is being taken already: wait for its end".to_owned());
        };
        let stop = self.stop.clone();
        let go_on = Arc::new(move |done, total| {
            progress.send((done, total)).is_ok() && !stop.is_cancelled()
        });
        let accounts = self.data.join("accounts.sqlite");
        let stores = (&self.conversations, &*accounts);
        let created = backup::create(stores, directory, stamp(), self.room, go_on).await;
        let created = created.map_err(|error| {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            format!("no backup: {error}{}", cause.unwrap_or_default())
        })?;
        self.last_backup.taken(SystemClock.now());
        tracing::info!(directory = %directory.display(), bytes = created.bytes, "a backup was taken");
        Ok(json!({
            "directory": directory.display().to_string(), "epoch": created.epoch,
            "files": created.files, "bytes": created.bytes,
        }))
    }

    /// The session that comes with an account ends at once: nobody has its tokens.
    async fn create(
        &self,
        handle: &str,
        name: Option<&str>,
        password: &str,
    ) -> Result<Value, String> {
        let wish = SignUp { handle, password, name, device_name: None, from: None };
        let refused = |refusal: Refusal| refused(handle, &refusal);
        let grant = self.accounts.sign_up(wish).await.map_err(refused)?;
        let token = grant.access_token.expose();
        if let Ok(signed) = self.accounts.authenticate(token) {
            self.accounts.sign_out(signed).await.map_err(refused)?;
        }
        Ok(json!({"handle": handle, "account": grant.account}))
    }
}

fn refused(handle: &str, refusal: &Refusal) -> String {
    let field = refusal.field.map(|field| format!("{field}: ")).unwrap_or_default();
    format!("{handle}: {field}{} ({})", refusal.code.message(), refusal.code.as_str())
}
