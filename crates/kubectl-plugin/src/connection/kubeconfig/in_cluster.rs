//! The service account of a Pod
//! (`client-go/rest/config.go`, `InClusterConfig`).

use std::path::Path;
use std::{env, fs};

use kube_client::config::{AuthInfo, Cluster};

const FOLDER: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Returns the API server and the service account of the Pod in which this process runs.
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
        // Without the file, the platform's certificate authorities count, as in client-go.
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

/// Returns the namespace of that Pod.
pub(crate) fn namespace() -> Option<String> {
    let text = fs::read_to_string(format!("{FOLDER}/namespace")).ok()?;
    Some(text.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Returns the URL of a host and port, joined like Go's `net.JoinHostPort`.
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
