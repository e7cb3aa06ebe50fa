//! What a bare `Unauthorized` may be about. The server does not say, as whoever asks may be anybody;
//! but the credential is here, and so is the server's clock.

use jiff::{SignedDuration, Timestamp};
use kubectl_plugin::utc;

use crate::credential::{Kind, Login, Presented};
use crate::remaining;

/// Clocks that differ by less are the same: a `Date` has whole seconds, and replies take time.
const SAME_TIME: SignedDuration = SignedDuration::from_secs(30);

/// What is wrong with what was presented, or may be: a sentence each.
pub(crate) fn of_a_401(
    login: &Login,
    clock_skew: Option<SignedDuration>,
    now: Timestamp,
) -> Vec<String> {
    let skew = clock_skew.filter(|skew| skew.abs() > SAME_TIME);
    let servers_now = now + skew.unwrap_or_default();
    let mut reasons: Vec<String> = std::iter::once(&login.used)
        .chain(&login.others)
        .flat_map(|presented| of_presented(presented, servers_now))
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

fn of_presented(presented: &Presented, now: Timestamp) -> Vec<String> {
    let what = match presented.kind {
        Kind::ClientCertificate => "the client certificate",
        Kind::BearerToken => "the token",
        Kind::Basic => {
            return vec![
                "a name and a password were presented, which servers since Kubernetes 1.19 do \
                 not take"
                    .to_owned(),
            ];
        }
        Kind::None => return vec!["there is no credential to log in with".to_owned()],
    };
    let date = |time: Timestamp| utc::minute(time.as_second());
    if let Some(expires) = presented.expires.filter(|expires| *expires <= now) {
        let ago = remaining::words(now.duration_since(expires));
        return vec![format!("{what} expired {ago} ago, at {}", date(expires))];
    }
    if let Some(not_before) = presented.not_before.filter(|start| now < *start) {
        let until = remaining::words(not_before.duration_since(now));
        let date = date(not_before);
        return vec![format!(
            "{what} is not valid for another {until}, before {date}"
        )];
    }
    Vec::new()
}
