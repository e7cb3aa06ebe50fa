use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use control_plane::{ControlPlane, User};
use faulty_server::{Answer, FaultyServer, Reply};
use serde_json::{Value, json};
use support::{admin, run};

use super::plugin::*;

const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles";
const BINDINGS: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings";
const PODS: &str = "/api/v1/namespaces/default/pods";

/// Returns the kubeconfig of a user who may read Pods in `default` and scale the Deployment `web` there.
fn reader(name: &str) -> PathBuf {
    let control_plane = ControlPlane::shared();
    let role = json!({"metadata": {"name": name}, "rules": [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["apps"], "resources": ["deployments/scale"], "resourceNames": ["web"], "verbs": ["patch"]},
    ]});
    control_plane.create(ROLES, &role).unwrap();
    let binding = json!({
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}],
    });
    control_plane.create(BINDINGS, &binding).unwrap();
    let kubeconfig = control_plane
        .kubeconfig(&User::Person { name, groups: &[] })
        .unwrap();
    // RBAC reaches the authorizer shortly after the objects are stored.
    for _ in 0..100 {
        if whoami(&kubeconfig, &["--can", "GET", PODS]).code == Some(0) {
            return kubeconfig;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("{name} may not list Pods after ten seconds");
}

/// Returns the cells of a table, without its headings.
fn rows(table: &str) -> Vec<Vec<&str>> {
    let rows = table.lines().skip(1);
    rows.map(|row| {
        let cells = row.split("   ").map(str::trim);
        cells.filter(|cell| !cell.is_empty()).collect()
    })
    .collect()
}

#[test]
fn each_answer_is_a_row_with_yes_or_no_and_the_reason() {
    let kubeconfig = reader("row-reader");
    let scale = "/apis/apps/v1/namespaces/default/deployments/web/scale";
    let all = ["--can", "GET", PODS, "--can", "patch", scale];
    let outcome = whoami(&kubeconfig, &all).ended(0);
    let reason = "RBAC: allowed by RoleBinding \"row-reader/default\" of Role \"row-reader\" to User \"row-reader\"";
    assert_eq!(
        rows(&outcome.stdout),
        [
            ["yes", "get", PODS, "list pods -n default", reason],
            [
                "yes",
                "patch",
                scale,
                "patch deployments.apps/web --subresource=scale -n default",
                reason
            ],
        ]
    );
    let headings = outcome.stdout.lines().next().unwrap();
    let headings: Vec<&str> = headings.split_whitespace().collect();
    assert_eq!(headings.join(" "), "ALLOWED VERB PATH ASKED AS REASON");
    assert_eq!(outcome.stderr, "");

    let some = [&all[..], &["--can", "DELETE", PODS]].concat();
    let outcome = whoami(&kubeconfig, &some).ended(1);
    assert_eq!(
        rows(&outcome.stdout)[2],
        ["no", "delete", PODS, "deletecollection pods -n default"]
    );
    // As for kubectl auth can-i, a no is an answer.
    assert_eq!(outcome.stderr, "");
}

#[test]
fn a_single_answer_is_shown_line_by_line() {
    let kubeconfig = reader("line-reader");
    let outcome = whoami(&kubeconfig, &["--can", "GET", PODS]).ended(0);
    let expected = "\
Allowed:       yes
Verb:          get
Path:          /api/v1/namespaces/default/pods
Asked as:      list pods -n default
Reason:        RBAC: allowed by RoleBinding \"line-reader/default\" of Role \"line-reader\" to User \"line-reader\"
";
    assert_eq!(outcome.stdout, expected);
    let outcome = whoami(&kubeconfig, &["--can", "POST", PODS]).ended(1);
    let expected = "\
Allowed:       no
Verb:          post
Path:          /api/v1/namespaces/default/pods
Asked as:      create pods -n default
";
    assert_eq!(outcome.stdout, expected);
}

/// An authorizer that allows everything also allows what does not exist.
#[test]
fn a_resource_that_the_server_does_not_have_is_a_warning() {
    let control_plane = ControlPlane::shared();
    for (path, theirs) in [
        ("/api/v1/namespaces/default/podz", "podz"),
        ("/apis/apps/v1/namespaces/default/podz", "podz.apps"),
    ] {
        let outcome = whoami(&admin(), &["--can", "get", path]).ended(0);
        assert_eq!(outcome.row("Allowed"), "yes");
        let mut kubectl = control_plane.kubectl().unwrap();
        let kubectl = kubectl.env("KUBECONFIG", admin());
        let theirs = run(kubectl.args(["auth", "can-i", "get", theirs]), "");
        assert_eq!(
            outcome.stderr,
            theirs.ended(0).stderr.trim_end().to_owned() + "\n"
        );
    }
    let outcome = whoami(
        &admin(),
        &[
            "--can",
            "get",
            "/apis/none.example/v7/namespaces/default/podz",
        ],
    );
    outcome.ended(0).says(
        "Warning: the server doesn't have a resource type 'podz' in group 'none.example', version 'v7'\n",
    );
    let scale = "/apis/apps/v1/namespaces/default/deployments/web/scal";
    whoami(&admin(), &["--can", "patch", scale]).ended(0).says(
        "Warning: the server doesn't have a subresource 'scal' of 'deployments' in group 'apps'\n",
    );
    whoami(
        &admin(),
        &["--can", "get", "/api/v1/namespaces/default/nodes/n"],
    )
    .ended(0)
    .says("Warning: resource 'nodes' is not namespace scoped\n");
    // A resource that exists, and one that only roles contain.
    let paths = [
        "/apis/apps/v1/namespaces/default/deployments/web/scale",
        "/api/v1/users/jane",
    ];
    let outcome = whoami(
        &admin(),
        &["--can", "patch", paths[0], "--can", "impersonate", paths[1]],
    );
    assert_eq!(outcome.ended(0).stderr, "");
}

/// Older servers would warn about the fields of a selector, which the user never wrote.
#[test]
fn a_review_is_sent_without_field_validation() {
    let review = json!({
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {
            "namespace": "default", "verb": "list", "version": "v1", "resource": "pods",
        }},
        "status": {"allowed": true},
    });
    let server =
        FaultyServer::start([Answer::Reply(Reply::json(201, review.to_string()))]).unwrap();
    let path = format!("{PODS}?labelSelector=app%3Dweb");
    let outcome = whoami(&server.kubeconfig().unwrap(), &["--can", "GET", &path]).ended(0);
    assert_eq!(outcome.row("Allowed"), "yes");
    assert!(
        server.requests()[0]
            .target
            .ends_with("?fieldValidation=Ignore")
    );
}

