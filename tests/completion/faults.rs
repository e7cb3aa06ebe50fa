use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use control_plane::{ControlPlane, User};
use faulty_server::{Answer, FaultyServer, Reply};
use serde_json::{Value, json};
use support::{Program, admin, run, write_program};

use super::RAWPATCH;
use super::terminal::Terminal;

/// Completes a path with a kubeconfig and an empty cache, and returns the output.
fn complete(kubeconfig: &Path, path: &str) -> String {
    let mut command = support::command(RAWPATCH, kubeconfig);
    let outcome = run(command.args(["-v=9", "__complete"]), "");
    assert_ne!(
        outcome.code,
        Some(0),
        "`__complete` must be the first argument: {outcome:?}"
    );
    let mut command = support::command(RAWPATCH, kubeconfig);
    let outcome = run(command.args(["__complete", "-v=9", path]), "").succeeded();
    assert_eq!(outcome.stderr, "");
    outcome.stdout
}

#[test]
fn an_unreachable_or_unusable_server_causes_no_message() {
    let gone = FaultyServer::start([]).unwrap();
    let kubeconfig = fs::read_to_string(gone.kubeconfig().unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kubeconfig");
    fs::write(&file, kubeconfig).unwrap();
    fs::write(
        folder.path().join("ca.crt"),
        gone.pki.certificate_authority(),
    )
    .unwrap();
    drop(gone);
    assert_eq!(complete(&file, "/apis/"), ":4\n");
    // Candidates that need no server are still offered.
    assert_eq!(
        complete(&file, "/ap"),
        "/api/\tthe core group\n/apis/\tall other groups\n:6\n"
    );

    for reply in [
        Reply::new(200, "<html>log in</html>").header("Content-Type", "text/html"),
        Reply::json(200, "{\"kind\": \"APIGroupDiscoveryList\", \"items\": 3}"),
        Reply::json(200, "[[["),
        Reply::json(503, "{}"),
    ] {
        let server = FaultyServer::start([Answer::Reply(reply)]).unwrap();
        assert_eq!(complete(&server.kubeconfig().unwrap(), "/apis/"), ":4\n");
    }
    let broken = folder.path().join("broken");
    fs::write(&broken, "a: b: c").unwrap();
    for kubeconfig in [&broken, Path::new("/nonexistent")] {
        assert_eq!(complete(kubeconfig, "/apis/"), ":4\n");
        assert_eq!(complete(kubeconfig, "--field-m").lines().count(), 2);
    }
}

#[test]
fn a_silent_server_delays_completion_by_less_than_two_seconds() {
    let server = FaultyServer::start([Answer::Silence]).unwrap();
    let kubeconfig = server.kubeconfig().unwrap();
    let start = Instant::now();
    assert_eq!(complete(&kubeconfig, "/apis/"), ":4\n");
    let time = start.elapsed();
    assert!(
        time > Duration::from_secs(1),
        "the server got no request: {time:?}"
    );
    // Allows for a busy machine.
    assert!(time < Duration::from_secs(3), "{time:?}");
}

#[test]
fn forbidden_objects_are_not_offered() {
    let control_plane = ControlPlane::shared();
    let anonymous = control_plane.kubeconfig(&User::Anonymous).unwrap();
    assert_eq!(complete(&anonymous, "/apis/"), ":4\n");
    let robot = User::ServiceAccount {
        namespace: "default",
        name: "completion-robot",
    };
    let robot = control_plane.kubeconfig(&robot).unwrap();
    assert!(complete(&robot, "/apis/ap").contains("/apis/apps/\t"));
    // The namespace in the kubeconfig is known without the server.
    let apps = "/apis/apps/v1/namespaces";
    assert_eq!(
        complete(&robot, &format!("{apps}/")),
        format!("{apps}/default/\n:6\n")
    );
    let mut with_namespace: Value =
        serde_json::from_str(&fs::read_to_string(&robot).unwrap()).unwrap();
    with_namespace["contexts"][0]["context"]["namespace"] = json!("its-own");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kubeconfig");
    fs::write(&file, with_namespace.to_string()).unwrap();
    assert_eq!(
        complete(&file, &format!("{apps}/")),
        format!("{apps}/its-own/\n:6\n")
    );
    assert_eq!(
        complete(&robot, "/api/v1/namespaces/default/secrets/"),
        ":4\n"
    );
}

/// Writes a kubeconfig whose exec plugin tries to reach the terminal in every way, and then creates the
/// file `ran`.
fn with_exec_plugin(folder: &Path, mode: &str) {
    let control_plane = ControlPlane::shared();
    let token = control_plane
        .service_account_token("default", "completion-robot")
        .unwrap();
    let credential = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": token},
    });
    let script = format!(
        "#!/bin/sh\n\
         echo user-name? >&2\n\
         (echo password? >/dev/tty) 2>/dev/null && echo a terminal >>{folder}/ran\n\
         test -t 0 && echo stdin >>{folder}/ran\n\
         cat\n\
         echo done >>{folder}/ran\n\
         echo '{credential}'\n",
        folder = folder.display()
    );
    let plugin = folder.join("plugin");
    write_program(&plugin, &script);
    let mut kubeconfig: Value =
        serde_json::from_str(&fs::read_to_string(admin()).unwrap()).unwrap();
    kubeconfig["users"][0]["user"] = json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": plugin, "interactiveMode": mode,
    }});
    fs::create_dir_all(folder.join(".kube")).unwrap();
    fs::write(folder.join(".kube/config"), kubeconfig.to_string()).unwrap();
}

