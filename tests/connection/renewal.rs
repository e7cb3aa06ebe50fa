use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::STANDARD};
use control_plane::restore_default_signals;
use faulty_server::{Answer, FaultyServer, Reply};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::{Value, json};
use support::{Outcome, pseudo_terminal};

use super::program::{OURS, PATH, Program};

/// An exec plugin that counts its runs, and returns a token with their number. It runs `$BEFORE` first, and
/// `$END` is the expiry date of the token.
const PLUGIN: &str = r#"
echo "$KUBERNETES_EXEC_INFO" | head -n 1 >> runs
count=$(grep -c . runs)
eval "$BEFORE"
cat <<ANSWER
{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1",
 "status": {"token": "token-$count", "expirationTimestamp": ${END:-null}}}
ANSWER
"#;

const OBJECT: &str = "/api/v1/namespaces/default/configmaps/c";
const APPLY: [&str; 6] = [
    "--type=apply",
    "--if-resource-version=7",
    "-p",
    r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":"default"}}"#,
    "--verbatim",
    OBJECT,
];
const PATCH: [&str; 4] = ["--type=merge", "-p", r#"{"data":{"a":"b"}}"#, OBJECT];

/// A scripted server, and a kubeconfig for a user with the exec plugin.
struct Fixture {
    server: FaultyServer,
}

impl Fixture {
    fn new(script: impl IntoIterator<Item = Answer>) -> Result<Self> {
        let server = FaultyServer::start(script)?;
        fs::write(server.folder().join("plugin"), PLUGIN)?;
        let fixture = Self { server };
        fixture.set_user(
            "exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, \
             command: sh, args: [plugin]}",
        )?;
        Ok(fixture)
    }

    /// Replaces the fields of the user in the kubeconfig.
    fn set_user(&self, fields: &str) -> Result<()> {
        let kubeconfig = self.server.kubeconfig()?;
        let text = fs::read_to_string(&kubeconfig)?;
        let user = format!("token: {}", faulty_server::TOKEN);
        fs::write(&kubeconfig, text.replace(&user, fields))?;
        Ok(())
    }

    /// Returns a program with the kubeconfig.
    fn command(&self, program: Program) -> Result<Command> {
        restore_default_signals();
        let mut command = Command::new(program.path()?);
        command
            .current_dir(self.server.folder())
            .env_clear()
            .env("PATH", PATH)
            .env("HOME", self.server.folder())
            .env("KUBECONFIG", "kubeconfig")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Ok(command)
    }

    /// Runs rawpatch with variables for the plugin.
    fn rawpatch(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Result<Outcome> {
        let mut command = self.command(Program::Ours)?;
        let environment = environment.iter().copied();
        Ok(command.args(arguments).envs(environment).output()?.into())
    }

    /// Returns the path of a file in the folder of the server.
    fn file(&self, name: &str) -> PathBuf {
        self.server.folder().join(name)
    }

    /// Returns how often the plugin ran.
    fn runs(&self) -> usize {
        let lines = fs::read_to_string(self.file("runs")).unwrap_or_default();
        lines.lines().count()
    }

    /// Returns the credential of each request.
    fn logins(&self) -> Vec<String> {
        let requests = self.server.requests();
        let logins = requests
            .iter()
            .flat_map(|request| request.header("authorization"));
        logins.map(str::to_owned).collect()
    }
}

#[track_caller]
fn wait_until(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(10));
        thread::sleep(Duration::from_millis(5));
    }
}

/// Returns a response with this status code: the object, or a refusal.
fn reply(code: u16) -> Answer {
    let body = if code == 200 {
        json!({
            "kind": "ConfigMap", "apiVersion": "v1",
            "metadata": {"name": "c", "namespace": "default", "resourceVersion": "7", "uid": "u"},
        })
    } else {
        json!({
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
            "reason": if code == 401 { "Unauthorized" } else { "" }, "message": "Unauthorized",
        })
    };
    Answer::Reply(Reply::json(code, body.to_string()))
}

