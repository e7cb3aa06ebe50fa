//! The ladder: one question after the other, until an answer names the user.
//!
//! 1. `SelfSubjectReview`, made for this: v1 since Kubernetes 1.28, v1beta1 and v1alpha1 before. The
//!    next older version is asked for on a 404 alone; anything else is an answer.
//! 2. `TokenReview` of the own token, which says everything too and is much older. Few may ask it.
//! 3. `CertificateSigningRequest`: the server writes into it who asks. With `dryRun=All` it stores
//!    nothing, which holds for `certificates.k8s.io/v1`: servers before 1.19 would not know it.
//! 4. The name in a refusal: `User "jane" cannot create resource …`.
//!
//! What the last resort makes of the local credential is no answer of the server's, so it is
//! `credential`'s.

use kubectl_plugin::Error;
use kubectl_plugin::api_server::{ApiServer, Reply};
use kubectl_plugin::connection::{Authorization, BearerToken};
use kubectl_plugin::error::Kind;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::identity::{Identity, Source, UserInfo};
use crate::question::{self, no_answer, read};

/// The versions of the `SelfSubjectReview`, and the groups' versions that they are in.
const VERSIONS: [(&str, &str); 3] = [
    ("v1", "authentication.k8s.io/v1"),
    ("v1beta1", "authentication.k8s.io/v1beta1"),
    ("v1alpha1", "authentication.k8s.io/v1alpha1"),
];

const TOKEN_REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";

const SIGNING_REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests?dryRun=All";

/// A PKCS#10 request for `CN=whoami` in PEM, in base64: the server wants a valid one. It was made
/// once by `openssl req -new`, and its key was thrown away. No signer knows the name it is for.
const SIGNING_REQUEST: &str = "\
LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlITU1ITUNBUUF3RVRFUE1BMEdBMVVFQXd3R2QyaHZZVzFw\
TUZrd0V3WUhLb1pJemowQ0FRWUlLb1pJemowRApBUWNEUWdBRXBiOFJ3dXVXdVlnUUpWRVpadllUVVJ3cVkwS1VoOFFySkxr\
VTJIdGZUNnZGMytzQ3E5ei9sWE1QCmlRdGtSNHR2ZGgvSElqRmljd3NvOEpMNjlZTHIvcUFBTUFvR0NDcUdTTTQ5QkFNQ0Ew\
a0FNRVlDSVFEeDJWL2UKbmwxVG5YZFp5MVh6WlhQa2xuZFluelVQejBMbFR2Lzd3TExSR1FJaEFKQkpZRzNhUldjNnZGay9Z\
bWNPakJ0dQppQ1JPNGxoNlFNNXZXSVpBM0JHSQotLS0tLUVORCBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K";

/// As whom the questions are asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// As the flags and the kubeconfig say, impersonation and all.
    Configured,
    /// As the owner of the credential.
    Unimpersonated,
}

