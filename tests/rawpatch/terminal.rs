use std::process::Stdio;

use serde_json::json;
use support::{admin, config_map, deployment, pseudo_terminal, unique};

use super::expected::name;
use super::plugin::*;

/// Runs the binary with a terminal as stderr, and returns the output there.
fn on_a_terminal(variables: &[(&str, &str)], arguments: &[&str]) -> String {
    let mut command = command(&admin());
    command.envs(variables.iter().copied()).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let (mut child, shown) = pseudo_terminal::show(command, |command, terminal| {
        command.stderr(terminal);
    });
    assert!(child.wait().unwrap().success(), "{shown}");
    shown
}

#[test]
fn the_outcome_is_printed_on_a_terminal() {
    let path = deployment();
    let deployment = name(&path);
    let patch = r#"{"metadata":{"labels":{"a":"b"}}}"#;
    assert_eq!(
        on_a_terminal(&[], &["-p", patch, &path]),
        format!("deployment.apps/{deployment} patched\n")
    );
    let scale = format!("{path}/scale");
    assert_eq!(
        on_a_terminal(
            &[],
            &["--type=merge", "-p", r#"{"spec":{"replicas":2}}"#, &scale]
        ),
        format!("scale.autoscaling/{deployment} patched\n")
    );

    let name = unique("applied");
    let path = format!("/api/v1/namespaces/default/configmaps/{name}");
    let apply =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}).to_string();
    let apply = ["--type=apply", "-p", &apply, &path];
    assert_eq!(
        on_a_terminal(&[], &apply),
        format!("configmap/{name} created\n")
    );
    assert_eq!(
        on_a_terminal(&[], &apply),
        format!("configmap/{name} serverside-applied\n")
    );
    assert_eq!(
        on_a_terminal(&[], &[&apply[..], &["--dry-run"]].concat()),
        format!("configmap/{name} serverside-applied (server dry run)\n")
    );
}

#[test]
fn output_of_the_name_says_the_object_once() {
    let path = config_map();
    let patch = ["-p", r#"{"data":{"key":"x"}}"#, &path, "-o", "name"];
    assert_eq!(on_a_terminal(&[], &patch), "");
    assert_eq!(
        on_a_terminal(&[], &[&patch[..], &["--dry-run"]].concat()),
        "patched (server dry run)\n"
    );
}

#[test]
fn a_warning_is_yellow_unless_colour_is_turned_off() {
    let path = config_map();
    let arguments = [
        "--type=merge",
        "--validate=warn",
        "--dry-run=none",
        "-p",
        r#"{"dta":{"a":"b"}}"#,
        &path,
    ];
    let shown = |variables: &[(&str, &str)]| {
        on_a_terminal(variables, &arguments)
            .lines()
            .next()
            .unwrap()
            .to_owned()
    };
    let plain = "Warning: unknown field \"dta\"";
    assert_eq!(
        shown(&[]),
        "\u{1b}[33;1mWarning:\u{1b}[0m unknown field \"dta\""
    );
    assert_eq!(shown(&[("NO_COLOR", "1")]), plain);
    assert_eq!(shown(&[("TERM", "dumb")]), plain);
}

#[test]
fn control_characters_are_escaped_only_on_a_terminal() {
    let name = unique("control");
    let path = format!("/api/v1/namespaces/default/configmaps/{name}");
    let apply = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name},
        "data": {"key": "a\u{1b}[2J\r\nb"},
    });
    let arguments = [
        "--type=apply",
        "-p",
        &apply.to_string(),
        "-o=jsonpath={.data.key}",
        &path,
    ];
    assert_eq!(rawpatch(&arguments).stdout, "a\u{1b}[2J\r\nb");
    let mut command = command(&admin());
    command.args(arguments);
    command.stdin(Stdio::null()).stderr(Stdio::null());
    let (mut child, shown) = pseudo_terminal::show(command, |command, terminal| {
        command.stdout(terminal);
    });
    assert_eq!(shown, "a^[[2J\\r\nb");
    child.wait().unwrap();
}
