//! The field managers that `-o diff` names and `--by` selects, for writes by the real kubectl, and the
//! fields that `--only` selects.

use std::process::Command;

use control_plane::ControlPlane;
use faulty_server::{Answer, Reply};
use serde_json::{Value, json};
use support::unique;

use super::plugin::*;

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

/// Returns kubectl with these arguments.
fn kubectl(arguments: &[&str]) -> Command {
    let mut kubectl = ControlPlane::shared().kubectl().unwrap();
    kubectl.arg("--namespace=default").args(arguments);
    kubectl
}

/// Runs kubectl, which must succeed.
#[track_caller]
fn run(arguments: &[&str], stdin: &str) {
    support::run(&mut kubectl(arguments), stdin).succeeded();
}

/// Creates a Deployment with one replica, and returns its name.
fn deployment() -> String {
    support::deployment().rsplit('/').next().unwrap().to_owned()
}

/// Returns the manifest of a Deployment for `kubectl apply`.
fn manifest(name: &str, replicas: u32) -> String {
    let labels = json!({"app": name});
    let container = json!({"name": "main", "image": "busybox"});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    })
    .to_string()
}

/// Waits for the next event of a `-o diff` run, and returns the text after `by` without its time.
fn next_writer(run: &mut Run) -> String {
    let line = loop {
        let line = run.line();
        if line.starts_with("MODIFIED ") {
            break line;
        }
    };
    let by = line.split_once("  by ").map_or("", |(_, by)| by);
    let (manager, time) = by.split_at(by.find(')').map_or(0, |end| end + 1));
    assert!(
        ["", " 12:03:04Z"].map(str::len).contains(&time.len()),
        "{line}"
    );
    manager.to_owned()
}

