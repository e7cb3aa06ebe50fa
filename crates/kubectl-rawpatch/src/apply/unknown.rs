//! An outcome that is not known yet, and the errors for its ends.

use std::time::Duration;

use kubectl_plugin::Error;
use kubectl_plugin::error::{Kind, UnknownOutcome};
use kubectl_plugin::runtime::Hold;
use kubectl_plugin::{connection, stderr};
use tokio::time::Instant;

use super::Policy;
use crate::request::PatchRequest;

/// The API server's limit for a request (`--request-timeout`, `min-request-timeout` does not apply). The
/// handler of a PATCH stops after 34 seconds (`apiserver/pkg/endpoints/handlers/patch.go`).
const SERVER_LIMIT: Duration = Duration::from_mins(1);

/// The time for the server to stop its work after the limit.
const GRACE: Duration = Duration::from_secs(5);

/// A PATCH whose outcome is not known.
#[derive(Clone)]
pub(super) struct Unknown {
    pub(super) outcome: UnknownOutcome,
    hint: Option<String>,
    /// The time from which the server no longer works on the PATCH.
    pub(super) end: Instant,
    limit: Duration,
}

impl Unknown {
    /// Returns the unknown outcome that `error` reports, of a PATCH that was sent at `sent`. Returns any
    /// other error.
    pub(super) fn new(error: Error, request: &PatchRequest, sent: Instant) -> Result<Self, Error> {
        let Kind::OutcomeUnknown(outcome) = error.kind() else {
            return Err(error);
        };
        let limit = limit(request);
        Ok(Self {
            outcome: outcome.clone(),
            hint: error.hint().map(str::to_owned),
            end: sent + limit,
            limit,
        })
    }

    /// Returns the error if the outcome must or can not be found out.
    pub(super) fn check_verifiable(
        &self,
        request: &PatchRequest,
        policy: &Policy,
    ) -> Result<(), Error> {
        if !policy.verifies {
            return Err(self.with_hint(Kind::OutcomeUnknown(self.outcome.clone()).into()));
        }
        match request.unverifiable() {
            Some(reason) => Err(self.unsettled(format!("it was not verified, because {reason}"))),
            None => Ok(()),
        }
    }

    pub(super) fn retry_after(&self) -> Duration {
        Duration::from_secs(self.outcome.retry_after.into())
    }

    /// Reports whether the server may still work on the PATCH.
    pub(super) fn is_pending(&self) -> bool {
        Instant::now() < self.end
    }

    /// Announces on stderr that it takes a while to find out the outcome.
    pub(super) fn announce(&self) {
        let (event, limit) = (&self.outcome.event, self.limit);
        stderr::say(&format!(
            "{event}; reading the object for up to {limit:?} to find out the outcome"
        ));
    }

    /// Returns the error for an outcome that stays unknown. `seen` describes the object.
    pub(super) fn unsettled(&self, seen: impl Into<String>) -> Error {
        let kind = Kind::OutcomeUnknown(UnknownOutcome {
            seen: Some(seen.into()),
            ..self.outcome.clone()
        });
        self.with_hint(kind.into())
    }

    /// Returns the error for a patch that was certainly not applied.
    pub(super) fn not_applied(&self, version: &str) -> Error {
        let (event, limit) = (&self.outcome.event, self.limit);
        Kind::GaveUp(format!(
            "not applied: {event}; after {limit:?}, the object still has resource version {version}"
        ))
        .into()
    }

    /// Does work that finds out the outcome. If this is the only patch, a signal ends the work, and the
    /// error says that the outcome is unknown.
    pub(super) async fn find_out<T>(
        &self,
        policy: &Policy,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let hold = policy.is_alone.then(Hold::start).and_then(Result::ok);
        let Some(mut hold) = hold else {
            return work.await;
        };
        let interrupted = |signal| {
            let outcome = UnknownOutcome {
                seen: Some("interrupted before the outcome was found out".to_owned()),
                ..self.outcome.clone()
            };
            let message = Some(format!("outcome unknown: {outcome}"));
            self.with_hint(Kind::Interrupted { signal, message }.into())
        };
        tokio::select! {
            biased;
            signal = hold.signal() => Err(interrupted(signal)),
            result = work => result,
        }
    }

    fn with_hint(&self, error: Error) -> Error {
        match &self.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

/// Returns the time after which the server no longer works on a PATCH. A client can shorten it.
fn limit(request: &PatchRequest) -> Duration {
    let timeout = request.path.parameter("timeout");
    let timeout = timeout.and_then(|text| connection::parse_duration(&text).ok()?);
    timeout.map_or(SERVER_LIMIT, |timeout| timeout.min(SERVER_LIMIT)) + GRACE
}
