//! What the server's frames do to conversations and to the outbox.

use std::time::{Duration, Instant};

use parlance_types::frame::{ErrorFrame, Ok as OkFrame, Page, RequestId, ServerFrame};
use parlance_types::{Action, Body, Content, Event, Retry};

use super::backoff::pause_ms;
use super::outbox::Entry;
use super::replica::{Outcome, Replica};
use super::trail::Trail;
use super::{Machine, Phase, Request, Update};

impl Machine {
    /// A frame came.
    pub fn receive(&mut self, now: Instant, frame: ServerFrame) {
        self.heard = now;
        match (&self.phase, frame) {
            (Phase::Greeting(_), ServerFrame::Ready(ready)) => self.ready(now, *ready),
            (Phase::Greeting(_), ServerFrame::Error(error)) => self.error(now, error),
            (Phase::Greeting(_) | Phase::Live, ServerFrame::Bye(bye)) => self.said_bye(bye),
            (Phase::Live, frame) => self.live(now, frame),
            // The connection that this came on is not the one of this moment.
            _ => {}
        }
        self.pump(now);
    }

    fn live(&mut self, now: Instant, frame: ServerFrame) {
        match frame {
            ServerFrame::Heads(heads) => self.heads(now, *heads),
            ServerFrame::Ok(ok) => self.ok(now, &ok),
            ServerFrame::Error(error) => self.error(now, error),
            ServerFrame::Event(event) => self.arrive(now, event),
            ServerFrame::Mark(marks) => self.update(Update::Marks(marks)),
            ServerFrame::Presence(presence) => self.update(Update::Presence(presence)),
            ServerFrame::Done { id } => {
                self.requests.remove(&id);
            }
            ServerFrame::Signal(signal) => self.update(Update::Signal(signal)),
            ServerFrame::Page(page) => self.page(now, *page),
            ServerFrame::Lag { cursor } => self.lagged(cursor),
            ServerFrame::Pong { cursor, .. } => {
                if self.listing.is_none() {
                    self.candidate = cursor.or(self.candidate);
                }
            }
            ServerFrame::Ready(_) | ServerFrame::Bye(_) => {}
        }
    }

    fn arrive(&mut self, now: Instant, event: Box<Event>) {
        let (conversation, backlog) = (event.conversation, self.options.backlog);
        self.replicas.entry(conversation).or_insert_with(|| {
            // Its head is still to come, or was lost: start with what this event shows to exist.
            let start = (event.seq.get() - 1).saturating_sub(backlog);
            Replica::new(Trail::starting_at(start), backlog)
        });
        self.with_replica(conversation, |replica, updates| replica.arrive(now, event, updates));
    }

    /// An `ok` stands in the place of its event, unless it answers a retry.
    fn ok(&mut self, now: Instant, ok: &OkFrame) {
        let Some(entry) = self.outbox.answered(ok.id) else { return };
        let (message_id, conversation, seq) = (entry.message_id, ok.conversation, ok.seq);
        let event = if ok.duplicate { None } else { self.event_of(ok, entry) };
        self.update(Update::Sent { message_id, conversation, seq });
        if let Some(event) = event {
            self.arrive(now, event);
        } else {
            let backlog = self.options.backlog;
            self.replicas.entry(conversation).or_insert_with(|| {
                let start = (seq.get() - 1).saturating_sub(backlog);
                Replica::new(Trail::starting_at(start), backlog)
            });
            self.with_replica(conversation, |replica, _| replica.exists(now, seq.get(), true));
        }
    }

    /// The event that an `ok` stands for; `None` where only the server knows what it says.
    fn event_of(&self, ok: &OkFrame, entry: Entry) -> Option<Box<Event>> {
        let (sender, device) = self.me?;
        Some(Box::new(Event {
            conversation: ok.conversation,
            seq: ok.seq,
            at: ok.at,
            sender,
            device: Some(device),
            message_id: ok.message_id,
            ordinal: ok.ordinal,
            hash: ok.hash,
            content: content_of(entry.action)?,
        }))
    }

