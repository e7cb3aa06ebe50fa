use std::path::Path;

use control_plane::ControlPlane;
use support::{Outcome, assert_flags_are_explained, config_map, run};

use super::expected::name;
use super::plugin::*;

/// Runs the binary with a kubeconfig that names no server, so that it cannot send anything.
fn offline(arguments: &[&str]) -> Outcome {
    let mut command = command(Path::new("/dev/null"));
    run(command.args(arguments), "").ended(2)
}

#[test]
fn the_built_in_types_are_those_of_a_real_server() {
    let mut kubectl = ControlPlane::shared().kubectl().unwrap();
    let arguments = ["api-resources", "--no-headers"];
    let outcome = run(kubectl.args(arguments), "").succeeded();
    // Other tests define custom resources.
    let is_built_in = |line: &&str| !line.contains("example.com/");
    let normalized = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let real: Vec<_> = outcome
        .stdout
        .lines()
        .filter(is_built_in)
        .map(normalized)
        .collect();
    let known = include_str!("../../crates/kubectl-plugin/src/request/built_in_resources.txt");
    let known: Vec<_> = known.lines().map(normalized).collect();
    assert_eq!(
        known,
        real,
        "replace the file with the output of `kubectl {}`",
        arguments.join(" ")
    );
}

#[test]
fn a_type_and_a_name_get_the_path_that_kubectl_requests() {
    for words in [
        &["deployment", "x"][..],
        &["deploy/x"],
        &["deployments.apps/x"],
        &["deployments.v1.apps", "x"],
        &["-n", "kube-system", "Deployment", "x"],
        &["po", "x"],
        &["no", "x"],
        &["ns/x"],
        &["get", "svc/x"],
        &["ev", "x"],
        &["events.events.k8s.io", "x"],
        &["clusterrole", "x"],
        &["ing", "x"],
        &["hpa/x"],
        &["crd", "x"],
    ] {
        let mut kubectl = ControlPlane::shared().kubectl().unwrap();
        let words_of_kubectl = words.iter().filter(|word| **word != "get");
        let kubectl = run(kubectl.arg("get").args(words_of_kubectl).arg("--v=6"), "").failed();
        // kubectl may also read the namespace.
        let mut paths = kubectl
            .stderr
            .split("url=\"https://")
            .filter_map(|request| {
                let (_, path) = request.split_once('"')?.0.split_once('/')?;
                Some(path)
            });
        let path = paths.find(|path| path.ends_with("/x")).unwrap();
        let outcome = offline(&[words, &["-p", r#"{"spec":{"replicas":3}}"#]].concat());
        let what = "expected an API path, but got a resource type and a name";
        assert_eq!(
            outcome.stderr,
            format!("error: {what}\nhint: use /{path}\n"),
            "{words:?}"
        );
    }
}

#[test]
fn the_namespace_of_the_context_is_in_the_path() {
    let kubeconfig = tempfile::NamedTempFile::new().unwrap();
    let document = r#"{"current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "", "namespace": "shop"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}]}"#;
    std::fs::write(kubeconfig.path(), document).unwrap();
    let mut command = command(kubeconfig.path());
    let outcome = run(command.args(["pod/web", "-p", "a: 1"]), "").ended(2);
    assert_eq!(outcome.hint(), "use /api/v1/namespaces/shop/pods/web");
}

#[test]
fn a_custom_type_gets_a_command_that_shows_its_path() {
    custom_resource(Custom::Foo);
    let outcome = offline(&["foos", "x", "-p", "a: 1"]);
    assert_eq!(
        outcome.hint(),
        "`kubectl get foos NAME -v 6` shows the path in its last lines"
    );
    let mut kubectl = ControlPlane::shared().kubectl().unwrap();
    let kubectl = run(kubectl.args(["get", "foos", "NAME", "-v", "6"]), "").failed();
    kubectl.says("/apis/example.com/v1/namespaces/default/foos/NAME");
}

#[test]
fn a_patch_that_the_shell_split_gets_a_hint() {
    let path = "/api/v1/namespaces/default/configmaps/c";
    for (arguments, hint) in [
        (
            &["-p", "{data:", "{mode:", "slow}}", path][..],
            "put the patch in single quotes, as in -p '{\"data\":{\"mode\":\"slow\"}}'",
        ),
        (
            &[path, r#"{"data":{"mode":"slow"}}"#],
            "add -p before the patch",
        ),
        (
            &["-p", "a: 1", path, "/api/v1/nodes/n"],
            "run rawpatch once for each PATH",
        ),
        (
            &["-p", "a: 1", path, "more"],
            "remove it, or quote a value that has spaces; see `kubectl rawpatch --help`",
        ),
    ] {
        let outcome = offline(arguments);
        assert_eq!(
            outcome.message(),
            "error: unexpected argument: only one PATH is allowed"
        );
        assert_eq!(outcome.hint(), hint);
    }
}

#[test]
fn each_flag_of_kubectl_patch_apply_and_diff_is_accepted_or_explained() {
    let plugin = env!("CARGO_BIN_EXE_kubectl-rawpatch");
    assert_flags_are_explained(
        plugin,
        &["patch --help", "apply --help", "diff --help", "options"],
    );
}

#[test]
fn a_flag_of_another_command_gets_the_way_to_the_same_result() {
    let path = "/api/v1/namespaces/default/configmaps/c";
    for (arguments, message, hint) in [
        (
            &["--server-side"][..],
            "unknown flag: --server-side",
            "use --type apply",
        ),
        (
            &["--all-namespaces"],
            "unknown flag: --all-namespaces",
            "use a path without /namespaces/NAMESPACE, such as /api/v1/configmaps, with --all or -l",
        ),
        (
            &["-w"],
            "unknown shorthand flag: 'w'",
            "use `kubectl rawwatch PATH`",
        ),
        (
            &["--force"],
            "unknown flag: --force",
            "use --force-conflicts with --type apply; rawpatch never deletes an object",
        ),
        (&["-d", "{}"], "unknown shorthand flag: 'd'", "use -p"),
        (
            &["--dry-run", "server"],
            "--dry-run server must be one word",
            "write --dry-run=server",
        ),
        (
            &["--validate", "ignore"],
            "--validate ignore must be one word",
            "write --validate=ignore",
        ),
        (
            &["--include", "true"],
            "--include true must be one word",
            "write --include=true",
        ),
        (
            &["--fieldManager=me"],
            "unknown flag: --fieldManager",
            "did you mean `--field-manager`? see `kubectl rawpatch --help`",
        ),
    ] {
        let outcome = offline(&[arguments, &["-p", "a: 1", path]].concat());
        assert_eq!(outcome.stderr, format!("error: {message}\nhint: {hint}\n"));
    }
}

#[test]
fn a_patch_that_the_shell_changed_gets_a_hint() {
    let path = "/api/v1/namespaces/default/configmaps/c";
    let no_quotes = "the shell may have removed them: put the patch into a file, and use -f FILE, or \
                     write YAML with a space after each colon";
    for (patch, message, hint) in [
        (
            "{data:{mode:slow}}",
            "the patch is JSON without its quotation marks",
            no_quotes,
        ),
        (
            "[{op:remove,path:/data/mode}]",
            "the patch is JSON without its quotation marks",
            no_quotes,
        ),
        (
            r#"{\"data\":{\"mode\":\"slow\"}}"#,
            "the patch has a backslash before its first quotation mark",
            "remove the backslashes, because the shell keeps them inside single quotes; or put the \
             patch into a file, and use -f FILE",
        ),
        (
            "'{data:{mode:slow}}'",
            "a patch of type strategic must be an object, but this one is a scalar",
            "remove the quotation marks around the patch: it is a string that contains a patch",
        ),
    ] {
        let outcome = rawpatch(&["-p", patch, path]).ended(2);
        assert_eq!(outcome.stderr, format!("error: {message}\nhint: {hint}\n"));
    }
}

#[test]
fn the_name_of_a_file_instead_of_the_patch_gets_a_hint() {
    let path = "/api/v1/namespaces/default/configmaps/c";
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("my patch.yaml"), "a: 1").unwrap();
    let message = "error: --patch needs the patch itself, not the name of a file";
    for (patch, hint) in [
        ("./my patch.yaml", "use -f './my patch.yaml'"),
        ("my patch.yaml", "use -f 'my patch.yaml'"),
        ("@my patch.yaml", "use -f 'my patch.yaml'"),
        ("@hunter2", "use -f FILE"),
    ] {
        let mut command = command(Path::new("/dev/null"));
        let command = command.current_dir(folder.path());
        let outcome = run(command.args(["-p", patch, path]), "").ended(2);
        assert_eq!(
            outcome.stderr,
            format!("{message}\nhint: {hint}\n"),
            "{patch}"
        );
    }
    for patch in [
        r#"{"data":{"a":"hunter2"}}"#,
        "data: {a: hunter2}",
        "data:\n  a: hunter2",
    ] {
        let outcome = offline(&["-f", patch, path]);
        assert_eq!(
            outcome.stderr,
            "error: --filename needs a file, but its value looks like a patch\n\
             hint: use -p for a patch on the command line\n"
        );
    }
}

#[test]
fn a_file_in_utf16_is_read_as_in_kubectl() {
    let path = config_map();
    let text = "{\"data\":{\"key\":\"ü😀\"}}";
    let units = || "\u{feff}".encode_utf16().chain(text.encode_utf16());
    for bytes in [
        units().flat_map(u16::to_le_bytes).collect::<Vec<u8>>(),
        units().flat_map(u16::to_be_bytes).collect(),
        format!("\u{feff}{text}").into_bytes(),
    ] {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let file = format!("--patch-file={}", file.path().display());
        let mut kubectl = ControlPlane::shared().kubectl().unwrap();
        let arguments = [
            "patch",
            "configmap",
            name(&path),
            &file,
            "-o",
            "jsonpath={.data.key}",
        ];
        let kubectl = run(kubectl.args(arguments), "").succeeded();
        rawpatch(&["-p", r#"{"data":{"key":"other"}}"#, &path]).succeeded();
        let outcome = rawpatch(&[&file, "-o", "jsonpath={.data.key}", &path]).succeeded();
        assert_eq!(
            (&*outcome.stdout, outcome.stdout == kubectl.stdout),
            ("ü😀", true)
        );
    }
}
