//! All that is known about one connection. It never fails: that the server does not say who
//! somebody is, and why, is part of it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kubectl_plugin::api_server::ApiServer;
use kubectl_plugin::connection::ServerTarget;
use kubectl_plugin::error::Kind;
use kubectl_plugin::text::utc;
use kubectl_plugin::{Error, stderr};

use crate::credential::{Login, Presented};
use crate::explanation::{self, Server};
use crate::identity::{Identity, Source, UserInfo};
use crate::ladder::{self, Asker};

/// Who somebody is on one server, by what, and how that is known.
pub(crate) struct Report {
    pub(crate) target: ServerTarget,
    pub(crate) login: Login,
    /// Who requests are sent as; with impersonation, whoever is impersonated.
    pub(crate) identity: Option<Identity>,
    /// Who really asks, with impersonation.
    pub(crate) impersonator: Option<Identity>,
    /// Why the server did not say who it is.
    pub(crate) failure: Option<Error>,
    /// What may be behind that.
    pub(crate) explanation: Vec<String>,
    /// When all of this was so.
    pub(crate) now: Timestamp,
    /// Whether somebody else is asked about than whoever asks.
    pub(crate) impersonates: bool,
}

/// What is said where an end is asked about and there is none.
pub(crate) const NO_END: &str = "the credential does not say when it expires";

impl Report {
    /// Asks the server, unless `is_offline`. Several of these may be under way at once.
    pub(crate) async fn of(server: &ApiServer, is_offline: bool) -> Self {
        let (identity, failure) = if is_offline {
            (None, None)
        } else {
            match ladder::ask(server, Asker::Configured).await {
                Ok(identity) => (Some(identity), None),
                Err(error) => (None, Some(error)),
            }
        };
        let impersonates = server.impersonates();
        // A server that does not answer one question does not answer two.
        let answers = identity.is_some() || failure.as_ref().is_some_and(is_refused_otherwise);
        let impersonator = if impersonates && answers {
            ladder::ask(server, Asker::Unimpersonated).await.ok()
        } else {
            None
        };
        Self::new(server, identity, impersonator, failure).await
    }

    /// About a server that did not answer what it was asked, or not in time.
    pub(crate) async fn failed(server: &ApiServer, failure: Error) -> Self {
        Self::new(server, None, None, Some(failure)).await
    }

    /// About a context of which the kubeconfig says too little to ask anybody.
    pub(crate) fn unprepared(context: &str, failure: Error) -> Self {
        Self {
            target: ServerTarget {
                context: Some(context.to_owned()),
                ..ServerTarget::default()
            },
            login: Login {
                used: Presented::unknown(),
                ..Login::default()
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
        // What the server says of a credential, it says of the one who asks.
        let owner = if impersonates {
            &impersonator
        } else {
            &identity
        };
        let owner = owner.as_ref().map(|identity| &identity.user);
        let login = Login::new(&server.credential().await, owner);
        let now = Timestamp::now();
        let explanation = match &failure {
            Some(error) if is_unauthorized(error) => {
                let server = Server {
                    authorities: server.authorities().await,
                    clock_skew: server.clock_skew(),
                };
                explanation::of_a_401(&login, &server, now)
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

    /// Where the identity comes from.
    pub(crate) fn source(&self) -> Source {
        self.identity
            .as_ref()
            .map_or(Source::LocalCredential, |identity| identity.source)
    }

    /// What the credential says where the server says nothing. It says nothing of whom it
    /// impersonates.
    pub(crate) fn local_user(&self) -> Option<&UserInfo> {
        let is_all = self.identity.is_none() && !self.impersonates;
        is_all.then_some(&self.login.used.local_user)
    }

    /// The user name: the server's, or the credential's where nobody was asked.
    pub(crate) fn username(&self) -> Option<&str> {
        let user = match (&self.identity, &self.failure) {
            (Some(identity), _) => &identity.user,
            (None, None) => self.local_user()?,
            (None, Some(_)) => return None,
        };
        Some(user.username.as_str()).filter(|name| !name.is_empty())
    }

    /// How much time is left to the credential that counts; nothing when it does not say so.
    pub(crate) fn remaining(&self) -> Option<SignedDuration> {
        let expires = self.login.used.expires?;
        Some(expires.duration_since(self.now))
    }

    /// How it ended: what the server refused, then whether the credential lasts for `limit`.
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
        let verb = if remaining.is_negative() {
            "expired"
        } else {
            "expires"
        };
        Err(Kind::Expiring(format!(
            "the credential {verb} at {}, sooner than --fail-if-expires-within allows",
            utc::minute(expires.as_second())
        ))
        .into())
    }
}

fn is_unauthorized(error: &Error) -> bool {
    matches!(error.kind(), Kind::Refused(status) if status.code == 401)
}

/// Refused for another reason than a login that is no good.
fn is_refused_otherwise(error: &Error) -> bool {
    matches!(error.kind(), Kind::Refused(_)) && !is_unauthorized(error)
}
