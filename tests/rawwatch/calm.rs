//! `--stable`, which waits until nothing changes.

use std::thread::sleep;
use std::time::{Duration, Instant};

use control_plane::{ControlPlane, User};
use support::unique;

use super::plugin::*;

#[test]
fn a_run_ends_when_nothing_has_changed_for_a_time() {
    let server = ControlPlane::shared();
    let (label, selector) = label();
    let path = create(server, &unique("calm"), &label);
    let mut run = start(&[CONFIG_MAPS, &selector, "--stable=3s"]);
    run.line();
    for value in 1..=3 {
        sleep(Duration::from_secs(2));
        change(server, &path, &value.to_string());
        run.line();
    }
    let last = Instant::now();
    run.wait().ended(0);
    assert!(last.elapsed() >= Duration::from_millis(2900), "{last:?}");
}

#[test]
fn stable_and_for_must_hold_at_the_same_time() {
    let server = ControlPlane::shared();
    let (label, selector) = label();
    let flags = [
        "--for=jsonpath={.data.key}=1",
        "--stable=1s",
        "--timeout=3s",
    ];
    let path = create(server, &unique("calm"), &label);
    let outcome = rawwatch(&[&[CONFIG_MAPS, &selector], &flags[..]].concat()).ended(1);
    let name = path.rsplit('/').next().unwrap();
    assert_eq!(
        outcome.stderr,
        format!(
            "error: timed out waiting for the condition\n  \
             configmaps/{name}: {{.data.key}} is \"0\", not \"1\"\n"
        )
    );
    change(server, &path, "1");
    rawwatch(&[&[CONFIG_MAPS, &selector], &flags[..]].concat()).ended(0);
}

#[test]
fn a_run_that_never_calms_down_says_so_at_its_timeout() {
    let server = ControlPlane::shared();
    let (label, selector) = label();
    let path = create(server, &unique("calm"), &label);
    let run = start(&[
        CONFIG_MAPS,
        &selector,
        "--stable=30s",
        "--timeout=2s",
        "-o=none",
    ]);
    change(server, &path, "1");
    let outcome = run.wait().ended(1);
    assert_eq!(
        outcome.stderr,
        "error: timed out waiting for the condition\n  \
         configmaps changed, or could not be compared with the server, in the last 30s\n"
    );
}

#[test]
fn silence_while_the_server_is_down_is_not_calm() {
    let server = ControlPlane::builder().start().unwrap();
    let kubeconfig = server.kubeconfig(&User::Admin).unwrap();
    let path = create(&server, "calm", "calm");
    let flags = [
        CONFIG_MAPS,
        "--selector=of=calm",
        "--stable=5s",
        "--retry-for=2m",
    ];
    let mut run = Run::start(command(&kubeconfig).args(flags));
    run.line();
    server.api_server().kill().unwrap();
    sleep(Duration::from_secs(7));
    assert!(run.is_running(), "{}", run.stderr());
    server.api_server().start().unwrap();
    change(&server, &path, "1");
    let changed = Instant::now();
    run.expect("MODIFIED calm");
    run.wait().ended(0);
    assert!(changed.elapsed() >= Duration::from_secs(4), "{changed:?}");
}
