use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::time::Duration;

use control_plane::{ControlPlane, JSON_STORAGE, User};
use faulty_server::{Answer, FaultyServer, Reply, Request};
use serde_json::{Value, json};
use support::pseudo_terminal::Session;
use support::{Outcome, create, deployment, read, run, unique};

use super::cutting_proxy::{CuttingProxy, Fault};
use super::plugin::*;

const LABEL: [&str; 3] = [
    "--type=merge",
    "-p",
    r#"{"metadata":{"labels":{"new":"yes"}}}"#,
];
const APPLIED: &str = r#"{"apiVersion":"v1","kind":"ConfigMap","data":{"applied":"yes"}}"#;

/// Creates a namespace with `ConfigMap`s, each with the labels of its name. Returns the namespace.
fn namespace_with(labels: &[&Value]) -> String {
    let namespace = unique("many");
    create(
        "/api/v1/namespaces",
        &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
    );
    let objects = labels.iter().enumerate().map(|(number, labels)| {
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": format!("c{number}"), "labels": labels},
        })
    });
    ControlPlane::shared()
        .create_many(&config_maps(&namespace), objects)
        .unwrap();
    namespace
}

/// Creates a namespace with this number of `ConfigMap`s.
fn namespace(count: usize) -> String {
    let none = json!({});
    namespace_with(&vec![&none; count])
}

fn config_maps(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/configmaps")
}

/// Returns the output of kubectl, in lines.
fn kubectl(words: &[&str]) -> Vec<String> {
    let mut kubectl = ControlPlane::shared().kubectl().unwrap();
    let outcome = run(kubectl.args(words), "").succeeded();
    outcome.lines().into_iter().map(str::to_owned).collect()
}

/// Returns the names that kubectl lists, as `configmap/NAME`.
fn listed(namespace: &str, words: &[&str]) -> Vec<String> {
    kubectl(&[&["get", "configmaps", "-o", "name", "-n", namespace], words].concat())
}

