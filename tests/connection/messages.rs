use std::fs;

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
