use std::fs;

use control_plane::{ControlPlane, User};
use faulty_server::FaultyServer;
use serde_json::{Value, json};
use support::unique;

use super::plugin::*;

#[test]
fn certificates_with_and_without_groups_are_accepted() {
    for groups in [&[][..], &["dev"], &["dev", "ops"]] {
        let document = same_as_kubectl(&person("jane", groups), &[]);
        assert_eq!(document["status"]["userInfo"]["username"], "jane");
        let credential = &document["whoami"]["credential"];
        assert_eq!(credential["kind"], "ClientCertificate");
        assert_eq!(credential["issuer"], "CN=control-plane");
        assert_eq!(credential["confirmed"], true, "{document}");
        assert!(credential["subject"].as_str().unwrap().contains("CN=jane"));
    }
}

#[test]
fn a_service_account_token_or_token_file_is_accepted() {
    let token = signed(&claims());
    let document = same_as_kubectl(&user(&json!({"token": token})), &[]);
    let credential = &document["whoami"]["credential"];
    assert_eq!(credential["kind"], "BearerToken");
    assert_eq!(credential["subject"], "system:serviceaccount:default:robot");
    assert_eq!(credential["audiences"], json!([ISSUER]));
    assert_eq!(credential["confirmed"], true, "{document}");

    let file = ControlPlane::shared().folder().join(unique("token"));
    fs::write(&file, token).unwrap();
    let document = same_as_kubectl(&user(&json!({"tokenFile": file})), &[]);
    assert_eq!(document["whoami"]["credential"]["file"], json!(file));
}