/// A service that says yes to everything has not read the question.
#[test]
fn a_yes_must_answer_the_question() {
    let spec = json!({"resourceAttributes": {"verb": "get", "version": "v1", "resource": "nodes"}});
    for (kind, spec) in [
        ("SelfSubjectAccessReview", &spec),
        ("SelfSubjectAccessReview", &json!({})),
        (
            "LocalSubjectAccessReview",
            &json!({"resourceAttributes": {
                "namespace": "default", "verb": "list", "version": "v1", "resource": "pods",
            }}),
        ),
    ] {
        let reply = json!({"kind": kind, "spec": spec, "status": {"allowed": true}});
        let server =
            FaultyServer::start([Answer::Reply(Reply::json(201, reply.to_string()))]).unwrap();
        let outcome = whoami(&server.kubeconfig().unwrap(), &["--can", "GET", PODS]).ended(6);
        assert_eq!(outcome.stdout, "", "{kind} {spec}");
    }
}

#[test]
fn can_list_prints_the_table_of_kubectl_auth_can_i() {
    let control_plane = ControlPlane::shared();
    let role = json!({"metadata": {"name": "lister"}, "rules": [
        {"apiGroups": ["", "apps"], "resources": ["pods", "deployments/scale"], "verbs": ["get", "list"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["watch", "get"]},
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["a", "b"], "verbs": ["get"]},
        {"apiGroups": ["apps.example", "*"], "resources": ["*"], "verbs": ["*"]},
    ]});
    control_plane.create(ROLES, &role).unwrap();
    let binding = json!({
        "metadata": {"name": "lister"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "lister"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "lister"}],
    });
    control_plane.create(BINDINGS, &binding).unwrap();
    let lister = person("lister", &[]);
    let start = Instant::now();
    while !whoami(&lister, &["--can-list"])
        .ended(0)
        .stdout
        .contains("secrets")
    {
        assert!(start.elapsed() < Duration::from_secs(30));
    }
    for (kubeconfig, arguments) in [
        (&lister, &[][..]),
        (&lister, &["--namespace=other"]),
        (&admin(), &[]),
        (&admin(), &["--as=lister"]),
    ] {
        let ours = whoami(kubeconfig, &[&["--can-list"], arguments].concat()).ended(0);
        let mut kubectl = control_plane.kubectl().unwrap();
        let kubectl = kubectl.env("KUBECONFIG", kubeconfig);
        let theirs = run(
            kubectl.args(["auth", "can-i", "--list"]).args(arguments),
            "",
        )
        .ended(0);
        assert_eq!(ours.stdout, theirs.stdout);
        assert_eq!(ours.stderr, theirs.stderr);
    }
    let document = whoami(&lister, &["--can-list", "-o", "json"])
        .ended(0)
        .json();
    assert_eq!(document["kind"], "SelfSubjectRulesReview");
    assert_eq!(document["status"]["incomplete"], false);
}

