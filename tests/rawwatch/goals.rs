//! `--for` next to `kubectl wait`, and the outcome of a run that `--timeout` ends.

use std::time::{Duration, Instant};

use control_plane::ControlPlane;
use faulty_server::{Answer, FaultyServer, Piece, Reply};
use serde_json::{Value, json};
use support::{Outcome, admin, pseudo_terminal, unique};

use super::plugin::*;

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

/// Creates a Deployment with this status, and returns its name.
fn deployment(status: &Value) -> String {
    let path = support::deployment();
    let patch = json!({ "status": status }).to_string();
    let body = Some(("application/merge-patch+json", patch.as_bytes()));
    let (code, reply) = ControlPlane::shared()
        .request("PATCH", &format!("{path}/status"), body)
        .unwrap();
    assert_eq!(code, 200, "{reply}");
    path.rsplit('/').next().unwrap().to_owned()
}

/// Runs `kubectl wait` on a Deployment of the namespace `default`.
fn kubectl_wait(name: &str, condition: &str) -> Outcome {
    let mut kubectl = ControlPlane::shared().kubectl().unwrap();
    kubectl.args(["wait", "-n", "default", "--timeout=2s"]);
    support::run(
        kubectl.args([&format!("--for={condition}"), &format!("deployment/{name}")]),
        "",
    )
}

/// Watches a Deployment until a condition, for at most two seconds.
fn wait_for(name: &str, condition: &str) -> Outcome {
    rawwatch(&[
        &format!("{DEPLOYMENTS}/{name}"),
        &format!("--for={condition}"),
        "--timeout=2s",
        "-o=none",
    ])
}

#[test]
fn where_kubectl_wait_is_met_or_errs_so_is_rawwatch() {
    let name = deployment(&json!({"replicas": 2, "readyReplicas": 1, "conditions": [
        {"type": "Available", "status": "False", "reason": "", "message": ""},
    ]}));
    for (condition, code) in [
        ("jsonpath={.status.readyReplicas}=1", 0),
        ("jsonpath={.status.readyReplicas}= 1 ", 0),
        ("jsonpath={.status.readyReplicas}='1'", 0),
        ("jsonpath=.status.readyReplicas=1", 0),
        ("jsonpath={.status.readyReplicas}", 0),
        ("jsonpath={.metadata.labels}", 1),
        ("jsonpath={.spec}", 0),
        (
            r#"jsonpath={.status.conditions[?(@.type=="Available")].status}=False"#,
            0,
        ),
        ("condition=available=false", 0),
        ("jsonpath={.status.readyReplicas}=2", 1),
        ("jsonpath={.spec}=x", 1),
        (
            "jsonpath={.spec['replicas','paused','revisionHistoryLimit']}",
            1,
        ),
        ("jsonpath={.status.readyReplicas}=", 2),
        ("jsonpath={.status.readyReplicas}=''", 2),
        ("jsonpath={.status.readyReplicas}x=1", 2),
        ("jsonpath={.status.readyReplicas}x", 2),
        ("jsonpath={.status}{.spec}=1", 2),
        ("jsonpath=", 2),
        ("condition", 2),
    ] {
        let (theirs, ours) = (kubectl_wait(&name, condition), wait_for(&name, condition));
        assert_eq!(ours.code, Some(code), "{condition}: {ours:#?}");
        assert_eq!(
            theirs.code == Some(0),
            code == 0,
            "{condition}: {theirs:#?}"
        );
    }
}

#[test]
fn numbers_and_quantities_are_compared() {
    let name = deployment(&json!({"replicas": 2, "readyReplicas": 1}));
    for (condition, code) in [
        ("{.status.readyReplicas}!=0", 0),
        ("{.status.readyReplicas}!=1", 1),
        ("{.status.readyReplicas}>=1", 0),
        ("{.status.readyReplicas} > 1", 1),
        ("{.status.readyReplicas}<2", 0),
        ("{.status.readyReplicas} <= 0.5", 1),
        ("{.status.readyReplicas}==1", 0),
        ("{.status.readyReplicas} = 1", 0),
        ("{.status.readyReplicas} > 999m", 0),
        ("{.spec.progressDeadlineSeconds}<1k", 0),
        // A field that is missing passes no comparison.
        ("{.status.updatedReplicas}!=1", 1),
        ("{.metadata.name}>=1", 1),
        ("{.status.readyReplicas}>x", 2),
        ("{.status.readyReplicas}>", 2),
        ("{.status.readyReplicas}=>1", 2),
    ] {
        let outcome = wait_for(&name, &format!("jsonpath={condition}"));
        assert_eq!(outcome.code, Some(code), "{condition}: {outcome:#?}");
    }
}

