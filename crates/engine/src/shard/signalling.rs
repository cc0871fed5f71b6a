//! Signals: what a member is about to say goes to the others' connections and nowhere else.

use std::sync::Arc;

use parlance_core::policy::{self, Act};
use parlance_core::{Refusal, State};
use parlance_types::{AccountId, Code, SignalFrame, SignalRequest, limits};

use super::{CommandSource, Shard};
use crate::outlet::{self, Outlet, Push};

impl<S: CommandSource> Shard<S> {
    /// The conversation is loaded.
    pub(super) fn signal(
        &mut self,
        signal: SignalRequest,
        outlet: Arc<dyn Outlet>,
        is_closed: bool,
    ) {
        let SignalRequest { conversation, kind } = signal;
        let sender = outlet.peer().account;
        let Some(loaded) = self.cache.get_mut(conversation) else { return };
        if let Err(refusal) = may_signal(&loaded.working, sender, is_closed) {
            return self.tell_refused(outlet, &refusal);
        }
        let audience = loaded.working.audience();
        if audience.len() > limits::SIGNAL_MEMBERS_MAX {
            return;
        }
        let frame = SignalFrame { conversation, sender, kind };
        let shared = outlet::Shared::new(Push::Signal(&frame));
        for account in audience.iter().filter(|account| **account != sender) {
            let Some(outlets) = self.shared.hub.of(*account) else { continue };
            for outlet in outlets.iter() {
                if outlet.push(&shared) {
                    self.touched.push(outlet.clone());
                }
            }
        }
    }
}

/// Only who could say it now may announce it.
fn may_signal(state: &State, account: AccountId, is_closed: bool) -> Result<(), Refusal> {
    let refused = |code| Refusal::field(code, "signal.conversation");
    let member = state.member(account).ok_or(refused(Code::NotFound))?;
    let info = state.info().ok_or(refused(Code::NotFound))?;
    let role = member.role.ok_or(refused(Code::NotAMember))?;
    if is_closed {
        return Err(refused(Code::CannotMessage));
    }
    if policy::may(role, Act::Send, info.settings) { Ok(()) } else { Err(refused(Code::Forbidden)) }
}
