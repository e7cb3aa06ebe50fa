use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use control_plane::{ControlPlane, User};
use faulty_server::{Answer, FaultyServer, Reply};
use serde_json::{Value, json};
use support::{admin, create, deployment, run};

use super::RAWPATCH;

/// The output of a call: a line for each candidate, and the directive.
#[derive(Debug)]
struct Completions {
    lines: Vec<String>,
    directive: String,
}

impl Completions {
    fn of(command: &mut Command) -> Self {
        let outcome = run(command, "").succeeded();
        assert_eq!(outcome.stderr, "");
        let mut lines: Vec<_> = outcome.stdout.lines().map(str::to_owned).collect();
        let directive = lines.pop().unwrap();
        Self { lines, directive }
    }

    /// Returns the candidates without their descriptions.
    fn values(&self) -> Vec<&str> {
        let lines = self.lines.iter();
        lines.map(|line| line.split('\t').next().unwrap()).collect()
    }

    /// Returns the last segments of the paths.
    fn segments(&self) -> Vec<&str> {
        let last = |path: &str| {
            path.trim_end_matches('/')
                .rfind('/')
                .map_or(0, |slash| slash + 1)
        };
        self.values()
            .into_iter()
            .map(|path| &path[last(path)..])
            .collect()
    }
}

/// Returns the plugin as a command of the admin, with a cache folder for this test.
fn command(cache: &Path) -> Command {
    let mut command = support::command(RAWPATCH, &admin());
    command.env("KUBECACHEDIR", cache);
    command
}

fn complete(words: &[&str]) -> Completions {
    let cache = tempfile::tempdir().unwrap();
    Completions::of(command(cache.path()).arg("__complete").args(words))
}

#[test]
fn a_flag_is_offered_with_its_help_unless_it_is_on_the_line() {
    let completions = complete(&["--dry"]);
    assert_eq!(
        completions.lines,
        ["--dry-run\tserver (default; validates, does not store) or none"]
    );
    assert_eq!(completions.directive, ":4");
    let all = complete(&["--context", "x", "-n", "y", "-H", "a: b", "-"]);
    for (flag, is_offered) in [
        ("--type", true),
        ("-f", true),
        ("--header", true),
        ("--context", false),
        ("--namespace", false),
        ("-n", false),
        ("--cache-dir", false),
    ] {
        assert_eq!(all.values().contains(&flag), is_offered, "{flag}: {all:?}");
    }
    let cache = tempfile::tempdir().unwrap();
    let bare = Completions::of(command(cache.path()).args(["__completeNoDesc", "--dry"]));
    assert_eq!(bare.lines, ["--dry-run"]);
}

#[test]
fn known_values_are_offered() {
    for (words, values, directive) in [
        (
            &["--type", ""][..],
            &["json", "merge", "strategic", "apply"][..],
            ":4",
        ),
        (&["--type=m"], &["merge"], ":4"),
        (&["-o", "j"], &["json", "jsonpath="], ":6"),
        (&["--dry-run="], &["server", "none"], ":4"),
        (&["--validate=w"], &["warn"], ":4"),
        (&["--curl="], &["true", "false"], ":4"),
        (&["--context", ""], &["control-plane"], ":4"),
        (&["--cluster", ""], &["control-plane"], ":4"),
        (&["--user", "ad"], &["admin"], ":4"),
        (&["-n", "kube-s"], &["kube-system"], ":4"),
        (&["-f", ""], &[], ":0"),
        (&["--kubeconfig", ""], &[], ":0"),
        (&["--token", ""], &[], ":4"),
        (&["-p", ""], &[], ":4"),
        (&["/api/v1/namespaces/default/pods/p", ""], &[], ":4"),
        (&["--none-such", "--x=", "--y="], &[], ":4"),
    ] {
        let completions = complete(words);
        assert_eq!(completions.values(), values, "{words:?}");
        assert_eq!(completions.directive, directive, "{words:?}");
    }
    let clusters = complete(&["--cluster", ""]);
    assert_eq!(
        clusters.lines,
        [format!("control-plane\t{}", ControlPlane::shared().url())]
    );
    assert_eq!(
        complete(&["--context", ""]).lines,
        ["control-plane\tcontrol-plane as admin"]
    );
}