#[test]
fn a_plugin_runs_once_for_all_requests_of_a_command() -> Result<()> {
    for environment in [vec![], vec![("END", "\"2100-01-01T00:00:00Z\"")]] {
        let fixture = Fixture::new([reply(200)])?;
        fixture.rawpatch(&APPLY, &environment)?.succeeded();
        assert_eq!(fixture.logins(), ["Bearer token-1", "Bearer token-1"]);
        assert_eq!(fixture.runs(), 1);
        // An idle connection may be closed before the patch is sent, so each request has its own.
        assert_eq!(fixture.server.connections(), 2);
    }
    Ok(())
}

#[test]
fn a_plugin_runs_again_when_its_credential_has_expired() -> Result<()> {
    let fixture = Fixture::new([reply(200)])?;
    fixture
        .rawpatch(&APPLY, &[("END", "\"2020-01-01T00:00:00Z\"")])?
        .succeeded();
    assert_eq!(fixture.logins(), ["Bearer token-1", "Bearer token-2"]);
    assert_eq!(fixture.runs(), 2);
    Ok(())
}

/// kubectl runs the plugin again, too, but does not repeat the request.
#[test]
fn after_a_401_a_plugin_runs_again_and_the_request_is_sent_once_more() -> Result<()> {
    let fixture = Fixture::new([reply(401), reply(200)])?;
    fixture.rawpatch(&PATCH, &[])?.succeeded();
    assert_eq!(fixture.logins(), ["Bearer token-1", "Bearer token-2"]);
    assert_eq!(fixture.runs(), 2);
    let requests = fixture.server.requests();
    assert_eq!(requests[0].body, requests[1].body);
    assert_eq!(requests[0].target, requests[1].target);

    let fixture = Fixture::new([reply(401), reply(200)])?;
    let mut kubectl = fixture.command(Program::Kubectl)?;
    let output = kubectl.args(["get", "--raw", OBJECT]).output()?;
    assert!(!output.status.success());
    assert_eq!(fixture.logins(), ["Bearer token-1"]);
    assert_eq!(fixture.runs(), 2);
    Ok(())
}

#[test]
fn a_second_401_is_final() -> Result<()> {
    let fixture = Fixture::new([reply(401)])?;
    let outcome = fixture.rawpatch(&PATCH, &[])?.ended(3);
    assert_eq!(
        outcome.stderr,
        "error: You must be logged in to the server (Unauthorized)\n\
         hint: the bearer token from exec plugin sh is not a JWT; check that it is correct, current, and for \
         this cluster; the credential is from user \"faulty\" in kubeconfig\n"
    );
    assert_eq!((fixture.server.requests().len(), fixture.runs()), (2, 2));
    Ok(())
}

/// A server behind the API server may have applied the request before it answered.
#[test]
fn a_401_from_behind_the_api_server_is_final() -> Result<()> {
    let fixture = Fixture::new([reply(401)])?;
    let path = "/api/v1/namespaces/default/services/app/proxy/orders/7";
    let outcome = fixture.rawpatch(&["--type=merge", "-p", "a: b", path], &[])?;
    outcome.ended(3);
    assert_eq!((fixture.server.requests().len(), fixture.runs()), (1, 1));
    Ok(())
}

/// After a 401 it is certain that the first request was not applied.
#[test]
fn only_the_second_request_decides_the_exit_code() -> Result<()> {
    for (answer, code) in [(Answer::CloseAtOnce, 3), (Answer::CloseUnanswered, 10)] {
        let fixture = Fixture::new([reply(401), answer])?;
        fixture.rawpatch(&PATCH, &[])?.ended(code);
    }
    let fixture = Fixture::new([reply(401)])?;
    let outcome = fixture.rawpatch(&PATCH, &[("BEFORE", "[ $count = 1 ] || exit 5")])?;
    assert_eq!(
        outcome.ended(3).stderr,
        "Unable to connect to the server: getting credentials: exec: executable sh failed with exit code 5\n"
    );
    Ok(())
}

