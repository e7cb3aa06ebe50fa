//! All facts about one connection. Building a report never fails: if the server does not say who the user
//! is, the report has the reason.

pub(crate) mod columns;
pub(crate) mod document;
pub(crate) mod format;
pub(crate) mod list;
mod table;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kubectl_plugin::api_server::ApiServer;
use kubectl_plugin::connection::ServerTarget;
use kubectl_plugin::error::Kind;
use kubectl_plugin::text::utc;
use kubectl_plugin::{Error, stderr};

use crate::credential::explanation;
use crate::credential::explanation::ServerFacts;
use crate::credential::{Authentication, Presented};
use crate::identity::ladder;
use crate::identity::ladder::Requester;
use crate::identity::{Identity, Source, UserInfo};

/// The user on one server, the credential, and how that is known.
pub(crate) struct Report {
    pub(crate) target: ServerTarget,
    pub(crate) login: Authentication,
    /// The user that requests are sent as. With impersonation, this is the impersonated user.
    pub(crate) identity: Option<Identity>,
    /// The owner of the credential, with impersonation.
    pub(crate) impersonator: Option<Identity>,
    /// The reason why the server did not name the user.
    pub(crate) failure: Option<Error>,
    /// Possible causes of that.
    pub(crate) explanation: Vec<String>,
    /// The time of the report.
    pub(crate) now: Timestamp,
    /// Whether requests impersonate another user.
    pub(crate) impersonates: bool,
}

/// The note if there is no expiry to compare with a limit.
pub(crate) const NO_END: &str =
    "the credential has no expiry date; --fail-if-expires-within was not checked";

impl Report {
    /// Asks the server, unless `is_offline`. Several reports may be in progress at once.
    pub(crate) async fn of(server: &ApiServer, is_offline: bool) -> Self {
        let (identity, failure) = if is_offline {
            (None, None)
        } else {
            match ladder::ask(server, Requester::Configured).await {
                Ok(identity) => (Some(identity), None),
                Err(error) => (None, Some(error)),
            }
        };
        let impersonates = server.impersonates();
        // A server that does not answer the first question does not answer a second one.
        let answers = identity.is_some() || failure.as_ref().is_some_and(is_refused_otherwise);
        let impersonator = if impersonates && answers {
            ladder::ask(server, Requester::Unimpersonated).await.ok()
        } else {
            None
        };
        Self::new(server, identity, impersonator, failure).await
    }

    /// Builds the report of a server that failed to answer.
    pub(crate) async fn failed(server: &ApiServer, failure: Error) -> Self {
        Self::new(server, None, None, Some(failure)).await
    }

    /// Builds the report of a context that is incomplete in the kubeconfig.
    pub(crate) fn unprepared(context: &str, failure: Error) -> Self {
        Self {
            target: ServerTarget {
                context: Some(context.to_owned()),
                ..ServerTarget::default()
            },
            login: Authentication {
                used: Presented::unknown(),
                ..Authentication::default()
            },
            identity: None,
            impersonator: None,
            failure: Some(failure),
            explanation: Vec::new(),
            now: Timestamp::now(),
            impersonates: false,
        }
    }

    async fn new(
        server: &ApiServer,
        identity: Option<Identity>,
        impersonator: Option<Identity>,
        failure: Option<Error>,
    ) -> Self {
        let impersonates = server.impersonates();
        // The server names the credential of the impersonator.
        let owner = if impersonates {
            &impersonator
        } else {
            &identity
        };
        let owner = owner.as_ref().map(|identity| &identity.user);
        let login = Authentication::new(&server.credential().await, owner);
        let now = Timestamp::now();
        let explanation = match &failure {
            Some(error) if is_unauthorized(error) => {
                let server = ServerFacts {
                    authorities: server.authorities().await,
                    clock_skew: server.clock_skew(),
                };
                explanation::of_unauthorized(&login, &server, now)
            }
            _ => Vec::new(),
        };
        Self {
            target: server.target().clone(),
            login,
            identity,
            impersonator,
            failure,
            explanation,
            now,
            impersonates,
        }
    }

    /// Returns the source of the identity.
    pub(crate) fn source(&self) -> Source {
        self.identity
            .as_ref()
            .map_or(Source::LocalCredential, |identity| identity.source)
    }

    /// Returns the user according to the credential, if the server names none. A credential does not tell
    /// whom it impersonates.
    pub(crate) fn local_user(&self) -> Option<&UserInfo> {
        let is_all = self.identity.is_none() && !self.impersonates;
        is_all.then_some(&self.login.used.local_user)
    }

    /// Returns the user name: the server's, or the credential's if the server was not asked.
    pub(crate) fn username(&self) -> Option<&str> {
        let user = match (&self.identity, &self.failure) {
            (Some(identity), _) => &identity.user,
            (None, None) => self.local_user()?,
            (None, Some(_)) => return None,
        };
        Some(user.username.as_str()).filter(|name| !name.is_empty())
    }

    /// Returns the time left for the credential that counted, if it expires.
    pub(crate) fn remaining(&self) -> Option<SignedDuration> {
        let expires = self.login.used.expires?;
        Some(expires.duration_since(self.now))
    }

    /// Decides the outcome: the failure, then whether the credential expires within `limit`.
    pub(crate) fn verdict(self, limit: Option<Duration>) -> Result<(), Error> {
        let remaining = self.remaining();
        if let Some(error) = self.failure {
            return Err(match self.explanation.as_slice() {
                [] => error,
                reasons => error.hinted(reasons.join("; ")),
            });
        }
        let Some(limit) = limit else {
            return Ok(());
        };
        let (Some(remaining), Some(expires)) = (remaining, self.login.used.expires) else {
            stderr::say(NO_END);
            return Ok(());
        };
        if remaining >= SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX) {
            return Ok(());
        }
        let expires = utc::minute(expires.as_second());
        Err(Kind::Expiring(if remaining.is_negative() {
            format!("the credential expired at {expires}")
        } else {
            format!("the credential expires at {expires}, too soon for --fail-if-expires-within")
        })
        .into())
    }
}

fn is_unauthorized(error: &Error) -> bool {
    matches!(error.kind(), Kind::Refused(status) if status.code == 401)
}

/// Reports whether the server refused for another reason than the login.
fn is_refused_otherwise(error: &Error) -> bool {
    matches!(error.kind(), Kind::Refused(_)) && !is_unauthorized(error)
}
