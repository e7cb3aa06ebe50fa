//! Explains a request that the server did not authenticate, but answered as anonymous.

use kubectl_plugin::Error;
use kubectl_plugin::connection::ServerTarget;
use kubectl_plugin::error::Kind;

use crate::credential::{Authentication, CredentialKind, SentCredential};
use crate::identity::ANONYMOUS;

/// Returns the error for a request of the anonymous user: none of the credentials was accepted.
/// `refusal` is the server's response, if it refused the request.
pub(crate) fn error(
    authentication: &Authentication,
    target: &ServerTarget,
    refusal: Option<&Error>,
) -> Error {
    let ignored = &authentication.others;
    let why = if ignored.is_empty() {
        "no credential was sent".to_owned()
    } else {
        let names: Vec<String> = ignored.iter().map(SentCredential::description).collect();
        format!("the server ignored the {}", names.join(" and the "))
    };
    let refusal = refusal.map_or_else(String::new, |refusal| format!(" ({refusal})"));
    let message = format!("not authenticated: {why}, so you are {ANONYMOUS}{refusal}");
    Error::from(Kind::Anonymous(message)).with_hint(hint(authentication, target))
}

/// Says how to authenticate.
pub(crate) fn hint(authentication: &Authentication, target: &ServerTarget) -> String {
    let has = |kind| authentication.others.iter().any(|sent| sent.kind == kind);
    if has(CredentialKind::Basic) {
        return "use a token, a client certificate or an exec plugin: basic authentication was removed \
                in Kubernetes 1.19"
            .to_owned();
    }
    if has(CredentialKind::ClientCertificate) {
        return "use the API server's own address or a token: a proxy that terminates TLS removes \
                client certificates"
            .to_owned();
    }
    if has(CredentialKind::BearerToken) {
        return "use the API server's own address: a proxy in front of it may remove the token"
            .to_owned();
    }
    if target.server.starts_with("http://") {
        return "use an address that begins with https://: credentials are not sent over plain http"
            .to_owned();
    }
    match &target.user {
        Some(user) => format!("add a credential to the kubeconfig user {user:?}, or pass --token"),
        None => "add a user to the kubeconfig context, or pass --token".to_owned(),
    }
}
