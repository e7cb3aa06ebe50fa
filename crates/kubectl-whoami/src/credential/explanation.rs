//! Explains a bare `Unauthorized`. The server gives no reason, because anyone could be asking. But the
//! credential is known here, and so is the server's clock.

use jiff::{SignedDuration, Timestamp};
use kubectl_plugin::text::utc;

use crate::credential::{Authentication, Kind, Presented};
use crate::remaining;

/// Clocks that differ by less count as equal: a `Date` has whole seconds, and responses take time.
const SAME_TIME: SignedDuration = SignedDuration::from_secs(30);

/// The facts about the server that an explanation needs.
pub(crate) struct ServerFacts {
    /// The authorities that may sign its certificate; none if they are the platform's.
    pub(crate) authorities: Vec<String>,
    /// How far its clock is ahead of ours.
    pub(crate) clock_skew: Option<SignedDuration>,
}

/// Lists what is wrong or may be wrong with the credentials, one sentence each.
pub(crate) fn of_unauthorized(
    login: &Authentication,
    server: &ServerFacts,
    now: Timestamp,
) -> Vec<String> {
    let skew = server.clock_skew.filter(|skew| skew.abs() > SAME_TIME);
    // A certificate or token expires by the server's clock.
    let ahead = skew.unwrap_or_default().as_secs();
    let servers_now = utc::from_seconds(now.as_second().saturating_add(ahead));
    let presented = std::iter::once(&login.used).chain(&login.others);
    let mut reasons: Vec<String> = presented
        .map(|presented| match presented.out_of_date(servers_now) {
            Some(problem) => format!("the {} {problem}", presented.description()),
            None => possible_cause(presented, server),
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

/// Lists what may be wrong with a credential that has not expired.
fn possible_cause(presented: &Presented, server: &ServerFacts) -> String {
    let what = presented.description();
    match presented.kind {
        Kind::None | Kind::Unknown => {
            "add a credential to the kubeconfig user: none was sent, and the server does not accept \
             anonymous requests"
                .to_owned()
        }
        Kind::ExecPlugin => format!("check the exec plugin: no credential was sent ({what})"),
        Kind::Basic => format!("the {what}: basic authentication was removed in Kubernetes 1.19"),
        Kind::ClientCertificate => {
            let issuer = presented.issuer.as_deref().unwrap_or_default();
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
        Kind::BearerToken if presented.is_jwt => {
            let issuer = presented.issuer.as_deref().unwrap_or("(none)");
            let audience = match presented.audiences.as_slice() {
                [] => "(none)".to_owned(),
                audiences => audiences.join(", "),
            };
            format!(
                "the {what} has issuer {issuer} and audience {audience}; check the server's \
                 --service-account-issuer and --api-audiences. If they match, the signature is \
                 wrong, the token was revoked, or its account was deleted"
            )
        }
        Kind::BearerToken => format!(
            "the {what} is not a JWT; check that it is correct, current, and for this cluster"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_clock_may_be_off_by_any_time() {
        let login = Authentication::new(
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
            let reasons = of_unauthorized(&login, &server, Timestamp::now());
            assert!(reasons[1].ends_with(words), "{reasons:?}");
        }
    }
}