#[test]
fn diff_names_the_manager_of_each_kind_of_write() {
    let name = deployment();
    let (object, file) = (format!("deployment/{name}"), "--filename=-");
    let mut watch = start(&[&format!("{DEPLOYMENTS}/{name}"), "-o=diff"]);
    assert_eq!(watch.line(), format!("ADDED deployment.apps/{name}"));
    let status = r#"{"status":{"replicas":1}}"#;
    let cases: [(&[&str], &str, &str); 9] = [
        (
            &["scale", &object, "--replicas=2"],
            "",
            "kubectl (Update, scale)",
        ),
        (
            &["patch", &object, "-p", r#"{"spec":{"paused":true}}"#],
            "",
            "kubectl-patch (Update)",
        ),
        (
            &["patch", &object, "--subresource=status", "-p", status],
            "",
            "kubectl-patch (Update, status)",
        ),
        (&["label", &object, "a=b"], "", "kubectl-label (Update)"),
        (
            &["set", "image", &object, "*=busybox:1"],
            "",
            "kubectl-set (Update)",
        ),
        // Fields that are only removed have no owner afterwards.
        (&["label", &object, "a-"], "", ""),
        (
            &["apply", file],
            &manifest(&name, 3),
            "kubectl-client-side-apply (Update)",
        ),
        (&["edit", &object], "", "kubectl-edit (Update)"),
        (
            &["edit", &object, "--subresource=status"],
            "",
            "kubectl-edit (Update, status)",
        ),
    ];
    for (arguments, stdin, writer) in cases {
        let mut command = kubectl(arguments);
        command.env("KUBE_EDITOR", "sed -i s/replicas:.*/replicas:\\ 4/");
        support::run(&mut command, stdin).succeeded();
        assert_eq!(next_writer(&mut watch), writer, "{arguments:?}");
    }
}

#[test]
fn a_server_side_apply_is_named_and_the_migration_before_it_is_not() {
    let name = unique("apply");
    let apply = |replicas, flags: &[&str]| {
        let arguments = [&["apply", "--filename=-"], flags].concat();
        run(&arguments, &manifest(&name, replicas));
    };
    apply(1, &[]);
    let mut watch = start(&[&format!("{DEPLOYMENTS}/{name}"), "-o=diff"]);
    watch.line();
    let server_side = ["--server-side", "--force-conflicts"];
    apply(2, &server_side);
    assert_eq!(next_writer(&mut watch), "kubectl (Apply)");
    // In three requests, kubectl moves the fields of the earlier client-side apply to this entry.
    for _ in 0..3 {
        assert_eq!(next_writer(&mut watch), "");
    }
    apply(3, &server_side);
    assert_eq!(next_writer(&mut watch), "kubectl (Apply)");
    let manager = [&server_side[..], &["--field-manager=team-a"]].concat();
    apply(4, &manager);
    assert_eq!(next_writer(&mut watch), "team-a (Apply)");
}

#[test]
fn two_writes_in_one_second_have_their_manager() {
    let name = deployment();
    let mut watch = start(&[&format!("{DEPLOYMENTS}/{name}"), "-o=diff"]);
    watch.line();
    let patch = |path: &str, manager: &str, body: Value| {
        let path = format!("{DEPLOYMENTS}/{name}{path}?fieldManager={manager}");
        let body = body.to_string();
        let body = Some(("application/merge-patch+json", body.as_bytes()));
        let (code, reply) = ControlPlane::shared()
            .request("PATCH", &path, body)
            .unwrap();
        assert_eq!(code, 200, "{reply}");
    };
    for round in 1..=5 {
        patch("", "team-a", json!({"spec": {"replicas": round + 1}}));
        patch(
            "/status",
            "controller",
            json!({"status": {"replicas": round}}),
        );
        patch(
            "",
            "team-b",
            json!({"metadata": {"labels": {"round": round.to_string()}}}),
        );
    }
    for _ in 1..=5 {
        assert_eq!(next_writer(&mut watch), "team-a (Update)");
        assert_eq!(next_writer(&mut watch), "controller (Update, status)");
        assert_eq!(next_writer(&mut watch), "team-b (Update)");
    }
}

#[test]
fn by_prints_only_the_modifications_of_a_manager_in_every_format() {
    let name = deployment();
    let path = format!("{DEPLOYMENTS}/{name}");
    let object = format!("deployment/{name}");
    let formats = ["json", "yaml", "name", "table", "diff", "jsonpath={.type} "];
    let watches = formats.map(|format| {
        let by = [
            "--by=kubectl-label,team-a",
            "--by=team-b",
            "--count=1",
            "--timeout=30s",
            "-v1",
        ];
        let watch = start(&[&[path.as_str(), "-o", format], &by[..]].concat());
        (format, watch)
    });
    std::thread::sleep(std::time::Duration::from_secs(2));
    run(&["patch", &object, "-p", r#"{"spec":{"paused":true}}"#], "");
    run(&["label", &object, "a=b"], "");
    for (format, watch) in watches {
        let outcome = watch.wait().ended(0);
        let expected = match format {
            "json" => r#"{"type":"MODIFIED","object":{"#,
            "yaml" => "object:\n  apiVersion: apps/v1\n",
            "name" => "deployment.apps/",
            "table" => "EVENT      NAME ",
            "diff" => "MODIFIED deployment.apps/",
            _ => "MODIFIED ",
        };
        assert!(outcome.stdout.starts_with(expected), "{outcome:#?}");
        assert!(
            format != "json" || outcome.stdout.contains("kubectl-label"),
            "{outcome:#?}"
        );
    }
}

/// Returns the changes of fields that a line shows.
fn changed(line: &str) -> Value {
    let event: Value = serde_json::from_str(line).unwrap();
    event["rawwatch"]["changed"].clone()
}

#[test]
fn only_prints_a_modification_that_changes_a_field_with_both_values() {
    let name = deployment();
    let (path, object) = (
        format!("{DEPLOYMENTS}/{name}"),
        format!("deployment/{name}"),
    );
    let only = ["--only=.spec.replicas", "--only={.spec.paused}"];
    let mut watch = start(&[&[path.as_str()], &only[..]].concat());
    watch.expect(&format!("ADDED {name}"));
    let flags = ["--watch-only", "--count=1", "-v1", "-o=table"];
    let later = start(&[&[path.as_str()], &only[..], &flags[..]].concat());
    let silent = start(&[&[path.as_str()], &only[..], &["--watch-only", "--count=1"]].concat());
    std::thread::sleep(std::time::Duration::from_secs(2));
    run(&["label", &object, "a=b"], "");
    run(&["scale", &object, "--replicas=2"], "");
    let line = watch.expect(&format!("MODIFIED {name}"));
    let expected = json!([{"path": "{.spec.replicas}", "old": 1, "new": 2}]);
    assert_eq!(changed(&line), expected);
    // The values of objects that are not printed are known, too.
    assert_eq!(changed(&silent.wait().ended(0).stdout), expected);
    let table = later.wait().ended(0);
    assert!(table.lines()[1].starts_with("MODIFIED "), "{table:?}");
    run(&["label", &object, "a-"], "");
    run(&["patch", &object, "-p", r#"{"spec":{"paused":true}}"#], "");
    let line = watch.expect(&format!("MODIFIED {name}"));
    let expected = json!([{"path": "{.spec.paused}", "old": null, "new": true}]);
    assert_eq!(changed(&line), expected);
    delete(ControlPlane::shared(), &path);
    assert_eq!(
        changed(&watch.expect(&format!("DELETED {name}"))),
        Value::Null
    );
}

#[test]
fn only_knows_after_a_resync_what_it_has_skipped() {
    let object = |version: &str, value: u32| {
        json!({"kind": "ConfigMap", "apiVersion": "v1", "data": value,
            "metadata": {"name": "a", "uid": "a", "resourceVersion": version}})
    };
    let list = |version: &str, object: &Value| {
        let list = json!({"kind": "ConfigMapList", "apiVersion": "v1",
            "metadata": {"resourceVersion": version}, "items": [object]});
        Answer::Reply(Reply::json(200, list.to_string()))
    };
    let modified = |object: &Value| format!("{}\n", json!({"type": "MODIFIED", "object": object}));
    let expired = || error_event(410, "Expired");
    let script = [
        list("10", &object("1", 1)),
        open_stream(modified(&object("11", 2)) + &modified(&object("12", 2)) + &expired()),
        // Another version with the same value, and then another value.
        list("20", &object("19", 2)),
        open_stream(expired()),
        list("30", &object("29", 3)),
        open_stream(""),
    ];
    let (mut run, _server) = against(script, &["--only={.data}", "--count=3"]);
    run.expect("ADDED a");
    let change = |old: u32, new: u32| json!([{"path": "{.data}", "old": old, "new": new}]);
    assert_eq!(changed(&run.expect("MODIFIED a")), change(1, 2));
    let line = run.expect("[MODIFIED a]");
    assert_eq!(changed(&line), change(2, 3));
    assert!(
        line.contains(r#","rawwatch":{"synthetic":true,"reason":"expired","gap":["#),
        "{line}"
    );
    run.wait().ended(0);
}

#[test]
fn only_has_no_old_value_for_the_first_change_after_a_resume() {
    let server = ControlPlane::shared();
    let (label, selector) = label();
    let file = server.folder().join(unique("only"));
    let file = format!("--resume-file={}", file.display());
    let path = create(server, &unique("only"), &label);
    let resume = || {
        start(&[
            CONFIG_MAPS,
            &selector,
            &file,
            "--only=.data.key",
            "--timeout=3s",
        ])
    };
    let mut watch = resume();
    watch.line();
    change(server, &path, "1");
    assert_eq!(changed(&watch.line())[0]["old"], "0");
    let patch = json!({"metadata": {"labels": {"more": "x"}}}).to_string();
    let body = Some(("application/merge-patch+json", patch.as_bytes()));
    assert_eq!(server.request("PATCH", &path, body).unwrap().0, 200);
    watch.wait().ended(0);
    // The skipped event is not printed again.
    let mut watch = resume();
    change(server, &path, "2");
    assert_eq!(
        changed(&watch.line()),
        json!([{"path": "{.data.key}", "new": "2"}])
    );
    change(server, &path, "3");
    let expected = json!([{"path": "{.data.key}", "old": "2", "new": "3"}]);
    assert_eq!(changed(&watch.line()), expected);
    assert_eq!(watch.wait().ended(0).lines().len(), 2);
}