#[test]
fn an_incomplete_list_is_a_warning() {
    let review = json!({
        "kind": "SelfSubjectRulesReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {},
        "spec": {}, "status": {
            "resourceRules": null, "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/healthz"]}],
            "incomplete": true, "evaluationError": "webhook authorizer does not support user rule resolution",
        },
    });
    let ask = |review: &Value, code| {
        let server =
            FaultyServer::start([Answer::Reply(Reply::json(201, review.to_string()))]).unwrap();
        whoami(&server.kubeconfig().unwrap(), &["--can-list"]).ended(code)
    };
    let outcome = ask(&review, 0).says(
        "Warning: the list may be incomplete: webhook authorizer does not support user rule resolution\n",
    );
    assert_eq!(outcome.stdout.lines().count(), 2);
    let mut other = review.clone();
    other["kind"] = json!("SelfSubjectAccessReview");
    assert_eq!(ask(&other, 6).stdout, "");
    for flag in ["--offline", "--all-contexts", "--fail-if-expires-within=1h"] {
        let name = flag.split('=').next().unwrap();
        let problem = format!("--can-list and {name} cannot be used together");
        whoami(&admin(), &["--can-list", flag])
            .ended(2)
            .says(&problem);
    }
    whoami(&admin(), &["--can-list", "--can", "GET", PODS]).ended(2);
    whoami(&admin(), &["--can-list", "-o", "name"]).ended(2);
}

#[test]
fn the_answer_predicts_the_fate_of_the_request() {
    let kubeconfig = reader("request-reader");
    let client = ControlPlane::shared().client_for("request-reader").unwrap();
    for (method, path, is_allowed) in [
        ("GET", PODS, true),
        ("GET", "/api/v1/namespaces/default/pods/none", true),
        (
            "GET",
            "/api/v1/namespaces/default/pods?watch=1&timeoutSeconds=1",
            true,
        ),
        (
            "GET",
            "/api/v1/watch/namespaces/default/pods?timeoutSeconds=1",
            true,
        ),
        ("DELETE", PODS, false),
        ("GET", "/api/v1/namespaces/default/pods/none/log", false),
        ("GET", "/api/v1/namespaces/other/pods", false),
        ("GET", "/api/v1/pods", false),
        ("POST", PODS, false),
        (
            "PATCH",
            "/apis/apps/v1/namespaces/default/deployments/web/scale",
            true,
        ),
        (
            "PATCH",
            "/apis/apps/v1/namespaces/default/deployments/other/scale",
            false,
        ),
        (
            "PATCH",
            "/apis/apps/v1/namespaces/default/deployments/web",
            false,
        ),
        ("GET", "/version", true),
        ("GET", "/version/", true),
        ("GET", "/metrics", false),
        ("GET", "/apis/apps/v1", true),
        (
            "POST",
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            true,
        ),
    ] {
        let patch = Some(("application/merge-patch+json", b"{}".as_slice()));
        let body = patch.filter(|_| ["POST", "PATCH"].contains(&method));
        let (status, reply) = client.request(method, path, body).unwrap();
        assert_eq!(
            status != 403,
            is_allowed,
            "{method} {path}: {status} {reply}"
        );
        let outcome = whoami(&kubeconfig, &["--can", method, path]);
        assert_eq!(outcome.code, Some(i32::from(!is_allowed)), "{outcome:?}");
    }
}

