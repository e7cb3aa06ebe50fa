use std::env;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use control_plane::ControlPlane;
use faulty_server::{Answer, FaultyServer, Piece};
use serde_json::json;
use support::mount_namespace;

use super::plugin::*;

/// An exec plugin that returns the content of the file `token` in its folder.
const EXEC_PLUGIN: &str = r#"printf '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"%s"}}' "$(cat token)""#;

/// Returns a user of a kubeconfig, as JSON, whose token comes from [`EXEC_PLUGIN`].
fn exec_plugin_user() -> String {
    json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never",
        "command": "sh", "args": ["-c", EXEC_PLUGIN],
    }})
    .to_string()
}

#[test]
fn a_rejected_token_is_renewed_once_with_the_next_stream() {
    let unauthorized = || Answer::Reply(error_response(401, "Unauthorized", "Unauthorized"));
    for is_renewed in [true, false] {
        let server = FaultyServer::start([
            list(),
            stream(event("MODIFIED", "a", "11"), Piece::End),
            unauthorized(),
            if is_renewed {
                open_stream(event("MODIFIED", "a", "12"))
            } else {
                unauthorized()
            },
        ])
        .unwrap();
        let kubeconfig = server.kubeconfig().unwrap();
        let text = fs::read_to_string(&kubeconfig).unwrap();
        let token_user = format!("{{token: {}}}", faulty_server::TOKEN);
        let text = text.replace(&token_user, &exec_plugin_user());
        fs::write(&kubeconfig, text).unwrap();
        fs::write(server.folder().join("token"), "first").unwrap();
        let mut run = Run::start(
            command(&kubeconfig)
                .env("PATH", env::var_os("PATH").unwrap())
                .current_dir(server.folder())
                .args([CONFIG_MAPS, "--watch-only", "--count=2"]),
        );
        run.expect("MODIFIED a");
        fs::write(server.folder().join("token"), "second").unwrap();
        if is_renewed {
            run.expect("MODIFIED a");
            run.wait().ended(0);
        } else {
            let outcome = run.wait().ended(3);
            assert_eq!(
                outcome.message(),
                "error: You must be logged in to the server (Unauthorized)"
            );
            assert!(outcome.hint().contains("exec plugin sh"), "{outcome:#?}");
        }
        let tokens: Vec<String> = server
            .requests()
            .iter()
            .map(|request| request.header("authorization")[0].to_owned())
            .collect();
        assert_eq!(
            tokens,
            [
                "Bearer first",
                "Bearer first",
                "Bearer first",
                "Bearer second"
            ],
        );
    }
}

#[test]
fn a_deleted_account_costs_nothing_when_the_exec_plugin_has_another() {
    let server = ControlPlane::builder().start().unwrap();
    let folder = server.folder().join("plugin");
    fs::create_dir(&folder).unwrap();
    let token = |account| server.service_account_token("default", account).unwrap();
    let kubeconfig = server.kubeconfig(&control_plane::User::Anonymous).unwrap();
    let text = fs::read_to_string(&kubeconfig).unwrap();
    let user = format!("\"user\": {}", exec_plugin_user());
    let text = text.replace("\"user\": {}", &user);
    fs::write(&kubeconfig, text).unwrap();
    let binding = json!({
        "metadata": {"name": "accounts"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "system:serviceaccounts"}],
    });
    server
        .create(
            "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
            &binding,
        )
        .unwrap();
    fs::write(folder.join("token"), token("first")).unwrap();
    create(&server, "before", "x");
    let mut run = Run::start(
        command(&kubeconfig)
            .env("PATH", env::var_os("PATH").unwrap())
            .current_dir(&folder)
            .args([CONFIG_MAPS, "--selector=of=x"]),
    );
    run.expect("ADDED before");
    fs::write(folder.join("token"), token("second")).unwrap();
    delete(&server, "/api/v1/namespaces/default/serviceaccounts/first");
    server.api_server().kill().unwrap();
    server.api_server().start().unwrap();
    create(&server, "after", "x");
    assert_eq!(short(&run.line()).replace(['[', ']'], ""), "ADDED after");
    assert!(run.is_running());
}

