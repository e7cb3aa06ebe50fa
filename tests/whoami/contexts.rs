use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use control_plane::ControlPlane;
use faulty_server::{Answer, FaultyServer, Reply};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::{Value, json};
use support::{Outcome, admin, pseudo_terminal, run, unique};

use super::plugin::*;

/// Writes a kubeconfig with a cluster and a user for each context: its name, its server, its user.
fn kubeconfig<'a>(contexts: impl IntoIterator<Item = (&'a str, &'a str, Value)>) -> PathBuf {
    let control_plane = ControlPlane::shared();
    let (mut clusters, mut users, mut named) = (Vec::new(), Vec::new(), Vec::new());
    for (name, server, user) in contexts {
        clusters.push(json!({"name": name, "cluster": {
            "server": server, "certificate-authority": control_plane.certificate_authority(),
        }}));
        users.push(json!({"name": name, "user": user}));
        named.push(json!({"name": name, "context": {"cluster": name, "user": name}}));
    }
    let path = control_plane.folder().join(unique("contexts"));
    let document = json!({
        "kind": "Config", "apiVersion": "v1", "current-context": "none-of-them",
        "clusters": clusters, "users": users, "contexts": named,
    });
    fs::write(&path, document.to_string()).unwrap();
    path
}

/// Returns a kubeconfig user with a certificate and a key.
fn certificate(name: &str, groups: &[&str]) -> Value {
    let document = fs::read_to_string(person(name, groups)).unwrap();
    let mut document: Value = serde_json::from_str(&document).unwrap();
    document["users"][0]["user"].take()
}

fn url() -> &'static str {
    ControlPlane::shared().url()
}

/// Returns the cells of each row, by the columns of the headings.
fn rows(table: &str) -> Vec<Vec<String>> {
    let mut lines = table.lines();
    let headings = lines.next().unwrap();
    let names = [
        "CONTEXT",
        "USER",
        "CREDENTIAL",
        "EXPIRES",
        "REACHABLE",
        "SERVER",
        "GROUPS",
    ];
    let starts = names.map(|name| headings.find(name).unwrap());
    let cells = |line: &str| {
        let ends = starts.iter().skip(1).copied().chain([usize::MAX]);
        let cells = starts.iter().zip(ends).map(|(start, end)| {
            let cell = line.chars().skip(*start).take(end - start);
            cell.collect::<String>().trim_end().to_owned()
        });
        cells.collect()
    };
    lines.map(cells).collect()
}

#[test]
fn each_context_is_a_row_that_agrees_with_kubectl() {
    let token = json!({"token": signed(&claims())});
    let plugin = exec_plugin(&answer(&json!({"token": signed(&claims())})));
    let kubeconfig = kubeconfig([
        ("b", url(), certificate("jane", &["dev", "ops"])),
        ("a-token", url(), token),
        ("B", url(), certificate("bob", &[])),
        ("exec", url(), plugin.clone()),
    ]);
    let outcome = whoami(&kubeconfig, &["--all-contexts"]).ended(0);
    assert_eq!(outcome.stderr, "");
    let rows = rows(&outcome.stdout);
    let mut kubectl = ControlPlane::shared().kubectl().unwrap();
    let listed = run(
        kubectl
            .env("KUBECONFIG", &kubeconfig)
            .args(["config", "get-contexts", "-o", "name"]),
        "",
    );
    let names: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(names, listed.ended(0).stdout.lines().collect::<Vec<_>>());
    let command = plugin["exec"]["command"].as_str().unwrap();
    for (row, credential) in rows.iter().zip([
        "client certificate",
        "bearer token",
        "client certificate",
        command,
    ]) {
        let theirs = super::plugin::kubectl(&kubeconfig, &["-o", "json", "--context", &row[0]]);
        let user = &theirs.ended(0).json()["status"]["userInfo"];
        assert_eq!(row[5], url());
        assert_eq!(row[1], user["username"]);
        let groups = user["groups"].as_array().unwrap().iter();
        let groups: Vec<&str> = groups.map(|group| group.as_str().unwrap()).collect();
        assert_eq!(row[6], groups.join(","));
        assert!(row[2].contains(credential), "{row:?}");
        assert!(row[3].starts_with("in "), "{row:?}");
        assert_eq!(row[4], "yes");
    }
}

