//! The `ExecCredential` that an exec plugin prints, and the error if the plugin fails.

use http::HeaderValue;
use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::Error;
use crate::connection::auth::credential::{
    CertificateAndKey, ResolvedAuthorization, ResolvedCredential,
};
use crate::connection::auth::mistake;
use crate::connection::auth::mistake::Mistake;
use crate::connection::kubeconfig::misfit;
use crate::connection::kubeconfig::yaml;
use crate::text::utc;

pub(crate) const V1: &str = "client.authentication.k8s.io/v1";
/// The older version, which has the same fields.
pub(crate) const V1BETA1: &str = "client.authentication.k8s.io/v1beta1";

/// The `status` of an exec plugin's `ExecCredential`.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ExecCredentialStatus {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
    /// The expiry; `None` means that the credential is valid until the server refuses it.
    #[serde(deserialize_with = "point_in_time")]
    pub(crate) expiration_timestamp: Option<Timestamp>,
}

impl ExecCredentialStatus {
    pub(crate) fn is_unexpired(&self) -> bool {
        let end = self.expiration_timestamp;
        end.is_none_or(|end| Timestamp::now() <= end)
    }

    /// Parses the output of the plugin `command`. The error does not quote it.
    pub(crate) fn parse(stdout: &[u8], version: &str, command: &str) -> Result<Self, Error> {
        let status = Self::status(stdout, version, command).map_err(failure)?;
        let parsed = Self::checked(status, command).map_err(failure)?;
        match parsed.mistake() {
            Some((field, mistake)) => {
                let field = format!("the {field} from exec plugin {command}");
                let error = mistake.error(&field);
                let reason = error.to_string();
                let reason = reason.strip_prefix("error: ").unwrap_or(&reason);
                Err(failure(reason).with_hint(error.hint().unwrap_or_default()))
            }
            None => Ok(parsed),
        }
    }

    /// Finds a mistake in the plugin's credential.
    fn mistake(&self) -> Option<(&'static str, Mistake)> {
        let pem = |text: &Option<String>| mistake::of_pem(text.as_deref()?.as_bytes());
        let token = self.token.as_deref().and_then(mistake::of_token);
        let token = token.map(|mistake| ("token", mistake));
        let certificate = pem(&self.client_certificate_data);
        let certificate = certificate.map(|mistake| ("clientCertificateData", mistake));
        let key = pem(&self.client_key_data).map(|mistake| ("clientKeyData", mistake));
        token.or(certificate).or(key)
    }

    /// Returns the status in the output of a plugin.
    fn status(stdout: &[u8], version: &str, command: &str) -> Result<Value, String> {
        let no_credential = || {
            let problem = output_problem(stdout);
            format!("decoding stdout: not an ExecCredential of {version}: {command} {problem}")
        };
        let document = yaml::first_document(stdout).ok().flatten();
        let mut document = document.ok_or_else(no_credential)?;
        let text = |name| document.get(name).and_then(Value::as_str);
        if !document.is_object() || text("kind").is_some_and(|kind| kind != "ExecCredential") {
            return Err(no_credential());
        }
        let returned = text("apiVersion");
        if returned != Some(version) {
            let known = [V1, V1BETA1]
                .into_iter()
                .find(|known| returned == Some(*known))
                .map_or_else(
                    || "an unknown version".to_owned(),
                    |known| format!("version {known}"),
                );
            return Err(format!(
                "exec plugin is configured to use API version {version}, plugin returned {known}"
            ));
        }
        let status = document["status"].take();
        if status.is_null() {
            return Err("exec plugin didn't return a status field".to_owned());
        }
        Ok(status)
    }

    /// Parses and checks a status.
    fn checked(status: Value, command: &str) -> Result<Self, String> {
        let field = misfit::<Self>(&status).unwrap_or("a field").to_owned();
        let parsed: Self = serde_json::from_value(status).map_err(|_| {
            let problem = if field == "expirationTimestamp" {
                "not a time such as 2030-01-31T12:00:00Z"
            } else {
                "of the wrong type"
            };
            format!(
                "decoding stdout: {field} in the status from exec plugin {command} is {problem}"
            )
        })?;
        let is_set = |field: &Option<String>| field.as_ref().is_some_and(|text| !text.is_empty());
        let has_certificate = is_set(&parsed.client_certificate_data);
        if has_certificate != is_set(&parsed.client_key_data) {
            return Err("exec plugin returned only certificate or key, not both".to_owned());
        }
        if !has_certificate && !is_set(&parsed.token) {
            return Err("exec plugin didn't return a token or cert/key pair".to_owned());
        }
        let token = parsed.token.as_deref().unwrap_or_default();
        if HeaderValue::from_str(token).is_err() {
            return Err(format!(
                "exec plugin {command} returned a token with a character that HTTP headers do not allow"
            ));
        }
        Ok(parsed)
    }

    /// Converts the status to a credential.
    pub(crate) fn to_credential(&self) -> ResolvedCredential {
        let set = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let certificate = set(&self.client_certificate_data);
        let key = set(&self.client_key_data);
        ResolvedCredential {
            authorization: set(&self.token).map(|token| ResolvedAuthorization::Token(token.into())),
            certificate: certificate.map(|certificate| CertificateAndKey {
                certificate: certificate.into_bytes(),
                key: key.unwrap_or_default().into_bytes().into(),
            }),
        }
    }
}

/// Describes an output that is not an `ExecCredential`: what the plugin has done.
fn output_problem(stdout: &[u8]) -> &'static str {
    let text = String::from_utf8_lossy(stdout);
    let text = text.trim();
    let is_credential = |text: &str| {
        let mut documents = serde_json::Deserializer::from_str(text).into_iter::<Value>();
        documents
            .next()
            .is_some_and(|document| document.is_ok_and(|document| document.get("status").is_some()))
    };
    let mut starts = text.match_indices('{').map(|(start, _)| start);
    match starts.find(|start| is_credential(&text[*start..])) {
        _ if text.is_empty() => "printed nothing",
        Some(1..) => "printed other text before it, which belongs on stderr",
        _ => "printed something else",
    }
}

fn point_in_time<'de, D: Deserializer<'de>>(source: D) -> Result<Option<Timestamp>, D::Error> {
    let Some(text) = Option::<String>::deserialize(source)? else {
        return Ok(None);
    };
    let time = utc::rfc3339(&text).ok_or_else(|| D::Error::custom("no point in time"))?;
    Ok(Some(time))
}

/// Returns the error for a plugin that failed, with kubectl's wording.
pub(crate) fn failure(reason: impl AsRef<str>) -> Error {
    Error::connection(format!(
        "Unable to connect to the server: getting credentials: {}",
        reason.as_ref()
    ))
}
