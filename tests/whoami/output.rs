use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use control_plane::{ControlPlane, User};
use faulty_server::{Answer, FaultyServer, Reply};
use serde_json::{Value, json};
use support::{pseudo_terminal, run, unique};

use super::plugin::*;

const HOUR: Duration = Duration::from_hours(1);

/// Creates a certificate for `jane` that is valid this long.
fn good_for(length: Duration) -> PathBuf {
    let now = SystemTime::now();
    let validity = now - 24 * HOUR..now + length + Duration::from_secs(30);
    let (certificate, key) = ControlPlane::shared()
        .client_certificate("jane", &["dev"], validity)
        .unwrap();
    user(&json!({"client-certificate": certificate, "client-key": key}))
}

fn robot() -> PathBuf {
    user(&json!({"token": signed(&claims())}))
}

#[test]
fn the_table_shows_the_user_the_server_and_the_credential() {
    let kubeconfig = good_for(74 * HOUR);
    let outcome = whoami(&kubeconfig, &["--namespace=team"]).ended(0);
    let fingerprint = outcome.row("Fingerprint").split([' ', ',']).nth(1).unwrap();
    let (not_before, expires) = (outcome.row("Not before"), outcome.row("Expires"));
    let (left, date) = expires.split_once(", at ").unwrap();
    assert_eq!(left, "in 3 days 2 hours");
    assert!(date.starts_with("20") && date.ends_with(" UTC"), "{date}");
    let url = ControlPlane::shared().url();
    let file = kubeconfig.display();
    let expected = format!(
        "Username:      jane\n\
         Groups:        dev\n\
         \x20              system:authenticated\n\
         Extra:         authentication.kubernetes.io/credential-id: X509SHA256={fingerprint}\n\
         Source:        SelfSubjectReview v1\n\
         \n\
         Context:       control-plane\n\
         Cluster:       control-plane\n\
         User:          user in {file}\n\
         Server:        {url}\n\
         Namespace:     team\n\
         \n\
         Credential:    client certificate\n\
         Subject:       CN=jane, O=dev\n\
         Issuer:        CN=control-plane\n\
         Fingerprint:   SHA256 {fingerprint} (accepted by the server)\n\
         Not before:    {not_before}\n\
         Expires:       {expires}\n"
    );
    assert_eq!(outcome.stdout, expected);
    assert_eq!(outcome.stderr, "");
}

/// The order is that of `kubectl config view --minify`: the flag, the context, `default`.
#[test]
fn the_namespace_is_the_contexts() {
    let kubeconfig = robot();
    let mut document: Value = serde_json::from_slice(&fs::read(&kubeconfig).unwrap()).unwrap();
    document["contexts"][0]["context"]["namespace"] = json!("of-the-context");
    fs::write(&kubeconfig, document.to_string()).unwrap();
    let namespace = |arguments: &[&str]| {
        let outcome = whoami(&kubeconfig, &[&["--offline"], arguments].concat()).ended(0);
        outcome.row("Namespace").to_owned()
    };
    assert_eq!(namespace(&[]), "of-the-context");
    assert_eq!(namespace(&["--namespace=of-the-flag"]), "of-the-flag");
    assert_eq!(namespace(&["--namespace="]), "of-the-context");
}

#[test]
fn the_table_shows_a_token() {
    let outcome = whoami(&robot(), &[]).ended(0);
    assert_eq!(
        outcome.row("Username"),
        "system:serviceaccount:default:robot"
    );
    assert!(!outcome.row("UID").is_empty());
    assert_eq!(outcome.row("Namespace"), "default");
    assert_eq!(outcome.row("Credential"), "bearer token");
    assert_eq!(outcome.row("Issuer"), ISSUER);
    assert_eq!(outcome.row("Audience"), ISSUER);
    assert!(outcome.row("ID").ends_with("(accepted by the server)"));
    assert!(
        outcome.row("Expires").starts_with("in 59 minutes, at "),
        "{outcome:#?}"
    );
}

