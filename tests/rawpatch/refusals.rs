use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::PathBuf;

use serde_json::json;
use support::{run, unique};

use super::plugin::*;

/// The path of an object to which every refused patch could have been sent.
const PATH: &str = "/api/v1/namespaces/default/configmaps/c";

/// A listener that counts connections, with a kubeconfig for it.
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

    /// Runs a command that must be refused before anything is sent, and returns its stderr.
    #[track_caller]
    fn refusal(&self, arguments: &[&str], stdin: &str) -> String {
        let with_timeout = [&["--request-timeout=5s"], arguments].concat();
        let outcome = run(command(&self.kubeconfig).args(with_timeout), stdin).ended(2);
        assert!(outcome.stderr.starts_with("error: "), "{outcome:?}");
        assert_eq!(outcome.stdout, "", "{outcome:?}");
        assert_eq!(self.connections(), 0, "{outcome:?}");
        let address = self.listener.local_addr().unwrap().to_string();
        outcome.stderr.replace(&address, "SERVER")
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.kubeconfig);
    }
}

#[test]
fn the_listener_counts_connections() {
    let listener = Listener::new();
    std::net::TcpStream::connect(listener.listener.local_addr().unwrap()).unwrap();
    assert_eq!(listener.connections(), 1);
}

/// Compares the refusals of all these command lines with one snapshot. Each row has a name, the arguments
/// and, if needed, stdin.
macro_rules! refusals {
    ($($name:ident: [$($argument:expr),*] $(< $stdin:expr)?;)+) => {
        #[test]
        fn every_refusal_names_the_problem_and_a_remedy() {
            let rows = [$(snapshot_row(
                stringify!($name),
                &[$($argument),*],
                [$($stdin,)? ""][0],
            )),+];
            insta::assert_snapshot!(rows.concat());
        }
    };
}