    fn page(&mut self, now: Instant, page: Page) {
        for person in &page.people {
            self.update(Update::Person(person.clone()));
        }
        match self.requests.remove(&page.id) {
            Some(Request::Pull(conversation)) if conversation == page.conversation => {
                let outcome = self.with_replica(conversation, |replica, updates| {
                    replica.answered(now, page, updates)
                });
                if outcome == Some(Outcome::Broken) {
                    self.hang_up(now);
                }
            }
            Some(Request::History) => self.update(Update::History(Box::new(page))),
            Some(Request::Pull(_) | Request::Sync | Request::Watch) | None => {}
        }
    }

    fn error(&mut self, now: Instant, error: ErrorFrame) {
        let request = error.id.and_then(|id| self.requests.remove(&id));
        match (request, error.id) {
            (Some(request), _) => self.request_refused(now, request, error),
            (None, Some(id)) => self.send_refused(now, id, error),
            (None, None) => {
                if error.code.retry() == Retry::Reauthenticate {
                    self.expired(now);
                } else {
                    self.update(Update::Error(error));
                }
            }
        }
    }

    fn send_refused(&mut self, now: Instant, id: RequestId, error: ErrorFrame) {
        let at_once = match error.code.retry() {
            Retry::Never => {
                if let Some(entry) = self.outbox.answered(id) {
                    if let (Action::Personal(wish), Some(current)) = (&entry.action, &error.current)
                    {
                        self.learn(wish.conversation, current);
                    }
                    self.update(Update::Refused { entry, error: Some(error) });
                }
                return;
            }
            Retry::Reauthenticate => return self.expired(now),
            Retry::Now => true,
            Retry::After => false,
        };
        self.outbox.retry(id, now, at_once, |attempts| {
            Duration::from_millis(error.retry_after_ms.unwrap_or(pause_ms(attempts)))
        });
    }

    fn request_refused(&mut self, now: Instant, request: Request, error: ErrorFrame) {
        let later = match error.code.retry() {
            Retry::Never => None,
            Retry::Reauthenticate => return self.expired(now),
            Retry::Now | Retry::After => {
                let wait = error.retry_after_ms.unwrap_or(pause_ms(0));
                Some(now + Duration::from_millis(wait))
            }
        };
        match (request, later) {
            (Request::Pull(conversation), Some(later)) => {
                self.with_replica(conversation, |replica, _| replica.pause(later));
            }
            (Request::Pull(conversation), None) => {
                self.with_replica(conversation, |replica, _| replica.give_up());
                self.update(Update::Error(error));
            }
            // Without its listing a connection knows nothing: another one may.
            (Request::Sync, _) => self.hang_up(now),
            (Request::Watch, Some(later)) => self.ephemera.renew_at(later),
            (Request::Watch, None) | (Request::History, _) => self.update(Update::Error(error)),
        }
    }

    fn expired(&mut self, now: Instant) {
        self.hang_up(now);
        self.reauthenticate();
    }
}

/// What the event of an action says.
fn content_of(action: Action) -> Option<Content> {
    let content = |body| Some(Content { body, reply_to: None, seen: None, silent: false });
    match action {
        Action::Send { text, entities, reply_to, seen, silent, .. } => {
            Some(Content { body: Body::Text { text, entities }, reply_to, seen, silent })
        }
        Action::Edit { target, text, entities } => content(Body::Edit { target, text, entities }),
        Action::Delete { target } => content(Body::Delete { target }),
        Action::React { target, emoji } => content(Body::React { target, emoji }),
        Action::Unreact { target, emoji } => content(Body::Unreact { target, emoji }),
        Action::Remove { account } => content(Body::Remove { account }),
        Action::Role { account, role } => content(Body::Role { account, role }),
        Action::Rename { title } => content(Body::Rename { title }),
        Action::Describe { text } => content(Body::Describe { text }),
        Action::Settings(change) => content(Body::Settings(change)),
        Action::Personal(change) => content(Body::Personal(change)),
        // Who was created with it, who came in and who was promoted is the server's to say.
        Action::Create { .. } | Action::Add { .. } | Action::Leave => None,
    }
}