#[test]
fn a_comparison_that_makes_no_sense_for_an_object_ends_the_run() {
    let name = deployment(&json!({}));
    let start = Instant::now();
    for (condition, reason) in [
        (
            "{.metadata.labels}{.x}=1",
            "unexpected \"{.x}=1\" after the path",
        ),
        (
            "{.spec.selector}=x",
            "jsonpath leads to a nested object or list which is not supported",
        ),
        (
            "{.metadata.name}>1",
            "jsonpath leads to a value that cannot be compared with >: \
             it is not a number or a quantity",
        ),
    ] {
        let outcome = rawwatch(&[
            &format!("{DEPLOYMENTS}/{name}"),
            &format!("--for=jsonpath={condition}"),
            "--timeout=30s",
        ]);
        outcome.failed().says(reason);
    }
    assert!(start.elapsed() < Duration::from_secs(25));
}

#[test]
fn a_timeout_shows_the_last_value_of_each_object_that_fails() {
    let name = deployment(&json!({"replicas": 2, "readyReplicas": 1, "conditions": [
        {"type": "Available", "status": "False", "reason": "TooFew", "message": ""},
    ]}));
    let theirs = kubectl_wait(&name, "condition=Available").ended(1);
    let outcome = wait_for(&name, "condition=Available").ended(1);
    let first = outcome.stderr.lines().next().unwrap();
    assert_eq!(first, theirs.stderr.trim_end());
    assert_eq!(
        outcome.stderr,
        format!(
            "error: timed out waiting for the condition on deployments/{name}\n  \
             deployments/{name}: condition Available is False (TooFew)\n"
        )
    );
    wait_for(&name, "jsonpath={.status.readyReplicas}>=2")
        .ended(1)
        .says(r#": {.status.readyReplicas} is "1", not >= "2""#);
    wait_for(&name, "delete").ended(1).says(": still exists");
    let misspelt = wait_for("no-such-name", "condition=Available").ended(1);
    assert_eq!(
        misspelt.stderr,
        "error: timed out waiting for the condition on deployments/no-such-name\n  \
         no such object was seen\n"
    );
}

#[test]
fn a_timeout_tells_that_a_condition_is_of_an_older_generation() {
    let name = deployment(&json!({"observedGeneration": 1, "conditions": [
        {"type": "Available", "status": "True", "reason": "", "message": ""},
    ]}));
    let path = format!("{DEPLOYMENTS}/{name}");
    let patch = br#"{"spec":{"replicas":3}}"#;
    let body = Some(("application/merge-patch+json", patch.as_slice()));
    ControlPlane::shared()
        .request("PATCH", &path, body)
        .unwrap();
    wait_for(&name, "condition=Available")
        .ended(1)
        .says(": condition Available is True, but for the older generation 1: the object is at 2");
}

#[test]
fn the_values_of_a_secret_are_not_shown() {
    let secrets = "/api/v1/namespaces/default/secrets";
    let secret = json!({"metadata": {"name": unique("hidden")}, "stringData": {"key": "hunter2"}});
    let path = support::create(secrets, &secret);
    let outcome = rawwatch(&[
        &path,
        "--for=jsonpath={.data.key}=x",
        "--timeout=1s",
        "-o=name",
    ]);
    let stderr = outcome.ended(1).stderr;
    assert!(stderr.contains(": does not meet the condition"), "{stderr}");
    assert!(!stderr.contains("aHVudGVyMg"), "{stderr}");
}

#[test]
fn at_least_waits_for_a_number_of_objects() {
    let server = ControlPlane::shared();
    let (label, selector) = label();
    create(server, &unique("many"), &label);
    let arguments = [
        CONFIG_MAPS,
        &selector,
        "--for=jsonpath={.data.key}=0",
        "--at-least=2",
        "-o=name",
    ];
    let few = rawwatch(&[&arguments[..], &["--timeout=1s"]].concat()).ended(1);
    assert_eq!(
        few.stderr,
        "error: timed out waiting for the condition\n  1 of at least 2 objects exist\n"
    );
    let mut run = start(&arguments);
    run.line();
    create(server, &unique("many"), &label);
    run.wait().ended(0);
    rawwatch(&[CONFIG_MAPS, "--at-least=2"]).ended(2);
}

#[test]
fn for_waits_for_a_type_that_does_not_exist_yet() {
    let server = ControlPlane::shared();
    let plural = unique("laters").replace('-', "");
    let path = format!("/apis/later.example.com/v1/{plural}");
    let note =
        format!("rawwatch: {path}: the server does not have this resource type; waiting for it\n");
    let mut waits = start(&[&path, "--for=create"]);
    let mut retries = start(&[&path, "--retry-for=1m", "--count=1"]);
    for run in [&waits, &retries] {
        run.wait_for_stderr(&note);
    }
    let bounded = rawwatch(&[&path, "--for=create", "--timeout=1s"]).ended(1);
    assert_eq!(
        bounded.stderr,
        format!(
            "{note}error: timed out waiting for the condition\n  \
             the list of existing objects is not complete\n  \
             Error from server (NotFound): the server could not find the requested resource\n"
        )
    );
    rawwatch(&[&path, "--retry-for=1s"]).ended(5);
    rawwatch(&[&path]).ended(1);
    rawwatch(&[&path, "--for=delete"]).ended(1);
    let any = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let definition = json!({
        "metadata": {"name": format!("{plural}.later.example.com")},
        "spec": {
            "group": "later.example.com", "scope": "Cluster",
            "names": {"plural": plural, "singular": plural, "kind": "Later"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": any}}],
        },
    });
    support::create(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        &definition,
    );
    wait_until(
        || server.request("GET", &path, None).unwrap().0 == 200,
        || format!("the API server does not serve {path}"),
    );
    let object =
        json!({"apiVersion": "later.example.com/v1", "kind": "Later", "metadata": {"name": "a"}});
    server.create(&path, &object).unwrap();
    for run in [&mut waits, &mut retries] {
        run.expect("ADDED a");
        assert_eq!(run.stderr(), note);
    }
    waits.wait().ended(0);
    retries.wait().ended(0);
}

/// A server that refuses the first LIST for as long as a run lasts.
fn refusing(reply: impl Fn() -> Reply) -> impl Iterator<Item = Answer> {
    (0..50).map(move |_| Answer::Reply(reply()))
}

fn unavailable() -> Reply {
    error_response(503, "ServiceUnavailable", "error trying to reach service")
}

#[test]
fn a_timeout_before_the_first_list_succeeds_is_a_failure() {
    let (run, _server) = against(refusing(unavailable), &["--timeout=1s"]);
    let outcome = run.wait().ended(5);
    let (start, end) = outcome.stderr.split_once("gave up after ").unwrap();
    assert_eq!(start, format!("error: {CONFIG_MAPS}: "));
    assert!(
        end.ends_with("s: Error from server (ServiceUnavailable): error trying to reach service\n"),
        "{end}"
    );
    // Conversion webhooks that cannot be reached fail like this.
    let webhook = || error_response(500, "InternalError", "conversion webhook failed");
    let (run, _server) = against(refusing(webhook), &["--timeout=1s"]);
    run.wait().ended(5).says("conversion webhook failed");
    let (run, _server) = against([Answer::Silence], &["--timeout=1s"]);
    assert_eq!(
        run.wait().ended(3).stderr,
        format!("error: {CONFIG_MAPS}: no response from the server within 1.0s\n")
    );
    let refused = rawwatch(&[CONFIG_MAPS, "--server=https://127.0.0.1:1", "--timeout=1s"]);
    refused.ended(3);
    let retried = rawwatch(&[
        CONFIG_MAPS,
        "--server=https://127.0.0.1:1",
        "--timeout=1s",
        "--retry-for=1m",
    ]);
    retried.ended(5).says("was refused");
}

#[test]
fn a_timeout_while_the_watch_is_refused_or_hangs_is_a_failure() {
    let forbidden = error_response(403, "Forbidden", "configmaps is forbidden");
    let script = [list(), Answer::Reply(forbidden)].into_iter();
    let script = script.chain(refusing(|| {
        error_response(403, "Forbidden", "still forbidden")
    }));
    let (run, _server) = against(script, &["--timeout=1s", "-o=none"]);
    run.wait()
        .ended(1)
        .says("Error from server (Forbidden): still forbidden");
    let (run, _server) = against([list(), Answer::Silence], &["--timeout=1s", "-o=none"]);
    run.wait().ended(3).says("no response from the server");
}

#[test]
fn an_outage_at_the_end_of_a_run_is_a_failure() {
    let broken = stream(event("MODIFIED", "a", "11"), Piece::Close);
    let script = [list(), broken].into_iter().chain(refusing(unavailable));
    let (run, _server) = against(script, &["--timeout=2s"]);
    let outcome = run.wait().ended(5);
    assert_eq!(outcome.short(), ["ADDED a", "MODIFIED a"]);
    outcome.says("error trying to reach service");
}

#[test]
fn a_timeout_after_an_outage_is_a_success() {
    let broken = stream(event("MODIFIED", "a", "11"), Piece::Close);
    let script = [
        list(),
        broken,
        Answer::Reply(unavailable()),
        open_stream(event("MODIFIED", "a", "12")),
    ];
    let (run, _server) = against(script, &["--timeout=3s"]);
    assert_eq!(run.wait().ended(0).stderr, "");
}

#[test]
fn the_last_error_stands_beside_a_missed_condition_or_count() {
    for (flag, line) in [
        (
            "--for=create",
            "the list of existing objects is not complete",
        ),
        ("--count=2", "0 of 2 events were printed"),
    ] {
        let (run, _server) = against(refusing(unavailable), &["--timeout=1s", flag]);
        let outcome = run.wait().ended(1);
        let start = format!("error: timed out waiting for the condition\n  {line}\n");
        assert!(outcome.stderr.starts_with(&start), "{outcome:#?}");
        outcome.says("error trying to reach service");
    }
}

/// Returns a ConfigMap in an event with this value of `list`.
fn with_list(name: &str, version: &str, list: &str) -> String {
    event("MODIFIED", name, version)
        .replace("\"metadata\"", &format!("\"list\":{list},\"metadata\""))
}

#[test]
fn an_object_that_does_not_fit_the_template_does_not_end_the_run() {
    let template = r#"jsonpath={.object.list[?(@.a=="x")].b}{"\n"}"#;
    let events = || {
        let events = [
            with_list("a", "11", r#"[{"a":"x","b":"1"}]"#),
            with_list("a", "12", "null"),
            with_list("a", "13", r#"[{"a":"x","b":"2"}]"#),
        ];
        open_stream(events.concat())
    };
    let arguments = ["--watch-only", "--count=2", "-o", template];
    let (run, _server) = against([list(), events()], &arguments);
    let outcome = run.wait().ended(0);
    assert_eq!(outcome.lines(), ["1", "2"]);
    let reason = format!(
        "the output does not match the template: error executing jsonpath {:?}: \
         <nil> is not array or slice and cannot be filtered",
        template.strip_prefix("jsonpath=").unwrap()
    );
    assert_eq!(
        outcome.stderr,
        format!("rawwatch: {CONFIG_MAPS}: cannot print MODIFIED a: {reason}\n")
    );
    let (run, _server) = against(
        [list(), events()],
        &[&arguments[..], &["--strict-output"]].concat(),
    );
    let outcome = run.wait().ended(74);
    assert_eq!(outcome.lines(), ["1"]);
    assert_eq!(outcome.stderr, format!("error: {reason}\n"));
}

#[test]
fn no_format_ends_the_run_because_of_one_object() {
    let deep = "[".repeat(200) + &"]".repeat(200);
    let events = || with_list("a", "11", &deep) + &event("MODIFIED", "a", "12");
    for format in [
        "name",
        "yaml",
        "diff",
        "jsonpath={.object.metadata.name}",
        "table",
    ] {
        let (run, _server) = against(
            [list(), open_stream(events())],
            &["--timeout=1s", "--watch-only", "-o", format],
        );
        let outcome = run.wait().ended(0);
        assert!(!outcome.lines().is_empty(), "{format}: {outcome:#?}");
    }
    let (run, _server) = against(
        [list(), open_stream(events())],
        &["--for=jsonpath={.metadata.resourceVersion}=12", "-o=none"],
    );
    run.wait().ended(0);
}

/// The printing of the object must not be tried again in the next run.
#[test]
fn an_object_that_does_not_fit_the_template_is_not_resumed_from() {
    let server = ControlPlane::shared();
    let (label, selector) = label();
    create(server, &unique("unfit"), &label);
    let file = support::admin().with_file_name(unique("unfit-cursor"));
    let file = format!("--resume-file={}", file.display());
    let template = "-o=jsonpath={.object.data[0]}";
    let arguments = [CONFIG_MAPS, &selector, &file, template, "--timeout=1s"];
    rawwatch(&arguments)
        .ended(0)
        .says("cannot print ADDED unfit");
    assert_eq!(rawwatch(&arguments).ended(0).stderr, "");
}

#[test]
fn a_path_from_the_wrong_root_gets_a_note() {
    let server = ControlPlane::shared();
    let path = create(server, &unique("root"), "x");
    let outcome = rawwatch(&[&path, "--count=1", "-o=jsonpath={.metadata.name}"]).ended(0);
    assert_eq!(
        outcome.stderr,
        "rawwatch: -o jsonpath starts at the event: use {.object.metadata.name} \
         instead of {.metadata.name}\n"
    );
    let condition = "--for=jsonpath={.object.data.key}=0";
    let outcome = rawwatch(&[&path, condition, "--timeout=1s"]).ended(1);
    outcome.says(
        "rawwatch: --for jsonpath starts at the object: use {.data.key} \
         instead of {.object.data.key}\n",
    );
}

#[test]
fn a_path_to_one_object_has_no_note_without_v_1() {
    let server = FaultyServer::start([list(), open_stream(event("MODIFIED", "a", "11"))]).unwrap();
    let outcome = Run::start(
        command(&server.kubeconfig().unwrap()).args([&format!("{CONFIG_MAPS}/a"), "--timeout=1s"]),
    )
    .wait();
    assert_eq!(outcome.ended(0).stderr, "");
}

#[test]
fn the_progress_of_a_wait_is_shown_on_a_terminal() {
    let server = ControlPlane::shared();
    let (label, selector) = label();
    let path = create(server, &unique("progress"), &label);
    let (controller, terminal) = pseudo_terminal::open();
    let mut command = command(&admin());
    command.args([
        CONFIG_MAPS,
        &selector,
        "--for=jsonpath={.data.key}=1",
        "-o=name",
    ]);
    command
        .stdout(terminal.try_clone().unwrap())
        .stderr(terminal);
    let mut child = command.spawn().unwrap();
    drop(command);
    std::thread::sleep(Duration::from_millis(2500));
    change(server, &path, "1");
    assert!(child.wait().unwrap().success());
    let shown = pseudo_terminal::shown(controller);
    let name = path.rsplit('/').next().unwrap();
    let progress = "waiting for jsonpath={.data.key}=1: 0 of 1 objects, ";
    // The line is erased before an event, and does not come back at the end.
    let erase = "\r\u{1b}[K";
    let event = format!("configmap/{name}\n");
    assert!(
        shown.starts_with(&format!("{event}{progress}1 s{erase}")),
        "{shown:?}"
    );
    assert!(shown.ends_with(&format!(" s{erase}{event}")), "{shown:?}");
}

const JOBS: &str = "/apis/batch/v1/namespaces/default/jobs";

/// Creates a Job, and returns its name.
fn job() -> String {
    let name = unique("job");
    let container = json!({"name": "main", "image": "busybox"});
    let job = json!({"metadata": {"name": name}, "spec": {"template": {"spec": {
        "restartPolicy": "Never", "containers": [container],
    }}}});
    ControlPlane::shared().create(JOBS, &job).unwrap();
    name
}

/// Ends a Job as its controller does.
fn end_job(name: &str, ends: [&str; 2], reason: &str, numbers: Value) {
    let time = "2026-01-02T03:04:05Z";
    let conditions = ends.map(|end| {
        json!({"type": end, "status": "True", "reason": reason, "message": "",
            "lastProbeTime": time, "lastTransitionTime": time})
    });
    let mut status = numbers;
    status["startTime"] = json!(time);
    status["conditions"] = json!(conditions);
    let patch = json!({ "status": status }).to_string();
    let body = Some(("application/merge-patch+json", patch.as_bytes()));
    let (code, reply) = ControlPlane::shared()
        .request("PATCH", &format!("{JOBS}/{name}/status"), body)
        .unwrap();
    assert_eq!(code, 200, "{reply}");
}

fn complete_job(name: &str) {
    let numbers = json!({"succeeded": 1, "completionTime": "2026-01-02T03:04:06Z"});
    let ends = ["SuccessCriteriaMet", "Complete"];
    end_job(name, ends, "CompletionsReached", numbers);
}

fn fail_job(name: &str) {
    end_job(
        name,
        ["FailureTarget", "Failed"],
        "BackoffLimitExceeded",
        json!({"failed": 7}),
    );
}

#[test]
fn for_any_ends_when_a_job_is_complete_or_failed_and_says_which() {
    let either = [
        "--for-any=condition=Complete",
        "--for-any=condition=Failed",
        "-o=none",
    ];
    for (end, value) in [
        (
            complete_job as fn(&str),
            "condition Complete is True (CompletionsReached)",
        ),
        (fail_job, "condition Failed is True (BackoffLimitExceeded)"),
    ] {
        let name = job();
        let path = format!("{JOBS}/{name}");
        let mut run = start(&[&[path.as_str()], &either[..]].concat());
        std::thread::sleep(Duration::from_secs(1));
        assert!(run.is_running(), "{}", run.stderr());
        end(&name);
        let outcome = run.wait().ended(0);
        assert_eq!(outcome.stderr, format!("rawwatch: jobs/{name}: {value}\n"));
    }
    let name = job();
    let path = format!("{JOBS}/{name}");
    let outcome = rawwatch(&[&[path.as_str(), "--timeout=1s"], &either[..]].concat()).ended(1);
    assert_eq!(
        outcome.stderr,
        format!(
            "error: timed out waiting for the condition on jobs/{name}\n  \
             jobs/{name}: has no condition Complete; has no condition Failed\n"
        )
    );
}

#[test]
fn fail_on_ends_the_wait_at_once_and_names_object_and_value() {
    let names = [job(), job()];
    let paths = names.each_ref().map(|name| format!("{JOBS}/{name}"));
    let run = start(&[
        &paths[0],
        &paths[1],
        "--for=condition=Complete",
        "--fail-on=condition=Failed",
        "-o=none",
    ]);
    complete_job(&names[0]);
    fail_job(&names[1]);
    let outcome = run.wait().ended(1);
    assert_eq!(
        outcome.stderr,
        format!(
            "error: jobs/{} meets --fail-on: condition Failed is True (BackoffLimitExceeded)\n",
            names[1]
        )
    );
    // kubectl waits for the success until its timeout.
    let mut kubectl = ControlPlane::shared().kubectl().unwrap();
    let job = format!("job/{}", names[1]);
    kubectl.args([
        "wait",
        "-n",
        "default",
        "--timeout=2s",
        "--for=condition=Complete",
        &job,
    ]);
    let theirs = support::run(&mut kubectl, "").failed();
    assert!(theirs.stderr.contains("timed out waiting"), "{theirs:?}");
}

#[test]
fn fail_on_alone_lets_a_run_end_well() {
    let name = job();
    let path = format!("{JOBS}/{name}");
    rawwatch(&[&path, "--fail-on=condition=Failed", "--timeout=1s"]).ended(0);
    let run = start(&[&path, "--fail-on=delete"]);
    std::thread::sleep(Duration::from_secs(1));
    delete(
        ControlPlane::shared(),
        &format!("{path}?propagationPolicy=Background"),
    );
    let outcome = run.wait().ended(1);
    let message = format!("error: jobs/{name} meets --fail-on: was deleted");
    assert_eq!(outcome.message(), message);
}