#[test]
fn only_paths_that_can_be_patched_are_offered() {
    let deployment = deployment();
    let name = deployment.rsplit('/').next().unwrap();
    let apps = "/apis/apps/v1/namespaces/default";
    assert_eq!(complete(&[""]).values(), ["/api/", "/apis/"]);
    let groups = complete(&["/apis/a"]);
    assert!(groups.segments().contains(&"apps/"), "{groups:?}");
    // This group has only reviews, which support nothing but create.
    assert!(
        !groups.segments().contains(&"authentication.k8s.io/"),
        "{groups:?}"
    );
    assert_eq!(complete(&["/apis/apps/"]).segments(), ["v1/"]);
    // A collection across all namespaces does not lead to an object.
    assert_eq!(complete(&["/apis/apps/v1/"]).segments(), ["namespaces/"]);
    let core = complete(&["/api/v1/"]);
    assert_eq!(
        core.segments(),
        ["namespaces/", "nodes/", "persistentvolumes/"]
    );
    let resources = complete(&[&format!("{apps}/d")]);
    assert_eq!(
        resources.lines,
        [
            format!("{apps}/daemonsets/\tDaemonSet"),
            format!("{apps}/deployments/\tDeployment")
        ]
    );
    assert_eq!(resources.directive, ":6");
    let objects = complete(&[&deployment[..deployment.len() - 1]]);
    assert!(objects.segments().contains(&name), "{objects:?}");
    assert_eq!(objects.directive, ":4");
    assert!(objects.lines[0].ends_with(" ago"), "{objects:?}");
    assert_eq!(
        complete(&[&format!("{deployment}/")]).segments(),
        ["scale", "status"]
    );
    let in_core = complete(&["/api/v1/namespaces/default/"]);
    for (segment, is_offered) in [
        ("pods/", true),
        ("status", true),
        ("bindings/", false),
        ("finalize", false),
    ] {
        assert_eq!(
            in_core.segments().contains(&segment),
            is_offered,
            "{segment}: {in_core:?}"
        );
    }
    for nothing in [
        "api",
        "/healthz/",
        "/apis/none/",
        "/apis/apps/v1/deployments/",
        "/api/v1/none/x/",
        "/api/v1/pods?",
    ] {
        assert_eq!(complete(&[nothing]).values(), [""; 0], "{nothing}");
    }
}

#[test]
fn a_path_that_may_go_on_is_offered_with_and_without_a_slash() {
    let deployment = deployment();
    assert_eq!(
        complete(&[&deployment]).values(),
        [&deployment, &format!("{deployment}/")]
    );
    let namespace = "/api/v1/namespaces/default";
    let both = complete(&[namespace]);
    assert_eq!(both.values(), [namespace, "/api/v1/namespaces/default/"]);
    assert_eq!(both.directive, ":6");
}

#[test]
fn names_are_percent_encoded() {
    let collection = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    create(
        collection,
        &json!({"metadata": {"name": "odd: a$(id) 'b'|`c`"}}),
    );
    let completions = complete(&[&format!("{collection}/od")]);
    assert_eq!(
        completions.values(),
        [format!(
            "{collection}/odd:%20a%24%28id%29%20%27b%27%7C%60c%60"
        )]
    );
    let got = ControlPlane::shared()
        .request("GET", completions.values()[0], None)
        .unwrap();
    assert_eq!(got.0, 200, "{got:?}");
}

#[test]
fn only_the_namespace_on_the_line_is_offered() {
    let path = "/apis/apps/v1/namespaces/";
    assert_eq!(
        complete(&["-n", "kube-public", path]).segments(),
        ["kube-public/"]
    );
    assert!(complete(&[path]).segments().len() > 1);
}

#[test]
fn managers_and_subresources_belong_to_the_object_on_the_line() {
    let collection = "/apis/apps/v1/namespaces/default/deployments";
    let deployment = deployment();
    let patch = json!({"metadata": {"labels": {"a": "b"}}}).to_string();
    let mut rawpatch = support::command(RAWPATCH, &admin());
    rawpatch.args(["--field-manager=second", "-p", &patch, &deployment]);
    run(&mut rawpatch, "").succeeded();
    let managers = |words: &[&str]| {
        let words = [words, &["--field-manager", "sec"]].concat();
        complete(&words).lines
    };
    let of_path = managers(&[&deployment]);
    assert_eq!(of_path.len(), 1, "{of_path:?}");
    assert!(of_path[0].starts_with("second\tUpdate "), "{of_path:?}");
    assert_eq!(
        managers(&["--raw", &format!("{deployment}/status")]).len(),
        1
    );
    assert_eq!(managers(&[collection]).len(), 0);
    assert_eq!(managers(&[]).len(), 0);
    assert_eq!(
        complete(&[&deployment, "--subresource", ""]).values(),
        ["scale", "status"]
    );
    assert_eq!(complete(&["--subresource", ""]).values(), [""; 0]);
}