/// Returns the lines of stdout in order, because objects are printed as they finish.
fn sorted(outcome: &Outcome) -> Vec<String> {
    let mut lines: Vec<String> = outcome.lines().into_iter().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[track_caller]
fn assert_summary(outcome: &Outcome, expected: &str) {
    assert_eq!(outcome.stderr, format!("{expected}\n"), "{outcome:#?}");
}

/// Returns a new file, whose folder lasts until the tests end.
fn file(text: &str) -> PathBuf {
    let file = std::env::temp_dir().join(format!("{}-{}", unique("paths"), std::process::id()));
    fs::write(&file, text).unwrap();
    file
}

#[test]
fn every_object_of_a_collection_is_patched() {
    let (namespace, other) = (namespace(3), namespace(1));
    let path = config_maps(&namespace);
    let patch = || rawpatch(&[&LABEL[..], &["--all", &path]].concat()).succeeded();
    let first = patch();
    let names = listed(&namespace, &["-l", "new=yes"]);
    assert_eq!(names, ["configmap/c0", "configmap/c1", "configmap/c2"]);
    let lines = |outcome: &str| -> Vec<String> {
        names
            .iter()
            .map(|name| format!("{name} {outcome}"))
            .collect()
    };
    assert_eq!(sorted(&first), lines("patched"));
    assert_summary(
        &first,
        "3 patched, 0 unchanged, 0 refused, 0 unknown, 0 gone",
    );
    let second = patch();
    assert_eq!(sorted(&second), lines("patched (no change)"));
    assert_summary(
        &second,
        "0 patched, 3 unchanged, 0 refused, 0 unknown, 0 gone",
    );
    assert!(listed(&other, &["-l", "new=yes"]).is_empty());
}

#[test]
fn selectors_choose_the_objects_that_kubectl_lists() {
    let [a, b, ab] = [
        json!({"a": "1"}),
        json!({"b": "1"}),
        json!({"a": "2", "b": "2"}),
    ];
    for selector in [
        ["-l", "a=1"],
        ["-l", "a"],
        ["-l", "!a"],
        ["-l", "a!=1"],
        ["-l", "a in (1, 2),b notin (3)"],
        ["--field-selector", "metadata.name=c1"],
        ["--field-selector", "metadata.name!=c1"],
    ] {
        let namespace = namespace_with(&[&a, &b, &ab]);
        let expected = listed(&namespace, &selector);
        assert!(
            (1..3).contains(&expected.len()),
            "{selector:?}: {expected:?}"
        );
        let path = config_maps(&namespace);
        let outcome = rawpatch(&[&LABEL[..], &selector, &["-o=name", &path]].concat()).succeeded();
        assert_eq!(sorted(&outcome), expected, "{selector:?}");
        assert_eq!(
            listed(&namespace, &["-l", "new=yes"]),
            expected,
            "{selector:?}"
        );
    }
    let namespace = namespace_with(&[&a, &ab]);
    let path = config_maps(&namespace);
    let both = [
        "-l=a",
        "--field-selector=metadata.name=c1",
        "-o=name",
        &path,
    ];
    let outcome = rawpatch(&[&LABEL[..], &both].concat()).succeeded();
    assert_eq!(sorted(&outcome), ["configmap/c1"]);
}

#[test]
fn a_path_over_all_namespaces_patches_each_object_in_its_own() {
    let label = unique("everywhere");
    let labels = json!({&label: ""});
    let namespaces = [namespace_with(&[&labels]), namespace_with(&[&labels])];
    let selector = format!("-l={label}");
    let outcome = rawpatch(&[&LABEL[..], &[&selector, "/api/v1/configmaps"]].concat()).succeeded();
    let expected = namespaces
        .each_ref()
        .map(|namespace| format!("configmap/c0 patched in namespace {namespace}"));
    assert_eq!(sorted(&outcome), expected);
    for namespace in &namespaces {
        assert_eq!(listed(namespace, &["-l", "new=yes"]), ["configmap/c0"]);
    }
}

#[test]
fn cluster_scoped_objects_with_any_name_are_patched() {
    let label = unique("scoped");
    let selector = format!("-l={label}");
    for name in ["a b:c", "x@y", "status", "ä"] {
        create(
            "/apis/rbac.authorization.k8s.io/v1/clusterroles",
            &json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
                "metadata": {"name": format!("{label} {name}"), "labels": {&label: ""}},
            }),
        );
    }
    let path = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    let outcome = rawpatch(&[&LABEL[..], &[&selector, path]].concat()).succeeded();
    assert_summary(
        &outcome,
        "4 patched, 0 unchanged, 0 refused, 0 unknown, 0 gone",
    );
    let both = format!("{selector},new=yes");
    assert_eq!(kubectl(&["get", "clusterroles", "-o=name", &both]).len(), 4);

    let namespaces = [namespace(0), namespace(0)];
    let names = namespaces.join(",");
    for namespace in &namespaces {
        let words = ["label", "namespace", namespace, &format!("{label}=")];
        kubectl(&words);
    }
    let outcome = rawpatch(&[&LABEL[..], &[&selector, "/api/v1/namespaces"]].concat()).succeeded();
    assert_summary(
        &outcome,
        "2 patched, 0 unchanged, 0 refused, 0 unknown, 0 gone",
    );
    assert!(!names.is_empty());
    assert_eq!(kubectl(&["get", "namespaces", "-o=name", &both]).len(), 2);
}

#[test]
fn a_subresource_of_each_object_is_patched() {
    let paths = [deployment(), deployment()];
    let label = unique("scaled");
    for path in &paths {
        let patch = json!({"metadata": {"labels": {&label: ""}}}).to_string();
        rawpatch(&["-p", &patch, path]).succeeded();
    }
    let selector = format!("-l={label}");
    let outcome = rawpatch(&[
        "--type=merge",
        "--subresource=scale",
        "-p",
        r#"{"spec":{"replicas":4}}"#,
        &selector,
        "/apis/apps/v1/namespaces/default/deployments",
    ])
    .succeeded();
    assert_summary(
        &outcome,
        "2 patched, 0 unchanged, 0 refused, 0 unknown, 0 gone",
    );
    assert!(outcome.stdout.contains("scale.autoscaling/"), "{outcome:?}");
    for path in &paths {
        assert_eq!(read(path)["spec"]["replicas"], 4);
    }
}

