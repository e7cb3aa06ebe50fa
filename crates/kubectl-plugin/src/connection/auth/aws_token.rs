//! Reads a token of AWS: `k8s-aws-v1.` and a presigned URL of the Security Token Service in base64
//! (`aws-iam-authenticator/pkg/token`). Its signature and its session token are never read.
//!
//! The name of the cluster is in a signed header (`x-k8s-aws-id`), and not in the URL.

use crate::request::RawPath;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};

const PREFIX: &str = "k8s-aws-v1.";

/// The time that a cluster accepts a token, whatever its `X-Amz-Expires` says.
const LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// The parts of a token that are not secret.
#[derive(Debug, PartialEq, Eq)]
pub struct AwsToken {
    /// The access key that signed the token.
    pub access_key_id: Option<String>,
    /// The region of the service.
    pub region: Option<String>,
    /// The time of the signature.
    pub signed: Option<Timestamp>,
}

impl AwsToken {
    /// Parses a token. Returns `None` if it is not from AWS.
    pub fn parse(token: &str) -> Option<Self> {
        let url = BASE64_URL_SAFE_NO_PAD
            .decode(token.strip_prefix(PREFIX)?)
            .ok()?;
        let (_, query) = str::from_utf8(&url).ok()?.split_once('?')?;
        let request = RawPath::verbatim(&format!("/?{query}")).ok()?;
        // KEY/DATE/REGION/sts/aws4_request
        let scope = request.parameter("X-Amz-Credential");
        let mut scope = scope.iter().flat_map(|scope| scope.split('/'));
        let access_key_id = scope.next().map(str::to_owned);
        let date = request.parameter("X-Amz-Date");
        Some(Self {
            access_key_id,
            region: scope.nth(1).map(str::to_owned),
            signed: date.and_then(|date| date.parse().ok()),
        })
    }

    /// Returns the time until which a cluster accepts the token.
    pub fn expires(&self) -> Option<Timestamp> {
        self.signed?.checked_add(LIFETIME).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Option<AwsToken> {
        AwsToken::parse(&format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(url)))
    }

    #[test]
    fn the_key_the_region_and_the_date_are_in_the_url() {
        let url = "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15\
                   &X-Amz-Algorithm=AWS4-HMAC-SHA256\
                   &X-Amz-Credential=ASIAEXAMPLE%2F20261127%2Feu-west-1%2Fsts%2Faws4_request\
                   &X-Amz-Date=20261127T070000Z&X-Amz-Expires=60\
                   &X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Signature=abc";
        let token = parsed(url).unwrap();
        assert_eq!(
            token,
            AwsToken {
                access_key_id: Some("ASIAEXAMPLE".to_owned()),
                region: Some("eu-west-1".to_owned()),
                signed: "2026-11-27T07:00:00Z".parse().ok(),
            }
        );
        assert_eq!(token.expires(), "2026-11-27T07:15:00Z".parse().ok());
    }

    #[test]
    fn an_incomplete_url_has_unknown_parts() {
        let nothing = AwsToken {
            access_key_id: None,
            region: None,
            signed: None,
        };
        assert_eq!(parsed("https://sts?X-Amz-Date=today"), Some(nothing));
        assert_eq!(parsed("https://sts"), None);
        for token in ["k8s-aws-v1.", "k8s-aws-v1.***", "k8s-aws-v2.aHR0cA"] {
            assert_eq!(AwsToken::parse(token), None);
        }
    }
}
