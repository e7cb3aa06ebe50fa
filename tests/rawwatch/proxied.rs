use std::fs;
use std::thread;
use std::time::Duration;

use control_plane::{ControlPlane, User};
use faulty_server::{Answer, FaultyServer, Piece};
use support::unique;

use super::faulty_proxy::{Access, FaultyProxy};
use super::plugin::*;

#[test]
fn an_audit_repairs_the_loss_of_an_event_on_the_way() {
    let server = ControlPlane::shared();
    let (label, selector) = label();
    let path = create(server, &unique("audited"), &label);
    let proxy = FaultyProxy::transparent(server, Access::Plain);
    let kubeconfig = server.kubeconfig(&User::Anonymous).unwrap();
    let mut run = Run::start(
        command(&kubeconfig)
            .arg(format!("--server={}", proxy.url()))
            .args([CONFIG_MAPS, &selector, "--audit=1s"]),
    );
    run.line();
    change(server, &path, "seen");
    assert!(run.line().contains("seen"));
    proxy.drop_next_event();
    change(server, &path, "unseen");
    wait_until(
        || proxy.has_dropped_event(),
        || "no event reached the proxy".to_owned(),
    );
    // An audit waits until the stream has reached the version of its list.
    let other = create(server, &unique("passes"), &label);
    for number in 0..60 {
        change(server, &other, &number.to_string());
        thread::sleep(Duration::from_millis(250));
        if run
            .stderr()
            .contains("resynced after missing or out-of-order events")
        {
            break;
        }
    }
    let line = loop {
        let line = run.line();
        if !short(&line).contains("passes") {
            break line;
        }
    };
    assert!(short(&line).starts_with("[MODIFIED audited"), "{line}");
    assert!(
        line.contains("unseen") && line.contains("\"reason\":\"audit\""),
        "{line}"
    );
}

#[test]
fn a_proxy_that_outlives_its_server_is_detected() {
    let server = ControlPlane::builder().start().unwrap();
    create(&server, "before", "x");
    let proxy = FaultyProxy::transparent(&server, Access::Tunnel);
    let kubeconfig = server.kubeconfig(&User::Admin).unwrap();
    let mut run = Run::start(
        command(&kubeconfig)
            .arg(format!("--server={}", proxy.url()))
            .args([CONFIG_MAPS, "--selector=of=x", "--max-silence=1s", "-v=1"]),
    );
    run.expect("ADDED before");
    create(&server, "live", "x");
    run.expect("ADDED live");
    proxy.hide_server_end();
    server.api_server().kill().unwrap();
    // The stream is silent, and the probe gets no response.
    run.wait_for_stderr("retrying: ");
    server.api_server().start().unwrap();
    create(&server, "after", "x");
    assert_eq!(short(&run.line()).replace(['[', ']'], ""), "ADDED after");
}

#[test]
fn a_new_certificate_authority_is_trusted_once_it_is_in_the_file() {
    for is_replaced in [true, false] {
        let servers = [
            vec![
                list(),
                Answer::Stream(vec![
                    Piece::Send(event("MODIFIED", "a", "11").into()),
                    Piece::Pause(Duration::from_millis(500)),
                    Piece::End,
                ]),
            ],
            vec![open_stream(event("MODIFIED", "a", "12"))],
        ]
        .map(|script| FaultyServer::start(script).unwrap());
        let proxy = FaultyProxy::tunnel(servers[0].address());
        let kubeconfig = servers[0].kubeconfig().unwrap();
        let mut run = Run::start(
            command(&kubeconfig)
                .arg(format!("--server={}", proxy.url()))
                .args([CONFIG_MAPS, "--watch-only", "--count=2", "-v=1"]),
        );
        run.expect("MODIFIED a");
        if is_replaced {
            let authority = servers[1].pki.certificate_authority();
            fs::write(servers[0].folder().join("ca.crt"), authority).unwrap();
        }
        proxy.redirect_to(servers[1].address());
        if is_replaced {
            run.expect("MODIFIED a");
            run.wait().ended(0);
        } else {
            let outcome = run.wait().ended(3);
            assert!(outcome.stderr.contains("x509"), "{outcome:?}");
        }
    }
}
