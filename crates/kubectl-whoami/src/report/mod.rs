//! All facts about one connection. Building a report never fails: if the server does not name the
//! user, or not the expected one, the report has the reason.
//!
//! * here: builds a report, and decides the outcome of the command
//! * `format`: writes a report in the formats of `-o`
//! * `table`: the default format
//! * `document`: the JSON form; `list` combines several documents
//! * `columns`: aligns rows under headings, for `contexts` and `can`
//! * `lines`: aligns values beside their names, for `table` and `can`

pub(crate) mod columns;
pub(crate) mod document;
pub(crate) mod format;
pub(crate) mod lines;
pub(crate) mod list;
mod table;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kubectl_plugin::api_server::ApiServer;
use kubectl_plugin::connection::ServerTarget;
use kubectl_plugin::error::Kind;
use kubectl_plugin::text::utc;
use kubectl_plugin::{Error, stderr};

use crate::credential::anonymous;
use crate::credential::{Authentication, CredentialKind, SentCredential};
use crate::identity::impersonation;
use crate::identity::ladder;
use crate::identity::ladder::Requester;
use crate::identity::{Identity, Source, UserInfo};

/// The user on one server, the credential, and the source of this information.
pub(crate) struct Report {
    pub(crate) target: ServerTarget,
    pub(crate) authentication: Authentication,
    /// The user that requests are sent as. With impersonation, it is the impersonated user.
    pub(crate) identity: Option<Identity>,
    /// The owner of the credential, with impersonation.
    pub(crate) impersonator: Option<Identity>,
    /// The reason why the server did not name the impersonator, although it was asked.
    pub(crate) impersonator_failure: Option<Error>,
    /// The reason why the server did not name the user, or why it named the wrong one.
    pub(crate) failure: Option<Error>,
    /// Possible causes of a 401.
    pub(crate) explanation: Vec<String>,
    /// The time of the report.
    pub(crate) now: Timestamp,
    /// Whether requests impersonate another user.
    pub(crate) impersonates: bool,
}

/// The note if `--fail-if-expires-within` cannot be checked.
pub(crate) const NO_EXPIRY_NOTE: &str =
    "the credential has no expiry date; --fail-if-expires-within was not checked";

impl Report {
    /// Asks the server, unless `is_offline`, and builds the report. Several reports may be in
    /// progress at the same time.
    pub(crate) async fn gather(server: &ApiServer, is_offline: bool) -> Self {
        let (identity, failure) = if is_offline {
            (None, None)
        } else {
            match ladder::ask(server, Requester::Configured).await {
                Ok(identity) => (Some(identity), None),
                Err(error) => (None, Some(error)),
            }
        };
        let impersonates = server.impersonation().is_some();
        // A server that did not answer the first review does not get a second one.
        let answers = identity.is_some() || failure.as_ref().is_some_and(is_refused_otherwise);
        if !impersonates || !answers {
            return Self::new(server, identity, None, failure).await;
        }
        match ladder::ask(server, Requester::Unimpersonated).await {
            Ok(impersonator) => Self::new(server, identity, Some(impersonator), failure).await,
            Err(error) => Self {
                impersonator_failure: Some(error),
                ..Self::new(server, identity, None, failure).await
            },
        }
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
            authentication: Authentication {
                used: SentCredential::unknown(),
                ..Authentication::default()
            },
            identity: None,
            impersonator: None,
            impersonator_failure: None,
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
        let impersonation = server.impersonation();
        let impersonates = impersonation.is_some();
        // The server names the credential of the impersonator.
        let owner = if impersonates {
            &impersonator
        } else {
            &identity
        };
        let owner = owner.as_ref().map(|identity| &identity.user);
        let authentication = Authentication::new(&server.credential().await, owner);
        let failure = match (owner, &identity) {
            (Some(owner), _) if owner.is_anonymous() => {
                let error = anonymous::error(&authentication, server.target(), failure.as_ref());
                Some(error)
            }
            (_, Some(identity)) => impersonation::check(&impersonation, identity).err(),
            (_, None) => failure,
        };
        let now = Timestamp::now();
        let explanation = match &failure {
            Some(error) if is_unauthorized(error) => server.explain_unauthorized().await,
            _ => Vec::new(),
        };
        Self {
            target: server.target().clone(),
            authentication,
            identity,
            impersonator,
            impersonator_failure: None,
            failure,
            explanation,
            now,
            impersonates,
        }
    }

