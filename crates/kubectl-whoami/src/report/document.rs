//! The JSON form of a report: the `SelfSubjectReview` that `kubectl auth whoami -o json` prints,
//! plus the key `whoami` with all other facts. docs/whoami.md describes it.

use kubectl_plugin::connection::ServerTarget;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::credential::{Authentication, SentCredential};
use crate::identity::{API_VERSION, UserInfo};
use crate::report::Report;

/// A report as a document. `status` only has information from the server. The members are in Go's
/// order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Document<'a> {
    kind: &'static str,
    api_version: &'static str,
    metadata: Map<String, Value>,
    status: Status<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    whoami: Option<Whoami<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status<'a> {
    user_info: UserInfoOf<'a>,
}

/// The user according to the server, or `{}`.
#[derive(Serialize)]
#[serde(untagged)]
enum UserInfoOf<'a> {
    Said(&'a UserInfo),
    Nothing {},
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Whoami<'a> {
    source: &'static str,
    verified: bool,
    /// The user according to the credential, if the server did not name the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    local: Option<&'a UserInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    impersonator: Option<&'a UserInfo>,
    credential: &'a SentCredential,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    other_credentials: &'a [SentCredential],
    context: Context<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Context<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_file: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    server: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    namespace: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure<'a> {
    message: String,
    exit_code: u8,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    explanation: &'a [String],
}

impl<'a> Document<'a> {
    /// Returns the document with the key `whoami`.
    pub(crate) fn whole(report: &'a Report) -> Self {
        Self {
            whoami: Some(Whoami::from_report(report)),
            ..Self::review(report)
        }
    }

    /// Returns the document without the key `whoami`.
    pub(crate) fn review(report: &'a Report) -> Self {
        let identity = report.identity.as_ref();
        let user_info = identity.map_or(UserInfoOf::Nothing {}, |identity| {
            UserInfoOf::Said(&identity.user)
        });
        Self {
            kind: "SelfSubjectReview",
            api_version: identity.map_or(API_VERSION, |identity| identity.api_version),
            metadata: identity.map_or_else(Map::new, |identity| identity.metadata.clone()),
            status: Status { user_info },
            whoami: None,
        }
    }
}

impl<'a> Whoami<'a> {
    fn from_report(report: &'a Report) -> Self {
        let Authentication { used, others, .. } = &report.authentication;
        Self {
            source: report.source().name(),
            verified: report.identity.is_some(),
            local: report.local_user(),
            impersonator: report.impersonator.as_ref().map(|identity| &identity.user),
            credential: used,
            other_credentials: others,
            context: Context::from_target(&report.target),
            error: report.failure.as_ref().map(|error| Failure {
                message: error.to_string(),
                exit_code: error.exit_code(),
                explanation: &report.explanation,
            }),
        }
    }
}

impl<'a> Context<'a> {
    fn from_target(target: &'a ServerTarget) -> Self {
        Self {
            name: target.context.as_deref(),
            cluster: target.cluster.as_deref(),
            user: target.user.as_deref(),
            user_file: target.user_file.as_deref(),
            server: &target.server,
            namespace: &target.namespace,
        }
    }
}