/// Returns the name of a row, its arguments, cut to a readable length, and its refusal.
fn snapshot_row(name: &str, arguments: &[&str], stdin: &str) -> String {
    let shown: Vec<String> = arguments
        .iter()
        .map(|argument| argument.escape_debug().take(70).collect())
        .collect();
    let refusal = Listener::new().refusal(arguments, stdin);
    format!("{name}: {}\n{refusal}\n", shown.join(" "))
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
    an_unknown_type: ["--type", "x", "-p", "{}", PATH];
    a_long_type: ["--type", "json-patch", "-p", "{}", PATH];
    a_path_in_quotes: ["-p", r#"{"a":1}"#, &format!("'{PATH}'")];
    a_go_template: ["-o", "go-template={{.a}}", "-p", "{}", PATH];
    an_unknown_format: ["-o", "x", "-p", "{}", PATH];
    a_misspelt_type: ["--type", "strategc", "-p", "{}", PATH];
    a_misspelt_format: ["-o", "jsn", "-p", "{}", PATH];
    a_misspelt_strategy: ["--dry-run=servr", "-p", r#"{"a":1}"#, PATH];
    a_misspelt_level: ["--validate=strickt", "-p", r#"{"a":1}"#, PATH];
    an_invalid_template: ["-o", "jsonpath={.a", "-p", "{}", PATH];

    two_documents: ["-p", "a: 1\n---\nb: 2\n", PATH];
    broken_json: ["-p", r#"{"a": "secretvalue",, }"#, PATH];
    broken_yaml: ["-p", "a: [secretvalue", PATH];
    a_patch_that_is_too_large: ["-f", "-", PATH] < &format!(r#"{{"a":"{}"}}"#, "x".repeat(3 << 20));
    a_duplicate_key: ["-p", r#"{"data":{"k":"1","k":"2"}}"#, PATH];
    an_empty_patch: ["-p", " ", PATH];
    a_null_patch: ["-p", "null", PATH];
    an_empty_object: ["-p", "{}", PATH];
    an_array_as_a_merge_patch: ["--type", "merge", "-p", r#"[{"op":"remove","path":"/a"}]"#, PATH];
    an_object_as_a_json_patch: ["--type", "json", "-p", r#"{"a":1}"#, PATH];
    a_scalar: ["-p", "just text", PATH];

    a_diff_with_a_format: ["--diff", "-o", "json", "-p", r#"{"a":1}"#, PATH];
    a_diff_as_a_curl_command: ["--diff", "--curl", "-p", r#"{"a":1}"#, PATH];
    a_diff_without_a_dry_run: ["--diff", "--dry-run=none", "-p", r#"{"a":1}"#, PATH];
    a_diff_in_another_format: ["--diff", "-H", "Accept: application/yaml", "-p", r#"{"a":1}"#, PATH];
    a_diff_of_a_proxied_path: ["--diff", "-p", r#"{"a":1}"#, "/api/v1/nodes/n/proxy/x"];
    a_diff_that_must_change_something: ["--diff", "--fail-if-unchanged", "-p", r#"{"a":1}"#, PATH];
    a_question_without_a_diff: ["--interactive", "-p", r#"{"a":1}"#, PATH];
    a_question_about_a_dry_run: ["--diff", "-i", "--dry-run", "-p", r#"{"a":1}"#, PATH];
    a_question_about_a_dry_run_in_path: ["--diff", "-i", "-p", r#"{"a":1}"#, &format!("{PATH}?dryRun=All")];
    secrets_without_a_diff: ["--show-secrets", "-p", r#"{"a":1}"#, PATH];

    an_unknown_operation: ["-p", r#"[{"op":"test","path":"","value":1},{"op":"frob","path":"/a"}]"#, PATH];
    an_operation_without_value: ["-p", r#"[{"op":"add","path":"/a"}]"#, PATH];
    an_operation_without_from: ["-p", r#"[{"op":"move","path":"/a"}]"#, PATH];
    a_pointer_without_slash: ["-p", r#"[{"op":"remove","path":"data/x"}]"#, PATH];
    a_pointer_with_an_invalid_escape: ["-p", r#"[{"op":"remove","path":"/a~2"}]"#, PATH];
    too_many_operations: ["-f", "-", PATH] < &format!("[{}]", vec![r#"{"op":"remove","path":"/a"}"#; 10_001].join(","));

    another_name: ["-p", r#"{"metadata":{"name":"d"}}"#, PATH];
    another_namespace: ["-p", r#"{"metadata":{"namespace":"n"}}"#, PATH];
    another_kind: ["-p", r#"{"kind":"Secret"}"#, PATH];
    another_version: ["-p", r#"{"apiVersion":"v2"}"#, PATH];
    an_apply_without_kind: ["--type=apply", "-p", r#"{"apiVersion":"v1","metadata":{"name":"c"}}"#, PATH];
    an_apply_without_version: ["--type=apply", "-p", r#"{"kind":"ConfigMap","metadata":{"name":"c"}}"#, PATH];
    an_apply_without_name: ["--type=apply", "-p", r#"{"apiVersion":"v1","kind":"ConfigMap"}"#, PATH];
    an_apply_with_managed_fields: ["--type=apply", "-p", r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","managedFields":[]}}"#, PATH];
    an_apply_without_field_manager: ["--type=apply", "--field-manager=", "-p", r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}"#, PATH];

    a_long_field_manager: ["--field-manager", &"m".repeat(129), "-p", r#"{"a":1}"#, PATH];
    an_unprintable_field_manager: ["--field-manager", "a\tb", "-p", r#"{"a":1}"#, PATH];
    an_unknown_parameter: ["-p", r#"{"a":1}"#, &format!("{PATH}?dryrun=All")];
    a_repeated_parameter: ["-p", r#"{"a":1}"#, &format!("{PATH}?force=true&force=false")];
    an_invalid_dry_run_parameter: ["-p", r#"{"a":1}"#, &format!("{PATH}?dryRun=all")];
    an_invalid_force_parameter: ["--type=apply", "-p", r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}"#, &format!("{PATH}?force=maybe")];
    force_without_apply: ["--force-conflicts", "-p", r#"{"a":1}"#, PATH];
    an_invalid_validation_parameter: ["-p", r#"{"a":1}"#, &format!("{PATH}?fieldValidation=strict")];
    an_unknown_level: ["--validate=x", "-p", r#"{"a":1}"#, PATH];
    a_client_dry_run: ["--dry-run=client", "-p", r#"{"a":1}"#, PATH];
    an_unknown_strategy: ["--dry-run=x", "-p", r#"{"a":1}"#, PATH];
    a_dry_run_that_contradicts_the_path: ["--dry-run=none", "-p", r#"{"a":1}"#, &format!("{PATH}?dryRun=All")];
    a_field_manager_that_contradicts_the_path: ["--field-manager=a", "-p", r#"{"a":1}"#, &format!("{PATH}?fieldManager=b")];
    a_timeout_that_contradicts_the_path: ["--request-timeout=4", "-p", r#"{"a":1}"#, &format!("{PATH}?timeout=5s")];
    a_namespace_that_contradicts_the_path: ["-n", "other", "-p", r#"{"a":1}"#, PATH];
    a_subresource_that_contradicts_the_path: ["--subresource=scale", "-p", r#"{"a":1}"#, &format!("{PATH}/status")];

    a_path_without_slash: ["-p", r#"{"a":1}"#, "api/v1/namespaces/default/configmaps/c"];
    an_empty_segment: ["-p", r#"{"a":1}"#, "/api/v1/namespaces//configmaps/c"];
    a_dot_segment: ["-p", r#"{"a":1}"#, "/api/v1/../v1/configmaps/c"];
    an_encoded_slash: ["-p", r#"{"a":1}"#, "/api/v1/namespaces/default/configmaps%2Fc"];
    a_semicolon: ["-p", r#"{"a":1}"#, &format!("{PATH}?dryRun=All;fieldManager=x")];
    an_invalid_escape: ["-p", r#"{"a":1}"#, &format!("{PATH}?dryRun=%zzAll")];
    a_fragment: ["-p", r#"{"a":1}"#, &format!("{PATH}#x")];
    a_collection: ["-p", r#"{"a":1}"#, "/api/v1/namespaces/default/configmaps"];
    a_path_outside_the_resource_api: ["-p", r#"{"a":1}"#, "/healthz"];
    another_server: ["-p", r#"{"a":1}"#, &format!("https://other.example{PATH}")];

    an_invalid_subresource: ["--subresource=../x", "-p", r#"{"a":1}"#, PATH];
    a_dry_run_of_a_proxied_path: ["--dry-run", "-p", r#"{"a":1}"#, "/api/v1/namespaces/n/services/s/proxy/x"];
    a_patch_without_its_flag: [PATH, r#"{"data":{"password":"hunter2"}}"#];
    an_invalid_boolean: ["--include=maybe", "-p", r#"{"a":1}"#, PATH];
    an_endless_file: ["-f", "/dev/zero", PATH];
    a_header_without_colon: ["-H", "nocolon", "-p", r#"{"a":1}"#, PATH];
    an_authorization_header: ["-H", "Authorization: Bearer x", "-p", r#"{"a":1}"#, PATH];
    an_impersonation_header: ["-H", "Impersonate-User: x", "-p", r#"{"a":1}"#, PATH];
    an_accept_header_that_contradicts_the_format: ["-H", "Accept: application/yaml", "-o", "name", "-p", r#"{"a":1}"#, PATH];
    a_content_type_that_contradicts_the_type: ["-H", "Content-Type: application/json", "-p", r#"{"a":1}"#, PATH];
    an_invalid_resource_version: ["--if-resource-version=abc", "-p", r#"{"a":1}"#, PATH];
    a_different_resource_version_in_the_patch: ["--if-resource-version=5", "-p", r#"{"metadata":{"resourceVersion":"6"}}"#, PATH];
}

#[test]
fn a_refusal_never_quotes_the_patch() {
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
            let outcome = run(command(&listener.kubeconfig).args(arguments), "").ended(2);
            assert!(!outcome.stderr.contains("hunter2"), "{outcome:?}");
        }
    }
}

#[test]
fn a_patch_that_is_not_utf8_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), b"{\"a\":\"\xff\"}").unwrap();
    let file = file.path().to_str().unwrap();
    assert_eq!(
        Listener::new().refusal(&["-f", file, PATH], ""),
        "error: the patch is not UTF-8 at byte 6\n\
         hint: save the patch as UTF-8, and encode binary data as base64\n"
    );
}

#[test]
fn underscores_in_flags_mean_dashes() {
    let path = format!("{PATH}?fieldManager=b");
    let arguments = ["--field_manager=a", "-p", r#"{"a":1}"#, &path];
    assert_eq!(
        Listener::new().refusal(&arguments, ""),
        "error: --field-manager=a contradicts `fieldManager=b` in PATH\nhint: remove --field-manager, or remove `fieldManager` from PATH\n"
    );
}
