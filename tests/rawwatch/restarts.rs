use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use control_plane::{ControlPlane, User};
use serde_json::{Value, json};

use super::plugin::*;

fn own() -> ControlPlane {
    ControlPlane::builder().start().unwrap()
}

fn watch(server: &ControlPlane, arguments: &[&str]) -> Run {
    let kubeconfig = server.kubeconfig(&User::Admin).unwrap();
    Run::start(command(&kubeconfig).arg(CONFIG_MAPS).args(arguments))
}

#[test]
fn a_killed_api_server_costs_no_deletion_and_no_final_state() {
    let server = own();
    let paths: Vec<String> = ["stays", "changes", "goes"]
        .map(|name| create(&server, name, "x"))
        .to_vec();
    let mut run = watch(&server, &["--selector=of=x", "-v", "1"]);
    for _ in 0..3 {
        run.line();
    }
    server.api_server().kill().unwrap();
    server.api_server().start().unwrap();
    change(&server, &paths[1], "1");
    delete(&server, &paths[2]);
    create(&server, "comes", "x");
    let mut lines: Vec<String> = (0..3)
        .map(|_| short(&run.line()).replace(['[', ']'], ""))
        .collect();
    lines.sort();
    assert_eq!(
        lines,
        ["ADDED comes", "DELETED goes", "MODIFIED changes"],
        "{}",
        run.stderr()
    );
    assert!(run.goes_on());
    run.says("rawwatch: ");
}

#[test]
fn events_that_were_compacted_away_while_the_server_was_down_cost_a_marked_resync() {
    let server = ControlPlane::builder()
        .api_server_flag("--watch-cache=false")
        .start()
        .unwrap();
    let path = create(&server, "goes", "x");
    let mut run = watch(&server, &["--selector=of=x"]);
    run.expect("ADDED goes");
    // A stopped process does not read, so its stream is not renewed until it goes on.
    run.signal(rustix::process::Signal::STOP);
    server.api_server().kill().unwrap();
    server.api_server().start().unwrap();
    delete(&server, &path);
    create(&server, "comes", "x");
    server.compact().unwrap();
    run.signal(rustix::process::Signal::CONT);
    run.expect("[DELETED goes]");
    let line = run.expect("[ADDED comes]");
    let event: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(event["rawwatch"]["reason"], "expired");
    run.says("rawwatch: resynced after 410 (");
    create(&server, "after", "x");
    run.expect("ADDED after");
}

#[test]
fn an_api_server_that_is_stopped_in_good_order_is_followed_to_its_next_start() {
    let server = own();
    create(&server, "before", "x");
    let mut run = watch(&server, &["--selector=of=x"]);
    run.expect("ADDED before");
    server.api_server().stop().unwrap();
    server.api_server().start().unwrap();
    create(&server, "after", "x");
    let line = short(&run.line());
    assert_eq!(line.replace(['[', ']'], ""), "ADDED after");
}

#[test]
fn rights_that_were_taken_away_are_noticed_at_the_next_stream() {
    let server = own();
    // No controller fills the role `view` here.
    let role = json!({
        "metadata": {"name": "viewer"},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "watch"]}],
    });
    server
        .create("/apis/rbac.authorization.k8s.io/v1/clusterroles", &role)
        .unwrap();
    let binding = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
    let object = json!({
        "metadata": {"name": "viewer"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "viewer"},
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "viewer"}],
    });
    server.create(binding, &object).unwrap();
    let kubeconfig = server
        .kubeconfig(&User::Person {
            name: "viewer",
            groups: &[],
        })
        .unwrap();
    create(&server, "seen", "x");
    let mut run = Run::start(command(&kubeconfig).args([CONFIG_MAPS, "--selector=of=x"]));
    run.expect("ADDED seen");
    delete(&server, &format!("{binding}/viewer"));
    server.api_server().kill().unwrap();
    server.api_server().start().unwrap();
    let outcome = run.end().ended(1);
    assert!(
        outcome.stderr.contains("Error from server (Forbidden): "),
        "{}",
        outcome.stderr
    );
}

#[test]
fn every_final_state_and_every_deletion_arrives_over_many_kills_under_writes() {
    const KILLS: usize = 5;
    let server = own();
    let is_over = AtomicBool::new(false);
    let mut run = watch(&server, &["--selector=of=x", "--count=1000000"]);
    thread::scope(|scope| {
        for writer in 0..2 {
            let (server, is_over) = (&server, &is_over);
            scope.spawn(move || {
                for number in 0.. {
                    if is_over.load(Ordering::Relaxed) {
                        return;
                    }
                    // While the server is away, nothing is committed.
                    let path = format!("{CONFIG_MAPS}/w{writer}-{}", number % 10);
                    let body = json!({
                        "apiVersion": "v1", "kind": "ConfigMap",
                        "metadata": {"labels": {"of": "x"}}, "data": {"key": number.to_string()},
                    })
                    .to_string();
                    let apply = format!("{path}?fieldManager=writer&force=true");
                    let body = Some(("application/apply-patch+yaml", body.as_bytes()));
                    let _ = server.request("PATCH", &apply, body);
                    if number % 7 == 0 {
                        let _ = server.request("DELETE", &path, None);
                    }
                    thread::sleep(Duration::from_millis(5));
                }
            });
        }
        for _ in 0..KILLS {
            thread::sleep(Duration::from_millis(700));
            server.api_server().kill().unwrap();
            server.api_server().start().unwrap();
        }
        thread::sleep(Duration::from_millis(500));
        is_over.store(true, Ordering::Relaxed);
    });
    create(&server, "last", "x");
    let mut state = BTreeMap::new();
    let mut versions: BTreeMap<String, u64> = BTreeMap::new();
    loop {
        let line = run.line();
        let event: Value = serde_json::from_str(&line).unwrap();
        let metadata = &event["object"]["metadata"];
        let text = |name: &str| metadata[name].as_str().unwrap().to_owned();
        let version: u64 = text("resourceVersion").parse().unwrap();
        let is_stub = event["rawwatch"]["finalStateUnknown"] == true;
        let before = versions.insert(text("uid"), version);
        assert!(
            before.is_none_or(|before| before < version || is_stub),
            "back in time: {line}"
        );
        if event["type"] == "DELETED" {
            assert!(state.remove(&text("name")).is_some(), "unknown: {line}");
        } else {
            state.insert(text("name"), version);
        }
        if text("name") == "last" {
            break;
        }
    }
    let (_, list) = server
        .request("GET", &format!("{CONFIG_MAPS}?labelSelector=of%3Dx"), None)
        .unwrap();
    let list: Value = serde_json::from_str(&list).unwrap();
    let truth: BTreeMap<String, u64> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            let text = |name: &str| item["metadata"][name].as_str().unwrap().to_owned();
            (text("name"), text("resourceVersion").parse().unwrap())
        })
        .collect();
    assert_eq!(state, truth, "{}", run.stderr());
}