#[test]
fn refused_input_runs_no_plugin() -> Result<()> {
    let fixture = Fixture::new([reply(200)])?;
    for arguments in [
        &["-p", "{", OBJECT] as &[&str],
        &["-p", "{}", OBJECT],
        &["-p", "a: b", "/api//v1"],
        &["-p", "a: b", "-o", "nothing", OBJECT],
        &["-p", "a: b", "--if-resource-version=x", OBJECT],
        &["-p", "a: b", "-n", "other", OBJECT],
        &["-f", "none", OBJECT],
        &["-p", "a: b", "--request-timeout=x", OBJECT],
    ] {
        fixture.rawpatch(arguments, &[])?.ended(2);
    }
    assert_eq!((fixture.server.connections(), fixture.runs()), (0, 0));
    Ok(())
}

#[test]
fn a_patch_on_stdin_arrives_whole_though_the_plugin_reads_stdin() -> Result<()> {
    let patch = json!({"data": {"key": "x".repeat(300_000)}}).to_string();
    for mode in ["Never", "IfAvailable"] {
        let fixture = Fixture::new([reply(200)])?;
        fixture.set_user(&format!(
            "exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: {mode}, \
             command: sh, args: [plugin]}}"
        ))?;
        for source in ["-f", "-p"] {
            let mut child = fixture
                .command(Program::Ours)?
                .args(["--type=merge", source, "-", OBJECT])
                .env("BEFORE", "cat >> plugin-read")
                .stdin(Stdio::piped())
                .spawn()?;
            let mut stdin = child.stdin.take().context("a pipe")?;
            stdin.write_all(patch.as_bytes())?;
            drop(stdin);
            Outcome::from(child.wait_with_output()?).succeeded();
        }
        for request in fixture.server.requests() {
            assert_eq!(request.body, patch.as_bytes());
        }
        assert_eq!((fixture.server.requests().len(), fixture.runs()), (2, 2));
        assert_eq!(fs::read(fixture.file("plugin-read"))?, b"");
    }
    Ok(())
}

/// Every interactiveMode, with a terminal and with `/dev/null`. Compares with kubectl unless the command reads
/// stdin itself.
#[test]
fn a_plugin_reads_the_terminal_unless_the_command_does() -> Result<()> {
    const NO_TERMINAL: Result<bool, &str> = Err("standard input is not a terminal");
    const IN_USE: Result<bool, &str> =
        Err("standard input is unavailable: used by stdin resource manifest reader");
    for (mode, is_terminal, is_in_use, expected) in [
        ("Never", false, false, Ok(false)),
        ("Never", true, false, Ok(false)),
        ("Never", true, true, Ok(false)),
        ("IfAvailable", false, false, Ok(false)),
        ("IfAvailable", true, false, Ok(true)),
        ("IfAvailable", true, true, Ok(false)),
        ("Always", false, false, NO_TERMINAL),
        ("Always", true, false, Ok(true)),
        ("Always", true, true, IN_USE),
    ] {
        let programs: &[Program] = if is_in_use {
            &[Program::Ours]
        } else {
            &[Program::Kubectl, Program::Ours]
        };
        for program in programs {
            let row = format!("{program:?} {mode} {is_terminal} {is_in_use}");
            let fixture = Fixture::new([reply(200)])?;
            fixture.set_user(&format!(
                "exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: {mode}, \
                 command: sh, args: [plugin]}}"
            ))?;
            let mut command = fixture.command(*program)?;
            command.env("BEFORE", "read -r line; echo \"$line\" > plugin-read");
            match (program, is_in_use) {
                (_, true) => command.args(["--type=merge", "-f", "-", OBJECT]),
                (Program::Kubectl, _) => command.args(["get", "--raw", OBJECT]),
                (Program::Ours, _) => command.args(PATCH),
            };
            // The test must end if the plugin waits for input.
            command.arg("--request-timeout=20s");
            let (mut controller, terminal) = pseudo_terminal::open();
            if is_terminal {
                command.stdin(terminal.try_clone()?);
            }
            let child = command.spawn()?;
            // ^D ends the input.
            controller.write_all(b"{\"typed\":1}\n\x04")?;
            let outcome = Outcome::from(child.wait_with_output()?);
            match expected {
                Ok(is_interactive) => {
                    assert_eq!(outcome.code, Some(0), "{row}: {outcome:?}");
                    let info: Value = serde_json::from_slice(&fs::read(fixture.file("runs"))?)?;
                    assert_eq!(info["spec"]["interactive"], is_interactive, "{row}");
                    let read = fs::read_to_string(fixture.file("plugin-read"))?;
                    assert_eq!(read.trim() == "{\"typed\":1}", is_interactive, "{row}");
                }
                Err(reason) => {
                    assert_ne!(outcome.code, Some(0), "{row}");
                    let line = format!(
                        "Unable to connect to the server: getting credentials: exec plugin cannot \
                         support interactive mode: {reason}\n"
                    );
                    assert_eq!(outcome.stderr, line, "{row}");
                    assert_eq!(fixture.runs(), 0, "{row}");
                }
            }
            if is_in_use && expected.is_ok() {
                assert_eq!(
                    fixture.server.requests()[0].body,
                    b"{\"typed\":1}\n",
                    "{row}"
                );
            }
        }
    }
    Ok(())
}

