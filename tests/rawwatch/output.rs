use std::io::{BufRead, BufReader};
use std::process::Stdio;

use control_plane::ControlPlane;
use serde_json::Value;
use support::{admin, pseudo_terminal, unique};

use super::plugin::*;

#[test]
fn existing_objects_are_printed_first_then_their_changes() {
    let server = ControlPlane::shared();
    let (label, selector) = label();
    let path = create(server, &unique("there"), &label);
    let name = path.rsplit('/').next().unwrap();
    let mut run = start(&[CONFIG_MAPS, &selector]);
    let first = run.expect(&format!("ADDED {name}"));
    assert!(
        first.starts_with(
            r#"{"type":"ADDED","object":{"kind":"ConfigMap","apiVersion":"v1","metadata":{"#
        ),
        "{first}"
    );
    change(server, &path, "1");
    let modified: Value = serde_json::from_str(&run.expect(&format!("MODIFIED {name}"))).unwrap();
    assert_eq!(modified["object"]["data"]["key"], "1");
    delete(server, &path);
    run.expect(&format!("DELETED {name}"));
    assert_eq!(run.stderr(), "");
}

#[test]
fn lines_are_the_servers_own_bytes() {
    let server = ControlPlane::shared();
    let (label, selector) = label();
    let mut run = start(&[CONFIG_MAPS, &selector, "--watch-only"]);
    // The version predates the events, so the server sends the same events to both.
    let (_, list) = server
        .request("GET", &format!("{CONFIG_MAPS}?limit=1"), None)
        .unwrap();
    let list: Value = serde_json::from_str(&list).unwrap();
    let version = list["metadata"]["resourceVersion"].as_str().unwrap();
    let name = unique("bytes");
    std::thread::sleep(std::time::Duration::from_millis(500));
    let path = create(server, &name, &label);
    change(server, &path, "<\u{e9}&\\u0000>");
    delete(server, &path);
    let lines: Vec<String> = (0..3).map(|_| run.line()).collect();
    let raw = format!(
        "{CONFIG_MAPS}?watch=1&labelSelector=of%3D{label}&resourceVersion={version}&timeoutSeconds=1"
    );
    let (_, stream) = server.request("GET", &raw, None).unwrap();
    assert_eq!(lines, stream.lines().collect::<Vec<_>>());
}

#[test]
fn watch_only_does_not_print_existing_objects() {
    let server = ControlPlane::shared();
    let (label, selector) = label();
    let path = create(server, &unique("silent"), &label);
    let mut run = start(&[CONFIG_MAPS, &selector, "--watch-only", "--count=1"]);
    std::thread::sleep(std::time::Duration::from_millis(500));
    delete(server, &path);
    run.expect(&format!("DELETED {}", path.rsplit('/').next().unwrap()));
    run.wait().ended(0);
}

#[test]
fn a_list_of_several_pages_is_printed_completely() {
    let server = ControlPlane::shared();
    let (label, selector) = label();
    let objects = (0..1201).map(|number| {
        serde_json::json!({"metadata": {"name": format!("many-{number:04}"), "labels": {"of": label}}})
    });
    server.create_many(CONFIG_MAPS, objects).unwrap();
    let outcome = rawwatch(&[CONFIG_MAPS, &selector, "--count=1201"]).ended(0);
    let mut names = outcome.short();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 1201);
}

#[test]
fn a_path_to_one_object_watches_it_even_before_it_exists() {
    let server = ControlPlane::shared();
    let name = unique("single");
    let mut run = start(&[&format!("{CONFIG_MAPS}/{name}"), "--count=2", "-v1"]);
    run.wait_for_stderr(&format!(
        "rawwatch: {CONFIG_MAPS}/{name} is a single object: watching {CONFIG_MAPS} with fieldSelector=metadata.name={name}\n"
    ));
    let other = create(server, &unique("other"), "x");
    let path = create(server, &name, "x");
    run.expect(&format!("ADDED {name}"));
    delete(server, &other);
    delete(server, &path);
    run.expect(&format!("DELETED {name}"));
    run.wait().ended(0);
    let namespace = rawwatch(&["/api/v1/namespaces/default", "--count=1"]).ended(0);
    assert_eq!(namespace.short(), ["ADDED default"]);
}

