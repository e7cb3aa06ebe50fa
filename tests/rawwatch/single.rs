//! A path to one object, for a user who may get and watch it, but may not list its collection.

use std::path::PathBuf;
use std::time::Duration;

use control_plane::{ControlPlane, User};
use serde_json::json;
use support::{Outcome, unique};

use super::plugin::*;

/// Creates a user who may only use these verbs on the ConfigMap `name`, and returns the kubeconfig.
fn user_of(name: &str, verbs: &[&str]) -> PathBuf {
    let server = ControlPlane::shared();
    let user = unique("single-user");
    let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    let rule = json!({
        "apiGroups": [""], "resources": ["configmaps"], "resourceNames": [name], "verbs": verbs,
    });
    let role = json!({"metadata": {"name": user}, "rules": [rule]});
    server.create(&format!("{rbac}/roles"), &role).unwrap();
    let binding = json!({
        "metadata": {"name": user},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": user},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
    });
    server
        .create(&format!("{rbac}/rolebindings"), &binding)
        .unwrap();
    let person = User::Person {
        name: &user,
        groups: &[],
    };
    let kubeconfig = server.kubeconfig(&person).unwrap();
    let path = format!("{CONFIG_MAPS}/{name}");
    let client = server.client_for(&user).unwrap();
    wait_until(
        || client.request("GET", &path, None).unwrap().0 != 403,
        || format!("{user} may not get {path}"),
    );
    kubeconfig
}

fn start_as(kubeconfig: &std::path::Path, arguments: &[&str]) -> Run {
    Run::start(command(kubeconfig).args(arguments))
}

#[test]
fn get_and_watch_are_enough_for_one_object_as_in_kubectl() {
    let server = ControlPlane::shared();
    let name = unique("single");
    let path = create(server, &name, "x");
    let kubeconfig = user_of(&name, &["get", "watch"]);
    let mut kubectl = server.kubectl().unwrap();
    kubectl.env("KUBECONFIG", &kubeconfig);
    kubectl.args(["get", "configmap", &name, "-n=default", "-w", "-o=name"]);
    let mut kubectl = Run::start(&mut kubectl);
    assert_eq!(kubectl.line(), format!("configmap/{name}"));
    let mut run = start_as(&kubeconfig, &[&path, "--count=4", "--stats"]);
    run.expect(&format!("ADDED {name}"));
    std::thread::sleep(Duration::from_millis(500));
    change(server, &path, "1");
    run.expect(&format!("MODIFIED {name}"));
    delete(server, &path);
    run.expect(&format!("DELETED {name}"));
    create(server, &name, "x");
    run.expect(&format!("ADDED {name}"));
    let outcome = run.wait().ended(0);
    assert!(outcome.stderr.contains("resyncs: 0"), "{outcome:#?}");
    // Another object of the collection is refused, with the message about the list.
    let other = format!("{CONFIG_MAPS}/{name}-other");
    start_as(&kubeconfig, &[&other])
        .wait()
        .ended(1)
        .says("cannot list resource \"configmaps\"");
    start_as(&kubeconfig, &[CONFIG_MAPS]).wait().ended(1);
    let no_watch = user_of(&name, &["get"]);
    start_as(&no_watch, &[&path]).wait().ended(1);
}

#[test]
fn an_object_that_may_not_be_listed_can_be_awaited() {
    let server = ControlPlane::shared();
    let name = unique("single");
    let path = format!("{CONFIG_MAPS}/{name}");
    let kubeconfig = user_of(&name, &["get", "watch"]);
    let awaits = start_as(&kubeconfig, &[&path, "--for=create", "-o=name"]);
    let outcome = start_as(&kubeconfig, &[&path, "--for=create", "--timeout=1s"]).wait();
    assert_eq!(
        outcome.ended(1).stderr,
        format!(
            "error: timed out waiting for the condition on configmaps/{name}\n  \
             no such object was seen\n"
        )
    );
    create(server, &name, "x");
    assert_eq!(
        awaits.wait().ended(0).lines(),
        [format!("configmap/{name}")]
    );
    let fields = [
        "--for=jsonpath={.data.key}=0",
        "--watch-only",
        "--timeout=5s",
    ];
    let outcome: Outcome = start_as(&kubeconfig, &[&[path.as_str()], &fields[..]].concat()).wait();
    assert!(outcome.ended(0).lines().is_empty());
    let table = start_as(&kubeconfig, &[&path, "--for=synced", "-o=table"]).wait();
    let table = table.ended(0);
    assert!(
        table.lines()[0].starts_with("EVENT      NAME"),
        "{table:#?}"
    );
    assert_eq!(table.lines().len(), 2);
    let deleted = start_as(&kubeconfig, &[&path, "--for=delete", "-o=name"]);
    delete(server, &path);
    deleted.wait().ended(0);
}

#[test]
fn checks_of_an_object_that_may_not_be_listed_find_no_differences() {
    let server = ControlPlane::shared();
    let name = unique("single");
    let path = create(server, &name, "x");
    let kubeconfig = user_of(&name, &["get", "watch"]);
    let checks = ["--max-silence=300ms", "--audit=300ms", "--stats", "-o=name"];
    let arguments = [&[path.as_str(), "--count=3"], &checks[..]].concat();
    let mut run = start_as(&kubeconfig, &arguments);
    run.line();
    for value in ["1", "2"] {
        std::thread::sleep(Duration::from_secs(2));
        change(server, &path, value);
        run.line();
    }
    let outcome = run.wait().ended(0);
    assert!(outcome.stderr.contains("resyncs: 0"), "{outcome:#?}");
}

#[test]
fn a_resume_file_works_for_an_object_that_may_not_be_listed() {
    let server = ControlPlane::shared();
    let name = unique("single");
    let path = create(server, &name, "x");
    let kubeconfig = user_of(&name, &["get", "watch"]);
    let file = kubeconfig.with_file_name("cursor");
    let file = format!("--resume-file={}", file.display());
    let run = || {
        let outcome = start_as(&kubeconfig, &[&path, &file, "--timeout=2s"]).wait();
        outcome.ended(0).short()
    };
    assert_eq!(run(), [format!("ADDED {name}")]);
    change(server, &path, "1");
    assert_eq!(run().len(), 1);
    delete(server, &path);
    let last = run();
    assert!(last[0].contains("DELETED"), "{last:?}");
}
