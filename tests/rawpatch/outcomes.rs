//! The real API server behind a proxy that breaks responses, and a scripted server for rarer faults.

use std::process::Stdio;
use std::thread;
use std::time::Duration;

use control_plane::ControlPlane;
use fastrand::Rng;
use faulty_server::{Answer, FaultyServer, Piece, Reply};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use support::{Outcome, admin, config_map, read, run, unique};

use super::cutting_proxy::{CuttingProxy, Fault};
use super::plugin::*;

const PATH: &str = "/api/v1/namespaces/default/configmaps/c";
const MERGE: [&str; 4] = ["--type=merge", "-p", r#"{"data":{"key":"x"}}"#, PATH];
const APPEND: [&str; 4] = [
    "--type=json",
    "-p",
    r#"[{"op":"add","path":"/list/-","value":"x"}]"#,
    PATH,
];

/// Runs rawpatch through the proxy.
fn through(proxy: &CuttingProxy, arguments: &[&str]) -> Outcome {
    run(
        command(&admin()).arg(proxy.server_flag()).args(arguments),
        "",
    )
}

/// Creates a custom resource with a list.
fn with_list() -> String {
    let path = custom_resource(Custom::Foo);
    rawpatch(&[
        "--type=merge",
        "-p",
        r#"{"spec":{"list":["a"]}}"#,
        "--field-manager=test",
        &path,
    ])
    .succeeded();
    path
}

const APPEND_TO_SPEC: &str = r#"[{"op":"add","path":"/spec/list/-","value":"x"}]"#;

/// Returns the object of the scripted server.
fn object(version: &str, key: &str) -> Value {
    json!({
        "kind": "ConfigMap", "apiVersion": "v1",
        "metadata": {
            "name": "c", "namespace": "default", "resourceVersion": version,
            "managedFields": [{"manager": "someone", "operation": "Update", "time": "2026-01-02T03:04:05Z"}],
        },
        "data": {"key": key},
    })
}

fn answer(object: &Value) -> Answer {
    Answer::Reply(Reply::json(200, object.to_string()))
}

fn refusal(code: u16, reason: &str) -> Answer {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": "no", "code": code,
    });
    Answer::Reply(Reply::json(code, body.to_string()))
}

/// Runs the command against a scripted server. Returns the methods of the requests, too.
fn scripted(script: Vec<Answer>, arguments: &[&str]) -> (Outcome, Vec<String>) {
    let server = FaultyServer::start(script).unwrap();
    let outcome = run(command(&server.kubeconfig().unwrap()).args(arguments), "");
    let requests = server.requests();
    let methods = requests.iter().map(|request| {
        let dry_run = request.target.contains("dryRun=All");
        let suffix = if dry_run { " (dry run)" } else { "" };
        format!("{}{suffix}", request.method)
    });
    (outcome, methods.collect())
}

#[test]
fn a_patch_whose_response_was_lost_is_in_effect() {
    for (patch_type, patch) in [
        ("merge", r#"{"data":{"key":"new"}}"#),
        ("strategic", r#"{"data":{"key":"new"}}"#),
        (
            "json",
            r#"[{"op":"replace","path":"/data/key","value":"new"}]"#,
        ),
    ] {
        for fault in [Fault::Cut(0), Fault::Cut(100), Fault::GatewayTimeout] {
            let path = config_map();
            let proxy = CuttingProxy::start([fault]);
            let outcome = through(&proxy, &["--type", patch_type, "-p", patch, &path]).succeeded();
            assert_eq!(outcome.json(), read(&path));
            assert_eq!(read(&path)["data"]["key"], "new");
            let name = path.rsplit('/').next().unwrap();
            assert_eq!(
                outcome.stderr,
                format!("configmap/{name} has the patch in effect (confirmed)\n")
            );
            assert_eq!(proxy.patches().len(), 1);
        }
    }
}

#[test]
fn an_apply_patch_whose_response_was_lost_is_in_effect() {
    let name = unique("applied");
    let path = format!("/api/v1/namespaces/default/configmaps/{name}");
    for value in ["created", "changed"] {
        let patch = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"key": value}});
        let proxy = CuttingProxy::start([Fault::Cut(50)]);
        through(&proxy, &["--type=apply", "-p", &patch.to_string(), &path])
            .succeeded()
            .says("has the patch in effect (confirmed)");
        assert_eq!(read(&path)["data"]["key"], value);
        assert_eq!(proxy.patches().len(), 1);
    }
}