#[test]
fn the_answer_agrees_with_kubectl_auth_can_i() {
    let kubeconfig = reader("same-reader");
    let control_plane = ControlPlane::shared();
    for (verb, path, question) in [
        ("list", PODS, "list pods -n default"),
        ("watch", PODS, "watch pods -n default"),
        (
            "GET",
            "/api/v1/namespaces/default/pods/p",
            "get pods/p -n default",
        ),
        ("list", "/api/v1/pods", "list pods -A"),
        ("create", PODS, "create pods -n default"),
        (
            "get",
            "/api/v1/namespaces/default/pods/p/log",
            "get pods/p --subresource=log -n default",
        ),
        (
            "patch",
            "/apis/apps/v1/namespaces/default/deployments/web/scale",
            "patch deployments.apps/web --subresource=scale -n default",
        ),
        ("delete", "/api/v1/nodes/n", "delete nodes/n -A"),
        (
            "impersonate",
            "/api/v1/users/jane",
            "impersonate users/jane -A",
        ),
        ("*", PODS, "* pods -n default"),
        ("get", "/version/", "get /version/"),
        ("post", "/metrics", "post /metrics"),
        ("get", "/metrics", "get /metrics"),
    ] {
        let ours = whoami(&kubeconfig, &["--can", verb, path]);
        assert_eq!(ours.row("Asked as"), question);
        let mut kubectl = control_plane.kubectl().unwrap();
        let theirs = run(
            kubectl
                .env("KUBECONFIG", &kubeconfig)
                .args(["auth", "can-i"])
                .args(question.split(' ')),
            "",
        );
        assert_eq!(ours.code, theirs.code, "{ours:?}\n{theirs:?}");
        assert_eq!(
            ours.row("Allowed"),
            theirs.stdout.trim(),
            "{ours:?}\n{theirs:?}"
        );
    }
}

#[test]
fn can_works_through_kubectl_and_with_impersonation() {
    let control_plane = ControlPlane::shared();
    reader("other-reader");
    let binary = Path::new(env!("CARGO_BIN_EXE_kubectl-whoami"));
    let kubectl = |arguments: &[&str]| {
        let mut kubectl = control_plane.kubectl().unwrap();
        kubectl.envs(control_plane.environment(binary.parent()).unwrap());
        run(kubectl.arg("whoami").args(arguments), "")
    };
    kubectl(&["--can", "DELETE", PODS]).ended(0);
    kubectl(&["--as=other-reader", "--can", "GET", PODS]).ended(0);
    kubectl(&["--can", "DELETE", PODS, "--as=other-reader"]).ended(1);
    let allowed = ["--can", "GET", PODS, "-o", "jsonpath={.status.allowed}"];
    assert_eq!(kubectl(&allowed).ended(0).stdout, "true");
}

#[test]
fn documents_are_the_servers_reviews() {
    let kubeconfig = reader("document-reader");
    let json = |arguments: &[&str], code| whoami(&kubeconfig, arguments).ended(code).json();
    let question = ["--can", "get", PODS, "-o", "json"];
    let one = json(&question, 0);
    assert_eq!(
        one,
        json!({
            "kind": "SelfSubjectAccessReview",
            "apiVersion": "authorization.k8s.io/v1",
            "metadata": {},
            "spec": {"resourceAttributes": {
                "namespace": "default", "verb": "list", "version": "v1", "resource": "pods",
            }},
            "status": {
                "allowed": true,
                "reason": "RBAC: allowed by RoleBinding \"document-reader/default\" of Role \"document-reader\" to User \"document-reader\"",
            },
            "whoami": {"verb": "get", "path": PODS},
        })
    );
    let two = json(&[&question[..], &["--can", "DELETE", PODS]].concat(), 1);
    assert_eq!(two["kind"], "List");
    assert_eq!(two["items"][0], one);
    assert_eq!(two["items"][1]["status"], json!({"allowed": false}));
    assert_eq!(two["items"][1]["whoami"]["verb"], "delete");

    let yaml = whoami(&kubeconfig, &["--can", "get", PODS, "-o", "yaml"]).ended(0);
    assert!(yaml.stdout.contains("\n  allowed: true\n"), "{yaml:?}");
    let both = ["--can", "GET", PODS, "--can", "POST", PODS];
    let allowed = ["-o", "jsonpath={.items[*].status.allowed}"];
    let outcome = whoami(&kubeconfig, &[&both[..], &allowed].concat()).ended(1);
    assert_eq!(outcome.stdout, "true false");
}

