use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::PathBuf;

use serde_json::json;

use super::plugin::*;

/// An object's path that all refused patches could have gone to.
const PATH: &str = "/api/v1/namespaces/default/configmaps/c";

/// A listener that counts who connects to it, and a kubeconfig for it.
struct Listener {
    listener: TcpListener,
    kubeconfig: PathBuf,
}

impl Listener {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        let kubeconfig =
            std::env::temp_dir().join(unique(&format!("refusals-{}", std::process::id())));
        let document = json!({
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": ""}}],
            "current-context": "c",
        });
        std::fs::write(&kubeconfig, document.to_string()).unwrap();
        Self {
            listener,
            kubeconfig,
        }
    }

    fn connections(&self) -> usize {
        let mut count = 0;
        loop {
            match self.listener.accept() {
                Ok(_) => count += 1,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return count,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// The command must end with exit 2, say all of `expected` on stderr, print nothing on
    /// stdout, and connect to nobody.
    #[track_caller]
    fn refuses(&self, arguments: &[&str], stdin: &str, expected: &[&str]) {
        let arguments = [&["--request-timeout=5s"], arguments].concat();
        let outcome = run(command(&self.kubeconfig).args(arguments), stdin).failed(2);
        for text in expected {
            assert!(
                outcome.stderr.contains(text),
                "{text:?} is not in {outcome:?}"
            );
        }
        assert!(outcome.stderr.starts_with("error: "), "{outcome:?}");
        assert_eq!(outcome.stdout, "", "{outcome:?}");
        assert_eq!(self.connections(), 0, "{outcome:?}");
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.kubeconfig);
    }
}

#[test]
fn the_listener_of_these_tests_counts_a_connection() {
    let listener = Listener::new();
    std::net::TcpStream::connect(listener.listener.local_addr().unwrap()).unwrap();
    assert_eq!(listener.connections(), 1);
}

/// A test that is one row: what follows the rule's name is a command line, what it reads from
/// stdin, and what its refusal says.
macro_rules! refusals {
    ($($name:ident: [$($argument:expr),*] $(< $stdin:expr)?, $($expected:expr),+;)+) => {$(
        #[test]
        fn $name() {
            Listener::new().refuses(&[$($argument),*], [$($stdin,)? ""][0], &[$($expected),+]);
        }
    )+};
}

refusals! {
    no_path: ["-p", "{}"], "PATH is missing", "hint: for example";
    two_different_paths: ["-p", r#"{"a":1}"#, "--raw", "/api", PATH], "two different paths";
    no_patch: [PATH], "must specify --patch or --filename";
    two_patches: ["-p", "{}", "-f", "x", PATH], "more than once";
    a_missing_file: ["-f", "/nonexistent/x", PATH], "/nonexistent/x", "no such file or directory";
    a_file_by_url: ["-f", "https://h/x", PATH], "only files are read";
    an_unknown_flag: ["--bogus", PATH], "unknown flag: --bogus", "see `kubectl rawpatch --help`";
    a_misspelt_flag: ["--field-manger=x", PATH], "unknown flag: --field-manger", "did you mean `--field-manager`?";
    a_flag_without_its_argument: [PATH, "-p"], "flag needs an argument: --patch";
    a_bad_type: ["--type", "x", "-p", "{}", PATH], "--type must be one of [json merge strategic apply], not \"x\"";
    a_bad_format: ["-o", "x", "-p", "{}", PATH], "unable to match a printer suitable for the output format \"x\"";
    a_misspelt_type: ["--type", "strategc", "-p", "{}", PATH], "not \"strategc\"", "hint: did you mean `strategic`?";
    a_misspelt_format: ["-o", "jsn", "-p", "{}", PATH], "json,jsonpath,name,none,yaml", "hint: did you mean `json`?";
    a_misspelt_strategy: ["--dry-run=servr", "-p", r#"{"a":1}"#, PATH], "Invalid dry-run value (servr)", "hint: did you mean `server`?";
    a_misspelt_level: ["--validate=strickt", "-p", r#"{"a":1}"#, PATH], "must be strict, warn or ignore", "hint: did you mean `strict`?";
    a_bad_template: ["-o", "jsonpath={.a", "-p", "{}", PATH], "unclosed action";

    two_documents: ["-p", "a: 1\n---\nb: 2\n", PATH], "second document", "line 3";
    broken_json: ["-p", r#"{"a": "secretvalue",, }"#, PATH], "byte 20";
    broken_yaml: ["-p", "a: [secretvalue", PATH], "line";
    a_patch_that_is_too_large: ["-f", "-", PATH] < &format!(r#"{{"a":"{}"}}"#, "x".repeat(3 << 20)), "3145728";
    a_duplicate_key: ["-p", r#"{"data":{"k":"1","k":"2"}}"#, PATH], "byte 17", "/data/k";
    an_empty_patch: ["-p", " ", PATH], "changes nothing", "--verbatim";
    a_null_patch: ["-p", "null", PATH], "changes nothing", "--verbatim";
    an_empty_object: ["-p", "{}", PATH], "changes nothing", "--verbatim";
    an_array_that_is_no_json_patch: ["--type", "merge", "-p", r#"[{"op":"remove","path":"/a"}]"#, PATH], "--type";
    an_object_that_is_no_json_patch: ["--type", "json", "-p", r#"{"a":1}"#, PATH], "--type";
    a_scalar: ["-p", "just text", PATH], "object";

    an_unknown_operation: ["-p", r#"[{"op":"test","path":"","value":1},{"op":"frob","path":"/a"}]"#, PATH], "operation 1";
    an_operation_without_value: ["-p", r#"[{"op":"add","path":"/a"}]"#, PATH], "operation 0 (add)", "value";
    an_operation_without_from: ["-p", r#"[{"op":"move","path":"/a"}]"#, PATH], "operation 0 (move)", "from";
    a_pointer_without_slash: ["-p", r#"[{"op":"remove","path":"data/x"}]"#, PATH], "operation 0 (remove)", "write \"/data/x\"";
    a_pointer_with_a_bad_escape: ["-p", r#"[{"op":"remove","path":"/a~2"}]"#, PATH], "operation 0 (remove)", "~0";
    too_many_operations: ["-f", "-", PATH] < &format!("[{}]", vec![r#"{"op":"remove","path":"/a"}"#; 10_001].join(",")), "10000";

    another_name: ["-p", r#"{"metadata":{"name":"d"}}"#, PATH], "/metadata/name", "\"c\"";
    another_namespace: ["-p", r#"{"metadata":{"namespace":"n"}}"#, PATH], "/metadata/namespace", "default";
    another_kind: ["-p", r#"{"kind":"Secret"}"#, PATH], "/kind", "configmaps";
    another_version: ["-p", r#"{"apiVersion":"v2"}"#, PATH], "/apiVersion", "v1";
    an_apply_without_kind: ["--type=apply", "-p", r#"{"apiVersion":"v1","metadata":{"name":"c"}}"#, PATH], "kind";
    an_apply_without_version: ["--type=apply", "-p", r#"{"kind":"ConfigMap","metadata":{"name":"c"}}"#, PATH], "apiVersion";
    an_apply_without_name: ["--type=apply", "-p", r#"{"apiVersion":"v1","kind":"ConfigMap"}"#, PATH], "name";
    an_apply_with_managed_fields: ["--type=apply", "-p", r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","managedFields":[]}}"#, PATH], "managedFields";
    an_apply_without_manager: ["--type=apply", "--field-manager=", "-p", r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}"#, PATH], "field manager";

    a_long_field_manager: ["--field-manager", &"m".repeat(129), "-p", r#"{"a":1}"#, PATH], "129 bytes";
    an_unprintable_field_manager: ["--field-manager", "a\tb", "-p", r#"{"a":1}"#, PATH], "control character";
    an_unknown_parameter: ["-p", r#"{"a":1}"#, &format!("{PATH}?dryrun=All")], "`dryrun` at byte 40", "did you mean `dryRun`?";
    a_doubled_parameter: ["-p", r#"{"a":1}"#, &format!("{PATH}?force=true&force=false")], "second time";
    a_bad_dry_run_parameter: ["-p", r#"{"a":1}"#, &format!("{PATH}?dryRun=all")], "`dryRun`", "All";
    a_bad_force_parameter: ["--type=apply", "-p", r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}"#, &format!("{PATH}?force=maybe")], "`force`", "true, false";
    force_without_apply: ["--force-conflicts", "-p", r#"{"a":1}"#, PATH], "only for --type apply";
    a_bad_validation_parameter: ["-p", r#"{"a":1}"#, &format!("{PATH}?fieldValidation=strict")], "`fieldValidation`", "Strict";
    a_bad_validate_flag: ["--validate=x", "-p", r#"{"a":1}"#, PATH], "--validate";
    a_client_dry_run: ["--dry-run=client", "-p", r#"{"a":1}"#, PATH], "--dry-run=client", "hint: --dry-run=server";
    a_bad_dry_run: ["--dry-run=x", "-p", r#"{"a":1}"#, PATH], "Invalid dry-run value (x)";
    a_dry_run_that_contradicts: ["--dry-run=none", "-p", r#"{"a":1}"#, &format!("{PATH}?dryRun=All")], "contradicts";
    a_flag_that_contradicts_the_path: ["--field-manager=a", "-p", r#"{"a":1}"#, &format!("{PATH}?fieldManager=b")], "--field-manager contradicts `fieldManager=b`";
    a_time_limit_that_contradicts: ["--request-timeout=4", "-p", r#"{"a":1}"#, &format!("{PATH}?timeout=5s")], "--request-timeout contradicts `timeout=5s`";
    a_namespace_that_contradicts_the_path: ["-n", "other", "-p", r#"{"a":1}"#, PATH], "--namespace=other contradicts `/namespaces/default`";
    a_subresource_that_contradicts_the_path: ["--subresource=scale", "-p", r#"{"a":1}"#, &format!("{PATH}/status")], "contradicts `/status`";

    a_path_without_slash: ["-p", r#"{"a":1}"#, "api/v1/namespaces/default/configmaps/c"], "must start with `/`", "did you mean `/api/v1";
    a_doubled_slash: ["-p", r#"{"a":1}"#, "/api/v1/namespaces//configmaps/c"], "`//`) at byte 19", "variable empty";
    a_dot_segment: ["-p", r#"{"a":1}"#, "/api/v1/../v1/configmaps/c"], "`..` segment at byte 8";
    an_encoded_slash: ["-p", r#"{"a":1}"#, "/api/v1/namespaces/default/configmaps%2Fc"], "%2F", "`configmaps/c`";
    a_semicolon: ["-p", r#"{"a":1}"#, &format!("{PATH}?dryRun=All;fieldManager=x")], "raw `;`", "%3B";
    a_bad_escape: ["-p", r#"{"a":1}"#, &format!("{PATH}?dryRun=%zzAll")], "starts no escape", "%25";
    a_fragment: ["-p", r#"{"a":1}"#, &format!("{PATH}#x")], "`#`", "%23";
    a_collection: ["-p", r#"{"a":1}"#, "/api/v1/namespaces/default/configmaps"], "collection of all configmaps", "/configmaps/NAME";
    no_object_at_all: ["-p", r#"{"a":1}"#, "/healthz"], "not the path of an object";
    another_server: ["-p", r#"{"a":1}"#, &format!("https://other.example{PATH}")], "https://other.example", "the kubeconfig's server is";

    a_subresource_that_is_none: ["--subresource=../x", "-p", r#"{"a":1}"#, PATH], "names no subresource";
    a_dry_run_behind_the_server: ["--dry-run", "-p", r#"{"a":1}"#, "/api/v1/namespaces/n/services/s/proxy/x"], "behind it";
    a_forgotten_flag: [PATH, r#"{"data":{"password":"hunter2"}}"#], "there is one PATH";
    a_bad_boolean: ["--include=maybe", "-p", r#"{"a":1}"#, PATH], "invalid value for --include: must be true or false";
    a_file_without_end: ["-f", "/dev/zero", PATH], "larger than 16 MiB";
    a_bad_header: ["-H", "nocolon", "-p", r#"{"a":1}"#, PATH], "--header has no `:`";
    an_authorization_header: ["-H", "Authorization: Bearer x", "-p", r#"{"a":1}"#, PATH], "must not set authorization";
    an_impersonation_header: ["-H", "Impersonate-User: x", "-p", r#"{"a":1}"#, PATH], "must not set impersonate-user", "--as";
    a_reply_that_no_format_reads: ["-H", "Accept: application/yaml", "-o", "name", "-p", r#"{"a":1}"#, PATH], "another reply than JSON";
    a_content_type_against_the_type: ["-H", "Content-Type: application/json", "-p", r#"{"a":1}"#, PATH], "contradicts", "--type";
    no_resource_version: ["--if-resource-version=abc", "-p", r#"{"a":1}"#, PATH], "resource version";
    two_resource_versions: ["--if-resource-version=5", "-p", r#"{"metadata":{"resourceVersion":"6"}}"#, PATH], "resourceVersion";
}

#[test]
fn a_refusal_does_not_quote_the_patch() {
    let listener = Listener::new();
    for patch in [
        r#"{"data":{"password":"hunter2"}}}"#,
        "data:\n  password: [hunter2\n",
        r#"{"data":{"a":"hunter2","a":"hunter2"}}"#,
        r#"[{"op":"add","path":"data","value":"hunter2"}]"#,
        "data: hunter2\n---\ndata: hunter2",
    ] {
        for arguments in [
            &["-p", patch, PATH][..],
            &[PATH, patch],
            &[patch],
            &["-p", "{}", patch],
        ] {
            let outcome = run(command(&listener.kubeconfig).args(arguments), "").failed(2);
            assert!(!outcome.stderr.contains("hunter2"), "{outcome:?}");
        }
    }
}

#[test]
fn no_utf_8() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), b"{\"a\":\"\xff\"}").unwrap();
    let file = file.path().to_str().unwrap();
    Listener::new().refuses(&["-f", file, PATH], "", &["not UTF-8 at byte 6"]);
}

#[test]
fn underscores_in_flags_are_dashes() {
    Listener::new().refuses(
        &[
            "--field_manager=a",
            "-p",
            r#"{"a":1}"#,
            &format!("{PATH}?fieldManager=b"),
        ],
        "",
        &["contradicts"],
    );
}
