//! The ladder: sends one review after the other, until a response names the user.
//!
//! 1. `SelfSubjectReview`, the API for this purpose: v1 since Kubernetes 1.28, v1beta1 and v1alpha1
//!    before. Only after a 404 is the next older version tried.
//! 2. `TokenReview` of your own token, which is much older and as complete, but few users may
//!    create one.
//! 3. `CertificateSigningRequest`, into which the server writes the requesting user. `dryRun=All`
//!    keeps it from being stored, which only servers since 1.19 guarantee, with
//!    `certificates.k8s.io/v1`.
//! 4. `users/~`, which only `OpenShift` has. It is asked only with a token of `OpenShift`.
//! 5. The name in a refusal: `User "jane" cannot create resource …`.
//!
//! The local credential is the last resort. It does not come from the server, so it is in
//! `credential`.

use http::HeaderMap;
use kubectl_plugin::Error;
use kubectl_plugin::api_server::{ApiServer, Reply};
use kubectl_plugin::connection::{Authorization, BearerToken};
use kubectl_plugin::error::Kind;
use kubectl_plugin::request::{ApiRequest, RawPath};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::identity::review;
use crate::identity::review::unexpected_response;
use crate::identity::{ANONYMOUS, Identity, Source, UserInfo};

/// The versions of `SelfSubjectReview`, with their API versions.
const VERSIONS: [(&str, &str); 3] = [
    ("v1", "authentication.k8s.io/v1"),
    ("v1beta1", "authentication.k8s.io/v1beta1"),
    ("v1alpha1", "authentication.k8s.io/v1alpha1"),
];

const TOKEN_REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";

const SIGNING_REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests?dryRun=All";

const OPENSHIFT_USER: &str = "/apis/user.openshift.io/v1/users/~";

/// The prefix of the tokens that `OpenShift` issues, since version 4.6.
const OPENSHIFT_TOKEN: &str = "sha256~";

/// A PKCS#10 request for `CN=whoami` in PEM, in base64, because the server requires a valid one. It
/// was made once with `openssl req -new`, and its key was discarded. It names a signer that does
/// not exist.
const SIGNING_REQUEST: &str = "\
LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlITU1ITUNBUUF3RVRFUE1BMEdBMVVFQXd3R2QyaHZZVzFw\
TUZrd0V3WUhLb1pJemowQ0FRWUlLb1pJemowRApBUWNEUWdBRXBiOFJ3dXVXdVlnUUpWRVpadllUVVJ3cVkwS1VoOFFySkxr\
VTJIdGZUNnZGMytzQ3E5ei9sWE1QCmlRdGtSNHR2ZGgvSElqRmljd3NvOEpMNjlZTHIvcUFBTUFvR0NDcUdTTTQ5QkFNQ0Ew\
a0FNRVlDSVFEeDJWL2UKbmwxVG5YZFp5MVh6WlhQa2xuZFluelVQejBMbFR2Lzd3TExSR1FJaEFKQkpZRzNhUldjNnZGay9Z\
bWNPakJ0dQppQ1JPNGxoNlFNNXZXSVpBM0JHSQotLS0tLUVORCBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K";

/// The user that a review is sent as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Requester {
    /// The user of the flags and the kubeconfig, including impersonation.
    Configured,
    /// The owner of the credential.
    Unimpersonated,
}