#[test]
fn documents_are_a_list_with_one_item_per_context() {
    let kubeconfig = kubeconfig([
        ("two", url(), json!({"token": signed(&claims())})),
        ("one", url(), certificate("jane", &["dev"])),
        ("void", "https://127.0.0.1:1", certificate("jane", &[])),
    ]);
    let all = |format: &str| whoami(&kubeconfig, &["--all-contexts", "-o", format]).ended(3);
    let mut list = all("json").json();
    assert_eq!(
        (&list["kind"], &list["apiVersion"]),
        (&json!("List"), &json!("v1"))
    );
    for (item, (name, code)) in
        list["items"]
            .as_array_mut()
            .unwrap()
            .iter_mut()
            .zip([("one", 0), ("two", 0), ("void", 3)])
    {
        let alone = whoami(&kubeconfig, &["-o", "json", "--context", name]).ended(code);
        let mut alone = alone.json();
        for document in [&mut *item, &mut alone] {
            // The server's time.
            document["metadata"]["creationTimestamp"].take();
        }
        assert_eq!(*item, alone);
        assert_eq!(item["whoami"]["context"]["name"], name);
    }
    assert_eq!(list["items"].as_array().unwrap().len(), 3);
    let yaml = all("yaml").stdout;
    assert!(
        yaml.contains("\n      username: jane\n") && yaml.contains("kind: List\n"),
        "{yaml}"
    );
    let names =
        "jsonpath={range .items[*]}{.whoami.context.name}={.status.userInfo.username} {end}";
    assert_eq!(
        all(names).stdout,
        "one=jane two=system:serviceaccount:default:robot void= "
    );
    assert_eq!(
        all("name").stdout,
        "jane\nsystem:serviceaccount:default:robot\n"
    );
}

#[test]
fn dead_clusters_cost_their_own_time_only() {
    // The kernel accepts the connections, but no process reads them.
    let dead: Vec<TcpListener> = (0..5)
        .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    let addresses: Vec<String> = dead
        .iter()
        .map(|listener| format!("https://{}", listener.local_addr().unwrap()))
        .collect();
    let jane = certificate("jane", &["dev"]);
    // First by name, so that they would delay all others.
    let names: Vec<String> = (0..20).map(|number| format!("c{number:02}")).collect();
    let kubeconfig = kubeconfig(names.iter().enumerate().map(|(number, name)| {
        let server = addresses.get(number).map_or(url(), String::as_str);
        (name.as_str(), server, jane.clone())
    }));
    let timeout = Duration::from_secs(4);
    let start = Instant::now();
    let outcome = whoami(&kubeconfig, &["--all-contexts", "--request-timeout=4s"]).ended(3);
    let time = start.elapsed();
    assert!(time >= timeout, "{time:?}");
    assert!(
        time < 2 * timeout,
        "{time:?} for five simultaneous timeouts of {timeout:?}"
    );
    let rows = rows(&outcome.stdout);
    assert_eq!(rows.len(), 20);
    for (row, name) in rows.iter().zip(&names) {
        assert_eq!(row[0], *name);
        let expected = if name.as_str() < "c05" {
            ("jane (unverified)", "no")
        } else {
            ("jane", "yes")
        };
        assert_eq!((row[1].as_str(), row[4].as_str()), expected);
    }
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    assert_eq!(
        lines[..2],
        [
            "context \"c00\": Unable to connect to the server: no response within 4s",
            "hint: raise the limit, as in --request-timeout=30s",
        ]
    );
    assert_eq!(
        lines[10..],
        ["error: connection or authentication failed in 5 of 20 contexts"]
    );
}

#[test]
fn all_contexts_are_asked_even_if_there_are_many() {
    let jane = certificate("jane", &[]);
    let names: Vec<String> = (0..70).map(|number| format!("c{number:02}")).collect();
    let kubeconfig = kubeconfig(
        names
            .iter()
            .map(|name| (name.as_str(), url(), jane.clone())),
    );
    let outcome = whoami(&kubeconfig, &["--all-contexts", "-o", "name"]).ended(0);
    assert_eq!(outcome.stdout, "jane\n".repeat(70));
}

/// Returns a script that counts its runs in a file and then runs `script`.
fn counted(script: &str) -> (Value, impl Fn() -> usize + use<>) {
    let runs = ControlPlane::shared().folder().join(unique("runs"));
    let plugin = exec_plugin(&format!("echo run >> '{}'\n{script}", runs.display()));
    let count = move || {
        fs::read_to_string(&runs)
            .unwrap_or_default()
            .lines()
            .count()
    };
    (plugin, count)
}