#[test]
fn a_response_may_break_at_every_byte() {
    let path = config_map();
    let whole = read(&path).to_string().len() + 200;
    for length in 0..whole {
        let value = length.to_string();
        let patch = json!({"data": {"key": value}}).to_string();
        let proxy = CuttingProxy::start([Fault::Cut(length)]);
        through(&proxy, &["--type=merge", "-p", &patch, "-o", "none", &path]).succeeded();
        assert_eq!(read(&path)["data"]["key"], value.as_str());
        assert_eq!(proxy.patches().len(), 1, "cut after {length} bytes");
    }
}

#[test]
fn a_patch_that_never_arrived_leaves_the_outcome_unknown() {
    let path = config_map();
    let proxy = CuttingProxy::start([Fault::LostRequest]);
    let arguments = [
        "--request-timeout=1s",
        "--type=merge",
        "-p",
        r#"{"data":{"key":"new"}}"#,
    ];
    let outcome = through(&proxy, &[&arguments[..], &[&path]].concat()).ended(10);
    let announced = "the connection was lost before the response arrived (EOF); reading the object for up to 6s \
                     to find out the outcome\n";
    assert!(outcome.stderr.starts_with(announced), "{outcome:?}");
    let seen = format!(
        "may not have been applied; it is not in effect (resource version {}, last changed by ",
        resource_version(&path)
    );
    assert!(outcome.stderr.contains(&seen), "{outcome:?}");
    assert_eq!(proxy.patches().len(), 1);
}

#[test]
fn a_patch_that_takes_effect_late_is_in_effect() {
    let lost = Answer::CloseUnanswered;
    let before = object("5", "old");
    let script = vec![
        lost,
        answer(&before),
        answer(&object("5", "x")),
        answer(&before),
        answer(&object("6", "x")),
    ];
    let (outcome, methods) = scripted(script, &MERGE);
    let outcome = outcome.succeeded();
    assert_eq!(outcome.json()["metadata"]["resourceVersion"], "6");
    assert_eq!(
        outcome.stderr,
        "the connection was lost before the response arrived (EOF); reading the object for up to 65s to find \
         out the outcome\n\
         configmap/c has the patch in effect (confirmed)\n"
    );
    // The patch is evaluated once for each version.
    assert_eq!(methods, ["PATCH", "GET", "PATCH (dry run)", "GET", "GET"]);
}

/// Asserts that the outcome stays unknown at once, and returns what was seen.
#[track_caller]
fn assert_unsettled(script: Vec<Answer>, arguments: &[&str], seen: &str, expected: &[&str]) {
    let (outcome, methods) = scripted(script, arguments);
    let outcome = outcome.ended(10);
    assert_eq!(
        outcome.message(),
        format!(
            "error: outcome unknown: the connection was lost before the response arrived (EOF); the PATCH \
             may or may not have been applied; {seen}"
        )
    );
    assert_eq!(outcome.stdout, "");
    assert_eq!(methods, expected);
}

#[test]
fn an_outcome_that_the_object_cannot_show_stays_unknown() {
    let lost = Answer::CloseUnanswered;
    let seen = "resource version 5, last changed by someone at 2026-01-02T03:04:05Z";
    assert_unsettled(
        vec![lost.clone(), answer(&object("5", "x"))],
        &APPEND,
        &format!("the object cannot show it, because the patch is not idempotent ({seen})"),
        &["PATCH", "GET"],
    );
    assert_unsettled(
        vec![lost.clone(), refusal(404, "NotFound")],
        &MERGE,
        "the object does not exist",
        &["PATCH", "GET"],
    );
    assert_unsettled(
        vec![lost, refusal(403, "Forbidden")],
        &MERGE,
        "the object could not be read (Error from server (Forbidden): no)",
        &["PATCH", "GET"],
    );
}

