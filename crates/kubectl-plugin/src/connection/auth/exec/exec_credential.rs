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

    /// Parses the output of a plugin. The error does not quote it.
    pub(crate) fn parse(stdout: &[u8], version: &str) -> Result<Self, String> {
        let no_credential = || format!("decoding stdout: not an ExecCredential of {version}");
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
        let parsed: Self = serde_json::from_value(status)
            .map_err(|_| "decoding stdout: a field of the status is of the wrong type")?;
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
            return Err(
                "exec plugin returned a token with a character that HTTP headers do not allow"
                    .to_owned(),
            );
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
