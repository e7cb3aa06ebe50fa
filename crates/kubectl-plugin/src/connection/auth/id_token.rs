//! The kubeconfig's `auth-provider`, the predecessor of exec plugins (`client-go/plugin/pkg/client/auth`).
//! Only `oidc` still works, and here only while its id-token is valid.
//!
//! Departure: the id-token is never renewed. A refresh token may be valid for one use only, so the
//! new one would have to be written into the kubeconfig, which belongs to kubectl.

use jiff::{SignedDuration, Timestamp};
use kube_client::config::AuthProviderConfig;

use crate::Error;
use crate::connection::auth::jwt::Claims;
use crate::text::utc;

/// The time before its expiry from which a token is no longer used, as in client-go.
const MARGIN: SignedDuration = SignedDuration::from_secs(10);

/// The path of the id-token in a kubeconfig's user.
pub(crate) const ID_TOKEN: &str = "auth-provider.config.id-token";

/// Refuses a provider that kubectl refuses, even if the user has another credential.
pub(crate) fn check(provider: &AuthProviderConfig) -> Result<(), Error> {
    let message = match provider.name.as_str() {
        "oidc" => {
            let is_missing = |field: &&str| provider.config.get(*field).is_none_or(String::is_empty);
            match ["idp-issuer-url", "client-id"].into_iter().find(is_missing) {
                None => return Ok(()),
                Some(field) => format!("Must provide {field}"),
            }
        }
        "gcp" => "The gcp auth plugin has been removed.\n\
            Please use the \"gke-gcloud-auth-plugin\" kubectl/client-go credential plugin instead.\n\
            See https://cloud.google.com/blog/products/containers-kubernetes/kubectl-auth-changes-in-gke for further details"
            .to_owned(),
        "azure" => "The azure auth plugin has been removed.\n\
            Please use the https://github.com/Azure/kubelogin kubectl/client-go credential plugin instead.\n\
            See https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins for further details"
            .to_owned(),
        name => format!("no Auth Provider found for name {name:?}"),
    };
    Err(Error::usage(message))
}

/// Returns the id-token of the provider `oidc`, if it is valid now.
pub(crate) fn id_token(provider: &AuthProviderConfig, user_name: &str) -> Result<String, Error> {
    let field = |name| provider.config.get(name).filter(|text| !text.is_empty());
    let failure = |reason: String| {
        let hint = if field("refresh-token").is_some() {
            "run `kubectl get --raw /version`: kubectl renews the token in the kubeconfig"
        } else {
            "renew the id-token with the tool that wrote it to the kubeconfig, such as kubelogin"
        };
        Error::connection(format!(
            "Unable to connect to the server: the id-token of user {user_name:?} {reason}"
        ))
        .with_hint(hint)
    };
    let Some(token) = field("id-token") else {
        return Err(failure("is missing".to_owned()));
    };
    match Claims::parse(token).and_then(|claims| claims.expires) {
        None => Err(failure("is not a JWT with an expiry date".to_owned())),
        Some(expiry) if expiry <= Timestamp::now() + MARGIN => Err(failure(format!(
            "expired at {}",
            utc::minute(expiry.as_second())
        ))),
        Some(_) => Ok(token.clone()),
    }
}
