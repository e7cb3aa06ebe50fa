//! What a bare `Unauthorized` may be about. The server does not say, as whoever asks may be anybody;
//! but the credential is here, and so is the server's clock.

use jiff::{SignedDuration, Timestamp};
use kubectl_plugin::text::utc;

use crate::credential::{Kind, Login, Presented};
use crate::remaining;

/// Clocks that differ by less are the same: a `Date` has whole seconds, and replies take time.
const SAME_TIME: SignedDuration = SignedDuration::from_secs(30);

/// What is known of the server.
pub(crate) struct Server {
    /// Those that its own certificate must be signed by; none when they are the platform's.
    pub(crate) authorities: Vec<String>,
    /// How far its clock is ahead.
    pub(crate) clock_skew: Option<SignedDuration>,
}

/// What is wrong with what was presented, or may be: a sentence each.
pub(crate) fn of_a_401(login: &Login, server: &Server, now: Timestamp) -> Vec<String> {
    let skew = server.clock_skew.filter(|skew| skew.abs() > SAME_TIME);
    // What is out of date is so by the server's clock.
    let ahead = skew.unwrap_or_default().as_secs();
    let servers_now = utc::from_seconds(now.as_second().saturating_add(ahead));
    let presented = std::iter::once(&login.used).chain(&login.others);
    let mut reasons: Vec<String> = presented
        .map(|presented| match presented.out_of_date(servers_now) {
            Some(problem) => format!("the {} {problem}", presented.description()),
            None => unknown(presented, server),
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
            "the clock of this machine is {words} {direction} the server's"
        ));
    }
    reasons
}

/// What may be wrong with what is up to date.
fn unknown(presented: &Presented, server: &Server) -> String {
    let what = presented.description();
    match presented.kind {
        Kind::None | Kind::Unknown => {
            "there is no credential to log in with, and the server takes nobody \
                       without one"
                .to_owned()
        }
        Kind::ExecPlugin => format!("{what}: there is no credential to log in with"),
        Kind::Basic => format!("the {what} is what no server takes since Kubernetes 1.19"),
        Kind::ClientCertificate => {
            let issuer = presented.issuer.as_deref().unwrap_or_default();
            let authorities = &server.authorities;
            if authorities.is_empty() || authorities.iter().any(|name| name == issuer) {
                format!("does the server trust the authority of the {what}, {issuer}?")
            } else {
                // Some clusters have an authority for servers and another one for clients.
                format!(
                    "the {what} is signed by {issuer}, and the server's own certificate by {}: is \
                     it that of another cluster, or does this one have two authorities?",
                    authorities.join(" or ")
                )
            }
        }
        Kind::BearerToken if presented.is_jwt => {
            let issuer = presented.issuer.as_deref().unwrap_or("nobody");
            let audience = match presented.audiences.as_slice() {
                [] => "nobody".to_owned(),
                audiences => audiences.join(", "),
            };
            format!(
                "the {what} is of the issuer {issuer} for the audience {audience}: does the server \
                 take those? if it does, the signature is wrong, the token was revoked, or its \
                 account is gone"
            )
        }
        Kind::BearerToken => format!(
            "the {what} does not say what it is: it is wrong, has expired, was revoked, or is of \
             another cluster"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_may_believe_to_be_in_any_year() {
        let login = Login::new(
            &kubectl_plugin::connection::CredentialSummary::default(),
            None,
        );
        let all_time = Timestamp::MAX.duration_since(Timestamp::MIN);
        for (clock_skew, words) in [
            (all_time, "years behind the server's"),
            (-all_time, "years ahead of the server's"),
        ] {
            let server = Server {
                authorities: Vec::new(),
                clock_skew: Some(clock_skew),
            };
            let reasons = of_a_401(&login, &server, Timestamp::now());
            assert!(reasons[1].ends_with(words), "{reasons:?}");
        }
    }
}
