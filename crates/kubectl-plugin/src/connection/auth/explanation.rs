//! Explains a bare `Unauthorized`. The server gives no reason, because the client could be anyone.
//! But this program knows the credential, its source, and the server's clock.

use jiff::{SignedDuration, Timestamp};

use crate::connection::auth::aws_token::AwsToken;
use crate::connection::auth::mistake;
use crate::connection::auth::summary::{
    Authorization, BearerToken, Claims, ClientCertificate, CredentialSummary,
};
use crate::text::{time_span, utc};

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

/// Lists the certain or possible problems of the credentials, and their source, one sentence each.
pub(crate) fn explain_unauthorized(
    credential: &CredentialSummary,
    server: &ServerFacts,
    now: Timestamp,
) -> Vec<String> {
    let skew = server.clock_skew.filter(|skew| skew.abs() > SAME_TIME);
    // A certificate or token expires by the server's clock.
    let ahead = skew.unwrap_or_default().as_secs();
    let servers_now = utc::from_seconds(now.as_second().saturating_add(ahead));
    let mut reasons = Vec::new();
    // A server checks in this order.
    if let Some(certificate) = &credential.certificate {
        reasons.push(of_certificate(credential, certificate, server, servers_now));
    }
    if let Some(authorization) = &credential.authorization {
        reasons.push(of_authorization(credential, authorization, servers_now));
    }
    if reasons.is_empty() {
        reasons.push(match &credential.plugin {
            Some(plugin) => format!(
                "check the exec plugin: no credential was sent (exec plugin {} (not run))",
                plugin.command
            ),
            None => {
                "add a credential to the kubeconfig user: none was sent, and the server does not \
                     accept anonymous requests"
                    .to_owned()
            }
        });
    }
    reasons.extend(skew.map(clock_problem));
    reasons.extend(credential.source.sentences());
    reasons
}

fn of_certificate(
    credential: &CredentialSummary,
    certificate: &ClientCertificate,
    server: &ServerFacts,
    servers_now: Timestamp,
) -> String {
    let what = credential.with_origin("client certificate", None);
    let expires = credential.expiry(Some(certificate.not_after));
    if let Some(problem) = validity_problem(Some(certificate.not_before), expires, servers_now) {
        return format!("the {what} {problem}");
    }
    let issuer = &certificate.issuer;
    let authorities = &server.authorities;
    if authorities.is_empty() || authorities.contains(issuer) {
        return format!("the {what} is signed by {issuer}; check that the server trusts it");
    }
    // Some clusters have different authorities for servers and for clients.
    format!(
        "the {what} is signed by {issuer}, but the server's certificate is signed by {}; check that \
         the client certificate belongs to this cluster",
        authorities.join(" or ")
    )
}

fn of_authorization(
    credential: &CredentialSummary,
    authorization: &Authorization,
    servers_now: Timestamp,
) -> String {
    let token = match authorization {
        Authorization::Basic { .. } => {
            let what = credential.with_origin("user name and password (basic)", None);
            return format!("the {what}: basic authentication was removed in Kubernetes 1.19");
        }
        Authorization::Token(token) => token,
    };
    let what = credential.with_origin("bearer token", Some(token));
    let aws = AwsToken::parse(token.expose());
    let (not_before, expires) = match (&aws, &token.claims) {
        (Some(aws), _) => (aws.signed, aws.expires()),
        (None, Some(claims)) => (claims.not_before, claims.expires),
        (None, None) => (None, None),
    };
    let expires = credential.expiry(expires);
    if let Some(problem) = validity_problem(not_before, expires, servers_now) {
        return format!("the {what} {problem}");
    }
    match (&aws, &token.claims, mistake::suspicion(token.expose())) {
        (Some(aws), ..) => cause_of_aws_token(&what, aws),
        (None, Some(claims), _) => cause_of_jwt(&what, claims),
        (None, None, Some(suspicion)) => format!("the {what} is not a JWT; {suspicion}"),
        (None, None, None) => format!(
            "the {what} is not a JWT; check that it is correct, current, and for this cluster"
        ),
    }
}

/// Describes the claims that a server checks, with its flags for this kind of token.
fn cause_of_jwt(what: &str, claims: &Claims) -> String {
    let issuer = claims.issuer.as_deref().unwrap_or("(none)");
    let audience = match claims.audiences.as_slice() {
        [] => "(none)".to_owned(),
        audiences => audiences.join(", "),
    };
    let is_of_account = claims.is_service_account();
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
    let email = match (&claims.email, claims.is_email_verified) {
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

fn cause_of_aws_token(what: &str, token: &AwsToken) -> String {
    let key = token.access_key_id.as_deref().unwrap_or_default();
    format!(
        "the {what} was signed with the access key {key}; check the cluster name in the arguments of \
         the exec plugin, and that the cluster has an access entry for the IAM identity of this key"
    )
}

/// Returns a description if a credential has expired or is not yet valid, for example
/// `expired 3 hours ago, at …`.
pub fn validity_problem(
    not_before: Option<Timestamp>,
    expires: Option<Timestamp>,
    now: Timestamp,
) -> Option<String> {
    let date = |time: Timestamp| utc::minute(time.as_second());
    if let Some(expires) = expires.filter(|expires| *expires <= now) {
        let ago = time_span::words(now.duration_since(expires));
        return Some(format!("expired {ago} ago, at {}", date(expires)));
    }
    let start = not_before.filter(|start| now < *start)?;
    let until = time_span::words(start.duration_since(now));
    Some(format!("is not valid until {} (in {until})", date(start)))
}

fn clock_problem(skew: SignedDuration) -> String {
    let words = time_span::words(skew.abs());
    let direction = if skew.is_positive() {
        "behind"
    } else {
        "ahead of"
    };
    format!("this machine's clock is {words} {direction} the server's")
}

impl CredentialSummary {
    /// Adds the origin to a kind of credential, for example `bearer token from exec plugin aws`.
    fn with_origin(&self, what: &str, token: Option<&BearerToken>) -> String {
        describe_origin(
            what,
            self.plugin.as_ref().map(|plugin| &*plugin.command),
            token.and_then(|token| token.file.as_deref()),
            token.and_then(|token| token.auth_provider.as_deref()),
        )
    }

    /// Returns the end of a credential's validity: its own, or the exec plugin's if that is earlier.
    fn expiry(&self, own: Option<Timestamp>) -> Option<Timestamp> {
        let of_plugin = self.plugin.as_ref().and_then(|plugin| plugin.expires);
        own.into_iter().chain(of_plugin).min()
    }
}

/// Describes a kind of credential and its origin, for example `bearer token from exec plugin aws`.
pub fn describe_origin(
    what: &str,
    plugin: Option<&str>,
    file: Option<&str>,
    auth_provider: Option<&str>,
) -> String {
    match (plugin, file, auth_provider) {
        (Some(command), ..) => format!("{what} from exec plugin {command}"),
        (None, Some(file), _) => format!("{what} from file {file}"),
        (None, None, Some(provider)) => format!("{what} from auth provider {provider}"),
        (None, None, None) => what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_clock_skew_can_be_explained() {
        let all_time = Timestamp::MAX.duration_since(Timestamp::MIN);
        for (clock_skew, words) in [
            (all_time, "years behind the server's"),
            (-all_time, "years ahead of the server's"),
        ] {
            let server = ServerFacts {
                authorities: Vec::new(),
                clock_skew: Some(clock_skew),
            };
            let reasons =
                explain_unauthorized(&CredentialSummary::default(), &server, Timestamp::now());
            assert!(reasons[1].ends_with(words), "{reasons:?}");
        }
    }
}