#[test]
fn a_custom_resource_without_the_subresource_is_refused_not_gone() {
    custom_resource(Custom::Bar);
    custom_resource(Custom::Foo);
    let patch = |kind: &str| {
        let path = format!("/apis/example.com/v1/namespaces/default/{kind}");
        let status = r#"{"status":{"seen":"yes"}}"#;
        rawpatch(&[
            "--type=merge",
            "-p",
            status,
            "--subresource=status",
            "--all",
            "-y",
            &path,
        ])
    };
    let outcome = patch("bars").succeeded();
    assert!(
        outcome.stderr.contains(" 0 refused, 0 unknown, 0 gone"),
        "{outcome:?}"
    );
    let outcome = patch("foos").ended(1);
    assert!(
        outcome.stderr.contains("0 patched, 0 unchanged, "),
        "{outcome:?}"
    );
    assert!(outcome.stderr.contains(" 0 unknown, 0 gone"), "{outcome:?}");
    assert!(
        outcome.hint().contains("has no subresource `status`"),
        "{outcome:?}"
    );
    // Custom resources do not support strategic merge patches. The hint is printed once.
    let foos = "/apis/example.com/v1/namespaces/default/foos";
    let strategic = [
        "-p",
        r#"{"metadata":{"labels":{"a":"b"}}}"#,
        "--all",
        "-y",
        foos,
    ];
    custom_resource(Custom::Foo);
    let outcome = rawpatch(&strategic).ended(1);
    assert_eq!(
        outcome.stderr.matches("use --type merge").count(),
        1,
        "{outcome:?}"
    );
}

#[test]
fn every_page_of_a_large_collection_is_patched() {
    let namespace = namespace(1_100);
    let path = config_maps(&namespace);
    let outcome = rawpatch(&[&LABEL[..], &["--all", "-y", "-o=none", &path]].concat()).succeeded();
    assert_summary(
        &outcome,
        "1100 patched, 0 unchanged, 0 refused, 0 unknown, 0 gone",
    );
    assert_eq!(outcome.stdout, "");
    assert_eq!(listed(&namespace, &["-l", "new=yes"]).len(), 1_100);
}

#[test]
fn nothing_to_patch_is_a_success_as_in_kubectl() {
    let namespace = namespace(0);
    let file = file("/api/v1/namespaces/default/configmaps/old\n");
    let path = config_maps(&namespace);
    let failed = ["--failed-to", file.to_str().unwrap()];
    let outcome = rawpatch(&[&LABEL[..], &["--all", &path], &failed].concat()).succeeded();
    assert_eq!(
        (outcome.stdout.as_str(), outcome.stderr.as_str()),
        ("", "No resources found\n")
    );
    // The file is not left from an earlier run.
    assert_eq!(fs::read_to_string(&file).unwrap(), "");
    let outcome = rawpatch(&[&LABEL[..], &["--paths-from", file.to_str().unwrap()]].concat());
    assert_eq!(outcome.succeeded().stderr, "No resources found\n");
}