#[test]
fn an_object_that_leaves_the_selector_is_printed_as_deleted() {
    let server = ControlPlane::shared();
    let (label, selector) = label();
    let path = create(server, &unique("leaves"), &label);
    let name = path.rsplit('/').next().unwrap();
    let mut run = start(&[CONFIG_MAPS, &selector, "--count=2"]);
    run.expect(&format!("ADDED {name}"));
    let patch = br#"{"metadata":{"labels":{"of":"gone"}}}"#;
    let body = Some(("application/merge-patch+json", patch.as_slice()));
    server.request("PATCH", &path, body).unwrap();
    run.expect(&format!("DELETED {name}"));
    run.wait().ended(0);
}

#[test]
fn a_resource_version_is_where_the_watch_starts() {
    let server = ControlPlane::shared();
    let (label, selector) = label();
    let path = create(server, &unique("from"), &label);
    let (_, object) = server.request("GET", &path, None).unwrap();
    let object: Value = serde_json::from_str(&object).unwrap();
    let version = object["metadata"]["resourceVersion"].as_str().unwrap();
    change(server, &path, "1");
    for arguments in [
        vec![
            CONFIG_MAPS.to_owned(),
            format!("--resource-version={version}"),
        ],
        vec![format!("{CONFIG_MAPS}?resourceVersion={version}")],
    ] {
        let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        arguments.extend([selector.as_str(), "--count=1"]);
        let outcome = rawwatch(&arguments).ended(0);
        assert!(
            outcome.short()[0].starts_with("MODIFIED from-"),
            "{outcome:?}"
        );
    }
}

#[test]
fn tag_and_timestamps_add_the_path_and_time_to_each_line() {
    let server = ControlPlane::shared();
    let (label, selector) = label();
    create(server, &unique("tagged"), &label);
    let secrets = "/api/v1/namespaces/default/secrets";
    let secret =
        serde_json::json!({"metadata": {"name": unique("tagged"), "labels": {"of": label}}});
    server.create(secrets, &secret).unwrap();
    let outcome = rawwatch(&[
        CONFIG_MAPS,
        secrets,
        &selector,
        "--tag",
        "--timestamps",
        "--count=2",
    ])
    .ended(0);
    let mut paths: Vec<String> = outcome
        .lines()
        .into_iter()
        .map(|line| {
            let event: Value = serde_json::from_str(line).unwrap();
            let time = event["rawwatch"]["time"].as_str().unwrap();
            assert!(
                time.len() == "2026-01-01T00:00:00.000000Z".len() && time.ends_with('Z'),
                "{time}"
            );
            event["rawwatch"]["path"].as_str().unwrap().to_owned()
        })
        .collect();
    paths.sort();
    assert_eq!(paths, [CONFIG_MAPS, secrets]);
}

#[test]
fn an_error_on_one_path_ends_the_run_of_all_paths() {
    let outcome = rawwatch(&[CONFIG_MAPS, "/apis/none.example.com/v1/nothings"]).ended(1);
    assert_eq!(
        outcome.stderr,
        "rawwatch: /apis/none.example.com/v1/nothings: stopping, because this watch failed\n\
         Error from server (NotFound): the server could not find the requested resource\n\
         hint: the server has no API group none.example.com; `kubectl api-versions` lists all groups\n"
    );
}

#[test]
fn types_selects_what_is_printed_and_counted() {
    let server = ControlPlane::shared();
    let (label, selector) = label();
    let path = create(server, &unique("typed"), &label);
    let run = start(&[CONFIG_MAPS, &selector, "--types=deleted", "--count=1"]);
    change(server, &path, "1");
    std::thread::sleep(std::time::Duration::from_millis(500));
    delete(server, &path);
    assert_eq!(run.wait().ended(0).short().len(), 1);
}