#[test]
fn an_exec_plugin_shared_by_several_contexts_runs_once() {
    let (plugin, runs) = counted(&answer(&json!({"token": signed(&claims())})));
    let names: Vec<String> = (0..12).map(|number| format!("c{number:02}")).collect();
    let shared = kubeconfig(
        names
            .iter()
            .map(|name| (name.as_str(), url(), plugin.clone())),
    );
    whoami(&shared, &["--all-contexts"]).ended(0);
    assert_eq!(runs(), 1);

    // A different variable, argument or server makes it a different plugin.
    let mut variants = vec![("a", plugin.clone()), ("b", plugin.clone())];
    for (name, field, value) in [
        ("c", "env", json!([{"name": "A", "value": "1"}])),
        ("d", "env", json!([{"name": "A", "value": "2"}])),
        ("e", "args", json!(["x"])),
        ("f", "args", json!(["x"])),
        ("g", "provideClusterInfo", json!(true)),
        ("h", "provideClusterInfo", json!(true)),
    ] {
        let mut variant = plugin.clone();
        variant["exec"][field] = value;
        variants.push((name, variant));
    }
    let other_url = url().replace("127.0.0.1", "localhost");
    let variants = variants.into_iter().map(|(name, user)| {
        let server = if name == "h" { &other_url } else { url() };
        (name, server, user)
    });
    let outcome = whoami(&kubeconfig(variants), &["--all-contexts"]).ended(0);
    assert_eq!(outcome.stderr, "");
    assert_eq!(runs(), 1 + 6);
}

#[test]
fn an_exec_plugin_that_fails_or_hangs_runs_once_for_all_contexts() {
    let four =
        |plugin: &Value| kubeconfig(["a", "b", "c", "d"].map(|name| (name, url(), plugin.clone())));
    let (fails, runs) = counted("echo no way >&2; exit 7");
    let outcome = whoami(&four(&fails), &["--all-contexts"]).ended(3);
    assert_eq!(runs(), 1);
    assert_eq!(outcome.stderr.matches("no way\n").count(), 1);
    let line = "Unable to connect to the server: getting credentials: exec: executable";
    assert_eq!(outcome.stderr.matches(line).count(), 4, "{outcome:?}");

    let (hangs, runs) = counted("exec sleep 60");
    let outcome = whoami(&four(&hangs), &["--all-contexts", "--request-timeout=2s"]).ended(3);
    assert_eq!(runs(), 1);
    let in_vain = ["no response within 2s", "the plugin did not finish in time"];
    let lines = in_vain.map(|text| outcome.stderr.matches(text).count());
    assert_eq!(lines.iter().sum::<usize>(), 4, "{outcome:?}");

    let mut asks = counted("exit 0").0;
    asks["exec"]["interactiveMode"] = json!("Always");
    whoami(&four(&asks), &["--all-contexts"])
        .ended(3)
        .says("exec plugin cannot support interactive mode: standard input is not a terminal")
        .says("hint: run `kubectl whoami --context NAME` first: exec plugins cannot prompt while several contexts run");

    // After a 401 it is asked for another token, once for all contexts.
    let (refused, runs) = counted(&answer(&json!({"token": "nobody's"})));
    let outcome = whoami(&four(&refused), &["--all-contexts"]).ended(3);
    assert_eq!(runs(), 2);
    assert_eq!(outcome.stderr.matches("You must be logged in").count(), 4);
}