#[test]
fn selectors_reach_the_authorizer() {
    // The node authorizer lets a kubelet list the Pods on its own node, and no others.
    let control_plane = ControlPlane::builder()
        // This is a collection, and it grows.
        .api_server_flag("--authorization-mode=Node")
        .start()
        .unwrap();
    let node = User::Person {
        name: "system:node:m",
        groups: &["system:nodes"],
    };
    let kubeconfig = control_plane.kubeconfig(&node).unwrap();
    let of_node = "/api/v1/pods?fieldSelector=spec.nodeName%3Dm";
    for (path, code) in [
        (of_node, 0),
        ("/api/v1/pods?watch=1&fieldSelector=spec.nodeName=m", 0),
        ("/api/v1/pods?fieldSelector=spec.nodeName=other", 1),
        ("/api/v1/pods", 1),
    ] {
        let outcome = whoami(&kubeconfig, &["--can", "GET", path]).ended(code);
        let reason = "can only list/watch pods with spec.nodeName field selector";
        assert_eq!(outcome.stdout.contains(reason), code == 1, "{outcome:?}");
    }
    let mut kubectl = control_plane.kubectl().unwrap();
    let kubectl = kubectl.env("KUBECONFIG", &kubeconfig);
    run(kubectl.args(["get", "--raw", of_node]), "").ended(0);

    // The server itself reports a selector that it cannot parse.
    let broken = "/api/v1/namespaces/default/pods?labelSelector=%3D";
    let outcome = whoami(&kubeconfig, &["--can", "GET", broken]).ended(1);
    let note = "evaluation error: spec.resourceAttributes.labelSelector ignored due to parse error";
    assert!(outcome.stdout.contains(note), "{outcome:?}");
}