/// Asks the server who the user is.
///
/// # Errors
/// Fails if the server cannot be asked, and with its first refusal if no response names the user.
pub(crate) async fn ask(server: &ApiServer, requester: Requester) -> Result<Identity, Error> {
    let reviews = Reviews { server, requester };
    let mut refusals = Vec::new();
    for (version, group_version) in VERSIONS {
        match reviews.self_subject_review(version, group_version).await {
            Ok(identity) => return Ok(identity),
            Err(error) => match refusal(&error).map(|(code, _)| code) {
                Some(404) => refusals.push(error),
                Some(403) if !is_about_impersonation(&error) => {
                    refusals.push(error);
                    break;
                }
                _ => return Err(error),
            },
        }
    }
    // If the token did not reach the server, a review of it would not be about the requests.
    let is_anonymous = named_in(&refusals).as_deref() == Some(ANONYMOUS);
    let token = reviews.own_token().await.filter(|_| !is_anonymous);
    if let Some(token) = token {
        match reviews.token_review(&token).await {
            Ok(Some(identity)) => return Ok(identity),
            Ok(None) => {}
            Err(error) => refusals.push(refusal_of_one_review(error)?),
        }
    }
    match reviews.certificate_signing_request().await {
        Ok(identity) => return Ok(identity),
        Err(error) => refusals.push(refusal_of_one_review(error)?),
    }
    if reviews.sends_openshift_token().await {
        match reviews.openshift_user().await {
            Ok(identity) => return Ok(identity),
            Err(error) => refusals.push(refusal_of_one_review(error)?),
        }
    }
    if let Some(username) = named_in(&refusals) {
        let user = UserInfo {
            username,
            ..UserInfo::default()
        };
        return Ok(Identity::new(Source::Forbidden, user));
    }
    Err(refusals
        .swap_remove(0)
        .with_hint("ask for permission to create selfsubjectreviews (Kubernetes 1.27 or later), or use --offline to see the local credential"))
}

struct Reviews<'a> {
    server: &'a ApiServer,
    requester: Requester,
}

impl Reviews<'_> {
    async fn self_subject_review(
        &self,
        version: &'static str,
        group_version: &'static str,
    ) -> Result<Identity, Error> {
        #[derive(Deserialize)]
        struct Review {
            metadata: Option<Map<String, Value>>,
            status: Status,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Status {
            user_info: UserInfo,
        }
        let review = json!({"kind": "SelfSubjectReview", "apiVersion": group_version});
        let path = format!("/apis/{group_version}/selfsubjectreviews");
        let review: Review = self.ask(&path, &review).await?;
        if review.status.user_info.is_empty() {
            return Err(unexpected_response());
        }
        Ok(Identity {
            source: Source::SelfSubjectReview(version),
            user: review.status.user_info,
            api_version: group_version,
            metadata: review.metadata.unwrap_or_default(),
        })
    }

    /// Returns the token, unless a `TokenReview` of it could describe another user than the
    /// requester: a certificate would take precedence, and so would impersonation.
    async fn own_token(&self) -> Option<BearerToken> {
        if self.requester == Requester::Configured && self.server.impersonation().is_some() {
            return None;
        }
        let credential = self.server.credential().await;
        match (credential.authorization, credential.certificate) {
            (Some(Authorization::Token(token)), None) => Some(token),
            _ => None,
        }
    }

    /// Sends a `TokenReview`. Returns `None` if the server does not recognize the token.
    async fn token_review(&self, token: &BearerToken) -> Result<Option<Identity>, Error> {
        #[derive(Deserialize)]
        struct Review {
            status: Status,
        }
        #[derive(Deserialize)]
        #[serde(default)]
        #[derive(Default)]
        struct Status {
            authenticated: bool,
            user: UserInfo,
        }
        let review = json!({
            "kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1",
            "spec": {"token": token.expose()},
        });
        let Review { status } = self.ask(TOKEN_REVIEWS, &review).await?;
        let is_known = status.authenticated && !status.user.is_empty();
        Ok(is_known.then(|| Identity::new(Source::TokenReview, status.user)))
    }

    async fn certificate_signing_request(&self) -> Result<Identity, Error> {
        #[derive(Deserialize)]
        struct SigningRequest {
            spec: UserInfo,
        }
        let review = json!({
            "kind": "CertificateSigningRequest", "apiVersion": "certificates.k8s.io/v1",
            "metadata": {"generateName": "whoami-"},
            "spec": {
                "request": SIGNING_REQUEST,
                "signerName": "example.com/whoami",
                "usages": ["client auth"],
            },
        });
        let request: SigningRequest = self.ask(SIGNING_REQUESTS, &review).await?;
        if request.spec.username.is_empty() {
            return Err(unexpected_response());
        }
        Ok(Identity::new(
            Source::CertificateSigningRequest,
            request.spec,
        ))
    }

    async fn sends_openshift_token(&self) -> bool {
        match self.server.credential().await.authorization {
            Some(Authorization::Token(token)) => token.expose().starts_with(OPENSHIFT_TOKEN),
            _ => false,
        }
    }

    /// Reads the user as `OpenShift` stores it. Its groups are not all groups of the request, so they
    /// are left out.
    async fn openshift_user(&self) -> Result<Identity, Error> {
        #[derive(Deserialize)]
        struct User {
            metadata: Metadata,
        }
        #[derive(Deserialize)]
        struct Metadata {
            name: String,
            #[serde(default)]
            uid: String,
        }
        let request = ApiRequest::get(RawPath::verbatim(OPENSHIFT_USER)?, HeaderMap::new());
        let User { metadata } = review::parse(&self.send(request).await?, &"User".into())?;
        let user = UserInfo {
            username: metadata.name,
            uid: metadata.uid,
            ..UserInfo::default()
        };
        Ok(Identity::new(Source::OpenShiftUser, user))
    }

    /// Sends a review, and parses the response.
    async fn ask<T: for<'a> Deserialize<'a>>(
        &self,
        path: &str,
        review: &Value,
    ) -> Result<T, Error> {
        let reply = self.send(review::post(path, review)?).await?;
        review::parse(&reply, &review["kind"])
    }

    async fn send(&self, request: ApiRequest) -> Result<Reply, Error> {
        match self.requester {
            Requester::Configured => self.server.look_up(request).await,
            Requester::Unimpersonated => self.server.look_up_unimpersonated(request).await,
        }
    }
}