#[test]
fn the_exit_code_is_that_of_the_worst_context() {
    let status = json!({
        "kind": "Status", "code": 403, "reason": "Forbidden", "message": "not today",
    });
    let refusal = Reply::json(403, status.to_string());
    let refusing = FaultyServer::start_plain([Answer::Reply(refusal)]).unwrap();
    let page = Reply::new(200, "<html>").header("Content-Type", "text/html");
    let page = FaultyServer::start_plain([Answer::Reply(page)]).unwrap();
    let endless = FaultyServer::start_plain([self_subject_review("joe")]).unwrap();
    let (refusing, page, endless) = (refusing.url(), page.url(), endless.url());
    let jane = || ("jane", url(), certificate("jane", &[]));
    let nobody = || ("nobody", url(), json!({}));
    let refused = || ("refused", refusing.as_str(), json!({}));
    let unauthorized = || ("unauthorized", url(), json!({"token": "nobody's"}));
    let code = |contexts: Vec<(&str, &str, Value)>| {
        whoami(&kubeconfig(contexts), &["--all-contexts"]).code
    };
    assert_eq!(code(vec![jane(), nobody()]), Some(3));
    assert_eq!(code(vec![jane(), refused()]), Some(1));
    assert_eq!(code(vec![jane(), unauthorized()]), Some(3));
    assert_eq!(code(vec![refused(), unauthorized(), jane()]), Some(3));
    assert_eq!(
        code(vec![refused(), ("dead", "https://127.0.0.1:1", json!({}))]),
        Some(3)
    );
    assert_eq!(code(vec![jane(), ("page", &page, json!({}))]), Some(3));

    let all = kubeconfig([refused(), unauthorized(), jane()]);
    let outcome = whoami(&all, &["--all-contexts"])
        .ended(3)
        .says("context \"refused\": Error from server (Forbidden): not today")
        .says("context \"unauthorized\": error: You must be logged in to the server")
        .says("error: connection or authentication failed in 1 of 3 contexts");
    let reachable: Vec<String> = rows(&outcome.stdout)
        .into_iter()
        .map(|row| row[4].clone())
        .collect();
    assert_eq!(reachable, ["yes", "yes", "yes"]);
    whoami(&kubeconfig([refused()]), &["--all-contexts"])
        .ended(1)
        .says("error: the server did not reveal your identity in 1 of 1 contexts");

    let outcome = whoami(&kubeconfig([jane(), nobody()]), &["--all-contexts"])
        .ended(3)
        .says("context \"nobody\": error: not authenticated: no credential was sent")
        .says("hint: add a credential to the kubeconfig user \"nobody\"")
        .says("error: connection or authentication failed in 1 of 2 contexts");
    let row = &rows(&outcome.stdout)[1];
    assert_eq!((&*row[1], &*row[4]), ("system:anonymous", "anonymously"));

    let all = kubeconfig([jane(), ("joe", &endless, json!({}))]);
    whoami(
        &all,
        &["--all-contexts", "--fail-if-expires-within=900000000h"],
    )
    .ended(8)
    .says("context \"jane\": error: the credential expires at ")
    .says("context \"joe\": the credential has no expiry date; --fail-if-expires-within was not checked\n")
    .says("in 1 of 2 contexts");
}

#[test]
fn an_incomplete_context_does_not_hide_the_others() {
    let path = kubeconfig([("good", url(), certificate("jane", &[]))]);
    let text = fs::read_to_string(&path).unwrap();
    let mut document: Value = serde_json::from_str(&text).unwrap();
    let contexts = document["contexts"].as_array_mut().unwrap();
    contexts.push(json!({"name": "astray", "context": {"cluster": "nowhere", "user": "good"}}));
    contexts.push(json!({"name": "empty", "context": {}}));
    fs::write(&path, document.to_string()).unwrap();
    let outcome = whoami(&path, &["--all-contexts"])
        .ended(3)
        .says("context \"astray\": error: cluster \"nowhere\" was not found for context \"astray\"")
        .says("context \"empty\": error: cluster was not specified for context \"empty\"");
    let rows = rows(&outcome.stdout);
    let users: Vec<[&str; 4]> = rows
        .iter()
        .map(|row| [&*row[0], &*row[1], &*row[2], &*row[4]])
        .collect();
    assert_eq!(
        users,
        [
            ["astray", "unknown", "unknown", "no"],
            ["empty", "unknown", "unknown", "no"],
            ["good", "jane", "client certificate", "yes"]
        ]
    );
    let list = whoami(&path, &["--all-contexts", "-o", "json"]).ended(3);
    let astray = &list.json()["items"][0]["whoami"];
    assert_eq!(astray["context"], json!({"name": "astray"}));
    assert_eq!(astray["credential"]["kind"], "Unknown");
}

