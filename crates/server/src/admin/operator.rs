//! Doing what was asked for, on stores that are open.

use std::sync::Arc;

use parlance_core::Refusal;
use parlance_engine::accounts::{Accounts, SignUp};
use serde_json::{Value, json};

use super::Request;

/// What an operator's wishes are carried out on.
#[derive(Clone)]
pub(crate) struct Operator {
    pub(crate) accounts: Arc<Accounts>,
}

impl Operator {
    /// Does it; an error is one line for the person who asked.
    pub(crate) async fn perform(&self, request: Request) -> Result<Value, String> {
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
        }
    }

    /// The session that comes with an account ends at once: nobody has its tokens.
    async fn create(
        &self,
        handle: &str,
        name: Option<&str>,
        password: &str,
    ) -> Result<Value, String> {
        let wish = SignUp { handle, password, name, device_name: None };
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