/// Scripts for `kubectl auth whoami` keep working: its output is the first part of ours.
#[test]
fn json_and_yaml_begin_like_kubectls() {
    let kubeconfig = robot();
    for format in ["json", "yaml"] {
        let theirs = kubectl(&kubeconfig, &["-o", format]).ended(0).stdout;
        let ours = whoami(&kubeconfig, &["-o", format]).ended(0).stdout;
        let mut ours = ours.lines();
        for line in theirs.strip_suffix("}\n").unwrap_or(&theirs).lines() {
            let mine = ours.next().unwrap();
            let is_time = line.contains("creationTimestamp");
            let is_last = line == "    }" && mine == "    },";
            assert!(
                is_time || is_last || line == mine,
                "{format}: {line:?} is {mine:?}"
            );
        }
        assert!(ours.next().unwrap().contains("whoami"), "{format}");
    }
}

#[test]
fn jsonpath_can_read_the_whole_document() {
    let kubeconfig = person("jane", &["dev"]);
    let template = "jsonpath={.status.userInfo.username} {.status.userInfo.groups[*]}";
    let theirs = kubectl(&kubeconfig, &["-o", template]).ended(0).stdout;
    assert_eq!(
        whoami(&kubeconfig, &["-o", template]).ended(0).stdout,
        theirs
    );
    let template = "jsonpath={.whoami.credential.kind} {.whoami.context.namespace}";
    let outcome = whoami(&kubeconfig, &["-o", template]).ended(0);
    assert_eq!(outcome.stdout, "ClientCertificate default");
}

#[test]
fn name_and_subjects_can_be_used_in_a_role_binding() {
    let control_plane = ControlPlane::shared();
    let account = User::ServiceAccount {
        namespace: "default",
        name: "reader",
    };
    for (kubeconfig, name) in [
        (
            control_plane.kubeconfig(&account).unwrap(),
            "system:serviceaccount:default:reader",
        ),
        (person("jane: yes", &[]), "jane: yes"),
    ] {
        let outcome = whoami(&kubeconfig, &["-o", "name"]).ended(0);
        assert_eq!(outcome.stdout, format!("{name}\n"));
        // The server accepts the list unchanged.
        let subjects = whoami(&kubeconfig, &["-o", "subjects"]).ended(0).stdout;
        let binding = unique("binding");
        let text = format!(
            "kind: RoleBinding\napiVersion: rbac.authorization.k8s.io/v1\n\
             metadata: {{name: {binding}}}\n\
             roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}}\n\
             {subjects}"
        );
        let path = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings";
        let body = Some(("application/yaml", text.as_bytes()));
        let (status, reply) = control_plane.request("POST", path, body).unwrap();
        assert_eq!(status, 201, "{reply}");
        let stored: Value = serde_json::from_str(&reply).unwrap();
        assert_eq!(stored["subjects"].as_array().unwrap().len(), 1, "{stored}");
        // The bound user may now read more than others.
        let mut get = control_plane.kubectl().unwrap();
        get.env("KUBECONFIG", &kubeconfig);
        let reads = || {
            let path = "/api/v1/namespaces/default/configmaps";
            let output = get.args(["get", "--raw", path]).output();
            output.unwrap().status.success()
        };
        wait_until(reads, &subjects);
    }
}

/// The server's authorizer learns of a binding shortly after it is stored.
#[track_caller]
fn wait_until(mut is_so: impl FnMut() -> bool, otherwise: &str) {
    let start = std::time::Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(30), "{otherwise}");
    }
}