#[test]
fn flags_for_one_context_are_refused() {
    let server = FaultyServer::start([Answer::CloseAtOnce]).unwrap();
    let kubeconfig = server.kubeconfig().unwrap();
    for flag in [
        "--context=x",
        "--cluster=x",
        "--user=x",
        "--server=https://x",
        "--tls-server-name=x",
        "--insecure-skip-tls-verify",
        "--certificate-authority=x",
        "--client-certificate=x",
        "--client-key=x",
        "--token=x",
        "--username=x",
        "--password=x",
    ] {
        let name = flag.split('=').next().unwrap();
        let outcome = whoami(&kubeconfig, &["--all-contexts", flag]).ended(2);
        let problem = format!("error: --all-contexts and {name} cannot be used together\n");
        assert!(outcome.stderr.starts_with(&problem), "{outcome:?}");
    }
    whoami(&kubeconfig, &["--all-contexts", "-o", "subjects"]).ended(2);
    whoami(&kubeconfig, &["--all-contexts", "--request-timeout=x"]).ended(2);
    whoami(
        &kubeconfig,
        &["--all-contexts", "--kubeconfig=/nonexistent"],
    )
    .ended(2);
    whoami(&server.folder().join("none"), &["--all-contexts"])
        .ended(2)
        .says("/none does not exist");
    assert_eq!(server.connections(), 0);
    // As in kubectl, an empty value counts as absent.
    whoami(&admin(), &["--all-contexts", "--context="]).ended(0);
}

#[test]
fn offline_sends_nothing_and_runs_no_plugin() {
    let server = FaultyServer::start([Answer::CloseAtOnce]).unwrap();
    let address = server.url();
    let (plugin, runs) = counted("exit 1");
    let kubeconfig = kubeconfig([
        (
            "certificate",
            address.as_str(),
            certificate("jane", &["dev"]),
        ),
        ("plugin", address.as_str(), plugin),
    ]);
    let outcome = whoami(&kubeconfig, &["--all-contexts", "--offline"]).ended(0);
    let rows = rows(&outcome.stdout);
    assert_eq!(rows[0][1], "jane (unverified)");
    assert!(rows[0][3].starts_with("in "));
    assert_eq!(
        (rows[1][1].as_str(), rows[1][4].as_str()),
        ("unknown", "not asked")
    );
    assert_eq!((server.connections(), runs()), (0, 0));
}

#[test]
fn all_contexts_work_through_kubectl_and_with_impersonation() {
    let control_plane = ControlPlane::shared();
    let admin = certificate("admin", &["system:masters"]);
    let path = kubeconfig([("a", url(), admin.clone()), ("b", url(), admin)]);
    let binary = Path::new(env!("CARGO_BIN_EXE_kubectl-whoami"));
    let mut kubectl = control_plane.kubectl().unwrap();
    let kubectl = kubectl
        .envs(control_plane.environment(binary.parent()).unwrap())
        .env("KUBECONFIG", path);
    let outcome = run(
        kubectl.args(["whoami", "--all-contexts", "--as=bob", "-o", "name"]),
        "",
    );
    assert_eq!(outcome.ended(0).stdout, "bob\nbob\n");
}

#[test]
fn progress_is_shown_on_a_terminal_and_removed_at_the_end() {
    let (plugin, _) = counted(&format!(
        "echo 'log in, please' >&2; sleep 1\n{}",
        answer(&json!({"token": signed(&claims())}))
    ));
    let mut plain = certificate("jane", &[]);
    plain["token"] = json!("x");
    let contexts = kubeconfig([
        ("a", url(), certificate("jane", &[])),
        ("plain", "http://0.0.0.0:1", plain),
        ("plugin", url(), plugin),
    ]);
    let mut command = command(&contexts);
    command.arg("--all-contexts").env("NO_COLOR", "1");
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let (child, shown) = pseudo_terminal::show(command, |command, terminal| {
        command.stderr(terminal);
    });
    let outcome = Outcome::from(child.wait_with_output().unwrap()).ended(3);
    assert!(
        shown.starts_with("0 of 3 contexts have answered\r\u{1b}[K"),
        "{shown:?}"
    );
    assert!(
        shown.contains("\r\u{1b}[K2 of 3 contexts have answered")
            || shown.contains("\r\u{1b}[K3 of 3 contexts have answered"),
        "{shown:?}"
    );
    let remains = on_screen(&shown);
    assert!(!remains.contains("have answered"), "{remains:?}");
    for line in [
        "context \"plain\": no credential is sent to http://0.0.0.0:1/: the connection is not encrypted\n",
        "log in, please\n",
        "error: connection or authentication failed in 1 of 3 contexts\n",
    ] {
        assert!(remains.contains(line), "no {line:?} in {remains:?}");
    }
    assert_eq!(rows(&outcome.stdout).len(), 3);

    let piped = whoami(&contexts, &["--all-contexts"]).ended(3);
    assert!(!piped.stderr.contains("have answered"), "{piped:?}");
}

