use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use control_plane::{ControlPlane, User};
use serde_json::{Value, json};

use super::plugin::*;

/// Starts a control plane that the test may restart.
fn own_control_plane() -> ControlPlane {
    ControlPlane::builder().start().unwrap()
}

/// Starts to watch [`CONFIG_MAPS`] as the admin.
fn watch(server: &ControlPlane, arguments: &[&str]) -> Run {
    let kubeconfig = server.kubeconfig(&User::Admin).unwrap();
    Run::start(command(&kubeconfig).arg(CONFIG_MAPS).args(arguments))
}

#[test]
fn a_killed_api_server_loses_no_deletion_and_no_final_state() {
    let server = own_control_plane();
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
    assert!(run.is_running());
    run.wait_for_stderr("rawwatch: ");
}

#[test]
fn a_compaction_while_the_server_is_down_causes_a_marked_resync() {
    let server = ControlPlane::builder()
        .api_server_flag("--watch-cache=false")
        .start()
        .unwrap();
    let path = create(&server, "goes", "x");
    let mut run = watch(&server, &["--selector=of=x"]);
    run.expect("ADDED goes");
    // A stopped process does not read, so it renews its stream only after SIGCONT.
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
    run.wait_for_stderr("rawwatch: resynced after 410 Gone (");
    create(&server, "after", "x");
    run.expect("ADDED after");
}

