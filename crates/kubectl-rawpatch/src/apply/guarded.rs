//! Sends a patch that only applies to one version of the object.
//!
//! Such a patch can be sent again: the server applies it once at most. And its outcome can be found out:
//! the object is still at the version, or the first change after it has an author.

use std::cell::Cell;
use std::time::Duration;

use kubectl_plugin::Error;
use kubectl_plugin::api_server::Reply;
use kubectl_plugin::error::Kind;
use serde_json::Value;
use tokio::time::Instant;

use super::in_effect::is_in_effect;
use super::requests::Requests;
use super::retry::{Schedule, pause_after_patch, pause_after_read};
use super::snapshot::Snapshot;
use super::successor::{Author, Successor, at_version};
use super::unknown::Unknown;
use super::{Applied, Effect, Policy};
use crate::request::PatchRequest;

/// The end of a guarded patch, other than an error.
pub(super) enum Ending {
    Applied(Box<Applied>),
    /// The object has another version, and the patch was not applied. The error reports it.
    Superseded(Error),
}

/// A patch that is guarded by a version of the object.
pub(super) struct Guarded<'a, R> {
    pub(super) request: &'a PatchRequest,
    pub(super) version: &'a str,
    /// The object at the version, if it was read.
    pub(super) before: Option<Value>,
    pub(super) policy: &'a Policy,
    pub(super) requests: &'a R,
}

/// The state of the object after an unknown outcome.
enum State {
    Applied(Box<Applied>),
    /// The first change after the version was another writer's.
    Superseded(String),
    /// Nothing has changed the object so far.
    Unchanged(Snapshot),
    Unreadable(Error),
    /// The object has changed, but nothing shows by whom.
    Unclear(String),
}