#[test]
fn invalid_formats_and_flags_are_refused_before_anything_is_sent() {
    let server = FaultyServer::start([]).unwrap();
    let kubeconfig = server.kubeconfig().unwrap();
    for (arguments, says) in [
        (
            &["-o", "wide"][..],
            "allowed formats are: json,jsonpath,name,review,subjects,yaml",
        ),
        (&["-o", "name=x"], "unable to match a printer"),
        (
            &["-o", "json="],
            "allowed formats are: json,jsonpath,name,review,subjects,yaml",
        ),
        (&["-o", "jsonpath"], "no template given"),
        (&["-o", "jsonpath={.a"], "unclosed action"),
        (
            &["--offline", "-o", "review"],
            "-o review and --offline cannot be used together",
        ),
        (
            &["--fail-if-expires-within=soon"],
            "invalid value for --fail-if-expires-within",
        ),
        (
            &["--fail-if-expires-within=-5m"],
            "invalid value for --fail-if-expires-within",
        ),
        (&["--ofline"], "unknown flag: --ofline"),
        (
            &["jane"],
            "unexpected argument: this command takes only flags",
        ),
        (&["--context=fautly"], "does not exist"),
    ] {
        whoami(&kubeconfig, arguments).ended(2).says(says);
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn offline_sends_nothing_and_marks_its_output() {
    let kubeconfig = person("jane", &["dev"]);
    let away = ["--server=https://127.0.0.1:1", "--offline"];
    let outcome = whoami(&kubeconfig, &away).ended(0);
    assert_eq!(outcome.row("Username"), "jane (unverified)");
    assert_eq!(
        outcome.row("Source"),
        "the local credential, unverified: the server was not asked"
    );
    assert_eq!(outcome.stderr, "");
    let outcome = whoami(&kubeconfig, &["--offline", "-o", "json"]).ended(0);
    let document = outcome.json();
    assert_eq!(document["status"], json!({"userInfo": {}}));
    assert_eq!(document["whoami"]["verified"], false);
    assert_eq!(document["whoami"]["local"]["username"], "jane");
    assert_eq!(document["whoami"].get("error"), None);
    let outcome = whoami(&kubeconfig, &["--offline", "-o", "name"]).ended(0);
    assert_eq!(outcome.stdout, "jane\n");
    assert_eq!(
        outcome.stderr,
        "the user name is unverified: it comes from the local credential\n"
    );
    // The certificate does not name the impersonated user.
    let outcome = whoami(&kubeconfig, &["--offline", "--as=bob"]).ended(0);
    assert_eq!(outcome.row("Username"), "unknown");
    let server = FaultyServer::start([]).unwrap();
    let outcome = whoami(&server.kubeconfig().unwrap(), &["--offline", "-o", "name"]).ended(74);
    assert_eq!(outcome.stdout, "");
    assert_eq!(server.connections(), 0);
}

#[test]
fn offline_runs_no_plugin() {
    let trace = ControlPlane::shared().folder().join(unique("ran"));
    let kubeconfig = user(&exec_plugin(&format!("touch {}; exit 1", trace.display())));
    let outcome = whoami(&kubeconfig, &["--offline"]).ended(0);
    assert!(outcome.row("Credential").ends_with("log-in (not run)"));
    assert_eq!(outcome.row("Expires"), "unknown");
    assert!(!trace.exists());
    whoami(&kubeconfig, &[]).ended(3);
    assert!(trace.exists());
}

#[test]
fn a_credential_that_expires_too_soon_has_an_exit_code() {
    let kubeconfig = good_for(HOUR / 2);
    for (limit, code) in [
        ("10m", 0),
        ("1800", 0),
        ("1h", 8),
        ("9000h", 8),
        ("1d", 8),
        ("1d12h", 8),
        ("0", 0),
    ] {
        let limit = format!("--fail-if-expires-within={limit}");
        for others in [&[][..], &["--offline"], &["-o", "name"]] {
            let outcome = whoami(&kubeconfig, &[&[limit.as_str()], others].concat());
            assert_eq!(outcome.code, Some(code), "{limit} {others:?}: {outcome:#?}");
            assert!(!outcome.stdout.is_empty(), "the user is not shown");
            assert_eq!(
                outcome
                    .stderr
                    .contains("error: the credential expires at 2"),
                code == 8
            );
        }
    }
    let mut claims = claims();
    claims["exp"] = json!(now() - 60);
    let expired = user(&json!({"token": signed(&claims)}));
    whoami(&expired, &["--offline", "--fail-if-expires-within=0"])
        .ended(8)
        .says("error: the credential expired at 2");
    // A refusal by the server takes precedence.
    whoami(&expired, &["--fail-if-expires-within=1h"]).ended(3);
    let endless = FaultyServer::start([self_subject_review("jane")]).unwrap();
    let kubeconfig = endless.kubeconfig().unwrap();
    whoami(&kubeconfig, &["--fail-if-expires-within=1h"])
        .ended(0)
        .says("the credential has no expiry date; --fail-if-expires-within was not checked");
}

/// A credential that is not there, or not known, has no expiry that could be checked.
#[test]
fn an_expiry_that_cannot_be_known_fails_the_check() {
    let nobody = ControlPlane::shared().kubeconfig(&User::Anonymous).unwrap();
    let check = ["--offline", "--fail-if-expires-within=1h"];
    whoami(&nobody, &check)
        .ended(3)
        .says("error: there is no credential for --fail-if-expires-within to check\n");
    let plugin = user(&exec_plugin("exit 1"));
    whoami(&plugin, &check)
        .ended(2)
        .says("which --offline does not run\nhint: remove --offline\n");
    let all = [&check[..], &["--all-contexts"]].concat();
    whoami(&plugin, &all)
        .ended(3)
        .says("which --offline does not run\n");
}

/// RFC 5280 §4.1.2.5 defines this date for a certificate without an end.
#[test]
fn a_certificate_without_an_end_is_accepted() {
    let no_end = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    let (certificate, key) = ControlPlane::shared()
        .client_certificate("jane", &[], SystemTime::now() - HOUR..no_end)
        .unwrap();
    let kubeconfig = user(&json!({"client-certificate": certificate, "client-key": key}));
    let outcome = whoami(&kubeconfig, &["--fail-if-expires-within=9000h"]).ended(0);
    assert_eq!(outcome.stderr, "");
    assert_eq!(outcome.row("Credential"), "client certificate");
    assert!(
        outcome
            .row("Fingerprint")
            .ends_with(" (accepted by the server)"),
        "{outcome:#?}"
    );
    assert!(
        outcome
            .row("Expires")
            .ends_with(" years, at 9999-12-30 22:00 UTC"),
        "{outcome:#?}"
    );
}

/// A server's text stays on one line, and does not steer the terminal.
#[test]
fn control_characters_are_escaped_on_a_terminal() {
    let review = json!({
        "kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {},
        "status": {"userInfo": {"username": "a\u{1b}[31mb\nServer: c", "groups": ["d\re"]}},
    });
    let answer = Answer::Reply(Reply::json(201, review.to_string()));
    let server = FaultyServer::start([answer]).unwrap();
    let outcome = whoami(&server.kubeconfig().unwrap(), &[]).ended(0);
    assert_eq!(outcome.row("Username"), "a^[[31mb\\u{a}Server: c");
    assert_eq!(outcome.row("Groups"), "d\\re");
    let name = whoami(&server.kubeconfig().unwrap(), &["-o", "name"]).ended(0);
    assert_eq!(name.stdout, "a^[[31mb\\u{a}Server: c\n");
}

/// Runs the binary with a terminal as stdout. Returns what it shows.
fn on_a_terminal(kubeconfig: &Path, variables: &[(&str, &str)]) -> String {
    let mut command = command(kubeconfig);
    command.envs(variables.iter().copied());
    command.stdin(Stdio::null()).stderr(Stdio::null());
    let (mut child, shown) = pseudo_terminal::show(command, |command, terminal| {
        command.stdout(terminal);
    });
    assert!(child.wait().unwrap().success(), "{shown}");
    shown
}

#[test]
fn an_early_expiry_is_coloured_on_a_terminal_only() {
    let (long, short, urgent) = (good_for(48 * HOUR), good_for(HOUR), good_for(HOUR / 12));
    let (yellow, red) = ("\u{1b}[33min 1 hour", "\u{1b}[31min 5 minutes");
    assert!(!on_a_terminal(&long, &[]).contains('\u{1b}'));
    assert!(on_a_terminal(&short, &[]).contains(yellow));
    assert!(on_a_terminal(&urgent, &[]).contains(red));
    for variables in [
        &[("NO_COLOR", "1")][..],
        &[("TERM", "dumb")],
        &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")],
    ] {
        let shown = on_a_terminal(&urgent, variables);
        assert!(!shown.contains('\u{1b}'), "{variables:?}: {shown}");
    }
    for (value, is_coloured) in [(None, false), (Some("0"), false), (Some("1"), true)] {
        let mut command = command(&urgent);
        command.envs(value.map(|value| ("CLICOLOR_FORCE", value)));
        let outcome = run(&mut command, "").ended(0);
        assert_eq!(
            outcome.stdout.contains(red),
            is_coloured,
            "{value:?}: {outcome:#?}"
        );
    }
}