#[test]
fn all_three_kinds_of_calls_get_the_same_candidates() {
    let folder = tempfile::tempdir().unwrap();
    let completer = folder.path().join("kubectl_complete-rawpatch");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_kubectl-rawpatch"), &completer).unwrap();
    let mut by_name = Command::new(completer);
    by_name
        .env_clear()
        .env("KUBECONFIG", admin())
        .env("HOME", folder.path());
    let by_name = Completions::of(by_name.args(["--type", "merge", "/apis/ap"]));
    let by_word = complete(&["--type", "merge", "/apis/ap"]);
    assert_eq!(by_name.lines, by_word.lines);
    for line in [
        "kp --type 'merge' \"/apis/ap",
        "A=1 kp --type=merge /apis/ap\r\n",
    ] {
        let by_line = run(command(folder.path()).arg("__completeLine"), line).succeeded();
        assert_eq!(
            by_line.stdout,
            by_word.lines.join("\n") + "\n:6\n",
            "{line}"
        );
    }
    assert_eq!(by_word.values().len(), 3, "{by_word:?}");
}

#[test]
fn the_flags_on_the_line_select_the_server() {
    // An older server has no aggregated discovery. It lists the resources of each version separately.
    let groups = json!({"kind": "APIGroupList", "groups": [{"name": "old.example", "versions": [{"version": "v1"}]}]});
    let resources = json!({"kind": "APIResourceList", "resources": [
        {"name": "things", "kind": "Thing", "namespaced": false, "verbs": ["patch"]},
        {"name": "things/scale", "kind": "Scale", "namespaced": false, "verbs": ["get"]},
        {"name": "reviews", "kind": "Review", "namespaced": false, "verbs": ["create"]},
    ]});
    let reply = |document: &Value| Answer::Reply(Reply::json(200, document.to_string()));
    let server = FaultyServer::start([reply(&groups), reply(&groups), reply(&resources)]).unwrap();
    let kubeconfig = server.kubeconfig().unwrap().display().to_string();
    let cache = tempfile::tempdir().unwrap();
    let complete = |words: &[&str]| {
        let mut command = command(cache.path());
        Completions::of(
            command
                .args(["__complete", "--kubeconfig", &kubeconfig])
                .args(words),
        )
    };
    // The program requests two lists at once, and this server sends the same one for both.
    let groups = complete(&["/apis/"]);
    assert_eq!(groups.values(), ["/apis/old.example/"; 2]);
    let versions = complete(&["/apis/old.example/"]);
    assert_eq!(versions.values(), ["/apis/old.example/v1/"; 2]);
    let path = "/apis/old.example/v1/things/";
    assert_eq!(complete(&["/apis/old.example/v1/"]).values(), [path]);

    // Selects the same server with other flags.
    let both = std::env::join_paths([admin(), kubeconfig.clone().into()]).unwrap();
    let url = server.url();
    for flags in [
        &["--context", "faulty"][..],
        &["--cluster=faulty", "--user=faulty"],
        &["--user=faulty", "--insecure-skip-tls-verify", "-s", &url],
    ] {
        let cache = tempfile::tempdir().unwrap();
        let before = server.requests().len();
        let mut command = command(cache.path());
        command.env("KUBECONFIG", &both).arg("__complete");
        Completions::of(command.args(flags).arg("/apis/"));
        assert_eq!(server.requests().len(), before + 2, "{flags:?}");
    }

    // A complete command line is not executed.
    let words = [
        "--type",
        "merge",
        "-p",
        "{\"a\": 1}",
        "/apis/old.example/v1/things/x",
        "--force",
    ];
    complete(&words);
    complete(&[
        "__complete",
        "--verbatim",
        "-p",
        "{}",
        "/apis/old.example/v1/things/x",
    ]);
    let requests = server.requests();
    let paths: Vec<_> = requests
        .iter()
        .map(|request| request.target.as_str())
        .collect();
    assert!(
        requests.iter().all(|request| request.method == "GET"),
        "{paths:?}"
    );
    assert_eq!(
        paths.len(),
        3 + 3 * 2,
        "repeated requests come from the cache: {paths:?}"
    );
}