#[test]
fn a_token_bound_to_a_pod_names_its_node() {
    let control_plane = ControlPlane::shared();
    let (pod, node) = (unique("pod"), unique("node"));
    control_plane
        .service_account_token("default", "bound")
        .unwrap();
    let create = |path: &str, object: &Value| control_plane.create(path, object).unwrap();
    create("/api/v1/nodes", &json!({"metadata": {"name": node}}));
    create(
        "/api/v1/namespaces/default/pods",
        &json!({"metadata": {"name": pod}, "spec": {
            "nodeName": node, "serviceAccountName": "bound",
            "containers": [{"name": "c", "image": "i"}],
        }}),
    );
    let reply = create(
        "/api/v1/namespaces/default/serviceaccounts/bound/token",
        &json!({"spec": {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": pod}}}),
    );
    let document = same_as_kubectl(&user(&json!({"token": reply["status"]["token"]})), &[]);
    let extra = &document["status"]["userInfo"]["extra"];
    let text = |key: &str| extra[format!("authentication.kubernetes.io/{key}")][0].clone();
    assert_eq!(
        (text("pod-name"), text("node-name")),
        (json!(pod), json!(node))
    );
    assert_eq!(document["whoami"]["credential"]["confirmed"], true);
}

#[test]
fn a_bad_token_and_a_good_certificate_show_which_one_counted() {
    let mut bad = claims();
    bad["exp"] = json!(now() - 7_200);
    let (certificate, key) = ControlPlane::shared().admin_certificate();
    let both = |token: String| {
        user(&json!({"client-certificate": certificate, "client-key": key, "token": token}))
    };
    for token in ["opaque".to_owned(), signed(&bad), signed(&claims())] {
        let kubeconfig = both(token);
        let document = same_as_kubectl(&kubeconfig, &[]);
        assert_eq!(
            document["whoami"]["credential"]["kind"],
            "ClientCertificate"
        );
        assert_eq!(
            document["whoami"]["otherCredentials"][0]["kind"],
            "BearerToken"
        );
        let table = whoami(&kubeconfig, &[]).ended(0);
        assert_eq!(table.row("Credential"), "client certificate");
        assert!(
            table.row("Not used").starts_with("bearer token"),
            "{table:#?}"
        );
    }
    let table = whoami(&both(signed(&bad)), &[]).ended(0);
    assert!(
        table.row("Not used").contains("expired 2 hours ago"),
        "{table:#?}"
    );
}

/// Offline, the certificate comes first, as on a server.
#[test]
fn a_certificate_takes_precedence_over_a_token_offline() {
    let (certificate, key) = ControlPlane::shared().admin_certificate();
    let both = user(&json!({
        "client-certificate": certificate, "client-key": key, "token": signed(&claims()),
    }));
    let table = whoami(&both, &["--offline"]).ended(0);
    assert_eq!(table.row("Username"), "admin (unverified)");
    assert_eq!(table.row("Credential"), "client certificate");
    assert_eq!(table.row("Also sent"), "bearer token");
    let name = whoami(&both, &["--offline", "-o", "name"]).ended(0);
    assert_eq!(name.stdout, "admin\n");
}

#[test]
fn a_good_token_counts_despite_a_foreign_certificate() {
    let stranger = FaultyServer::start([])
        .unwrap()
        .pki
        .client("mallory")
        .unwrap();
    let folder = ControlPlane::shared().folder().join(unique("stranger"));
    fs::create_dir_all(&folder).unwrap();
    let (certificate, key) = (folder.join("tls.crt"), folder.join("tls.key"));
    fs::write(&certificate, stranger.certificate).unwrap();
    fs::write(&key, stranger.key).unwrap();
    let both = json!({
        "client-certificate": certificate, "client-key": key, "token": signed(&claims()),
    });
    let document = same_as_kubectl(&user(&both), &[]);
    assert_eq!(document["whoami"]["credential"]["kind"], "BearerToken");
    assert_eq!(document["whoami"]["credential"]["confirmed"], true);
    let other = &document["whoami"]["otherCredentials"][0];
    assert_eq!(other["kind"], "ClientCertificate");
    assert_eq!(other["confirmed"], false);
}

#[test]
fn exec_plugins_may_print_a_token_or_a_certificate() {
    let status = json!({
        "token": signed(&claims()), "expirationTimestamp": "2100-01-01T00:00:00Z",
    });
    let plugin = exec_plugin(&answer(&status));
    let document = same_as_kubectl(&user(&plugin), &[]);
    let credential = &document["whoami"]["credential"];
    assert_eq!(credential["kind"], "BearerToken");
    assert_eq!(credential["command"], plugin["exec"]["command"]);
    // The token expires before the time that the plugin gives.
    assert!(
        credential["expires"].as_str().unwrap() < "2100",
        "{document}"
    );

    let (certificate, key) = ControlPlane::shared().admin_certificate();
    let status = json!({
        "clientCertificateData": fs::read_to_string(certificate).unwrap(),
        "clientKeyData": fs::read_to_string(key).unwrap(),
        "expirationTimestamp": "2100-01-01T00:00:00Z",
    });
    let document = same_as_kubectl(&user(&exec_plugin(&answer(&status))), &[]);
    let credential = &document["whoami"]["credential"];
    assert_eq!(credential["kind"], "ClientCertificate");
    assert_eq!(credential["expires"], "2100-01-01T00:00:00Z");

    // Go's last year, whose last day jiff cannot represent.
    let status = json!({"token": signed(&claims()), "expirationTimestamp": "9999-12-31T23:59:59Z"});
    same_as_kubectl(&user(&exec_plugin(&answer(&status))), &[]);
}

#[test]
fn an_exec_plugin_that_fails_or_prints_garbage_is_reported() {
    let secret = "garbage-with-a-secret";
    for script in ["exit 3".to_owned(), format!("echo {secret}")] {
        let kubeconfig = user(&exec_plugin(&script));
        kubectl(&kubeconfig, &[]).ended(1);
        let outcome = whoami(&kubeconfig, &[])
            .ended(3)
            .says("Unable to connect to the server: getting credentials");
        assert_eq!(outcome.row("Username"), "unknown");
        assert!(outcome.row("Credential").starts_with("exec plugin /"));
        assert!(outcome.row("Credential").ends_with("log-in (not run)"));
        assert!(!format!("{outcome:?}").contains(secret));
        let document = whoami(&kubeconfig, &["-o", "json"]).ended(3).json();
        assert_eq!(document["whoami"]["credential"]["kind"], "ExecPlugin");
        assert_eq!(document["whoami"]["error"]["exitCode"], 3);
    }
}

#[test]
fn an_exec_plugin_that_prints_without_end_is_reported() {
    let kubeconfig = user(&exec_plugin("head -c 20000000 /dev/zero; exec sleep 60"));
    whoami(&kubeconfig, &["--request-timeout=30s"])
        .ended(3)
        .says("log-in printed more than 1 MiB");
}

/// kubectl asks for a password here.
#[test]
fn without_a_credential_the_server_names_the_anonymous_user() {
    let kubeconfig = ControlPlane::shared().kubeconfig(&User::Anonymous).unwrap();
    let outcome = whoami(&kubeconfig, &[]).ended(3);
    assert_eq!(outcome.row("Username"), "system:anonymous");
    assert_eq!(
        outcome.row("Source"),
        "the user name in a 403 response; groups and UID are unknown"
    );
    assert_eq!(outcome.row("Credential"), "none");
}

/// Kubernetes 1.19 removed basic authentication. kubectl hides the server's response, which names the
/// user.
#[test]
fn a_password_is_ignored_by_the_server() {
    let kubeconfig = user(&json!({"username": "jane", "password": "hunter2-and-more"}));
    kubectl(&kubeconfig, &[])
        .ended(1)
        .says("API is not enabled in the cluster or you do not have permission");
    let outcome = whoami(&kubeconfig, &["-v=10"])
        .ended(3)
        .says("error: not authenticated: the server ignored the user name and password (basic), so you are")
        .says("basic authentication was removed in Kubernetes 1.19");
    assert_eq!(outcome.row("Username"), "system:anonymous");
    assert_eq!(outcome.row("Credential"), "none");
    assert_eq!(outcome.row("Not used"), "user name and password (basic)");
    assert!(!format!("{outcome:?}").contains("hunter2"), "{outcome:#?}");
}