/// Returns the code and the message of a refusal.
fn refusal(error: &Error) -> Option<(u16, &str)> {
    match error.kind() {
        Kind::Refused(status) => Some((status.code, &status.message)),
        _ => None,
    }
}

/// Returns an error that is a refusal of one review, so that another review may succeed. Fails with
/// any other error, because it concerns all reviews, like a 401.
fn refusal_of_one_review(error: Error) -> Result<Error, Error> {
    match refusal(&error) {
        None | Some((401, _)) => Err(error),
        Some(_) => Ok(error),
    }
}

/// Returns the name of the user in the first refusal that contains one.
fn named_in(refusals: &[Error]) -> Option<String> {
    refusals.iter().find_map(|error| name_in(refusal(error)?.1))
}

/// Reports whether a 403 refuses the impersonation. If so, it names the impersonator, not the
/// impersonated user.
fn is_about_impersonation(error: &Error) -> bool {
    refusal(error).is_some_and(|(_, message)| message.contains("cannot impersonate"))
}

/// Returns the name in `User "jane" cannot create resource …`
/// (`apiserver/pkg/endpoints/handlers/responsewriters/errors.go`).
pub(crate) fn name_in(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("User \"")?;
    let (quoted, _) = rest.split_once("\" cannot ")?;
    // For user names, Go's quoting is the same as JSON's.
    serde_json::from_str(&format!("\"{quoted}\"")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_user() {
        for (message, expected) in [
            (
                r#"x is forbidden: User "jane" cannot create resource "y""#,
                Some("jane"),
            ),
            (
                r#"forbidden: User "system:serviceaccount:a:b" cannot post path "/x": RBAC"#,
                Some("system:serviceaccount:a:b"),
            ),
            (r#"User "a\"b\\c" cannot do"#, Some("a\"b\\c")),
            (r#"user "jane" may not"#, None),
            ("Forbidden", None),
        ] {
            assert_eq!(name_in(message).as_deref(), expected, "{message}");
        }
    }
}
