//! Explains a bare `Unauthorized`. The server gives no reason, because the client could be anyone.
//! But this program knows the credential, and the server's clock.

use jiff::{SignedDuration, Timestamp};
use kubectl_plugin::text::utc;

use crate::credential::{Authentication, CredentialKind, SentCredential};
use crate::remaining;

/// The maximum difference between clocks that count as equal: a `Date` has whole seconds, and
/// responses take time.
const SAME_TIME: SignedDuration = SignedDuration::from_secs(30);

/// The facts about the server that an explanation needs.
pub(crate) struct ServerFacts {
    /// The kubeconfig's authorities for the server's certificate; none if the platform's
    /// authorities apply.
    pub(crate) authorities: Vec<String>,
    /// The lead of the server's clock over ours.
    pub(crate) clock_skew: Option<SignedDuration>,
}

/// Lists the certain or possible problems of the credentials, one sentence each.
pub(crate) fn explain_unauthorized(
    authentication: &Authentication,
    server: &ServerFacts,
    now: Timestamp,
) -> Vec<String> {
    let skew = server.clock_skew.filter(|skew| skew.abs() > SAME_TIME);
    // A certificate or token expires by the server's clock.
    let ahead = skew.unwrap_or_default().as_secs();
    let servers_now = utc::from_seconds(now.as_second().saturating_add(ahead));
    let sent = std::iter::once(&authentication.used).chain(&authentication.others);
    let mut reasons: Vec<String> = sent
        .map(|sent| match sent.validity_problem(servers_now) {
            Some(problem) => format!("the {} {problem}", sent.description()),
            None => possible_cause(sent, server),
        })
        .collect();
    if let Some(skew) = skew {
        let words = remaining::words(skew.abs());
        let direction = if skew.is_positive() {
            "behind"
        } else {
            "ahead of"
        };
        reasons.push(format!(
            "this machine's clock is {words} {direction} the server's"
        ));
    }
    reasons
}

/// Describes a possible problem of a credential that has not expired.
fn possible_cause(sent: &SentCredential, server: &ServerFacts) -> String {
    let what = sent.description();
    match sent.kind {
        CredentialKind::None | CredentialKind::Unknown => {
            "add a credential to the kubeconfig user: none was sent, and the server does not accept \
             anonymous requests"
                .to_owned()
        }
        CredentialKind::ExecPlugin => format!("check the exec plugin: no credential was sent ({what})"),
        CredentialKind::Basic => format!("the {what}: basic authentication was removed in Kubernetes 1.19"),
        CredentialKind::ClientCertificate => {
            let issuer = sent.issuer.as_deref().unwrap_or_default();
            let authorities = &server.authorities;
            if authorities.is_empty() || authorities.iter().any(|name| name == issuer) {
                format!("the {what} is signed by {issuer}; check that the server trusts it")
            } else {
                // Some clusters have different authorities for servers and for clients.
                format!(
                    "the {what} is signed by {issuer}, but the server's certificate is signed by {}; \
                     check that the client certificate belongs to this cluster",
                    authorities.join(" or ")
                )
            }
        }
        CredentialKind::BearerToken if sent.is_jwt => cause_of_jwt(sent),
        CredentialKind::BearerToken if sent.access_key_id.is_some() => cause_of_aws_token(sent),
        CredentialKind::BearerToken => format!(
            "the {what} is not a JWT; check that it is correct, current, and for this cluster"
        ),
    }
}

/// Describes the claims that a server checks, with its flags for this kind of token.
fn cause_of_jwt(sent: &SentCredential) -> String {
    let what = sent.description();
    let issuer = sent.issuer.as_deref().unwrap_or("(none)");
    let audience = match sent.audiences.as_slice() {
        [] => "(none)".to_owned(),
        audiences => audiences.join(", "),
    };
    let is_of_account = !sent.local_user.username.is_empty();
    let (flags, others) = if is_of_account {
        (
            "--service-account-issuer and --api-audiences",
            "the token was revoked, or its account was deleted",
        )
    } else {
        (
            "--oidc-issuer-url and --oidc-client-id",
            "or the server requires another claim",
        )
    };
    let email = match (&sent.email, sent.is_email_verified) {
        (Some(email), Some(false)) if !is_of_account => format!(
            ". The email {email} is not verified, so a server with --oidc-username-claim=email \
             rejects the token"
        ),
        _ => String::new(),
    };
    format!(
        "the {what} has issuer {issuer} and audience {audience}; check the server's {flags}. If they \
         match, the signature is wrong, {others}{email}"
    )
}

fn cause_of_aws_token(sent: &SentCredential) -> String {
    let key = sent.access_key_id.as_deref().unwrap_or_default();
    format!(
        "the {} was signed with the access key {key}; check the cluster name in the arguments of the \
         exec plugin, and that the cluster has an access entry for the IAM identity of this key",
        sent.description()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_clock_skew_can_be_explained() {
        let authentication = Authentication::new(
            &kubectl_plugin::connection::CredentialSummary::default(),
            None,
        );
        let all_time = Timestamp::MAX.duration_since(Timestamp::MIN);
        for (clock_skew, words) in [
            (all_time, "years behind the server's"),
            (-all_time, "years ahead of the server's"),
        ] {
            let server = ServerFacts {
                authorities: Vec::new(),
                clock_skew: Some(clock_skew),
            };
            let reasons = explain_unauthorized(&authentication, &server, Timestamp::now());
            assert!(reasons[1].ends_with(words), "{reasons:?}");
        }
    }
}