#[test]
fn a_failed_name_lookup_is_retried_and_the_position_kept() {
    const HOSTS: &str = r#"
set -e
mount --bind "$HOSTS" /etc/hosts
exec "$@"
"#;
    let server = FaultyServer::start([
        list(),
        Answer::Stream(vec![
            Piece::Send(event("MODIFIED", "a", "11").into()),
            Piece::Pause(Duration::from_millis(500)),
            Piece::End,
        ]),
        open_stream(event("MODIFIED", "a", "12")),
    ])
    .unwrap();
    let kubeconfig = server.kubeconfig().unwrap();
    let hosts = server.folder().join("hosts");
    fs::write(&hosts, "127.0.0.1 api.test\n").unwrap();
    let mut inside = mount_namespace::command(HOSTS);
    let mut run = Run::start(
        inside
            .env("HOSTS", &hosts)
            .env("KUBECONFIG", &kubeconfig)
            .arg(env!("CARGO_BIN_EXE_kubectl-rawwatch"))
            .arg(format!(
                "--server=https://api.test:{}",
                server.address().port()
            ))
            .args(["--tls-server-name=127.0.0.1", "-v=1"])
            .args([CONFIG_MAPS, "--watch-only", "--count=2"]),
    );
    run.expect("MODIFIED a");
    fs::write(&hosts, "127.0.0.1 elsewhere.test\n").unwrap();
    run.wait_for_stderr("no such host");
    fs::write(&hosts, "127.0.0.1 api.test\n").unwrap();
    run.expect("MODIFIED a");
    let outcome = run.wait().ended(0);
    // Another attempt may fail before the name is back.
    let failure = format!(
        "rawwatch: {CONFIG_MAPS}: retrying: Unable to connect to the server: dial tcp: lookup api.test: no such host"
    );
    assert!(
        outcome.stderr.lines().any(|line| line == failure),
        "{outcome:#?}"
    );
    assert_eq!(watches(&server), 2);
    // The first stream may have ended within the batch at 11, so the watch resumes before it.
    assert_eq!(
        query_parameter(&server, 2, "resourceVersion").unwrap(),
        "10"
    );
}

/// Brings the loopback device of this process's network namespace up or down.
fn set_loopback(is_up: bool) {
    fs::write("/sys/class/net/lo/flags", if is_up { "0x9" } else { "0x8" }).unwrap();
}

/// A balancer can drop a connection without telling either side; packets then go nowhere. The test
/// runs itself again in a network namespace of its own, and takes the loopback device down there.
#[test]
fn keepalive_detects_a_connection_that_a_balancer_dropped() {
    const INSIDE: &str = "TEST_IS_IN_NETWORK_NAMESPACE";
    const NETWORK: &str = "set -e\nmount -t sysfs sysfs /sys\nexec \"$@\"\n";
    if env::var_os(INSIDE).is_none() {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net", "--mount"]);
        command.args(["sh", "-c", NETWORK, "sh"]);
        command.arg(env::current_exe().unwrap()).args([
            "--exact",
            "network::keepalive_detects_a_connection_that_a_balancer_dropped",
        ]);
        let output = command.env(INSIDE, "1").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}");
        assert!(text.contains("1 passed"), "{text}");
        return;
    }
    set_loopback(true);
    let (mut run, _server) = against(
        [
            list(),
            open_stream(event("MODIFIED", "a", "11")),
            open_stream(event("MODIFIED", "a", "12")),
        ],
        &["--watch-only", "--count=2", "--max-silence=0", "-v=1"],
    );
    run.expect("MODIFIED a");
    set_loopback(false);
    let start = Instant::now();
    let detects = || run.stderr().contains("the stream was cut off");
    // By default the kernel gives up only after fifteen minutes.
    while !detects() && start.elapsed() < Duration::from_mins(1) {
        std::thread::sleep(Duration::from_millis(100));
    }
    set_loopback(true);
    assert!(detects(), "{}", run.stderr());
    run.expect("MODIFIED a");
    let outcome = run.wait().ended(0);
    let message = format!(
        "rawwatch: {CONFIG_MAPS}: reconnecting from resource version 10: the stream was cut off: connection timed out"
    );
    assert_eq!(outcome.stderr.lines().next(), Some(message.as_str()));
}