#[test]
fn an_early_expiry_is_coloured_on_a_terminal() {
    let validity = SystemTime::now()..SystemTime::now() + Duration::from_secs(330);
    let (certificate, key) = ControlPlane::shared()
        .client_certificate("jane", &[], validity)
        .unwrap();
    let user = json!({"client-certificate": certificate, "client-key": key});
    let contexts = kubeconfig([("a\tb", url(), user)]);
    let mut command = command(&contexts);
    command.arg("--all-contexts").stdin(Stdio::null());
    let (mut child, shown) = pseudo_terminal::show(command, |command, terminal| {
        command.stdout(terminal);
    });
    assert!(child.wait().unwrap().success(), "{shown}");
    assert!(shown.contains("\u{1b}[31min 5 minutes"), "{shown:?}");
    assert!(shown.contains("\u{1b}[0m   yes "), "{shown:?}");
    // Names from the kubeconfig do not steer the terminal.
    assert!(shown.contains("\na\\u{9}b   "), "{shown:?}");
}

/// Returns what remains on the screen of a text that restarts lines.
fn on_screen(text: &str) -> String {
    let lines = text.split_inclusive('\n').map(|line| {
        let last = line.rfind("\r\u{1b}[K").map_or(0, |place| place + 4);
        &line[last..]
    });
    lines.collect()
}

#[test]
fn no_output_of_any_context_contains_a_secret() {
    let contexts = kubeconfig([
        ("a", url(), json!({"token": "first-secret"})),
        ("b", url(), json!({"token": "second-secret"})),
    ]);
    let outcome = whoami(&contexts, &["--all-contexts", "-v=10", "-o", "json"]).ended(3);
    let outcome = outcome.says("/selfsubjectreviews");
    for secret in ["first-secret", "second-secret"] {
        let is_said = [&outcome.stdout, &outcome.stderr]
            .iter()
            .any(|text| text.contains(secret));
        assert!(!is_said, "{outcome:?}");
    }
}

/// A narrow terminal shows the columns that tell whether a login works.
#[test]
fn narrow_terminals_and_many_groups_hide_no_other_column() {
    let groups = (1..=998).map(|number| format!("--as-group=group-{number}"));
    let flags: Vec<String> = ["--all-contexts".to_owned(), "--as=jane".to_owned()]
        .into_iter()
        .chain(groups)
        .collect();
    let name = "a-context-that-has-a-long-name-as-in-a-cloud";
    let contexts = kubeconfig([(name, url(), certificate("admin", &["system:masters"]))]);
    let shown = |columns, arguments: &[&str]| {
        let mut command = command(&contexts);
        command.args(&flags).args(arguments);
        command.env("NO_COLOR", "1").stdin(Stdio::null());
        let size = Winsize {
            ws_row: 24,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let (mut child, shown) = pseudo_terminal::show(command, |command, terminal| {
            tcsetwinsize(&terminal, size).unwrap();
            command.stdout(terminal);
        });
        assert!(child.wait().unwrap().success(), "{shown}");
        shown
    };
    let headings = "CONTEXT USER CREDENTIAL EXPIRES REACHABLE";
    for columns in [80, 120] {
        let table = shown(columns, &[]);
        let lines: Vec<&str> = table.lines().collect();
        let words: Vec<&str> = lines[0].split_whitespace().collect();
        assert!(words.join(" ").starts_with(headings), "{table}");
        for part in ["a-context-", "jane", "client certificate", "in ", "yes"] {
            assert!(lines[1].contains(part), "{table}");
        }
        assert!(
            lines
                .iter()
                .all(|line| line.chars().count() <= columns.into()),
            "{table}"
        );
    }
    let piped = |arguments: &[&str]| {
        let outcome = run(command(&contexts).args(&flags).args(arguments), "");
        outcome.ended(0).stdout
    };
    assert_eq!(rows(&piped(&[]))[0][6], "group-1,group-2,+997");
    let wide = ["-o", "wide"];
    for wide in [shown(80, &wide), piped(&wide)] {
        let row = &rows(&wide)[0];
        assert_eq!(row[0], name);
        assert!(
            row[6].ends_with(",group-998,system:authenticated"),
            "{wide}"
        );
    }
}
