//! Reads the claims of a JSON Web Token (RFC 7519) for display. Its signature is not verified.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::text::utc;

/// The registered claims of a JWT.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// `sub`: for a service account, `system:serviceaccount:NAMESPACE:NAME`.
    pub subject: Option<String>,
    /// `iss`.
    pub issuer: Option<String>,
    /// `aud`.
    pub audiences: Vec<String>,
    /// `jti`.
    pub id: Option<String>,
    /// `email`, of an `OpenID` Connect provider.
    pub email: Option<String>,
    /// `email_verified`.
    pub is_email_verified: Option<bool>,
    /// `groups`.
    pub groups: Vec<String>,
    /// `nbf`.
    pub not_before: Option<Timestamp>,
    /// `exp`.
    pub expires: Option<Timestamp>,
}

impl Claims {
    /// Reports whether the token is a service account's.
    pub fn is_service_account(&self) -> bool {
        let subject = self.subject.as_deref();
        subject.is_some_and(|subject| subject.starts_with("system:serviceaccount:"))
    }

    /// Parses the claims of a token. Returns `None` if it is not a JWT.
    pub(crate) fn parse(token: &str) -> Option<Self> {
        let [_, claims, _] = token.split('.').collect::<Vec<_>>().try_into().ok()?;
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        let claims = claims.as_object()?;
        let text = |name| claims.get(name)?.as_str().map(str::to_owned);
        let texts = |name| match claims.get(name) {
            Some(Value::String(text)) => vec![text.clone()],
            Some(Value::Array(many)) => {
                let texts = many.iter().filter_map(Value::as_str);
                texts.map(str::to_owned).collect()
            }
            _ => Vec::new(),
        };
        Some(Self {
            subject: text("sub"),
            issuer: text("iss"),
            audiences: texts("aud"),
            id: text("jti"),
            email: text("email"),
            is_email_verified: claims.get("email_verified").and_then(Value::as_bool),
            groups: texts("groups"),
            not_before: claims.get("nbf").and_then(point_in_time),
            expires: claims.get("exp").and_then(point_in_time),
        })
    }
}

/// Converts a claim in seconds since 1970, possibly with a fraction.
fn point_in_time(claim: &Value) -> Option<Timestamp> {
    let seconds = match claim {
        Value::Number(number) => number.as_f64()?,
        _ => return None,
    };
    let since_epoch = SignedDuration::try_from_secs_f64(seconds.trunc())
        .map_or(if seconds < 0.0 { i64::MIN } else { i64::MAX }, |length| {
            length.as_secs()
        });
    Some(utc::from_seconds(since_epoch))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(claims: &str) -> Option<Claims> {
        Claims::parse(&format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims)))
    }

    #[test]
    fn the_claims_of_a_jwt_are_parsed() {
        let given = r#"{"sub":"s","iss":"i","aud":["a","b"],"jti":"j","nbf":1,"exp":2.5,
                        "email":"e@example.com","email_verified":false,"groups":["g"]}"#;
        let second = |second| Timestamp::from_second(second).ok();
        assert_eq!(
            claims(given),
            Some(Claims {
                subject: Some("s".to_owned()),
                issuer: Some("i".to_owned()),
                audiences: vec!["a".to_owned(), "b".to_owned()],
                id: Some("j".to_owned()),
                email: Some("e@example.com".to_owned()),
                is_email_verified: Some(false),
                groups: vec!["g".to_owned()],
                not_before: second(1),
                expires: second(2),
            })
        );
        assert_eq!(claims(r#"{"aud":"a"}"#).unwrap().audiences, ["a"]);
        assert_eq!(claims(r#"{"exp":"soon"}"#), Some(Claims::default()));
    }

    /// An issuer may, for example, use milliseconds instead of seconds.
    #[test]
    fn an_expiry_outside_the_calendar_becomes_the_nearest_timestamp() {
        let end = |exp: &str| claims(&format!(r#"{{"exp":{exp}}}"#)).unwrap().expires;
        for far in [
            "253402300799",
            "1900000000000",
            "18446744073709551616",
            "1e30",
        ] {
            assert_eq!(end(far), Some(utc::from_seconds(i64::MAX)), "{far}");
        }
        assert_eq!(end("-1e30"), Some(utc::from_seconds(i64::MIN)));
    }

    #[test]
    fn other_text_has_no_claims() {
        for token in ["", "opaque", "a.b", "a.b.c", "a.e30.c.d", "e30.W10.c"] {
            assert_eq!(Claims::parse(token), None, "{token}");
        }
    }
}