    /// Returns the source of the identity, or of the impersonator if there is none.
    pub(crate) fn source(&self) -> Source {
        self.identity
            .as_ref()
            .or(self.impersonator.as_ref())
            .map_or(Source::LocalCredential, |identity| identity.source)
    }

    /// Returns the user according to the credential, if the server does not name the user. With
    /// impersonation, returns `None`, because the credential does not show the impersonated user's
    /// attributes.
    pub(crate) fn local_user(&self) -> Option<&UserInfo> {
        let is_all = self.identity.is_none() && !self.impersonates;
        is_all.then_some(&self.authentication.used.local_user)
    }

    /// Returns the user name from the server, or from the credential if the server was not asked.
    pub(crate) fn username(&self) -> Option<&str> {
        let user = match (&self.identity, &self.failure) {
            (Some(identity), _) => &identity.user,
            (None, None) => self.local_user()?,
            (None, Some(_)) => return None,
        };
        Some(user.username.as_str()).filter(|name| !name.is_empty())
    }

    /// Returns a note for stderr about a question that the server did not answer.
    pub(crate) fn note(&self) -> Option<String> {
        let error = self.impersonator_failure.as_ref()?;
        Some(format!("the impersonator is unknown: {error}"))
    }

    /// Returns the remaining time of the credential that was used, if it expires.
    pub(crate) fn remaining(&self) -> Option<SignedDuration> {
        let expires = self.authentication.used.expires?;
        Some(expires.duration_since(self.now))
    }

    /// Reports whether the credential has no expiry, so that there is nothing to check.
    pub(crate) fn never_expires(&self) -> bool {
        let is_known = self.failure.is_none() && self.unknown_credential().is_none();
        is_known && self.authentication.used.expires.is_none()
    }

    /// Returns an error if a report without an answer of the server has no credential whose expiry
    /// could be checked.
    fn unknown_credential(&self) -> Option<Error> {
        let used = &self.authentication.used;
        match (&self.identity, used.kind) {
            (None, CredentialKind::None) => Some(
                Kind::Anonymous(
                    "there is no credential for --fail-if-expires-within to check".to_owned(),
                )
                .into(),
            ),
            (None, CredentialKind::ExecPlugin) => Some(
                Error::usage(format!(
                    "--fail-if-expires-within needs the credential of the exec plugin {}, which \
                     --offline does not run",
                    used.command.as_deref().unwrap_or_default()
                ))
                .with_hint("remove --offline"),
            ),
            _ => None,
        }
    }

    /// Returns the outcome: the failure if there is one, or an error if the credential expires
    /// within `limit`.
    pub(crate) fn into_result(self, limit: Option<Duration>) -> Result<(), Error> {
        let remaining = self.remaining();
        if let Some(error) = self.failure {
            return Err(error);
        }
        let Some(limit) = limit else {
            return Ok(());
        };
        if let Some(error) = self.unknown_credential() {
            return Err(error);
        }
        let (Some(remaining), Some(expires)) = (remaining, self.authentication.used.expires) else {
            stderr::say(NO_EXPIRY_NOTE);
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
    error.is_refusal(401)
}

/// Reports whether the server refused for another reason than a bad credential.
fn is_refused_otherwise(error: &Error) -> bool {
    matches!(error.kind(), Kind::Refused(_)) && !is_unauthorized(error)
}