#[test]
fn an_exec_plugin_has_no_terminal_and_is_not_run_if_it_must_prompt() {
    if !Program::Bash.is_there() {
        return;
    }
    for (mode, completed, ran) in [
        ("IfAvailable", "kp /apis/apps/", Some("done\n")),
        ("Always", "kp /apis/app", None),
    ] {
        let home = tempfile::tempdir().unwrap();
        with_exec_plugin(home.path(), mode);
        let set_up = format!(
            "PATH={}:$PATH; source <(kubectl-rawpatch completion bash)\n\
             alias kp=kubectl-rawpatch; complete -o default -F _kubectl-rawpatch kp",
            Path::new(RAWPATCH).parent().unwrap().display()
        );
        let path = ("PATH".to_owned(), std::env::var("PATH").unwrap());
        let mut terminal = Terminal::start(Program::Bash, home.path(), &[path], &set_up);
        assert_eq!(terminal.line_after("kp /apis/app\t"), completed);
        let shown = terminal.shown();
        assert!(!shown.contains('?'), "{shown}");
        assert_eq!(
            fs::read_to_string(home.path().join("ran")).ok().as_deref(),
            ran
        );
    }
}

#[test]
fn no_part_of_the_line_is_run() {
    let folder = tempfile::tempdir().unwrap();
    let trap = folder.path().join("trap");
    for (shell, name) in [
        (Program::Bash, "bash"),
        (Program::Zsh, "zsh"),
        (Program::Fish, "fish"),
    ] {
        if !shell.is_there() {
            continue;
        }
        let home = tempfile::tempdir().unwrap();
        let source = match shell {
            Program::Fish => "kubectl-rawpatch completion fish | source".to_owned(),
            _ => format!("source <(kubectl-rawpatch completion {name})"),
        };
        let folder = Path::new(RAWPATCH).parent().unwrap();
        let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
        let variables = [
            ("PATH".to_owned(), path),
            ("KUBECONFIG".to_owned(), admin().display().to_string()),
        ];
        let mut terminal = Terminal::start(shell, home.path(), &variables, &source);
        let line = format!(
            "kubectl-rawpatch -p \"$(touch {})\" /apis/app",
            trap.display()
        );
        assert_eq!(
            terminal.line_after(&format!("{line}\t")),
            format!("{line}s/"),
            "{name}"
        );
        assert!(!trap.exists(), "{name}");
    }
}

#[test]
fn a_completer_never_acts_as_the_plugin() {
    let server = FaultyServer::start([Answer::Reply(Reply::json(200, "{}"))]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let completer = folder.path().join("kubectl_complete-rawpatch");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_kubectl-rawpatch"), &completer).unwrap();
    for words in [
        &["-p", "{}", "/api/v1/namespaces/default/pods/p"][..],
        &[
            "__complete",
            "-p",
            "{}",
            "/api/v1/namespaces/default/pods/p",
        ],
        &["completion", "bash"],
        &[],
    ] {
        let mut command = Command::new(&completer);
        command
            .env_clear()
            .env("KUBECONFIG", server.kubeconfig().unwrap());
        run(command.args(words), "").succeeded();
    }
    assert!(
        server
            .requests()
            .iter()
            .all(|request| request.method == "GET")
    );
}
