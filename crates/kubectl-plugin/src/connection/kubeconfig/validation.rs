//! kubectl's checks of a cluster and a user (`client-go/tools/clientcmd/validation.go`).

use kube_client::config::{AuthInfo, Cluster, ExecConfig};

use crate::Error;
use crate::connection::auth::exec::exec_credential;
use crate::connection::kubeconfig::{INTERACTIVE_MODES, file};
use crate::connection::transport::proxy;

/// Checks the cluster and the user. The error lists all problems, with kubectl's wording.
pub(crate) fn check(
    cluster_name: &str,
    cluster: &Cluster,
    user_name: &str,
    user: &AuthInfo,
) -> Result<(), Error> {
    let mut problems = user_problems(user_name, user);
    problems.extend(cluster_problems(cluster_name, cluster));
    match problems.as_slice() {
        [] => Ok(()),
        [problem] => {
            let error = file::with_tilde_hint(Error::usage(problem));
            let exec = user
                .exec
                .as_ref()
                .filter(|_| problem.starts_with("interactiveMode"));
            Err(match exec.and_then(|exec| exec.command.as_ref()) {
                Some(command) => {
                    error.with_hint(format!("{INTERACTIVE_MODES} (exec plugin {command})"))
                }
                None => error,
            })
        }
        _ => Err(file::with_tilde_hint(Error::configuration(format!(
            "\n* {}",
            problems.join("\n* ")
        )))),
    }
}

fn user_problems(name: &str, user: &AuthInfo) -> Vec<String> {
    let mut problems = Vec::new();
    if user.client_certificate.is_some() || user.client_certificate_data.is_some() {
        if user.client_certificate.is_some() && user.client_certificate_data.is_some() {
            problems.push(format!(
                "client-cert-data and client-cert are both specified for {name}. \
                 client-cert-data will override."
            ));
        }
        if user.client_key.is_some() && user.client_key_data.is_some() {
            problems.push(format!(
                "client-key-data and client-key are both specified for {name}; \
                 client-key-data will override"
            ));
        }
        if user.client_key.is_none() && user.client_key_data.is_none() {
            problems.push(format!(
                "client-key-data or client-key must be specified for {name} to use the \
                 clientCert authentication method."
            ));
        }
        problems.extend(unreadable(
            "client-cert",
            user.client_certificate.as_deref(),
            name,
        ));
        problems.extend(unreadable("client-key", user.client_key.as_deref(), name));
    }
    if let Some(exec) = &user.exec {
        problems.extend(exec_problems(name, user, exec));
    }
    let has_password = user.username.is_some() || user.password.is_some();
    if user.token.is_some() && has_password {
        problems.push(format!(
            "more than one authentication method found for {name}; found [token \
             basicAuth], only one is allowed"
        ));
    }
    let groups = user
        .impersonate_groups
        .as_ref()
        .is_some_and(|groups| !groups.is_empty());
    let extras = user
        .impersonate_user_extra
        .as_ref()
        .is_some_and(|extras| !extras.is_empty());
    if (user.impersonate_uid.is_some() || groups || extras) && user.impersonate.is_none() {
        problems.push(format!(
            "requesting uid, groups or user-extra for {name} without impersonating a \
             user"
        ));
    }
    problems
}

fn exec_problems(name: &str, user: &AuthInfo, exec: &ExecConfig) -> Vec<String> {
    let mut problems = Vec::new();
    if user.auth_provider.is_some() {
        problems.push(format!(
            "authProvider cannot be provided in combination with an exec plugin for {name}"
        ));
    }
    let mut require = |is_set: bool, what: &str| {
        if !is_set {
            problems.push(format!(
                "{what} must be specified for {name} to use exec authentication plugin"
            ));
        }
    };
    let is_set = |field: &Option<String>| field.as_ref().is_some_and(|text| !text.is_empty());
    require(is_set(&exec.command), "command");
    require(is_set(&exec.api_version), "apiVersion");
    for variable in exec.env.iter().flatten() {
        let is_named = variable.get("name").is_some_and(|name| !name.is_empty());
        require(is_named, "env variable name");
    }
    // The versions before v1 have a default.
    let has_default = matches!(
        exec.api_version.as_deref(),
        Some("client.authentication.k8s.io/v1alpha1" | exec_credential::V1BETA1)
    );
    let has_mode = exec.interactive_mode.is_some() || has_default;
    require(has_mode, "interactiveMode");
    problems
}

fn cluster_problems(name: &str, cluster: &Cluster) -> Vec<String> {
    let mut problems = Vec::new();
    problems.extend(
        cluster
            .proxy_url
            .as_deref()
            .and_then(|url| proxy::proxy_url_error(url, name)),
    );
    if cluster.certificate_authority.is_some() && cluster.certificate_authority_data.is_some() {
        problems.push(format!(
            "certificate-authority-data and certificate-authority are both specified \
             for {name}. certificate-authority-data will override."
        ));
    }
    problems.extend(unreadable(
        "certificate-authority",
        cluster.certificate_authority.as_deref(),
        name,
    ));
    problems
}

fn unreadable(what: &str, path: Option<&str>, owner: &str) -> Option<String> {
    let path = path?;
    let reason = file::open_error(path)?;
    Some(format!(
        "unable to read {what} {path} for {owner} due to {reason}"
    ))
}