impl<R: Requests> Guarded<'_, R> {
    /// Sends the patch. If the outcome is unknown, finds it out, and sends the patch again while there is
    /// time.
    pub(super) async fn apply(mut self, schedule: &mut Schedule) -> Result<Ending, Error> {
        let sent = Cell::new(Instant::now());
        let reply = schedule.repeat(pause_after_patch, async || {
            sent.set(Instant::now());
            self.requests.patch(self.request.to_api_request()).await
        });
        let error = match reply.await {
            Ok(reply) => return Ok(self.applied(reply)),
            Err(error) if is_version_conflict(&error) => return Ok(Ending::Superseded(error)),
            Err(error) => error,
        };
        let unknown = Unknown::new(error, self.request, sent.get())?;
        unknown.check_verifiable(self.request, self.policy)?;
        let policy = self.policy;
        let settled = self.settle(unknown.clone(), schedule);
        unknown.find_out(policy, settled).await
    }

    async fn settle(
        &mut self,
        mut unknown: Unknown,
        schedule: &mut Schedule,
    ) -> Result<Ending, Error> {
        let mut refusal = None;
        let mut is_announced = !self.policy.is_alone;
        loop {
            match self.look().await {
                State::Applied(applied) => return Ok(Ending::Applied(applied)),
                State::Superseded(version) => return superseded(refusal, &version),
                State::Unclear(seen) => return Err(unknown.unsettled(seen)),
                State::Unchanged(_)
                    if refusal.is_none() && schedule.has_time(unknown.retry_after()) =>
                {
                    schedule.pause(unknown.retry_after()).await;
                    let sent = Instant::now();
                    match self.requests.patch(self.request.to_api_request()).await {
                        Ok(reply) => return Ok(self.applied(reply)),
                        Err(error) if pause_after_patch(&error).is_some() => {}
                        Err(error) => match Unknown::new(error, self.request, sent) {
                            Ok(newer) => unknown = newer,
                            Err(error) => refusal = Some(error),
                        },
                    }
                    continue;
                }
                State::Unchanged(snapshot) if !unknown.is_pending() => {
                    return self.end(&unknown, snapshot, refusal).await;
                }
                State::Unreadable(error) if !unknown.is_pending() => {
                    let seen = format!("the object could not be read ({error})");
                    return Err(unknown.unsettled(seen));
                }
                State::Unchanged(_) | State::Unreadable(_) => {}
            }
            if !std::mem::replace(&mut is_announced, true) {
                unknown.announce();
            }
            schedule.pause(Duration::ZERO).await;
        }
    }

    /// Ends with an unchanged object, after the server has stopped its work.
    async fn end(
        &self,
        unknown: &Unknown,
        snapshot: Snapshot,
        refusal: Option<Error>,
    ) -> Result<Ending, Error> {
        match refusal {
            Some(error) => Err(error),
            None if is_in_effect(&snapshot, self.request, self.requests).await? => {
                let applied = Applied::confirmed(snapshot, Effect::Unchanged);
                Ok(Ending::Applied(Box::new(applied)))
            }
            None => Err(unknown.not_applied(self.version)),
        }
    }

    async fn look(&mut self) -> State {
        let current = match Snapshot::read(self.request, self.requests).await {
            Ok(current) if current.version() == self.version => {
                if self.request.evaluate(&current.value).as_ref() == Some(&current.value) {
                    return State::applied(current, Effect::Unchanged);
                }
                return State::Unchanged(current);
            }
            Ok(current) => Some(current),
            Err(error) if error.is_refusal(404) => None,
            Err(error) if pause_after_read(&error).is_some() => return State::Unreadable(error),
            Err(error) => {
                return State::Unclear(format!("the object could not be read ({error})"));
            }
        };
        if let Some(successor) = Successor::find(self.request, self.version, self.requests).await {
            if self.before.is_none() {
                self.before = at_version(self.request, self.version, self.requests).await;
            }
            match successor.author(self.before.as_ref(), self.request) {
                Author::Patch => return State::applied(successor.snapshot, Effect::Changed),
                Author::SameResult => return State::applied(successor.snapshot, Effect::Unknown),
                Author::Other => {
                    return State::Superseded(successor.snapshot.version().to_owned());
                }
                Author::Unknown => {}
            }
        }
        let Some(current) = current else {
            return State::Unclear("the object no longer exists".to_owned());
        };
        match is_in_effect(&current, self.request, self.requests).await {
            Ok(true) => State::applied(current, Effect::Unknown),
            Ok(false) => State::Unclear(format!(
                "it is not in effect, but it may have been before ({})",
                current.describe()
            )),
            Err(error) => State::Unreadable(error),
        }
    }

    fn applied(&self, reply: Reply) -> Ending {
        let applied = Applied::from_reply(reply, self.request, Some(self.version));
        Ending::Applied(Box::new(applied))
    }
}

impl State {
    fn applied(snapshot: Snapshot, effect: Effect) -> Self {
        Self::Applied(Box::new(Applied::confirmed(snapshot, effect)))
    }
}

/// Returns the end of a patch that another writer has superseded. The server may have refused the patch
/// for another reason in the meantime.
fn superseded(refusal: Option<Error>, version: &str) -> Result<Ending, Error> {
    match refusal {
        Some(error) if is_version_conflict(&error) => Ok(Ending::Superseded(error)),
        Some(error) => Err(error),
        None => Ok(Ending::Superseded(
            Error::conflict(format!(
                "the patch was not applied: another writer changed the object first, to resource version {version}"
            ))
            .with_hint("read the object again, and check the patch"),
        )),
    }
}

/// Reports whether the server refused a patch because the object has another version.
fn is_version_conflict(error: &Error) -> bool {
    let Kind::Refused(status) = error.kind() else {
        return false;
    };
    let details = status.details.as_ref();
    let causes = details.map_or(&[] as &[_], |details| &details.causes);
    let concerns_fields = causes
        .iter()
        .any(|cause| cause.reason == "FieldManagerConflict");
    status.code == 409 && !concerns_fields
}