/// What the server says of who asks.
///
/// # Errors
/// When it cannot be asked, and when no answer of its names the user: then with its first refusal.
pub(crate) async fn ask(server: &ApiServer, asker: Asker) -> Result<Identity, Error> {
    let questions = Questions { server, asker };
    let mut refusals = Vec::new();
    for (version, group_version) in VERSIONS {
        match questions.self_subject_review(version, group_version).await {
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
    if let Some(token) = questions.own_token().await {
        match questions.token_review(&token).await {
            Ok(Some(identity)) => return Ok(identity),
            Ok(None) => {}
            Err(error) => refusals.push(unless_it_ends_the_questions(error)?),
        }
    }
    match questions.certificate_signing_request().await {
        Ok(identity) => return Ok(identity),
        Err(error) => refusals.push(unless_it_ends_the_questions(error)?),
    }
    let name = refusals.iter().find_map(|error| name_in(refusal(error)?.1));
    if let Some(username) = name {
        let user = UserInfo {
            username,
            ..UserInfo::default()
        };
        return Ok(Identity::new(Source::Forbidden, user));
    }
    Err(refusals
        .swap_remove(0)
        .hinted("the server has no API that says who you are, or does not let you ask it"))
}

struct Questions<'a> {
    server: &'a ApiServer,
    asker: Asker,
}

impl Questions<'_> {
    async fn self_subject_review(
        &self,
        version: &'static str,
        group_version: &'static str,
    ) -> Result<Identity, Error> {
        #[derive(Deserialize)]
        struct Review {
            kind: String,
            metadata: Option<Map<String, Value>>,
            status: Status,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Status {
            user_info: UserInfo,
        }
        let question = json!({"kind": "SelfSubjectReview", "apiVersion": group_version});
        let path = format!("/apis/{group_version}/selfsubjectreviews");
        let review: Review = read(&self.post(&path, &question).await?)?;
        if review.kind != "SelfSubjectReview" || review.status.user_info.is_empty() {
            return Err(no_answer());
        }
        Ok(Identity {
            source: Source::SelfSubjectReview(version),
            user: review.status.user_info,
            api_version: group_version,
            metadata: review.metadata.unwrap_or_default(),
        })
    }

    /// The token, where what the server makes of it is what it makes of the request: without a
    /// certificate beside it, which would come first, and without impersonation.
    async fn own_token(&self) -> Option<BearerToken> {
        if self.asker == Asker::Configured && self.server.impersonates() {
            return None;
        }
        let credential = self.server.credential().await;
        match (credential.authorization, credential.certificate) {
            (Some(Authorization::Token(token)), None) => Some(token),
            _ => None,
        }
    }

    /// `None` when the server does not know the token there.
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
        let question = json!({
            "kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1",
            "spec": {"token": token.expose()},
        });
        let Review { status } = read(&self.post(TOKEN_REVIEWS, &question).await?)?;
        let is_known = status.authenticated && !status.user.is_empty();
        Ok(is_known.then(|| Identity::new(Source::TokenReview, status.user)))
    }

    async fn certificate_signing_request(&self) -> Result<Identity, Error> {
        #[derive(Deserialize)]
        struct SigningRequest {
            spec: UserInfo,
        }
        let question = json!({
            "kind": "CertificateSigningRequest", "apiVersion": "certificates.k8s.io/v1",
            "metadata": {"generateName": "whoami-"},
            "spec": {
                "request": SIGNING_REQUEST,
                "signerName": "example.com/whoami",
                "usages": ["client auth"],
            },
        });
        let request: SigningRequest = read(&self.post(SIGNING_REQUESTS, &question).await?)?;
        if request.spec.username.is_empty() {
            return Err(no_answer());
        }
        Ok(Identity::new(
            Source::CertificateSigningRequest,
            request.spec,
        ))
    }

    async fn post(&self, path: &str, question: &Value) -> Result<Reply, Error> {
        let request = question::post(path, question)?;
        match self.asker {
            Asker::Configured => self.server.look_up(request).await,
            Asker::Unimpersonated => self.server.look_up_unimpersonated(request).await,
        }
    }
}

/// The code and the text of a refusal.
fn refusal(error: &Error) -> Option<(u16, &str)> {
    match error.kind() {
        Kind::Refused(status) => Some((status.code, &status.message)),
        _ => None,
    }
}

/// A refusal of one question; another one may be answered still. What is wrong with the login or
/// the connection is wrong with all of them.
fn unless_it_ends_the_questions(error: Error) -> Result<Error, Error> {
    match refusal(&error) {
        None | Some((401, _)) => Err(error),
        Some(_) => Ok(error),
    }
}

/// Whether a 403 is about the impersonation and not about the question: then it names who asks, and
/// not who is impersonated.
fn is_about_impersonation(error: &Error) -> bool {
    refusal(error).is_some_and(|(_, message)| message.contains("cannot impersonate"))
}

/// The name in `User "jane" cannot create resource …`
/// (`apiserver/pkg/endpoints/handlers/responsewriters/errors.go`).
fn name_in(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("User \"")?;
    let (quoted, _) = rest.split_once("\" cannot ")?;
    // Go quotes as JSON does, as far as names of users go.
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