#[test]
fn a_watch_survives_a_clean_restart_of_the_api_server() {
    let server = own_control_plane();
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
fn revoked_permissions_end_the_run_at_the_next_stream() {
    let server = own_control_plane();
    // The role `view` is empty, because no controller fills it.
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
    let outcome = run.wait().ended(1);
    // Before it, the run may report that it still tries, and on a slow machine it may have to list.
    let last = outcome.stderr.lines().last().unwrap();
    let refusals = ["list", "watch"].map(|verb| {
        format!(
            "Error from server (Forbidden): configmaps is forbidden: User \"viewer\" cannot {verb} \
             resource \"configmaps\" in API group \"\" in the namespace \"default\""
        )
    });
    assert!(
        refusals.iter().any(|refusal| refusal == last),
        "{outcome:#?}"
    );
}

/// Restarts etcd and the API server, with a step in between.
fn restart_all(server: &ControlPlane, while_stopped: impl FnOnce()) {
    server.api_server().kill().unwrap();
    server.etcd().kill().unwrap();
    while_stopped();
    server.etcd().start().unwrap();
    server.api_server().start().unwrap();
}

/// Restarts the servers, and copies etcd's data in between.
fn back_up(server: &ControlPlane) {
    let (data, backup) = (server.folder().join("etcd"), server.folder().join("backup"));
    restart_all(server, || {
        let _ = fs::remove_dir_all(&backup);
        copy_folder(&data, &backup);
    });
}

/// Restarts the servers with the data of the backup.
fn restore(server: &ControlPlane) {
    let (data, backup) = (server.folder().join("etcd"), server.folder().join("backup"));
    restart_all(server, || {
        fs::remove_dir_all(&data).unwrap();
        copy_folder(&backup, &data);
    });
}

fn copy_folder(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-r").args([from, to]).status();
    assert!(copied.unwrap().success());
}

/// The new server reaches the lost versions again while it starts.
#[test]
fn a_server_restored_from_a_backup_is_followed_back_in_time() {
    let server = own_control_plane();
    let path = create(&server, "stays", "x");
    for lost_changes in [1, 10, 300] {
        back_up(&server);
        let mut run = watch(&server, &["--selector=of=x"]);
        run.expect("ADDED stays");
        for number in 1..=lost_changes {
            change(&server, &path, &format!("{lost_changes}-{number}"));
            run.expect("MODIFIED stays");
        }
        if lost_changes > 1 {
            create(&server, "undone", "x");
            run.expect("ADDED undone");
        }
        restore(&server);
        if lost_changes > 1 {
            run.expect("[DELETED undone]");
        }
        let line = run.expect("[MODIFIED stays]");
        assert!(line.contains("\"reason\":\"rollback\""), "{line}");
        run.wait_for_stderr("resynced after a server rollback (");
        change(&server, &path, &format!("after {lost_changes}"));
        run.expect("MODIFIED stays");
    }
}

#[test]
fn a_restored_server_that_has_overtaken_the_lost_changes_is_noticed() {
    let server = own_control_plane();
    let paths = ["changed", "deleted"].map(|name| create(&server, name, "x"));
    back_up(&server);
    let mut run = watch(&server, &["--selector=of=x"]);
    run.expect("ADDED changed");
    run.expect("ADDED deleted");
    for number in 1..=300 {
        change(&server, &paths[0], &number.to_string());
        run.expect("MODIFIED changed");
    }
    delete(&server, &paths[1]);
    run.expect("DELETED deleted");
    create(&server, "created", "x");
    run.expect("ADDED created");
    // A stopped process is not refused, and looks again when the versions have been overtaken.
    let start = Instant::now();
    run.signal(rustix::process::Signal::STOP);
    restore(&server);
    let other = create(&server, "other", "y");
    for number in 1..=340 {
        change(&server, &other, &number.to_string());
    }
    sleep(Duration::from_secs(12).saturating_sub(start.elapsed()));
    run.signal(rustix::process::Signal::CONT);
    run.expect("[DELETED created]");
    let mut lines = [run.line(), run.line()].map(|line| short(&line));
    lines.sort();
    assert_eq!(lines, ["[ADDED deleted]", "[MODIFIED changed]"]);
}

#[test]
fn a_resumed_run_notices_that_the_server_was_restored() {
    let server = own_control_plane();
    let path = create(&server, "changed", "x");
    back_up(&server);
    let file = server.folder().join("resume");
    let flag = format!("--resume-file={}", file.display());
    let flags = ["--selector=of=x", "--timeout=5s", &flag];
    let run_once = || watch(&server, &flags).wait().ended(0);
    assert_eq!(run_once().short(), ["ADDED changed"]);
    change(&server, &path, "lost");
    create(&server, "created", "x");
    assert_eq!(run_once().short(), ["MODIFIED changed", "ADDED created"]);
    restore(&server);
    let other = create(&server, "other", "y");
    for number in 1..=50 {
        change(&server, &other, &number.to_string());
    }
    let outcome = run_once();
    assert_eq!(
        outcome.short(),
        ["[DELETED created]", "[MODIFIED changed]"],
        "{outcome:#?}"
    );
    let outcome = run_once();
    assert!(
        outcome.short().is_empty() && outcome.stderr.is_empty(),
        "{outcome:#?}"
    );
    // A lost creation is found even after a compaction. The API server may still list the past from its
    // cache.
    back_up(&server);
    run_once();
    create(&server, "lost", "x");
    assert_eq!(run_once().short().last().unwrap(), "ADDED lost");
    restore(&server);
    for number in 1..=50 {
        change(&server, &other, &format!("again {number}"));
    }
    server.compact().unwrap();
    let outcome = run_once();
    assert_eq!(outcome.short(), ["[DELETED lost]"], "{outcome:#?}");
}

/// An API server that has just started returns 403 to every user whose permissions come from RBAC
/// objects, until it has loaded them.
#[test]
fn a_restarting_server_without_rbac_objects_ends_no_run() {
    let server = own_control_plane();
    let role = json!({
        "metadata": {"name": "watcher"},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "watch"]}],
    });
    server
        .create("/apis/rbac.authorization.k8s.io/v1/clusterroles", &role)
        .unwrap();
    let binding = json!({
        "metadata": {"name": "watcher"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "watcher"},
        "subjects": [
            {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "ann"},
            {"kind": "ServiceAccount", "namespace": "default", "name": "robot"},
        ],
    });
    server
        .create(
            "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
            &binding,
        )
        .unwrap();
    let person = User::Person {
        name: "ann",
        groups: &[],
    };
    let account = User::ServiceAccount {
        namespace: "default",
        name: "robot",
    };
    let mut runs = [person, account].map(|user| {
        let kubeconfig = server.kubeconfig(&user).unwrap();
        Run::start(command(&kubeconfig).args([CONFIG_MAPS, "--selector=of=x", "-v", "1"]))
    });
    for round in 0..3 {
        create(&server, &format!("new-{round}"), "x");
        for run in &mut runs {
            assert!(run.line().contains(&format!("\"new-{round}\"")));
        }
        server.api_server().kill().unwrap();
        server.api_server().start().unwrap();
    }
}
