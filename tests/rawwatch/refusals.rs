use support::assert_flags_are_explained;

use super::plugin::*;

/// Runs a command that must be refused before anything is sent, and shows it with its stderr.
#[track_caller]
fn refusal(arguments: &[&str]) -> String {
    let server = faulty_server::FaultyServer::start([list()]).unwrap();
    let kubeconfig = server.kubeconfig().unwrap();
    let outcome = Run::start(command(&kubeconfig).args(arguments))
        .wait()
        .ended(2);
    assert_eq!(server.connections(), 0, "{arguments:?}");
    format!("{}\n{}\n", arguments.join(" "), outcome.stderr)
}

#[test]
fn a_refusal_names_the_problem_and_the_remedy() {
    let query = |query: &str| format!("{CONFIG_MAPS}?{query}");
    let path = query("labelSelector=a%3Db&resourceVersion=5&timeoutSeconds=5");
    let mut text = String::new();
    for arguments in [
        &[][..],
        &["/healthz"],
        &["/api/v1/watch/pods"],
        &["/api/v1/namespaces/default/pods/p/log"],
        &["/api/v1/namespaces//pods"],
        &["/api/v1/pods", "/api/v1/pods"],
        &["-n", "other", CONFIG_MAPS],
        &["pods"],
        &["-n", "shop", "deployments.apps", "sleep"],
        &["widgets", "w"],
        &["get", "pods"],
        &["-l", "app=web", CONFIG_MAPS, "more"],
        &["-n", "shop", "/api/v1/pods"],
        &["-n", "shop", "/apis/events.k8s.io/v1/events"],
        &["-o", "custom-columns=A:.metadata.name", CONFIG_MAPS],
        &["pods", "-A"],
        &["--watch", CONFIG_MAPS],
        &["--bookmarks", "true", CONFIG_MAPS],
        &[&query("watc=1")],
        &[&query("limit=5")],
        &[&query("sendInitialEvents=true")],
        &[&query("watch=false")],
        &[&query("resourceVersion=abc")],
        &[&query("resourceVersion=007")],
        &[&query("timeoutSeconds=-1")],
        &[&query("watch=1&watch=1")],
        &["-l", "a=c", &path],
        &["--resource-version=6", &path],
        &["--timeout=6s", &path],
        &["--types=ADDED,GONE", CONFIG_MAPS],
        &["--types=ADDED,MODIFYED", CONFIG_MAPS],
        &["--count=0", CONFIG_MAPS],
        &["--conut=1", CONFIG_MAPS],
        &["--on-gap=ignore", CONFIG_MAPS],
        &["--on-gap=fial", CONFIG_MAPS],
        &["-o", "table=x", CONFIG_MAPS],
        &["--output=tabel", CONFIG_MAPS],
        &["-H", "Accept-Encoding: gzip", CONFIG_MAPS],
        &["-H", "Accept: application/yaml", CONFIG_MAPS],
        &["--for=bogus", CONFIG_MAPS],
        &["--for=syncd", CONFIG_MAPS],
        &["--for=condtion=Ready", CONFIG_MAPS],
        &["--for=create", &path],
        &["--audit=1m", &path],
        &["--timeout=x", CONFIG_MAPS],
        &["--audit=x", CONFIG_MAPS],
        &["--audit=10ms", CONFIG_MAPS],
        &["--max-silence=10ms", CONFIG_MAPS],
        &["--for=create", "--resume-file=cursor", CONFIG_MAPS],
        &["--for-any=create", "--resume-file=cursor", CONFIG_MAPS],
        &["--fail-on=create", "--resource-version=5", CONFIG_MAPS],
        &["--fail-on=synced", CONFIG_MAPS],
        &["--for-any=bogus", CONFIG_MAPS],
        &["--for=rollout", CONFIG_MAPS],
        &["--only={.a}=1", CONFIG_MAPS],
        &["--stable=100ms", CONFIG_MAPS],
        &["--stable=10s", "--resource-version=5", CONFIG_MAPS],
        &["--by=kubectl-edit", "--resume-file=cursor", CONFIG_MAPS],
        &["--poll=999ms", CONFIG_MAPS],
        &["--poll=0", CONFIG_MAPS],
        &["--poll=10s", "--resume-file=cursor", CONFIG_MAPS],
        &["--poll=10s", "--audit=1m", CONFIG_MAPS],
        &["--poll=10s", "--max-silence=90s", CONFIG_MAPS],
        &["--poll=10s", "--on-gap=fail", CONFIG_MAPS],
        &["--poll=10s", "--resource-version=5", CONFIG_MAPS],
    ] {
        text += &refusal(arguments);
    }
    insta::assert_snapshot!(text);
}

#[test]
fn each_flag_of_kubectl_get_and_wait_is_accepted_or_explained() {
    let plugin = env!("CARGO_BIN_EXE_kubectl-rawwatch");
    assert_flags_are_explained(plugin, &["get --help", "wait --help", "options"]);
}

#[test]
fn an_unknown_path_gets_a_hint_with_the_right_path() {
    for (path, hint) in [
        (
            "/apis/apps/v1/namespaces/default/deployment",
            "did you mean `deployments`? use /apis/apps/v1/namespaces/default/deployments",
        ),
        (
            "/api/v1/namespaces/default/nodes?labelSelector=a",
            "nodes are not namespaced: use /api/v1/nodes",
        ),
        (
            "/apis/autoscaling/v2beta2/horizontalpodautoscalers",
            "autoscaling has only v2, v1: use /apis/autoscaling/v2/horizontalpodautoscalers",
        ),
        (
            "/api/v1/namespaces/default/deployments/sleep",
            "deployments are in apps/v1: use /apis/apps/v1/namespaces/default/deployments/sleep",
        ),
    ] {
        let arguments = ["--timeout=20s", path];
        let outcome = Run::start(command(&support::admin()).args(arguments))
            .wait()
            .ended(1);
        assert_eq!(outcome.hint(), hint);
        let all = "Error from server (NotFound): the server could not find the requested resource";
        assert!(outcome.message().ends_with(all), "{outcome:?}");
    }
}