#[test]
fn a_server_that_refuses_to_answer_has_its_own_exit_code() {
    let nobody = ControlPlane::shared().kubeconfig(&User::Anonymous).unwrap();
    let outcome = whoami(&nobody, &["--can", "GET", PODS]).ended(4);
    assert_eq!(outcome.stdout, "");
    let line = "Error from server (Forbidden): selfsubjectaccessreviews.authorization.k8s.io is \
                forbidden: User \"system:anonymous\" cannot create";
    assert!(outcome.stderr.starts_with(line), "{outcome:?}");

    // The impersonated user is allowed to ask.
    let jane = person("jane", &[]);
    whoami(&jane, &["--can", "GET", PODS, "--as=bob"])
        .ended(4)
        .says("User \"jane\" cannot impersonate");

    let status = |code: u16, reason: &str| {
        let status = json!({"kind": "Status", "code": code, "reason": reason, "message": reason});
        Reply::json(code, status.to_string())
    };
    let page = Reply::new(200, "<html>log in</html>").header("Content-Type", "text/html");
    for (reply, code) in [
        (status(401, "Unauthorized"), 3),
        (status(404, "NotFound"), 4),
        (status(500, "InternalError"), 4),
        (Reply::json(201, r#"{"spec":{},"status":{}}"#), 6),
        (page, 6),
    ] {
        let server = FaultyServer::start([Answer::Reply(reply)]).unwrap();
        let kubeconfig = server.kubeconfig().unwrap();
        let outcome = whoami(&kubeconfig, &["--can", "GET", PODS]).ended(code);
        assert_eq!(outcome.stdout, "");
        assert_eq!(server.requests().len(), 1);
    }
    let nowhere = ["--can", "GET", PODS, "--server=https://127.0.0.1:1"];
    whoami(&admin(), &nowhere).ended(3);
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn an_invalid_request_is_refused_before_anything_is_sent() {
    let server = FaultyServer::start([Answer::CloseAtOnce]).unwrap();
    let kubeconfig = server.kubeconfig().unwrap();
    for (verb, path, problem, remedy) in [
        ("lst", PODS, "\"lst\" is not a verb", "did you mean `list`?"),
        (
            "LIST",
            PODS,
            "\"LIST\" is not a verb",
            "did you mean `list`?",
        ),
        (
            "",
            PODS,
            "\"\" is not a verb",
            "use an HTTP method or a Kubernetes verb",
        ),
        ("a b", PODS, "\"a b\" is not a verb", "deletecollection"),
        (
            "list",
            "/healthz",
            "PATH is not a resource path, so the verb list does not apply",
            "hint: use an HTTP method: get, head",
        ),
        (
            "OPTIONS",
            PODS,
            "no Kubernetes verb maps to OPTIONS",
            "use the verb that you need",
        ),
        (
            "list",
            "/api/v1/pods?watch=true",
            "the verb list contradicts `watch=true` in PATH",
            "remove one of them",
        ),
        (
            "watch",
            "/api/v1/pods?watch=0",
            "the verb watch contradicts `watch=0` in PATH",
            "remove one of them",
        ),
        (
            "list",
            "/api/v1/watch/pods",
            "the verb list contradicts `/watch/` in PATH",
            "remove /watch/ from PATH",
        ),
        (
            "GET",
            "/api/v1/watch",
            "error: PATH ends before the name of a resource\n",
            "add a resource, as in /api/v1/watch/pods",
        ),
        (
            "GET",
            "api/v1/pods",
            "PATH must start with `/`",
            "did you mean `/api/v1/pods`?",
        ),
        (
            "list",
            "pods",
            "expected an API path, but got a resource type",
            "/api/v1/namespaces/default/pods for one namespace, or /api/v1/pods for all",
        ),
        (
            "patch",
            "deploy/sleep",
            "expected an API path, but got a resource type and a name",
            "use /apis/apps/v1/namespaces/default/deployments/sleep",
        ),
        (
            "GET",
            "/api/v1//pods",
            "an empty segment (`//`)",
            "check for an empty variable",
        ),
        (
            "GET",
            "https://example.com/api/v1/pods",
            "PATH is a URL on https://example.com",
            "pass only the path",
        ),
    ] {
        whoami(&kubeconfig, &["--can", "GET", PODS, "--can", verb, path])
            .ended(2)
            .says(problem)
            .says(remedy);
    }
    for (flags, problem) in [
        (&["-n", "other"][..], "--namespace=other contradicts"),
        (
            &["--can", "GET"],
            "flag needs all of its arguments: --can VERB PATH",
        ),
        (
            &["--offline"],
            "--can and --offline cannot be used together",
        ),
        (
            &["--fail-if-expires-within=1h"],
            "--can and --fail-if-expires-within cannot be used together",
        ),
        (
            &["-o", "name"],
            "error: this -o format cannot be used with --can\n",
        ),
        (&["-o", "wide"], "allowed formats are: json,jsonpath"),
        (
            &["--all-contexts"],
            "--can and --all-contexts cannot be used together",
        ),
        (&["-o", "jsonpath={.a"], "unclosed action"),
    ] {
        let outcome = whoami(&kubeconfig, &[&["--can", "GET", PODS], flags].concat());
        assert_eq!(outcome.ended(2).says(problem).stdout, "");
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_custom_verb_is_asked_about_with_kubectls_warning() {
    let outcome = whoami(&admin(), &["--can", "frobnicate", PODS]).ended(0);
    let warning = "Warning: verb 'frobnicate' is not a known verb\n";
    assert_eq!(outcome.stderr, warning);
    assert_eq!(outcome.row("Asked as"), "frobnicate pods -n default");
}

#[test]
fn a_pasted_url_of_the_server_counts_as_its_path() {
    let url = format!("{}{PODS}", ControlPlane::shared().url());
    let outcome = whoami(&admin(), &["--can", "GET", &url]).ended(0);
    assert_eq!(outcome.row("Path"), PODS);
}
