//! The methods of a control plane do what their documentation says.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use control_plane::{ControlPlane, JSON_STORAGE, Tool, User};
use serde_json::{Value, json};

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[test]
fn a_control_plane_is_ready_within_ten_seconds() -> Result<()> {
    Tool::Etcd.path()?;
    Tool::KubeApiserver.path()?;
    let start = Instant::now();
    let control_plane = ControlPlane::builder().start()?;
    let time = start.elapsed();
    assert_eq!(
        control_plane.request("GET", "/readyz", None)?,
        (200, "ok".into())
    );
    assert!(time < Duration::from_secs(10), "ready after {time:?}");
    Ok(())
}

#[test]
fn a_kubeconfig_authenticates_as_its_user() -> Result<()> {
    let control_plane = ControlPlane::shared();
    for (user, name, groups) in [
        (
            User::Admin,
            "admin",
            vec!["system:masters", "system:authenticated"],
        ),
        (
            User::Person {
                name: "ada",
                groups: &["developers", "on-call"],
            },
            "ada",
            vec!["developers", "on-call", "system:authenticated"],
        ),
        (
            User::ServiceAccount {
                namespace: "default",
                name: "robot",
            },
            "system:serviceaccount:default:robot",
            vec![
                "system:serviceaccounts",
                "system:serviceaccounts:default",
                "system:authenticated",
            ],
        ),
    ] {
        let output = control_plane
            .kubectl()?
            .args(["auth", "whoami", "-o", "json"])
            .env("KUBECONFIG", control_plane.kubeconfig(&user)?)
            .output()?;
        let review: Value = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("{user:?}: {output:?}"))?;
        let user_info = &review["status"]["userInfo"];
        assert_eq!(user_info["username"], name);
        assert_eq!(user_info["groups"], json!(groups), "{name}");
    }
    Ok(())
}

#[test]
fn a_user_without_a_credential_is_anonymous() -> Result<()> {
    // An anonymous user may not even run `kubectl auth whoami`, but a refusal contains the name.
    let message = without_credential(ControlPlane::shared(), &["get", "--raw", "/api/v1/nodes"])?;
    assert!(
        message.contains(r#"User "system:anonymous" cannot list"#),
        "{message}"
    );
    Ok(())
}

#[test]
fn a_person_may_do_only_what_a_test_allows() -> Result<()> {
    let control_plane = ControlPlane::shared();
    let grace = User::Person {
        name: "grace",
        groups: &["viewers"],
    };
    let kubeconfig = control_plane.kubeconfig(&grace)?;
    let can_get_nodes = || -> Result<bool> {
        let arguments = ["auth", "can-i", "get", "nodes", "--quiet"];
        let mut kubectl = control_plane.kubectl()?;
        Ok(kubectl
            .args(arguments)
            .env("KUBECONFIG", &kubeconfig)
            .status()?
            .success())
    };
    assert!(!can_get_nodes()?);
    control_plane.create(
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        &json!({
            "metadata": { "name": "node-viewer" },
            "rules": [{ "apiGroups": [""], "resources": ["nodes"], "verbs": ["get"] }],
        }),
    )?;
    control_plane.create(
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        &json!({
            "metadata": { "name": "node-viewers" },
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "node-viewer",
            },
            "subjects": [{ "kind": "Group", "name": "viewers" }],
        }),
    )?;
    let start = Instant::now();
    while !can_get_nodes()? {
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "the binding has no effect after 10 s"
        );
    }
    Ok(())
}

#[test]
fn a_third_group_of_a_person_is_an_error() {
    let user = User::Person {
        name: "ada",
        groups: &["a", "b", "c"],
    };
    let error = ControlPlane::shared().kubeconfig(&user).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot issue a client certificate with 3 groups for ada: at most 2 are supported"
    );
}

#[test]
fn an_error_contains_the_response_to_an_invalid_object() {
    let nameless = json!({ "metadata": {} });
    let error = ControlPlane::shared()
        .create(CONFIG_MAPS, &nameless)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("name or generateName is required"),
        "{error:#}"
    );
}

#[test]
fn many_objects_are_created_quickly() -> Result<()> {
    let control_plane = ControlPlane::shared();
    let objects = (0..1000).map(|number| {
        json!({ "metadata": { "name": format!("many-{number}"), "labels": { "test": "many" } } })
    });
    let created = control_plane.create_many(CONFIG_MAPS, objects)?;
    let list = format!("{CONFIG_MAPS}?labelSelector=test%3Dmany");
    let (_, list) = control_plane.request("GET", &list, None)?;
    let list: Value = serde_json::from_str(&list)?;
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1000));
    assert_eq!(created.objects, 1000);
    assert!(
        created.per_second() > 100.0,
        "{} objects per second",
        created.per_second()
    );
    Ok(())
}

#[test]
fn stopping_and_starting_the_servers_keeps_ports_and_data() -> Result<()> {
    let control_plane = ControlPlane::builder().start()?;
    assert_survives(&control_plane, || {
        control_plane.api_server().stop()?;
        control_plane.etcd().stop()?;
        assert!(control_plane.request("GET", "/readyz", None).is_err());
        control_plane.etcd().start()?;
        control_plane.api_server().start()
    })
}

