//! Applies the flags to the kubeconfig's cluster and user, field by field
//! (`client-go/tools/clientcmd/client_config.go`, `getCluster` and `getAuthInfo`).

use kube_client::config::{AuthInfo, Cluster};

use crate::connection::flags::args::ConnectionArgs;

/// Reports whether the flags alone contain a credential.
pub(crate) fn contain_credential(args: &ConnectionArgs) -> bool {
    args.token.is_some() || args.username.is_some() || args.client_certificate.is_some()
}

pub(crate) fn apply_to_cluster(args: &ConnectionArgs, cluster: &mut Cluster) {
    if args.server.is_some() {
        // The name in the kubeconfig is for the server in the kubeconfig.
        cluster.tls_server_name = None;
    }
    set(&mut cluster.server, args.server.as_ref());
    set(&mut cluster.tls_server_name, args.tls_server_name.as_ref());
    set(&mut cluster.proxy_url, args.proxy_url.as_ref());
    if args.disable_compression {
        cluster.disable_compression = Some(true);
    }
    if args.insecure_skip_tls_verify || args.certificate_authority.is_some() {
        cluster.insecure_skip_tls_verify = Some(args.insecure_skip_tls_verify);
        cluster
            .certificate_authority
            .clone_from(&args.certificate_authority);
        cluster.certificate_authority_data = None;
    }
}

pub(crate) fn apply_to_user(args: &ConnectionArgs, user: &mut AuthInfo) {
    if let Some(token) = &args.token {
        user.token = Some(token.clone().into());
        // Departure: in kubectl, the kubeconfig's tokenFile silently takes precedence over the flag.
        user.token_file = None;
    }
    set(&mut user.username, args.username.as_ref());
    if let Some(password) = &args.password {
        user.password = Some(password.clone().into());
    }
    if args.client_certificate.is_some() {
        user.client_certificate_data = None;
    }
    set(
        &mut user.client_certificate,
        args.client_certificate.as_ref(),
    );
    if args.client_key.is_some() {
        user.client_key_data = None;
    }
    set(&mut user.client_key, args.client_key.as_ref());
    set(&mut user.impersonate, args.as_user.as_ref());
    set(&mut user.impersonate_uid, args.as_uid.as_ref());
    if !args.as_group.is_empty() {
        user.impersonate_groups = Some(args.as_group.clone());
    }
    if !args.as_user_extra.is_empty() {
        let extras = user.impersonate_user_extra.get_or_insert_default();
        for (key, _) in &args.as_user_extra {
            extras.remove(key);
        }
        for (key, value) in &args.as_user_extra {
            extras.entry(key.clone()).or_default().push(value.clone());
        }
    }
}

fn set(field: &mut Option<String>, flag: Option<&String>) {
    if let Some(value) = flag {
        *field = Some(value.clone());
    }
}
