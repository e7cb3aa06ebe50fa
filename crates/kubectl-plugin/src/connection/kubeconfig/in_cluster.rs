//! The login that Kubernetes gives to a Pod: its service account
//! (`client-go/rest/config.go`, `InClusterConfig`).

use std::{env, fs, path::Path};

use kube_client::config::{AuthInfo, Cluster};

const FOLDER: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The API server and the account of the Pod that this process runs in, if it does.
pub(crate) fn service_account() -> Option<(Cluster, AuthInfo)> {
    let variable = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let host = variable("KUBERNETES_SERVICE_HOST")?;
    let port = variable("KUBERNETES_SERVICE_PORT")?;
    let token_file = format!("{FOLDER}/token");
    if !Path::new(&token_file).is_file() {
        return None;
    }
    let certificate_authority = format!("{FOLDER}/ca.crt");
    let cluster = Cluster {
        server: Some(address(&host, &port)),
        // Without the file the platform's certificate authorities count, as in client-go.
        certificate_authority: Path::new(&certificate_authority)
            .is_file()
            .then_some(certificate_authority),
        ..Cluster::default()
    };
    let user = AuthInfo {
        token_file: Some(token_file),
        ..AuthInfo::default()
    };
    Some((cluster, user))
}

/// The namespace of that Pod.
pub(crate) fn namespace() -> Option<String> {
    let text = fs::read_to_string(format!("{FOLDER}/namespace")).ok()?;
    Some(text.trim().to_owned()).filter(|name| !name.is_empty())
}

/// The URL of a host and port, as Go's `net.JoinHostPort` joins them.
fn address(host: &str, port: &str) -> String {
    if host.contains(':') {
        format!("https://[{host}]:{port}")
    } else {
        format!("https://{host}:{port}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_gets_brackets() {
        assert_eq!(address("10.0.0.1", "443"), "https://10.0.0.1:443");
        assert_eq!(address("fd00::1", "443"), "https://[fd00::1]:443");
    }
}
