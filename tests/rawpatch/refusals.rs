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

    /// Runs a command that must be refused before anything is sent, and shows it with its stderr.
    #[track_caller]
    fn refusal(&self, name: &str, arguments: &[&str], stdin: &str) -> String {
        let given = [&["--request-timeout=5s"], arguments].concat();
        let outcome = run(command(&self.kubeconfig).args(given), stdin).failed(2);
        assert!(outcome.stderr.starts_with("error: "), "{outcome:?}");
        assert_eq!(outcome.stdout, "", "{outcome:?}");
        assert_eq!(self.connections(), 0, "{outcome:?}");
        let shown: Vec<String> = arguments
            .iter()
            .map(|argument| argument.escape_debug().take(70).collect())
            .collect();
        let address = self.listener.local_addr().unwrap().to_string();
        let stderr = outcome.stderr.replace(&address, "SERVER");
        format!("{name}: {}\n{stderr}\n", shown.join(" "))
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

/// Compares the refusals of all these command lines, in full, with one snapshot. A row is a name, the
/// arguments, and stdin.
macro_rules! refusals {
    ($($name:ident: [$($argument:expr),*] $(< $stdin:expr)?;)+) => {
        #[test]
        fn a_refusal_names_the_problem_and_the_remedy() {
            let refusals = [$(
                Listener::new().refusal(
                    stringify!($name),
                    &[$($argument),*],
                    [$($stdin,)? ""][0],
                )
            ),+];
            insta::assert_snapshot!(refusals.concat());
        }
    };
}

refusals! {
    no_path: ["-p", "{}"];
    two_different_paths: ["-p", r#"{"a":1}"#, "--raw", "/api", PATH];
    no_patch: [PATH];
    two_patches: ["-p", "{}", "-f", "x", PATH];
    a_missing_file: ["-f", "/nonexistent/x", PATH];
    a_file_by_url: ["-f", "https://h/x", PATH];
    an_unknown_flag: ["--bogus", PATH];
    a_misspelt_flag: ["--field-manger=x", PATH];
    a_flag_without_its_argument: [PATH, "-p"];
    a_bad_type: ["--type", "x", "-p", "{}", PATH];
    a_bad_format: ["-o", "x", "-p", "{}", PATH];
    a_misspelt_type: ["--type", "strategc", "-p", "{}", PATH];
    a_misspelt_format: ["-o", "jsn", "-p", "{}", PATH];
    a_misspelt_strategy: ["--dry-run=servr", "-p", r#"{"a":1}"#, PATH];
    a_misspelt_level: ["--validate=strickt", "-p", r#"{"a":1}"#, PATH];
    a_bad_template: ["-o", "jsonpath={.a", "-p", "{}", PATH];

    two_documents: ["-p", "a: 1\n---\nb: 2\n", PATH];
    broken_json: ["-p", r#"{"a": "secretvalue",, }"#, PATH];
    broken_yaml: ["-p", "a: [secretvalue", PATH];
    a_patch_that_is_too_large: ["-f", "-", PATH] < &format!(r#"{{"a":"{}"}}"#, "x".repeat(3 << 20));
    a_duplicate_key: ["-p", r#"{"data":{"k":"1","k":"2"}}"#, PATH];
    an_empty_patch: ["-p", " ", PATH];
    a_null_patch: ["-p", "null", PATH];
    an_empty_object: ["-p", "{}", PATH];
    an_array_that_is_no_json_patch: ["--type", "merge", "-p", r#"[{"op":"remove","path":"/a"}]"#, PATH];
    an_object_that_is_no_json_patch: ["--type", "json", "-p", r#"{"a":1}"#, PATH];
    a_scalar: ["-p", "just text", PATH];

    an_unknown_operation: ["-p", r#"[{"op":"test","path":"","value":1},{"op":"frob","path":"/a"}]"#, PATH];
    an_operation_without_value: ["-p", r#"[{"op":"add","path":"/a"}]"#, PATH];
    an_operation_without_from: ["-p", r#"[{"op":"move","path":"/a"}]"#, PATH];
    a_pointer_without_slash: ["-p", r#"[{"op":"remove","path":"data/x"}]"#, PATH];
    a_pointer_with_a_bad_escape: ["-p", r#"[{"op":"remove","path":"/a~2"}]"#, PATH];
    too_many_operations: ["-f", "-", PATH] < &format!("[{}]", vec![r#"{"op":"remove","path":"/a"}"#; 10_001].join(","));

    another_name: ["-p", r#"{"metadata":{"name":"d"}}"#, PATH];
    another_namespace: ["-p", r#"{"metadata":{"namespace":"n"}}"#, PATH];
    another_kind: ["-p", r#"{"kind":"Secret"}"#, PATH];
    another_version: ["-p", r#"{"apiVersion":"v2"}"#, PATH];
    an_apply_without_kind: ["--type=apply", "-p", r#"{"apiVersion":"v1","metadata":{"name":"c"}}"#, PATH];
    an_apply_without_version: ["--type=apply", "-p", r#"{"kind":"ConfigMap","metadata":{"name":"c"}}"#, PATH];
    an_apply_without_name: ["--type=apply", "-p", r#"{"apiVersion":"v1","kind":"ConfigMap"}"#, PATH];
    an_apply_with_managed_fields: ["--type=apply", "-p", r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","managedFields":[]}}"#, PATH];
    an_apply_without_manager: ["--type=apply", "--field-manager=", "-p", r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}"#, PATH];

    a_long_field_manager: ["--field-manager", &"m".repeat(129), "-p", r#"{"a":1}"#, PATH];
    an_unprintable_field_manager: ["--field-manager", "a\tb", "-p", r#"{"a":1}"#, PATH];
    an_unknown_parameter: ["-p", r#"{"a":1}"#, &format!("{PATH}?dryrun=All")];
    a_doubled_parameter: ["-p", r#"{"a":1}"#, &format!("{PATH}?force=true&force=false")];
    a_bad_dry_run_parameter: ["-p", r#"{"a":1}"#, &format!("{PATH}?dryRun=all")];
    a_bad_force_parameter: ["--type=apply", "-p", r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}"#, &format!("{PATH}?force=maybe")];
    force_without_apply: ["--force-conflicts", "-p", r#"{"a":1}"#, PATH];
    a_bad_validation_parameter: ["-p", r#"{"a":1}"#, &format!("{PATH}?fieldValidation=strict")];
    a_bad_validate_flag: ["--validate=x", "-p", r#"{"a":1}"#, PATH];
    a_client_dry_run: ["--dry-run=client", "-p", r#"{"a":1}"#, PATH];
    a_bad_dry_run: ["--dry-run=x", "-p", r#"{"a":1}"#, PATH];
    a_dry_run_that_contradicts: ["--dry-run=none", "-p", r#"{"a":1}"#, &format!("{PATH}?dryRun=All")];
    a_flag_that_contradicts_the_path: ["--field-manager=a", "-p", r#"{"a":1}"#, &format!("{PATH}?fieldManager=b")];
    a_time_limit_that_contradicts: ["--request-timeout=4", "-p", r#"{"a":1}"#, &format!("{PATH}?timeout=5s")];
    a_namespace_that_contradicts_the_path: ["-n", "other", "-p", r#"{"a":1}"#, PATH];
    a_subresource_that_contradicts_the_path: ["--subresource=scale", "-p", r#"{"a":1}"#, &format!("{PATH}/status")];

    a_path_without_slash: ["-p", r#"{"a":1}"#, "api/v1/namespaces/default/configmaps/c"];
    a_doubled_slash: ["-p", r#"{"a":1}"#, "/api/v1/namespaces//configmaps/c"];
    a_dot_segment: ["-p", r#"{"a":1}"#, "/api/v1/../v1/configmaps/c"];
    an_encoded_slash: ["-p", r#"{"a":1}"#, "/api/v1/namespaces/default/configmaps%2Fc"];
    a_semicolon: ["-p", r#"{"a":1}"#, &format!("{PATH}?dryRun=All;fieldManager=x")];
    a_bad_escape: ["-p", r#"{"a":1}"#, &format!("{PATH}?dryRun=%zzAll")];
    a_fragment: ["-p", r#"{"a":1}"#, &format!("{PATH}#x")];
    a_collection: ["-p", r#"{"a":1}"#, "/api/v1/namespaces/default/configmaps"];
    no_object_at_all: ["-p", r#"{"a":1}"#, "/healthz"];
    another_server: ["-p", r#"{"a":1}"#, &format!("https://other.example{PATH}")];

    a_subresource_that_is_none: ["--subresource=../x", "-p", r#"{"a":1}"#, PATH];
    a_dry_run_behind_the_server: ["--dry-run", "-p", r#"{"a":1}"#, "/api/v1/namespaces/n/services/s/proxy/x"];
    a_forgotten_flag: [PATH, r#"{"data":{"password":"hunter2"}}"#];
    a_bad_boolean: ["--include=maybe", "-p", r#"{"a":1}"#, PATH];
    a_file_without_end: ["-f", "/dev/zero", PATH];
    a_bad_header: ["-H", "nocolon", "-p", r#"{"a":1}"#, PATH];
    an_authorization_header: ["-H", "Authorization: Bearer x", "-p", r#"{"a":1}"#, PATH];
    an_impersonation_header: ["-H", "Impersonate-User: x", "-p", r#"{"a":1}"#, PATH];
    a_reply_that_no_format_reads: ["-H", "Accept: application/yaml", "-o", "name", "-p", r#"{"a":1}"#, PATH];
    a_content_type_against_the_type: ["-H", "Content-Type: application/json", "-p", r#"{"a":1}"#, PATH];
    no_resource_version: ["--if-resource-version=abc", "-p", r#"{"a":1}"#, PATH];
    two_resource_versions: ["--if-resource-version=5", "-p", r#"{"metadata":{"resourceVersion":"6"}}"#, PATH];
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
fn a_patch_that_is_not_utf_8_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), b"{\"a\":\"\xff\"}").unwrap();
    let file = file.path().to_str().unwrap();
    let refusal = Listener::new().refusal("not UTF-8", &["-f", file, PATH], "");
    assert!(
        refusal.contains("error: the patch is not UTF-8 at byte 6\n"),
        "{refusal}"
    );
}

#[test]
fn underscores_in_flags_are_dashes() {
    let path = format!("{PATH}?fieldManager=b");
    let arguments = ["--field_manager=a", "-p", r#"{"a":1}"#, &path];
    let refusal = Listener::new().refusal("underscore", &arguments, "");
    assert!(refusal.contains("--field-manager contradicts"), "{refusal}");
}