#[test]
fn bookmarks_are_printed_only_on_request() {
    let script = || {
        [
            list(),
            open_stream(event("BOOKMARK", "", "20") + &event("MODIFIED", "a", "21")),
        ]
    };
    let (run, _server) = against(script(), &["--watch-only", "--bookmarks", "--count=1"]);
    assert_eq!(run.wait().ended(0).short(), ["BOOKMARK"]);
    let (run, _server) = against(script(), &["--watch-only", "--count=1"]);
    assert_eq!(run.wait().ended(0).short(), ["MODIFIED a"]);
}

#[test]
fn custom_resources_are_printed_until_their_definition_is_deleted() {
    let server = ControlPlane::shared();
    let any = serde_json::json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    server
        .create(
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            &serde_json::json!({
                "metadata": {"name": "shapes.example.com"},
                "spec": {
                    "group": "example.com", "scope": "Cluster",
                    "names": {"plural": "shapes", "singular": "shape", "kind": "Shape"},
                    "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": any}}],
                },
            }),
        )
        .unwrap();
    let shapes = "/apis/example.com/v1/shapes";
    wait_until(
        || server.request("GET", shapes, None).unwrap().0 == 200,
        || format!("the API server does not serve {shapes}"),
    );
    let shape = serde_json::json!({"apiVersion": "example.com/v1", "kind": "Shape", "metadata": {"name": "round"}});
    server.create(shapes, &shape).unwrap();
    let mut run = start(&[shapes]);
    let first: Value = serde_json::from_str(&run.expect("ADDED round")).unwrap();
    assert_eq!(first["object"]["kind"], "Shape");
    assert_eq!(first["object"]["apiVersion"], "example.com/v1");
    // Deleting the definition deletes its objects, and then the path.
    let definition = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/shapes.example.com";
    server.request("DELETE", definition, None).unwrap();
    run.expect("DELETED round");
    let outcome = run.wait().ended(1);
    assert_eq!(
        outcome.message(),
        "Error from server (NotFound): the server could not find the requested resource"
    );
}

/// Runs the binary against one initial object and one event, and returns its stdout.
fn formatted(arguments: &[&str]) -> String {
    let (run, _server) = against(
        [list(), open_stream(event("DELETED", "a", "11"))],
        &[&["--count=2"], arguments].concat(),
    );
    run.wait().ended(0).lines().join("\n")
}