#[test]
fn an_outcome_that_reading_cannot_show_is_not_verified() {
    let yaml = ["-H", "Accept: application/yaml"];
    for (flags, seen) in [
        (
            &["--verbatim"][..],
            "--verbatim sends a patch that is not checked",
        ),
        (
            &yaml[..],
            "--header Accept asks for another format than the whole object in JSON",
        ),
    ] {
        let arguments = [flags, &MERGE].concat();
        let seen = format!("it was not verified, because {seen}");
        assert_unsettled(vec![Answer::CloseUnanswered], &arguments, &seen, &["PATCH"]);
    }
}

#[test]
fn a_signal_while_the_outcome_is_found_out_says_that_it_is_unknown() {
    let server = FaultyServer::start([Answer::CloseUnanswered, Answer::Silence]).unwrap();
    let child = command(&server.kubeconfig().unwrap())
        .args(MERGE)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while server.requests().len() < 2 {
        thread::sleep(Duration::from_millis(25));
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let outcome = Outcome::from(child.wait_with_output().unwrap());
    assert_eq!(outcome.signal, Some(2), "{outcome:?}");
    assert_eq!(
        outcome.message(),
        "error: outcome unknown: the connection was lost before the response arrived (EOF); the PATCH may or \
         may not have been applied; interrupted before the outcome was found out"
    );
}

#[test]
fn exactly_once_applies_a_patch_once_whatever_is_lost() {
    let faults = [
        &[Fault::Cut(0)][..],
        &[Fault::Cut(150)],
        &[Fault::GatewayTimeout],
        &[Fault::LostRequest],
        &[Fault::LostRequest, Fault::LostRequest, Fault::Cut(0)],
    ];
    for faults in faults {
        let path = with_list();
        let proxy = CuttingProxy::start(faults.iter().copied());
        let outcome = through(
            &proxy,
            &["--exactly-once", "--type=json", "-p", APPEND_TO_SPEC, &path],
        )
        .succeeded();
        assert_eq!(outcome.json()["spec"]["list"], json!(["a", "x"]));
        assert_eq!(read(&path)["spec"]["list"], json!(["a", "x"]), "{faults:?}");
        let is_confirmed = !matches!(faults, [Fault::LostRequest]);
        assert_eq!(
            outcome.stderr.contains(" patched (confirmed)"),
            is_confirmed,
            "{faults:?} {outcome:?}"
        );
        // Every PATCH has the same guard.
        let patches = proxy.patches();
        assert!(patches.iter().all(|patch| *patch == patches[0]));
        assert!(patches[0].starts_with(br#"[{"op":"replace","path":"/metadata/resourceVersion""#));
    }
}

#[test]
fn exactly_once_reads_again_after_another_writer_came_first() {
    let path = with_list();
    let version = resource_version(&path);
    let server = FaultyServer::start([
        answer(&object("5", "old")),
        refusal(409, "Conflict"),
        answer(&object("6", "other")),
        answer(&object("7", "x")),
    ])
    .unwrap();
    let arguments = [&["--exactly-once"][..], &MERGE].concat();
    run(command(&server.kubeconfig().unwrap()).args(arguments), "").succeeded();
    let requests = server.requests();
    let bodies: Vec<_> = requests
        .iter()
        .filter(|request| request.method == "PATCH")
        .map(|request| String::from_utf8_lossy(&request.body).into_owned())
        .collect();
    assert_eq!(
        bodies,
        [
            r#"{"metadata":{"resourceVersion":"5"},"data":{"key":"x"}}"#,
            r#"{"metadata":{"resourceVersion":"6"},"data":{"key":"x"}}"#,
        ]
    );
    assert_eq!(resource_version(&path), version);
}

#[test]
fn a_guarded_patch_that_another_writer_overtook_was_not_applied() {
    let before = object("5", "old");
    let mut after = object("6", "other");
    after["metadata"]["managedFields"][0]["time"] = "2026-01-02T03:04:06Z".into();
    let event = json!({"type": "MODIFIED", "object": after}).to_string() + "\n";
    let list = json!({"kind": "ConfigMapList", "apiVersion": "v1", "items": [before]});
    let script = vec![
        Answer::CloseUnanswered,
        answer(&object("9", "x")),
        Answer::Stream(vec![Piece::Send(event.into_bytes())]),
        answer(&list),
    ];
    let arguments = [&["--if-resource-version=5"][..], &MERGE].concat();
    let (outcome, methods) = scripted(script, &arguments);
    assert_eq!(
        outcome.ended(9).message(),
        "error: the patch was not applied: another writer changed the object first, to resource version 6"
    );
    assert_eq!(methods, ["PATCH", "GET", "GET", "GET"]);
}

#[test]
fn a_guarded_patch_is_confirmed_although_another_writer_undid_it() {
    for (patch_type, patch) in [
        ("json", APPEND_TO_SPEC),
        ("merge", r#"{"spec":{"list":["a","x"]}}"#),
    ] {
        let path = with_list();
        let version = resource_version(&path);
        let proxy = CuttingProxy::start([Fault::RewrittenAfter]);
        let guard = ["--if-resource-version", &version, "--type", patch_type];
        let outcome = through(&proxy, &[&guard[..], &["-p", patch, &path]].concat()).succeeded();
        assert!(
            outcome.stderr.ends_with(" patched (confirmed)\n"),
            "{outcome:?}"
        );
        // The object just after the patch is printed, and not the current one.
        assert_eq!(outcome.json()["spec"]["list"], json!(["a", "x"]));
        assert_eq!(read(&path)["spec"]["list"], json!([]));
        assert_eq!(proxy.patches().len(), 1);
    }
}

#[test]
fn a_lost_conflict_is_told_from_an_applied_patch() {
    let path = with_list();
    let version = resource_version(&path);
    let append = ["--type=json", "-p", APPEND_TO_SPEC, "-o", "none", &path];
    let proxy = CuttingProxy::start([Fault::RewrittenBefore]);
    let guard = ["--if-resource-version", &version];
    through(&proxy, &[&guard[..], &append].concat())
        .ended(9)
        .says("the patch was not applied: another writer changed the object first");
    assert_eq!(read(&path)["spec"]["list"], json!([]));

    let path = with_list();
    let append = ["--type=json", "-p", APPEND_TO_SPEC, "-o", "none", &path];
    let proxy = CuttingProxy::start([Fault::RewrittenBefore]);
    through(&proxy, &[&append[..], &["--exactly-once"]].concat()).succeeded();
    assert_eq!(read(&path)["spec"]["list"], json!(["x"]));
    assert_eq!(proxy.patches().len(), 2);
}

#[test]
fn a_guarded_patch_that_never_arrived_was_not_applied() {
    let path = config_map();
    let version = resource_version(&path);
    let proxy = CuttingProxy::start([Fault::LostRequest]);
    let arguments = [
        "--request-timeout=1s",
        "--if-resource-version",
        &version,
        "--type=merge",
        "-p",
        r#"{"data":{"key":"new"}}"#,
        &path,
    ];
    let outcome = through(&proxy, &arguments).ended(5);
    assert!(
        outcome.stderr.ends_with(&format!(
            "error: not applied: the connection was lost before the response arrived (EOF); after 6s, the object \
             still has resource version {version}\n"
        )),
        "{outcome:?}"
    );
    assert_eq!(proxy.patches().len(), 1);
}

/// A patch with a resource version is guarded without a flag.
#[test]
fn a_patch_with_a_resource_version_is_decided_like_a_guarded_one() {
    for guard in ["test", "replace"] {
        let path = with_list();
        let version = resource_version(&path);
        let patch = json!([
            {"op": guard, "path": "/metadata/resourceVersion", "value": version},
            {"op": "add", "path": "/spec/list/-", "value": "x"},
        ]);
        let proxy = CuttingProxy::start([Fault::Cut(0)]);
        let outcome = through(&proxy, &["-p", &patch.to_string(), "-o", "name", &path]);
        assert_eq!(outcome.succeeded().stderr, "patched (confirmed)\n");
        assert_eq!(read(&path)["spec"]["list"], json!(["a", "x"]));
        assert_eq!(proxy.patches().len(), 1);
    }
}

#[test]
fn failures_that_changed_nothing_are_retried_only_on_request() {
    let busy = || refusal(429, "TooManyRequests");
    let script = || vec![busy(), busy(), answer(&object("6", "x"))];
    let (outcome, methods) = scripted(script(), &[&MERGE[..], &["--retry-for=20s"]].concat());
    assert_eq!(outcome.succeeded().stderr, "");
    assert_eq!(methods, ["PATCH", "PATCH", "PATCH"]);
    let (outcome, methods) = scripted(script(), &MERGE);
    outcome.ended(1);
    assert_eq!(methods, ["PATCH"]);

    let outcome = run(
        command(&admin())
            .args(MERGE)
            .args(["--server=https://127.0.0.1:1", "--retry-for=1s"]),
        "",
    );
    assert_eq!(
        outcome.ended(5).message(),
        "error: gave up after 1s: The connection to the server 127.0.0.1:1 was refused - did you specify the \
         right host or port?"
    );
}

#[test]
fn a_patch_that_changes_nothing_is_said_to_and_can_fail() {
    for (patch_type, patch) in [
        ("merge", r#"{"data":{"key":"new"}}"#),
        ("strategic", r#"{"data":{"key":"new"}}"#),
        (
            "json",
            r#"[{"op":"replace","path":"/data/key","value":"new"}]"#,
        ),
    ] {
        let path = config_map();
        let arguments = ["--type", patch_type, "-p", patch, "-o", "name", &path];
        let fail = [&arguments[..], &["--fail-if-unchanged"]].concat();
        assert_eq!(rawpatch(&fail).succeeded().stderr, "");
        let version = resource_version(&path);
        let outcome = rawpatch(&fail).ended(1);
        assert_eq!(
            outcome.stderr,
            "patched (no change)\nerror: the patch changed nothing\n"
        );
        let exact = [&arguments[..], &["--exactly-once"]].concat();
        assert_eq!(rawpatch(&exact).succeeded().stderr, "patched (no change)\n");
        assert_eq!(resource_version(&path), version);
    }
}

#[test]
fn exactly_once_creates_a_missing_object_only_with_apply() {
    let name = unique("created");
    let path = format!("/api/v1/namespaces/default/configmaps/{name}");
    let merge = [
        "--exactly-once",
        "--type=merge",
        "-p",
        r#"{"data":{"a":"b"}}"#,
        &path,
    ];
    rawpatch(&merge).ended(1).says("not found");
    let patch =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}).to_string();
    let apply = ["--exactly-once", "--type=apply", "-p", &patch, &path];
    rawpatch(&apply).succeeded().says("created");
    rawpatch(&apply)
        .succeeded()
        .says("serverside-applied (no change)");
}

#[test]
fn flags_about_the_outcome_that_contradict_are_refused() {
    let exact = &["--exactly-once"][..];
    for (flags, message) in [
        (
            &["--exactly-once", "--no-verify"][..],
            "--no-verify contradicts --exactly-once",
        ),
        (
            &["--fail-if-unchanged", "--dry-run"],
            "--fail-if-unchanged contradicts a dry run, which never changes the object",
        ),
        (
            &["--exactly-once", "--verbatim"],
            "--exactly-once needs to read the object, but --verbatim sends a patch that is not checked",
        ),
    ] {
        let (outcome, methods) = scripted(vec![], &[flags, &MERGE].concat());
        assert_eq!(outcome.ended(2).message(), format!("error: {message}"));
        assert!(methods.is_empty());
    }
    let cannot_be_guarded = r#"{"metadata":null}"#;
    let (outcome, methods) = scripted(
        vec![],
        &[
            "--exactly-once",
            "--type=merge",
            "-p",
            cannot_be_guarded,
            PATH,
        ],
    );
    outcome.ended(2);
    assert!(methods.is_empty());
    let proxied = "/api/v1/namespaces/default/services/web/proxy/";
    let arguments = [exact, &["--type=merge", "-p", r#"{"a":1}"#, proxied]].concat();
    let (outcome, _) = scripted(vec![], &arguments);
    outcome.ended(2).says("PATH is proxied to another server");
}

/// Several processes append to one list, and each loses its first response.
#[test]
fn concurrent_patches_are_each_applied_once() {
    const WRITERS: usize = 5;
    for has_own_manager in [true, false] {
        let path = with_list();
        let codes: Vec<_> = thread::scope(|scope| {
            let path = &path;
            let writers: Vec<_> = (0..WRITERS)
                .map(|number| {
                    scope.spawn(move || {
                        let item = format!("x{number}");
                        let patch = json!([{"op": "add", "path": "/spec/list/-", "value": item}])
                            .to_string();
                        let manager = if has_own_manager { number } else { WRITERS };
                        let manager = format!("--field-manager=writer-{manager}");
                        let proxy = CuttingProxy::start([Fault::Cut(0)]);
                        let outcome = through(
                            &proxy,
                            &["--exactly-once", "-o", "none", "-p", &patch, &manager, path],
                        );
                        (item, outcome.code.unwrap())
                    })
                })
                .collect();
            let join = |writer: thread::ScopedJoinHandle<'_, _>| writer.join().unwrap();
            writers.into_iter().map(join).collect()
        });
        let list = read(&path)["spec"]["list"].as_array().unwrap().clone();
        for (item, code) in codes {
            let count = list.iter().filter(|found| **found == *item).count();
            match code {
                0 => assert_eq!(count, 1, "{item} in {list:?}"),
                // A writer with the same field manager may have made the change.
                10 if !has_own_manager => assert!(count <= 1, "{item} in {list:?}"),
                code => panic!("{item} ended with {code}"),
            }
        }
    }
}

/// Against the real server, with random faults: the list has each item once.
#[test]
fn under_random_cuts_every_patch_is_applied_once() {
    const SEEDS: u64 = 20;
    for seed in 0..SEEDS {
        let mut rng = Rng::with_seed(seed);
        let path = with_list();
        let faults: Vec<_> = (0..rng.usize(1..4))
            .map(|_| match rng.u8(..3) {
                0 => Fault::LostRequest,
                1 => Fault::GatewayTimeout,
                _ => Fault::Cut(rng.usize(..600)),
            })
            .collect();
        let proxy = CuttingProxy::start(faults.clone());
        let outcome = through(
            &proxy,
            &[
                "--exactly-once",
                "--type=json",
                "-p",
                APPEND_TO_SPEC,
                "-o",
                "none",
                &path,
            ],
        );
        outcome.succeeded();
        assert_eq!(
            read(&path)["spec"]["list"],
            json!(["a", "x"]),
            "seed {seed}, {faults:?}"
        );
    }
}

/// Runs `kubectl patch` through the proxy.
fn kubectl_patch(proxy: &CuttingProxy, name: &str) -> Outcome {
    let server = ControlPlane::shared();
    let mut kubectl = server.kubectl().unwrap();
    kubectl
        .envs(server.environment(Some(&folder())).unwrap())
        .env("KUBECONFIG", admin());
    let kind = ["patch", "foos.example.com", name, "--type=json", "-p"];
    run(
        kubectl
            .arg(proxy.server_flag())
            .args(kind)
            .arg(APPEND_TO_SPEC),
        "",
    )
}

/// Each row of the table in docs/comparison.md, which appends an item to a list.
#[test]
fn kubectl_and_rawpatch_report_lost_responses_as_documented() {
    let documented = include_str!("../../docs/comparison.md");
    for (description, fault) in [
        (
            "the connection breaks after the server applied the patch",
            Fault::Cut(0),
        ),
        (
            "504 with `Retry-After` after the server applied the patch",
            Fault::GatewayTimeout,
        ),
        (
            "the connection breaks before the patch arrives",
            Fault::LostRequest,
        ),
    ] {
        let mut cells = vec![description.to_owned()];
        for program in ["kubectl", "rawpatch", "rawpatch --exactly-once"] {
            let path = with_list();
            let proxy = CuttingProxy::start([fault]);
            let patch = ["--type=json", "-p", APPEND_TO_SPEC, &path];
            let outcome = match program {
                "kubectl" => kubectl_patch(&proxy, path.rsplit('/').next().unwrap()),
                "rawpatch" => through(&proxy, &patch),
                _ => through(&proxy, &[&patch[..], &["--exactly-once"]].concat()),
            };
            let items = read(&path)["spec"]["list"].as_array().unwrap().len();
            let applied = ["not applied", "applied once", "**applied twice**"][items - 1];
            cells.push(format!("{applied}; exit code {}", outcome.code.unwrap()));
        }
        let row = format!("| {} |", cells.join(" | "));
        assert!(documented.contains(&row), "{row}");
    }
}