#[test]
fn all_patch_types_and_formats_work_on_a_collection() {
    let namespace = namespace(2);
    let path = config_maps(&namespace);
    let json_patch = r#"[{"op":"add","path":"/data","value":{"json":"yes"}}]"#;
    let outcome = rawpatch(&["--all", "-p", json_patch, "-o=json", &path]).succeeded();
    let documents = serde_json::Deserializer::from_str(&outcome.stdout).into_iter::<Value>();
    let documents: Vec<Value> = documents.map(Result::unwrap).collect();
    assert_eq!(documents.len(), 2);
    assert!(
        documents
            .iter()
            .all(|document| document["data"]["json"] == "yes")
    );

    let template = "-o=jsonpath={.metadata.name}={.data.applied}{\"\\n\"}";
    let outcome = rawpatch(&["--all", "--type=apply", "-p", APPLIED, template, &path]).succeeded();
    assert_eq!(sorted(&outcome), ["c0=yes", "c1=yes"]);
    let outcome = rawpatch(&["--all", "--type=apply", "-p", APPLIED, &path]).succeeded();
    assert_eq!(
        outcome.lines()[0].split_once(' ').unwrap().1,
        "serverside-applied (no change)"
    );

    let yaml = rawpatch(&["--all", "-p", r#"{"data":{"x":"y"}}"#, "-o=yaml", &path]).succeeded();
    assert_eq!(yaml.stdout.matches("\n---\n").count(), 1, "{yaml:?}");
    let bad = "-o=jsonpath={.data[0]}";
    let outcome = rawpatch(&["--all", "-p", r#"{"data":{"x":"z"}}"#, bad, &path]).ended(74);
    assert!(outcome.stderr.contains("2 patched"), "{outcome:?}");
}

#[test]
fn a_dry_run_of_a_collection_changes_nothing_and_asks_nothing() {
    let namespace = namespace(12);
    let path = config_maps(&namespace);
    let outcome = rawpatch(&[&LABEL[..], &["--all", "--dry-run", &path]].concat()).succeeded();
    assert_summary(
        &outcome,
        "12 patched, 0 unchanged, 0 refused, 0 unknown, 0 gone (server dry run)",
    );
    assert_eq!(
        outcome.lines()[0].split_once(' ').unwrap().1,
        "patched (server dry run)"
    );
    assert!(listed(&namespace, &["-l", "new=yes"]).is_empty());
    let refused = rawpatch(&[&LABEL[..], &["--all", &path]].concat()).ended(2);
    assert_eq!(
        refused.stderr,
        "error: 12 objects would be patched, which needs a confirmation, but stdin is not a \
         terminal; nothing was sent\n\
         hint: add --yes, or try the patch first with --dry-run\n"
    );
    assert!(listed(&namespace, &["-l", "new=yes"]).is_empty());
}

#[test]
fn refused_objects_are_named_and_can_be_tried_again() {
    let namespace = namespace(3);
    let path = config_maps(&namespace);
    // An immutable ConfigMap refuses a change of its data.
    rawpatch(&["-p", r#"{"immutable":true}"#, &format!("{path}/c1")]).succeeded();
    let failed = file("");
    let failed = failed.to_str().unwrap();
    let patch = ["-p", r#"{"data":{"a":"b"}}"#];
    let outcome = rawpatch(&[&patch[..], &["--all", "--failed-to", failed, &path]].concat());
    let outcome = outcome.ended(1);
    assert_eq!(
        sorted(&outcome),
        ["configmap/c0 patched", "configmap/c2 patched"]
    );
    assert_eq!(
        outcome.stderr,
        format!(
            "{path}/c1: The ConfigMap \"c1\" is invalid: data: Forbidden: field is immutable when \
             `immutable` is set\n\
             2 patched, 0 unchanged, 1 refused, 0 unknown, 0 gone\n\
             error: 1 of 3 objects were not patched\n\
             hint: check them, then try again with --paths-from {failed}\n"
        )
    );
    assert_eq!(fs::read_to_string(failed).unwrap(), format!("{path}/c1\n"));
    run(
        ControlPlane::shared().kubectl().unwrap().args([
            "delete",
            "configmap",
            "c1",
            "-n",
            &namespace,
        ]),
        "",
    )
    .succeeded();
    create(
        &path,
        &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c1"}}),
    );
    let again = ["--paths-from", failed, "--failed-to", failed];
    let outcome = rawpatch(&[&patch[..], &again].concat()).succeeded();
    assert_eq!(
        sorted(&outcome),
        [format!("configmap/c1 patched in namespace {namespace}")]
    );
    assert_eq!(fs::read_to_string(failed).unwrap(), "");
}

#[test]
fn a_run_stops_if_the_first_objects_fail_and_at_max_failures() {
    let namespace = namespace(60);
    let path = config_maps(&namespace);
    let bad = r#"{"metadata":{"labels":{"not valid":"x"}}}"#;
    let arguments = ["--all", "-y", "--max-in-flight=2", "-p", bad, &path];
    let outcome = rawpatch(&arguments).ended(1);
    assert!(outcome.stderr.contains(" 39 not tried\n"), "{outcome:?}");
    assert!(
        outcome.stderr.ends_with(
            "error: 60 of 60 objects were not patched; stopped, because the first objects all failed\n\
             hint: correct the patch, or set --max-failures to go on in spite of failures\n"
        ),
        "{outcome:?}"
    );
    let outcome = rawpatch(&[&arguments[..], &["--max-failures=100"]].concat()).ended(1);
    assert!(
        outcome.stderr.contains("60 refused, 0 unknown, 0 gone\n"),
        "{outcome:?}"
    );
    assert_eq!(
        outcome.stderr.matches("configmaps/c").count(),
        20,
        "{outcome:?}"
    );
    assert!(
        outcome.stderr.contains("\nand 40 more: Invalid\n"),
        "{outcome:?}"
    );
    let outcome =
        rawpatch(&[&arguments[..], &["--max-failures=1", "--max-in-flight=1"]].concat()).ended(1);
    assert!(
        outcome
            .stderr
            .contains("1 refused, 0 unknown, 0 gone, 59 not tried\n")
    );
    assert!(
        outcome.stderr.contains("; stopped by --max-failures=1\n"),
        "{outcome:?}"
    );
}

#[test]
fn listed_paths_are_patched_from_a_file_or_stdin() {
    let namespaces = [namespace(2), namespace(1)];
    let path = |number: usize, name: &str| format!("{}/{name}", config_maps(&namespaces[number]));
    let text = format!("# two\n\n  {}\r\n{}/\n", path(0, "c1"), path(1, "c0"));
    let from_file = file(&text);
    for (value, stdin) in [(from_file.to_str().unwrap(), ""), ("-", text.as_str())] {
        let arguments = [&LABEL[..], &["--paths-from", value, "-o=name"]].concat();
        let outcome = rawpatch_with_stdin(&arguments, stdin).succeeded();
        assert_eq!(sorted(&outcome), ["configmap/c0", "configmap/c1"]);
    }
    assert_eq!(listed(&namespaces[0], &["-l", "new=yes"]), ["configmap/c1"]);
    // A path that does not exist was not listed, so it is not gone.
    let arguments = [&LABEL[..], &["--paths-from=-"]].concat();
    let outcome = rawpatch_with_stdin(&arguments, &path(0, "none")).ended(1);
    assert!(
        outcome.stderr.contains(" 1 refused, 0 unknown, 0 gone\n"),
        "{outcome:?}"
    );
}

#[test]
fn bad_lists_of_paths_are_refused_before_anything_is_sent() {
    let namespace = namespace(1);
    let path = config_maps(&namespace);
    let object = format!("{path}/c0");
    for (lines, message, hint) in [
        (
            format!("{object}\n# x\n{object}/"),
            format!("line 3 of stdin repeats line 1: {object}"),
            "remove one of them: each object is patched once",
        ),
        (
            format!("{object}\n{path}"),
            "line 2 of stdin: PATH is a collection of configmaps, but a patch needs one object"
                .to_owned(),
            "",
        ),
        (
            format!("{object}?dryRun=All"),
            "line 1 of stdin: the path has a query".to_owned(),
            "remove it, and set the parameters with flags, such as --dry-run",
        ),
        (
            format!("{object}\nconfigmap/c0"),
            "line 2 of stdin: expected an API path, but got a resource type and a name".to_owned(),
            "",
        ),
        (
            format!("{object}\n/api/v1/../x"),
            "line 2 of stdin: PATH has a `..` segment at byte 8".to_owned(),
            "write the full path without it: the server does not resolve it",
        ),
        (
            format!("{object}\n/apis/apps/v1/namespaces/default/deployments/d"),
            "line 2 of stdin: /kind in the patch does not match PATH, which names the kind of deployments"
                .to_owned(),
            "",
        ),
    ] {
        let patch = r#"{"kind":"ConfigMap","data":{"sent":"yes"}}"#;
        let outcome = rawpatch_with_stdin(&["-p", patch, "--paths-from=-"], &lines).ended(2);
        assert_eq!(outcome.message(), format!("error: {message}"), "{lines}");
        if !hint.is_empty() {
            assert_eq!(outcome.hint(), hint, "{lines}");
        }
    }
    assert_eq!(read(&object)["data"], Value::Null);
}

#[test]
fn flags_that_contradict_a_collection_are_refused() {
    let collection = "/api/v1/namespaces/default/configmaps";
    let object = "/api/v1/namespaces/default/configmaps/c";
    for (arguments, message) in [
        (
            &["--all", "-l", "a=b", collection][..],
            "cannot set --all and --selector at the same time",
        ),
        (
            &["--all", "--field-selector=a=b", collection],
            "cannot set --all and --field-selector at the same time",
        ),
        (
            &["--all", object],
            "--all, --selector and --field-selector need the path of a collection",
        ),
        (
            &["-l", "", collection],
            "PATH is a collection of configmaps, but a patch needs one object",
        ),
        (
            &["--paths-from=x", collection],
            "--paths-from has the paths, but PATH, --all or a selector is also given",
        ),
        (
            &["--paths-from=x", "--if-unchanged-since-list"],
            "--if-unchanged-since-list needs a list, but --paths-from does not list anything",
        ),
        (
            &["--paths-from=/none"],
            "unable to read the paths from /none: no such file or directory",
        ),
        (
            &["--all", "--curl", collection],
            "--curl is for one object, but several are patched",
        ),
        (
            &["--all", "--verbatim", collection],
            "--verbatim is for one object, but several are patched",
        ),
        (
            &["--all", "--diff", "--interactive", collection],
            "--interactive is for one object, but several are patched",
        ),
        (
            &["--all", "--diff", "-o=name", collection],
            "-o contradicts --diff, which prints the difference of two YAML documents",
        ),
        (
            &["--all", "--if-resource-version=5", collection],
            "--if-resource-version is for one object, but several are patched",
        ),
        (
            &["--failed-to=x", object],
            "--failed-to is for several objects",
        ),
        (
            &["--all", "--failed-to=/none/x", collection],
            "--failed-to=/none/x: no such file or directory",
        ),
        (
            &["--all", "--max-in-flight=0", collection],
            "invalid value \"0\" for --max-in-flight: must be a positive number",
        ),
        (
            &["--all", "-n", "default", "/api/v1/configmaps"],
            "--namespace=default contradicts PATH, which covers all namespaces",
        ),
        (
            &["--all", "/api/v1/configmaps?labelSelector=a"],
            "PATH has the unknown parameter `labelSelector` at byte 19",
        ),
    ] {
        let outcome = rawpatch(&[&["-p", r#"{"data":{"a":"b"}}"#], arguments].concat()).ended(2);
        assert_eq!(
            outcome.message(),
            format!("error: {message}"),
            "{arguments:?}"
        );
    }
    for field in ["name", "uid", "resourceVersion"] {
        let patch = json!({"metadata": {field: "1"}}).to_string();
        let outcome = rawpatch(&["-p", &patch, "--all", collection]).ended(2);
        let message = format!("error: the patch has /metadata/{field}, which only one object has");
        assert_eq!(outcome.message(), message);
    }
}

#[test]
fn a_user_who_may_not_list_gets_a_hint() {
    let user_without_rights = User::Person {
        name: "nobody",
        groups: &[],
    };
    let kubeconfig = ControlPlane::shared()
        .kubeconfig(&user_without_rights)
        .unwrap();
    let collection = "/api/v1/namespaces/default/configmaps";
    let outcome = run(
        command(&kubeconfig).args(LABEL).args(["--all", collection]),
        "",
    )
    .ended(1);
    assert!(
        outcome
            .stderr
            .contains("cannot list resource \"configmaps\""),
        "{outcome:?}"
    );
    assert!(outcome.hint().contains("--paths-from FILE"), "{outcome:?}");
}

/// Runs the patch of a whole collection on a terminal, and answers `question` there. Returns the exit code,
/// and everything shown.
fn on_a_terminal(
    path: &str,
    question: &str,
    answer: &str,
    arguments: &[&str],
) -> (Option<i32>, String) {
    let mut command = command(&support::admin());
    command.args(LABEL).args(["--all", path]).args(arguments);
    let mut session = Session::start(&command, |_| {});
    session.wait_for(question);
    session.enter(answer);
    let (status, shown) = session.end();
    (status.code(), shown)
}

#[test]
fn more_than_ten_objects_need_a_confirmation_on_the_terminal() {
    let namespace = namespace(11);
    let path = config_maps(&namespace);
    let patched = || listed(&namespace, &["-l", "new=yes"]).len();
    let question = format!("Patch 11 objects of {path}? [y/N] ");
    let (code, shown) = on_a_terminal(&path, &question, "n\n", &[]);
    assert_eq!(code, Some(1), "{shown}");
    assert!(
        shown.ends_with("not confirmed; nothing was changed\n"),
        "{shown}"
    );
    assert_eq!(patched(), 0);
    let (code, shown) = on_a_terminal(&path, &question, "yes\n", &[]);
    assert_eq!((code, patched()), (Some(0), 11), "{shown}");
    for quiet in ["-y", "--dry-run"] {
        let (code, shown) = on_a_terminal(&path, "", "", &[quiet]);
        assert_eq!(code, Some(0), "{shown}");
        assert!(!shown.contains("[y/N]"), "{shown}");
    }
}

#[test]
fn a_diff_shows_the_first_differences_and_a_summary() {
    let namespace = namespace(23);
    let path = config_maps(&namespace);
    rawpatch(&[&LABEL[..], &[&format!("{path}/c1")]].concat()).succeeded();
    let diff = |arguments: &[&str]| rawpatch(&[&LABEL[..], &["--diff"], arguments].concat());
    let outcome = diff(&["--all", &path]).ended(1);
    assert_eq!(outcome.stdout.matches("\n+    new: \"yes\"\n").count(), 20);
    assert_summary(
        &outcome,
        "22 would change, 1 unchanged, 0 refused, 0 gone; 2 differences are not shown",
    );
    let file = format!("v1.ConfigMap.{namespace}.c0");
    let outcome = diff(&["--field-selector=metadata.name=c0", &path]).ended(1);
    assert_eq!(
        outcome.lines()[0],
        format!("diff -u -N LIVE/{file} MERGED/{file}")
    );
    assert_summary(&outcome, "1 would change, 0 unchanged, 0 refused, 0 gone");
    let outcome = diff(&["--field-selector=metadata.name=c1", &path]).succeeded();
    assert_eq!(outcome.stdout, "");
    assert_eq!(listed(&namespace, &["-l", "new=yes"]), ["configmap/c1"]);

    let bad = r#"{"metadata":{"labels":{"not valid":"x"}}}"#;
    let outcome = rawpatch(&["--diff", "--all", "-p", bad, &path]).ended(4);
    assert!(
        outcome
            .stderr
            .contains("error: 23 of 23 objects were not compared"),
        "{outcome:?}"
    );
}

#[test]
fn a_signal_after_the_confirmation_waits_for_the_requests_in_flight() {
    fn answer(request: &Request, number: usize) -> Answer {
        let path = request.target.split('?').next().unwrap();
        let name = path.rsplit('/').next().unwrap();
        let object = format!(
            r#"{{"kind":"ConfigMap","apiVersion":"v1","metadata":{{"name":"{name}","namespace":"default"}}}}"#
        );
        match number {
            0 => {
                let items: Vec<String> = (0..11)
                    .map(|name| {
                        format!(r#"{{"metadata":{{"name":"c{name}","namespace":"default"}}}}"#)
                    })
                    .collect();
                let list = r#"{"kind":"ConfigMapList","metadata":{},"items":["#;
                Answer::Reply(Reply::json(200, format!("{list}{}]}}", items.join(","))))
            }
            _ => Answer::Delayed(Duration::from_secs(1), Reply::json(200, object)),
        }
    }
    let server = FaultyServer::start([Answer::Computed(answer)]).unwrap();
    let mut command = command(&server.kubeconfig().unwrap());
    let path = "/api/v1/namespaces/default/configmaps";
    command
        .args(LABEL)
        .args(["--all", "--max-in-flight=2", path]);
    let mut session = Session::start(&command, |_| {});
    session.wait_for("[y/N] ");
    session.enter("y\n");
    while server.requests().len() < 3 {
        std::thread::sleep(Duration::from_millis(10));
    }
    // Ctrl-C
    session.enter("\u{3}");
    let (status, shown) = session.end();
    assert_eq!(status.signal(), Some(2), "{shown}");
    assert!(shown.contains("2 patched, 0 unchanged"), "{shown}");
    assert!(shown.contains(", 9 not tried\n"), "{shown}");
}

#[test]
fn after_a_real_429_each_object_is_patched_once() {
    const COUNT: usize = 80;
    let server = ControlPlane::builder()
        .api_server_flag(JSON_STORAGE)
        .api_server_flag("--enable-priority-and-fairness=false")
        .api_server_flag("--max-mutating-requests-inflight=1")
        .start()
        .unwrap();
    // The limit does not apply to system:masters.
    let person = User::Person {
        name: "someone",
        groups: &["writers"],
    };
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"});
    let writers =
        json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "writers"});
    let bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "writers"}, "roleRef": role, "subjects": [writers],
    });
    server.create(bindings, &binding).unwrap();
    let path = config_maps("default");
    for number in 0..COUNT {
        let metadata = json!({"name": format!("c{number}"), "labels": {"many": "yes"}});
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata});
        server.create(&path, &object).unwrap();
    }
    let history = server.history("/registry/configmaps/default/").unwrap();
    let mut command = command(&server.kubeconfig(&person).unwrap());
    let arguments = ["-l=many=yes", "-y", "-v=6", "-o=none", &path];
    let outcome = run(command.args(LABEL).args(arguments), "").succeeded();
    assert!(
        outcome.stderr.contains(" status=\"429 Too Many Requests\""),
        "{outcome:?}"
    );
    let summary = format!("{COUNT} patched, 0 unchanged, 0 refused, 0 unknown, 0 gone\n");
    assert!(outcome.stderr.ends_with(&summary), "{outcome:?}");
    let changes = history.wait_for(&format!("c{}", COUNT - 1)).unwrap();
    let names: BTreeSet<&str> = changes.iter().map(|change| change.name.as_str()).collect();
    assert_eq!((changes.len(), names.len()), (COUNT, COUNT));
}

#[test]
fn after_lost_responses_no_object_is_patched_twice() {
    const COUNT: usize = 12;
    custom_resource(Custom::Foo);
    let label = unique("lost");
    let foos = "/apis/example.com/v1/namespaces/default/foos";
    let paths: Vec<String> = (0..COUNT)
        .map(|number| {
            let metadata = json!({"name": format!("{label}-{number}"), "labels": {&label: ""}});
            let foo = json!({
                "apiVersion": "example.com/v1", "kind": "Foo", "metadata": metadata,
                "spec": {"list": ["first"]},
            });
            create(foos, &foo)
        })
        .collect();
    // Each application would add an item.
    let append = r#"[{"op":"add","path":"/spec/list/-","value":"second"}]"#;
    let proxy = CuttingProxy::start([
        Fault::Cut(0),
        Fault::None,
        Fault::Cut(300),
        Fault::GatewayTimeout,
        Fault::LostRequest,
        Fault::Cut(20),
    ]);
    let selector = format!("-l={label}");
    let server = proxy.server_flag();
    let patch = [
        "-p",
        append,
        "--exactly-once",
        "-y",
        "-o=none",
        &selector,
        &server,
        foos,
    ];
    let outcome = rawpatch(&patch).succeeded();
    let summary = format!("{COUNT} patched, 0 unchanged, 0 refused, 0 unknown, 0 gone\n");
    assert!(outcome.stderr.ends_with(&summary), "{outcome:?}");
    for path in &paths {
        assert_eq!(
            read(path)["spec"]["list"],
            json!(["first", "second"]),
            "{path}"
        );
    }

    let merge = ["--type=merge", "-p", r#"{"spec":{"merged":"yes"}}"#, "-y"];
    let proxy = CuttingProxy::start([Fault::Cut(0), Fault::GatewayTimeout, Fault::Cut(9)]);
    let server = proxy.server_flag();
    let outcome = rawpatch(&[&merge[..], &[&selector, &server, foos]].concat()).succeeded();
    let summary = format!("{COUNT} patched, 0 unchanged, 0 refused, 0 unknown, 0 gone\n");
    assert!(outcome.stderr.ends_with(&summary), "{outcome:?}");
    assert_eq!(
        outcome.stdout.matches("(confirmed)").count(),
        3,
        "{outcome:?}"
    );
    assert_eq!(proxy.patches().len(), COUNT);
}