#[test]
fn the_cache_is_private_and_fast() {
    let home = tempfile::tempdir().unwrap();
    let complete_in_home = |words: &[&str]| {
        let mut command = support::command(RAWPATCH, &admin());
        Completions::of(
            command
                .env("HOME", home.path())
                .arg("__complete")
                .args(words),
        )
    };
    assert_eq!(
        complete_in_home(&["/api/v1/namespaces/defau"])
            .segments()
            .len(),
        2
    );
    let server = ControlPlane::shared()
        .url()
        .split("//")
        .last()
        .unwrap()
        .replace(':', "_");
    let folder = home.path().join(".kube/cache/completion").join(server);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert_eq!(files.len(), 2, "discovery and the namespaces: {files:?}");
    assert!(files.iter().all(|file| mode(file) == 0o600));

    // On a busy machine some rounds are slow; one must be fast enough.
    let median = || {
        let mut times: Vec<Duration> = (0..21)
            .map(|_| {
                let start = Instant::now();
                complete_in_home(&["/api/v1/namespaces/default/"]);
                start.elapsed()
            })
            .collect();
        times.sort_unstable();
        times[times.len() / 2]
    };
    let medians: Vec<_> = (0..5).map(|_| median()).collect();
    let fastest = medians.iter().min().unwrap();
    assert!(*fastest < Duration::from_millis(50), "{medians:?}");
}

#[test]
fn a_name_missing_in_the_cache_is_looked_up() {
    let cache = tempfile::tempdir().unwrap();
    let complete = |words: &[&str]| {
        let mut command = command(cache.path());
        Completions::of(command.arg("__complete").args(words))
            .values()
            .len()
    };
    let collection = "/api/v1/namespaces/default/configmaps";
    let object = format!("{collection}/brand-new");
    assert_eq!((complete(&[&object]), complete(&["-n", "brand-n"])), (0, 0));
    create(collection, &json!({"metadata": {"name": "brand-new"}}));
    create(
        "/api/v1/namespaces",
        &json!({"metadata": {"name": "brand-new"}}),
    );
    assert_eq!((complete(&[&object]), complete(&["-n", "brand-n"])), (1, 1));
}

#[test]
fn users_do_not_share_the_cache() {
    let cache = tempfile::tempdir().unwrap();
    let stranger = ControlPlane::shared()
        .kubeconfig(&User::Person {
            name: "stranger",
            groups: &[],
        })
        .unwrap();
    let path = "/api/v1/namespaces/";
    let as_admin = Completions::of(command(cache.path()).args(["__complete", path]));
    assert!(!as_admin.values().is_empty());
    for words in [
        &["--as", "stranger", path][..],
        &["--kubeconfig", stranger.to_str().unwrap(), path],
    ] {
        let completions = Completions::of(command(cache.path()).arg("__complete").args(words));
        // The namespace on the line is known without the server.
        let own = ["/api/v1/namespaces/default", "/api/v1/namespaces/default/"];
        assert_eq!(completions.values(), own, "{words:?}");
    }
    // The owner of a token on the line is unknown, so nothing is cached.
    let untouched = tempfile::tempdir().unwrap();
    Completions::of(command(untouched.path()).args(["__complete", "--token=x", path]));
    assert_eq!(fs::read_dir(untouched.path()).unwrap().count(), 0);
}

#[test]
fn scripts_need_no_kubeconfig_and_call_the_program_by_its_file_name() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("kubectl-raw_patch");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_kubectl-rawpatch"), &program).unwrap();
    let print = |words: &[&str]| {
        let mut command = Command::new(&program);
        command
            .env_clear()
            .env("KUBECONFIG", "/nonexistent")
            .env("HOME", "/nonexistent");
        run(command.arg("completion").args(words), "")
    };
    for shell in ["bash", "zsh", "fish", "powershell", "kubectl"] {
        let script = print(&[shell]).succeeded().stdout;
        assert!(script.contains("kubectl-raw_patch __complete"), "{script}");
        for name in ["PROGRAM", "COMMAND", "COMPLETER", "rawpatch"] {
            assert!(!script.contains(name), "{name} in {script}");
        }
    }
    let help = print(&[]).succeeded().stdout;
    assert_eq!(help, print(&["--help"]).succeeded().stdout);
    assert!(
        help.contains(
            "ln -s \"$(command -v kubectl-raw_patch)\" ~/.local/bin/kubectl_complete-raw_patch\n"
        ),
        "{help}"
    );
    assert!(
        help.contains("source <(kubectl-raw_patch completion bash)"),
        "{help}"
    );
    let hint = "hint: run `kubectl raw-patch completion --help` for instructions\n";
    for (words, message) in [
        (
            &["tcsh"][..],
            "unknown shell \"tcsh\": use bash, zsh, fish, powershell or kubectl",
        ),
        (
            &["bash", "zsh"],
            "unexpected argument \"zsh\": only one shell is allowed",
        ),
    ] {
        let stderr = print(words).ended(2).stderr;
        assert_eq!(stderr, format!("error: {message}\n{hint}"));
    }
}