#[test]
fn killing_and_starting_the_servers_keeps_ports_and_data() -> Result<()> {
    let control_plane = ControlPlane::builder().start()?;
    assert_survives(&control_plane, || {
        for server in [control_plane.etcd(), control_plane.api_server()] {
            let process_id = server.process_id();
            server.kill()?;
            assert_eq!(server.process_id(), None);
            server.start()?;
            assert_ne!(server.process_id(), process_id);
        }
        Ok(())
    })
}

/// Asserts that an object survives a restart of the servers.
fn assert_survives(
    control_plane: &ControlPlane,
    restart: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let object = json!({ "metadata": { "name": "kept" }, "data": { "key": "value" } });
    let created = control_plane.create(CONFIG_MAPS, &object)?;
    restart()?;
    let (status, found) = control_plane.request("GET", &format!("{CONFIG_MAPS}/kept"), None)?;
    assert_eq!(
        (status, serde_json::from_str::<Value>(&found)?),
        (200, created)
    );
    Ok(())
}

#[test]
fn a_compaction_expires_older_resource_versions() -> Result<()> {
    let control_plane = ControlPlane::builder()
        .api_server_flag("--watch-cache=false")
        .start()?;
    let object = json!({ "metadata": { "name": "first" } });
    let version = control_plane.create(CONFIG_MAPS, &object)?["metadata"]["resourceVersion"]
        .as_str()
        .context("no resource version")?
        .to_owned();
    control_plane.create(CONFIG_MAPS, &json!({ "metadata": { "name": "second" } }))?;
    let watch = || {
        let query = format!("watch=1&resourceVersion={version}&timeoutSeconds=1");
        control_plane.request("GET", &format!("{CONFIG_MAPS}?{query}"), None)
    };
    let (_, events) = watch()?;
    assert!(events.contains(r#""name":"second""#), "{events}");
    control_plane.compact()?;
    let (_, events) = watch()?;
    assert!(events.contains(r#""code":410"#), "{events}");
    Ok(())
}

#[test]
fn flags_reach_the_api_server() -> Result<()> {
    let get_version = ["get", "--raw", "/version"];
    assert_eq!(
        without_credential(ControlPlane::shared(), &get_version)?,
        ""
    );
    let strict = ControlPlane::builder()
        .api_server_flag("--anonymous-auth=false")
        .start()?;
    let message = without_credential(&strict, &get_version)?;
    assert!(
        message.contains("You must be logged in to the server"),
        "{message}"
    );
    Ok(())
}

/// Runs kubectl without a credential, and returns its stderr.
fn without_credential(control_plane: &ControlPlane, arguments: &[&str]) -> Result<String> {
    let output = control_plane
        .kubectl()?
        .args(arguments)
        // kubectl would prompt for these. The API server ignores basic authentication.
        .args(["--username=someone", "--password=something"])
        .env("KUBECONFIG", control_plane.kubeconfig(&User::Anonymous)?)
        .output()?;
    Ok(String::from_utf8(output.stderr)?)
}

#[test]
fn an_error_shows_the_log_of_a_server_that_cannot_start() {
    let result = ControlPlane::builder()
        .api_server_flag("--no-such-flag")
        .start();
    let error = result
        .err()
        .expect("kube-apiserver accepted an unknown flag");
    assert!(
        format!("{error:#}").contains("unknown flag: --no-such-flag"),
        "{error:#}"
    );
}

#[test]
fn a_history_records_all_changes_across_an_api_server_restart() -> Result<()> {
    let control_plane = ControlPlane::builder()
        .api_server_flag(JSON_STORAGE)
        .start()?;
    let history = control_plane.history("/registry/configmaps/default/")?;
    let path = format!("{CONFIG_MAPS}/one");
    let object = |name: &str| json!({ "metadata": { "name": name } });
    let first = control_plane.create(CONFIG_MAPS, &object("one"))?;
    let patch = Some((
        "application/merge-patch+json",
        br#"{"data":{"a":"b"}}"#.as_slice(),
    ));
    let (_, second) = control_plane.request("PATCH", &path, patch)?;
    let second: Value = serde_json::from_str(&second)?;
    control_plane.request("DELETE", &path, None)?;
    control_plane.api_server().kill()?;
    control_plane.compact()?;
    control_plane.api_server().start()?;
    let last = control_plane.create(CONFIG_MAPS, &object("last"))?;
    let committed = history.wait_for("last")?;
    let changes: Vec<_> = committed
        .iter()
        .map(|committed| (committed.event_type, committed.name.as_str()))
        .collect();
    assert_eq!(
        changes,
        [
            ("ADDED", "one"),
            ("MODIFIED", "one"),
            ("DELETED", "one"),
            ("ADDED", "last")
        ]
    );
    for (index, object) in [(0, &first), (1, &second), (3, &last)] {
        let (metadata, committed) = (&object["metadata"], &committed[index]);
        assert_eq!(metadata["uid"], committed.uid);
        assert_eq!(metadata["resourceVersion"], committed.version.to_string());
    }
    assert_eq!(committed[2].uid, committed[0].uid);
    Ok(())
}
