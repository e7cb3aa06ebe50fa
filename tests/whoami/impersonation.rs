use std::fs;

use control_plane::ControlPlane;
use faulty_server::FaultyServer;
use serde_json::{Value, json};
use support::{admin, unique};

use super::header_dropping_proxy;
use super::plugin::*;

#[test]
fn the_impersonated_user_and_the_impersonator_are_named() {
    for arguments in [
        &["--as=bob"][..],
        &["--as=bob", "--as-group=g1", "--as-group=g2"],
        &["--as=bob", "--as-uid=7", "--as-user-extra=acme.com/a=x"],
        &[
            "--as=bob",
            "--as-user-extra=acme.com/a=x",
            "--as-user-extra=acme.com/a=y",
        ],
        &["--as=system:serviceaccount:default:robot"],
    ] {
        let document = same_as_kubectl(&admin(), arguments);
        let impersonator = &document["whoami"]["impersonator"];
        assert_eq!(impersonator["username"], "admin", "{document}");
        assert_eq!(impersonator["groups"][0], "system:masters");
        assert_eq!(document["whoami"]["credential"]["confirmed"], true);
    }
    let table = whoami(&admin(), &["--as=bob", "--as-group=g1"]).ended(0);
    assert_eq!(table.row("Username"), "bob");
    assert_eq!(table.row("Groups"), "g1");
    assert_eq!(
        table.row("Impersonator"),
        "admin (system:masters, system:authenticated)"
    );
    let name = whoami(&admin(), &["--as=bob", "-o", "name"]).ended(0);
    assert_eq!(name.stdout, "bob\n");
}

/// kubectl sends no header for an empty list.
#[test]
fn empty_impersonation_flags_count_as_absent() {
    let (certificate, key) = ControlPlane::shared().admin_certificate();
    for fields in [
        json!({"as": ""}),
        json!({"as-groups": []}),
        json!({"as-user-extra": {}}),
    ] {
        let mut login = fields;
        login["client-certificate"] = json!(certificate);
        login["client-key"] = json!(key);
        let document = same_as_kubectl(&user(&login), &[]);
        assert_eq!(document["whoami"]["impersonator"], json!(null), "{login}");
    }
}

#[test]
fn a_denied_impersonation_names_the_impersonator() {
    let jane = person("jane", &["dev"]);
    for arguments in [
        &["--as=bob"][..],
        &["--as=bob", "--as-group=g1"],
        &["--as=bob", "--as-uid=7"],
        &["--as=bob", "--as-user-extra=a=b"],
    ] {
        kubectl(&jane, arguments).ended(1);
        let outcome = whoami(&jane, arguments)
            .ended(1)
            .says("Error from server (Forbidden)");
        assert!(
            outcome.stderr.contains("cannot impersonate"),
            "{outcome:#?}"
        );
        assert_eq!(outcome.row("Username"), "unknown");
        assert_eq!(
            outcome.row("Source"),
            "SelfSubjectReview v1 (about the impersonator only)"
        );
        assert_eq!(
            outcome.row("Impersonator"),
            "jane (dev, system:authenticated)"
        );
        let outcome = whoami(&jane, &[arguments, &["-o", "json"]].concat()).ended(1);
        let document = outcome.json();
        assert_eq!(document["status"], json!({"userInfo": {}}));
        assert_eq!(document["whoami"]["verified"], false);
        assert_eq!(document["whoami"]["source"], "SelfSubjectReview/v1");
        assert_eq!(document["whoami"]["impersonator"]["username"], "jane");
        assert_eq!(document["whoami"].get("local"), None);
    }
}

#[test]
fn a_group_without_a_user_is_refused_before_anything_is_sent() {
    let message = "requesting uid, groups or user-extra for admin without impersonating a user";
    kubectl(&admin(), &["--as-group=g1"]).ended(1).says(message);
    whoami(&admin(), &["--as-group=g1"]).ended(2).says(message);
}

#[test]
fn the_anonymous_user_may_be_impersonated() {
    let table = whoami(&admin(), &["--as=system:anonymous"]).ended(0);
    assert_eq!(table.row("Username"), "system:anonymous");
    assert_eq!(
        table.row("Impersonator"),
        "admin (system:masters, system:authenticated)"
    );
    assert_eq!(table.row("Credential"), "client certificate");
}

/// Without its headers, an impersonating request is a valid request of the owner of the credential.
#[test]
fn an_impersonation_that_is_dropped_on_the_way_is_an_error() {
    let proxy = format!("--server={}", header_dropping_proxy::start());
    let both = "error: the request impersonates \"jane\", but the server takes it for a request of \"admin\"\n";
    let pods = "/api/v1/namespaces/default/pods";
    for (arguments, stdout) in [
        (&[][..], "Username:      admin\n"),
        (&["-o", "name"], "admin\n"),
        (&["-o", "json"], r#""username": "admin""#),
        (&["--can", "DELETE", pods], "yes"),
        (
            &["--can", "DELETE", pods, "-o", "json"],
            r#""allowed": true"#,
        ),
    ] {
        let outcome = whoami(&admin(), &[arguments, &["--as=jane", &proxy]].concat())
            .ended(6)
            .says(both)
            .says(
                "hint: check for a proxy in front of the server that drops Impersonate-* headers",
            );
        assert!(outcome.stdout.contains(stdout), "{outcome:#?}");
        whoami(&admin(), &[arguments, &["--as=admin", &proxy]].concat()).ended(0);
    }
    whoami(&admin(), &["--as=admin", "--as-group=dev", &proxy])
        .ended(6)
        .says("error: the server impersonates \"admin\" without the group \"dev\"\n");
    let mut contexts: Value = serde_json::from_slice(&fs::read(admin()).unwrap()).unwrap();
    contexts["clusters"][0]["cluster"] = json!({"server": &proxy["--server=".len()..]});
    let path = ControlPlane::shared().folder().join(unique("proxied"));
    fs::write(&path, contexts.to_string()).unwrap();
    whoami(&path, &["--all-contexts", "--as=jane"])
        .ended(3)
        .says(both)
        .says("in 1 of 1 contexts");
}

/// A proxy may drop some of the headers.
#[test]
fn an_impersonation_must_have_all_of_its_attributes() {
    let server = FaultyServer::start([self_subject_review("jane")]).unwrap();
    let kubeconfig = server.kubeconfig().unwrap();
    whoami(&kubeconfig, &["--as=jane"]).ended(0);
    let attributes = [
        "--as-group=dev",
        "--as-uid=7",
        "--as-user-extra=Acme.com/a=x",
    ];
    whoami(&kubeconfig, &[&["--as=jane"], &attributes[..]].concat())
        .ended(6)
        .says("error: the server impersonates \"jane\" without the UID \"7\", the group \"dev\", the extra Acme.com/a=x\n");
    // A real server has them all.
    let outcome = whoami(&admin(), &[&["--as=jane"], &attributes[..]].concat()).ended(0);
    assert_eq!(outcome.stderr, "");
}