#[test]
fn output_formats_print_whole_events() {
    assert_eq!(formatted(&["-o", "json"]), formatted(&[]));
    assert_eq!(formatted(&["-o", "name"]), "configmap/a\nconfigmap/a");
    assert_eq!(
        formatted(&["-o", r#"jsonpath={.type}:{.object.metadata.name}{"\n"}"#]),
        "ADDED:a\nDELETED:a"
    );
    assert_eq!(
        formatted(&["-o", "yaml"]),
        "object:\n  apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: a\n    resourceVersion: \"1\"\n    uid: a\ntype: ADDED\n\
         ---\nobject:\n  apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: a\n    resourceVersion: \"11\"\n    uid: a\ntype: DELETED"
    );
    assert_eq!(
        formatted(&["--tag", "-o", r#"jsonpath={.rawwatch.path}{"\n"}"#]),
        format!("{CONFIG_MAPS}\n{CONFIG_MAPS}")
    );
}

#[test]
fn shared_formats_print_what_kubectl_get_prints() {
    let server = ControlPlane::shared();
    let (label, selector) = label();
    let path = create(server, &unique("same"), &label);
    for format in [
        "json",
        "yaml",
        "name",
        r#"jsonpath={.type}:{.object.data.key}{"\n"}"#,
    ] {
        let mut kubectl = server.kubectl().unwrap();
        kubectl.args([
            "get",
            "configmaps",
            "-n",
            "default",
            &selector,
            "--output-watch-events",
        ]);
        kubectl.args(["--watch", "-o", format]);
        let kubectl = Run::start(&mut kubectl);
        let ours = start(&[CONFIG_MAPS, &selector, "-o", format]);
        std::thread::sleep(std::time::Duration::from_secs(1));
        change(server, &path, format);
        std::thread::sleep(std::time::Duration::from_secs(1));
        for run in [&kubectl, &ours] {
            run.signal(rustix::process::Signal::TERM);
        }
        let (theirs, ours) = (kubectl.wait(), ours.wait());
        let (theirs, ours) = (theirs.lines(), ours.lines());
        assert!(theirs.len() >= 2, "{theirs:?}");
        if format == "json" {
            // kubectl sorts the keys.
            let read = |line: &&str| serde_json::from_str::<Value>(line).unwrap();
            let values = |lines: &[&str]| lines.iter().map(read).collect::<Vec<Value>>();
            assert_eq!(values(&ours), values(&theirs));
        } else {
            // rawwatch quotes more words in YAML.
            let unquoted = |lines: &[&str]| lines.join("\n").replace('"', "");
            assert_eq!(unquoted(&ours), unquoted(&theirs));
        }
    }
}

#[test]
fn diff_shows_changed_fields_even_of_objects_not_printed_before() {
    let server = ControlPlane::shared();
    let (label, selector) = label();
    let path = create(server, &unique("diff"), &label);
    let name = path.rsplit('/').next().unwrap();
    let run = start(&[
        CONFIG_MAPS,
        &selector,
        "--watch-only",
        "--types=MODIFIED",
        "-o",
        "diff",
        "--count=2",
        "-v1",
    ]);
    std::thread::sleep(std::time::Duration::from_secs(1));
    change(server, &path, "1");
    change(server, &path, "2");
    let outcome = run.wait().ended(0);
    let without_managers = |line: &str| line.split("  by ").next().unwrap().to_owned();
    let lines: Vec<String> = outcome.lines().into_iter().map(without_managers).collect();
    assert_eq!(
        lines,
        [
            format!("MODIFIED configmap/{name}"),
            "  data.key: \"0\" → \"1\"".to_owned(),
            format!("MODIFIED configmap/{name}"),
            "  data.key: \"1\" → \"2\"".to_owned(),
        ]
    );
}

#[test]
fn a_slow_reader_gets_every_one_of_many_large_updates() {
    const UPDATES: usize = 1500;
    let server = ControlPlane::shared();
    let (label, selector) = label();
    let path = create(server, &unique("large"), &label);
    let mut child = command(&admin())
        .args([CONFIG_MAPS, &selector, &format!("--count={}", UPDATES + 1)])
        .arg("--stats")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let padding = "x".repeat(60_000);
    for number in 1..=UPDATES {
        change(server, &path, &format!("{number}-{padding}"));
    }
    for number in 1..=UPDATES {
        line.clear();
        stdout.read_line(&mut line).unwrap();
        let event: Value = serde_json::from_str(&line).unwrap();
        let key = event["object"]["data"]["key"].as_str().unwrap();
        assert_eq!(key.split('-').next().unwrap(), number.to_string());
        assert!(event.get("rawwatch").is_none());
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    // The server closes the connection of a slow client.
    let stats = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!stats.contains(" 0 reconnects"), "{stats}");
}

#[test]
fn diff_uses_colours_on_a_terminal_or_on_request() {
    let server = ControlPlane::shared();
    let (label, selector) = label();
    let path = create(server, &unique("coloured"), &label);
    let arguments = [CONFIG_MAPS, &selector, "-o=diff", "--count=2"];
    for (is_terminal, variable, has_colours) in [
        (true, ("LANG", "C"), true),
        (true, ("NO_COLOR", "1"), false),
        (true, ("TERM", "dumb"), false),
        (false, ("LANG", "C"), false),
        (false, ("CLICOLOR_FORCE", "1"), true),
    ] {
        let (controller, terminal) = pseudo_terminal::open();
        let mut command = command(&admin());
        command.args(arguments).env(variable.0, variable.1);
        command.stdout(if is_terminal {
            terminal.into()
        } else {
            Stdio::piped()
        });
        let mut child = command.spawn().unwrap();
        drop(command);
        let from_pipe = child.stdout.take();
        while child.try_wait().unwrap().is_none() {
            change(server, &path, &unique("value"));
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
        let shown = match from_pipe {
            Some(pipe) => read_all(pipe),
            None => pseudo_terminal::shown(controller),
        };
        assert!(shown.contains("data.key: "), "{shown}");
        assert_eq!(
            shown.contains("\u{1b}[31m"),
            has_colours,
            "{variable:?} {shown}"
        );
    }
}