#[test]
fn a_missing_plugin_shows_its_install_hint() -> Result<()> {
    let fixture = Fixture::new([reply(200)])?;
    for (command, hint, shown) in [
        (
            "none",
            r#"installHint: "get \e[1mit\e[0m\nfrom \u202Ethere", "#,
            "get U+001B[1mitU+001B[0m\nfrom U+202Ethere",
        ),
        (
            "none",
            "",
            "install this exec plugin, or correct its command in the kubeconfig",
        ),
        ("./none", "installHint: get it, ", "get it"),
    ] {
        fixture.set_user(&format!(
            "exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, {hint} \
             command: {command}}}"
        ))?;
        let outcome = fixture.rawpatch(&PATCH, &[])?.ended(3);
        let hint = format!("\nhint: {shown}\n");
        assert!(outcome.stderr.ends_with(&hint), "{outcome:?}");
    }
    Ok(())
}

#[test]
fn only_the_stderr_of_a_plugin_is_shown() -> Result<()> {
    let secret = "hunter2-of-the-plugin";
    let fixture = Fixture::new([reply(403)])?;
    let credential = |version: &str, status: &str| {
        format!(r#"{{"kind": "ExecCredential", "apiVersion": "{version}", "status": {status}}}"#)
    };
    let v1 = "client.authentication.k8s.io/v1";
    let token = format!(r#"{{"token": "{secret}"}}"#);
    for answer in [
        credential(v1, &token),
        credential("client.authentication.k8s.io/v1beta1", &token),
        credential(secret, &token),
        credential(v1, &format!("{secret:?}")),
        credential(v1, &format!(r#"{{"token": ["{secret}"]}}"#)),
        credential(v1, &format!(r#"{{"token": "\n{secret}"}}"#)),
        credential(
            v1,
            &format!(r#"{{"clientKeyData": "{secret}", "clientCertificateData": "{secret}"}}"#),
        ),
        credential(
            v1,
            &format!(r#"{{"token": "t", "clientKeyData": "{secret}"}}"#),
        ),
        credential(
            v1,
            &format!(r#"{{"token": "t", "expirationTimestamp": "{secret}"}}"#),
        ),
        credential(v1, &token).replace("ExecCredential", secret),
        secret.to_owned(),
        format!("[{secret}"),
        format!("{{{secret:?}: {{{secret:?}"),
    ] {
        fs::write(fixture.file("answer"), answer)?;
        for last in ["exit 0", "exit 7", "kill -9 $$"] {
            let before = format!("echo plugin-on-stderr >&2; cat answer; {last}");
            for flags in [&[] as &[&str], &["--include", "-o=json"]] {
                let arguments = [&PATCH, flags].concat();
                let outcome = fixture.rawpatch(&arguments, &[("BEFORE", &before)])?;
                let outcome = outcome.failed().says("plugin-on-stderr\n");
                let shown = [outcome.stdout, outcome.stderr].concat();
                // The middle of the encoded text does not depend on the text around it.
                for hidden in [secret, &STANDARD.encode(secret)[..24], "ExecCredential\""] {
                    assert!(!shown.contains(hidden), "{shown}");
                }
            }
        }
    }
    let logins = fixture.logins();
    assert!(logins.contains(&format!("Bearer {secret}")), "{logins:?}");
    Ok(())
}

#[test]
fn the_request_timeout_includes_the_plugin() -> Result<()> {
    let fixture = Fixture::new([reply(200)])?;
    let start = Instant::now();
    let arguments = [&PATCH as &[&str], &["--request-timeout=1s"]].concat();
    let before = "echo $$ > process; exec sleep 20";
    fixture
        .rawpatch(&arguments, &[("BEFORE", before)])?
        .ended(3);
    assert_eq!(fixture.server.requests().len(), 0);
    let plugin = fs::read_to_string(fixture.file("process"))?
        .trim()
        .parse()?;
    let plugin = Pid::from_raw(plugin).context("a process")?;
    wait_until(|| test_kill_process(plugin).is_err());
    assert!(start.elapsed() < Duration::from_secs(10));
    Ok(())
}

/// rawpatch catches signals from the first request on.
#[test]
fn a_signal_ends_the_command_while_the_plugin_runs_again() -> Result<()> {
    let fixture = Fixture::new([reply(401)])?;
    let child = fixture
        .command(Program::Ours)?
        .args(PATCH)
        .env("BEFORE", "[ $count = 1 ] || exec sleep 20")
        .spawn()?;
    wait_until(|| fixture.runs() == 2);
    thread::sleep(Duration::from_millis(100));
    kill_process(Pid::from_child(&child), Signal::INT)?;
    let start = Instant::now();
    let outcome = Outcome::from(child.wait_with_output()?);
    assert_eq!(outcome.signal, Some(Signal::INT.as_raw()));
    assert!(start.elapsed() < Duration::from_secs(10));
    Ok(())
}

#[test]
fn a_token_file_is_read_again_after_a_401() -> Result<()> {
    let refusal = Reply::json(401, "{}");
    for (renewed, logins) in [
        (Some("two\n"), &["Bearer one", "Bearer two"] as &[&str]),
        (Some("one"), &["Bearer one"]),
        (None, &["Bearer one"]),
    ] {
        let pause = Duration::from_millis(300);
        let fixture = Fixture::new([Answer::Delayed(pause, refusal.clone()), reply(200)])?;
        fixture.set_user("tokenFile: token")?;
        fs::write(fixture.file("token"), "one\n")?;
        let child = fixture.command(Program::Ours)?.args(PATCH).spawn()?;
        wait_until(|| !fixture.server.requests().is_empty());
        match renewed {
            Some(token) => fs::write(fixture.file("token"), token)?,
            None => fs::remove_file(fixture.file("token"))?,
        }
        let outcome = Outcome::from(child.wait_with_output()?);
        assert_eq!(fixture.logins(), logins);
        outcome.ended(if logins.len() == 2 { 0 } else { 3 });
    }
    Ok(())
}

/// kubectl names its command only in the headers of its own requests.
#[test]
fn kubectl_adds_no_headers_to_a_plugins_requests() -> Result<()> {
    let fixture = Fixture::new([reply(200)])?;
    let mut kubectl = fixture.command(Program::Kubectl)?;
    kubectl.args(["get", "--raw", OBJECT]).output()?;
    let mut through_kubectl = fixture.command(Program::Kubectl)?;
    let folder = PathBuf::from(OURS);
    let folder = folder.parent().context("a folder")?.display();
    through_kubectl
        .env("PATH", format!("{folder}:{PATH}"))
        .arg("rawpatch")
        .args(PATCH);
    assert!(through_kubectl.output()?.status.success());
    let has_headers: Vec<bool> = fixture
        .server
        .requests()
        .iter()
        .map(|request| {
            request
                .headers
                .iter()
                .any(|(name, _)| name.starts_with("kubectl-"))
        })
        .collect();
    assert_eq!(has_headers, [true, false]);
    Ok(())
}
