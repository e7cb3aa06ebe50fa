use std::fs;
use std::process::Command;

use anyhow::Result;
use faulty_server::FaultyServer;
use support::run;

use super::program::{OURS, Program};

#[test]
fn a_misspelled_name_gets_a_hint() -> Result<()> {
    let server = FaultyServer::start([])?;
    let kubeconfig = server.kubeconfig()?;
    for (flag, hint) in [
        ("--context=fautly", "hint: did you mean `faulty`?"),
        ("--cluster=Faulty", "hint: did you mean `faulty`?"),
        ("--user=faultyy", "hint: did you mean `faulty`?"),
    ] {
        let mut command = support::command(OURS, &kubeconfig);
        command.args(Program::Ours.arguments("/probe")).arg(flag);
        let outcome = run(&mut command, "").ended(2);
        assert_eq!(outcome.stderr.lines().nth(1), Some(hint), "{outcome:?}");
    }
    assert_eq!(server.connections(), 0);
    Ok(())
}

/// In every case nothing is sent, and nothing is guessed.
#[test]
fn a_missing_choice_of_context_gets_a_hint() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let contexts: Vec<String> = (1..=14)
        .map(|number| format!("{{name: c{number:02}, context: {{cluster: c, user: c}}}}"))
        .collect();
    let many = format!("contexts: [{}]\n", contexts.join(", "));
    let gone = many.clone() + "current-context: prod\n";
    for (name, text) in [
        ("many", &many),
        ("gone", &gone),
        ("none", &"users: []\n".to_owned()),
    ] {
        fs::write(folder.path().join(name), text)?;
    }
    let list = "choose a context with --context NAME: c01, c02, c03, c04, c05, c06, c07, c08, c09, c10, \
                c11, c12 and 2 more";
    let tilde =
        "write the absolute path: only a shell expands `~`, and not within quotes or a list";
    for (kubeconfig, flag, line, hint) in [
        (
            at("many"),
            "-v0",
            format!("error: no current-context in {}", at("many")),
            list,
        ),
        (
            at("gone"),
            "-v0",
            "Error in configuration: context was not found for specified context: prod".to_owned(),
            list,
        ),
        (
            at("many"),
            "--context=stage",
            "error: context \"stage\" does not exist".to_owned(),
            list,
        ),
        (
            at("none"),
            "-v0",
            format!("error: no contexts in {}", at("none")),
            "pass another --kubeconfig FILE, or the server's address with -s URL",
        ),
        (
            "/nope".to_owned(),
            "-v0",
            "error: KUBECONFIG: /nope does not exist".to_owned(),
            "correct KUBECONFIG, or pass --kubeconfig FILE",
        ),
        (
            "/nope".to_owned(),
            "--context=stage",
            "error: context \"stage\" does not exist".to_owned(),
            "correct KUBECONFIG: /nope does not exist",
        ),
        (
            format!("{}:~/.kube/config", at("many")),
            "-v0",
            "error: KUBECONFIG: ~/.kube/config does not exist".to_owned(),
            tilde,
        ),
        (
            String::new(),
            "--kubeconfig=~/.kube/config",
            "error: stat ~/.kube/config: no such file or directory".to_owned(),
            tilde,
        ),
        (
            at("many"),
            "--client-certificate=~/me.crt",
            "error: no current-context in ".to_owned() + &at("many"),
            list,
        ),
        (
            String::new(),
            "-v0",
            format!(
                "error: no kubeconfig: {} does not exist",
                at(".kube/config")
            ),
            "pass --kubeconfig FILE, or the server's address with -s URL",
        ),
    ] {
        let mut command = Command::new(OURS);
        command
            .env_clear()
            .env("HOME", folder.path())
            .env("KUBECONFIG", &kubeconfig)
            .args(Program::Ours.arguments("/probe"))
            .arg(flag);
        let outcome = run(&mut command, "").ended(2);
        assert_eq!(outcome.stderr.lines().next(), Some(&*line), "{outcome:?}");
        assert_eq!(outcome.hint(), hint, "{outcome:?}");
    }
    Ok(())
}

/// A `~` in a kubeconfig is a folder like any other, for kubectl too.
#[test]
fn a_tilde_in_a_kubeconfig_gets_a_hint() -> Result<()> {
    let server = FaultyServer::start([])?;
    let kubeconfig = fs::read_to_string(server.kubeconfig()?)?;
    let path = server.folder().join("tilde");
    let login = "client-certificate: ~/me.crt, client-key: ~/me.key";
    fs::write(
        &path,
        kubeconfig.replace("token: faulty-server-token", login),
    )?;
    let mut command = support::command(OURS, &path);
    let outcome = run(command.args(Program::Ours.arguments("/probe")), "").ended(2);
    assert!(
        outcome.stderr.contains("/~/me.crt: no such file"),
        "{outcome:?}"
    );
    assert!(
        outcome.hint().starts_with("write the absolute path"),
        "{outcome:?}"
    );
    Ok(())
}

/// The secrets are in every wrong place of a kubeconfig.
#[test]
fn no_error_about_a_kubeconfig_contains_a_secret() -> Result<()> {
    let server = FaultyServer::start([])?;
    let kubeconfig = fs::read_to_string(server.kubeconfig()?)?;
    for (number, (place, secret)) in [
        ("users:", "hunter2\nusers:"),
        ("users: [", "users: [hunter2, "),
        (
            "users: [",
            "users: [{name: faulty, user: {token: hunter2}}, ",
        ),
        ("token: faulty-server-token", "token: [hunter2]"),
        ("token: faulty-server-token", "token: {hunter2: hunter2}"),
        ("token: faulty-server-token", "token: \"hunter2\\nhunter2\""),
        ("token: faulty-server-token", "token: 5, exec: hunter2"),
        (
            "token: faulty-server-token",
            "client-certificate-data: aHVudGVyMg==, client-key-data: aHVudGVyMg==",
        ),
        (
            "token: faulty-server-token",
            "client-certificate-data: hunter2, client-key-data: '-hunter2-'",
        ),
        ("server: \"https://", "server: \"https://hunter2:hunter2@"),
    ]
    .into_iter()
    .enumerate()
    {
        let path = server.folder().join(number.to_string());
        let broken = kubeconfig.replace(place, secret);
        assert_ne!(broken, kubeconfig);
        fs::write(&path, broken)?;
        let mut command = support::command(OURS, &path);
        command.args(Program::Ours.arguments("/probe"));
        let outcome = run(&mut command, "").ended(2);
        assert!(!outcome.stderr.contains("hunter2"), "{secret}: {outcome:?}");
    }
    assert_eq!(server.connections(), 0);
    Ok(())
}
