use faulty_server::FaultyServer;
use recording_proxy::{Protocol, RecordingProxy};

use super::side_by_side::*;

/// Values of `NO_PROXY`, each with a server and whether its proxy is used.
///
/// The names do not exist, and the kernel does not connect to the addresses, which are multicast groups. So a
/// connection without the proxy reaches no server.
const ROWS: &[(&str, &str, bool)] = &[
    ("", "https://far.example", true),
    // Names.
    ("far.example", "https://far.example", false),
    ("FAR.example", "https://far.example", false),
    ("far.example", "https://FAR.example", false),
    ("far.example", "https://a.far.example", false),
    ("far.example", "https://a.b.far.example", false),
    ("far.example", "https://sofar.example", true),
    ("far.example", "https://far.example.org", true),
    ("example", "https://far.example", false),
    ("near.example", "https://far.example", true),
    // Suffixes.
    (".far.example", "https://far.example", true),
    (".far.example", "https://a.far.example", false),
    ("*.far.example", "https://a.far.example", false),
    ("*.far.example", "https://far.example", true),
    ("*far.example", "https://far.example", true),
    ("far.*", "https://far.example", true),
    (".", "https://far.example", true),
    // Lists.
    ("a, far.example ,b", "https://far.example", false),
    ("a,,far.example,", "https://far.example", false),
    (",", "https://far.example", true),
    ("a far.example", "https://far.example", true),
    // Everything.
    ("*", "https://far.example", false),
    ("a,*", "https://224.1.2.3", false),
    ("**", "https://far.example", true),
    // Ports.
    ("far.example:443", "https://far.example", false),
    ("far.example:443", "https://far.example:443", false),
    ("far.example:443", "https://far.example:6443", true),
    ("far.example:6443", "https://a.far.example:6443", false),
    ("far.example:", "https://far.example:6443", false),
    ("far.example:https", "https://far.example", true),
    (":443", "https://far.example", true),
    ("far.example:80", "http://far.example", false),
    ("far.example:443", "http://far.example", true),
    // Addresses.
    ("224.1.2.3", "https://224.1.2.3:6443", false),
    ("224.1.2.3:6443", "https://224.1.2.3:6443", false),
    ("224.1.2.3:443", "https://224.1.2.3:6443", true),
    ("224.1.2.4", "https://224.1.2.3", true),
    (".2.3", "https://224.1.2.3", true),
    ("ff15::1", "https://[ff15::1]", false),
    ("[ff15::1]", "https://[ff15::1]", true),
    ("[ff15::1]:443", "https://[ff15::1]", false),
    ("[ff15::1]:80", "https://[ff15::1]", true),
    ("FF15:0::1", "https://[ff15::1]", false),
    ("::ffff:224.1.2.3", "https://224.1.2.3", false),
    // Networks.
    ("224.0.0.0/8", "https://224.1.2.3", false),
    ("224.1.2.99/24", "https://224.1.2.3", false),
    ("224.1.3.0/24", "https://224.1.2.3", true),
    ("224.1.2.3/32", "https://224.1.2.3:6443", false),
    ("0.0.0.0/0", "https://224.1.2.3", false),
    ("0.0.0.0/0", "https://far.example", true),
    ("224.1.2.3/33", "https://224.1.2.3", true),
    ("224.0.0.0/8:443", "https://224.1.2.3", true),
    ("ff15::/16", "https://[ff15::1]", false),
    ("ff14::/16", "https://[ff15::1]", true),
    ("224.0.0.0/8", "https://[::ffff:224.1.2.3]", false),
    // This machine.
    ("", "https://127.0.0.1:1", false),
    ("", "https://127.9.9.9:1", false),
    ("", "https://localhost:1", false),
    ("", "https://[::1]:1", false),
    ("", "http://127.0.0.1:1", false),
    ("", "https://localhost.far.example", true),
];

#[test]
fn no_proxy_excludes_the_same_servers_as_in_kubectl() {
    let mut wrong = Vec::new();
    for &(no_proxy, server, is_used) in ROWS {
        let scheme = server.split(':').next().unwrap().to_uppercase();
        let case = |proxy: &RecordingProxy| {
            Case::default()
                .cluster(format!("server: '{server}'"))
                .user("token: t")
                .variable(&format!("{scheme}_PROXY"), proxy.address())
                .variable("NO_PROXY", no_proxy)
        };
        let [theirs, ours] = [Case::kubectl, Case::ours].map(|run| {
            // The proxy refuses the request, which has no password.
            let proxy = RecordingProxy::start(Protocol::Http, Some(("name", "word"))).unwrap();
            run(&case(&proxy));
            proxy.requests().len()
        });
        let expected = usize::from(is_used);
        if (theirs, ours) != (expected, expected) {
            wrong.push(format!(
                "NO_PROXY={no_proxy} {server}: expected {expected}, kubectl {theirs}, ours {ours}"
            ));
        }
    }
    assert!(ROWS.len() > 30);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The first variable with a value wins, and each scheme has its own variables.
#[test]
fn proxy_variables_are_read_like_kubectl() {
    let none = "http://127.0.0.1:1";
    for (server, variables, is_used) in [
        (
            "https://far.example",
            &[("HTTPS_PROXY", "$PROXY")][..],
            true,
        ),
        ("https://far.example", &[("https_proxy", "$PROXY")], true),
        (
            "https://far.example",
            &[("HTTPS_PROXY", "$PROXY"), ("https_proxy", none)],
            true,
        ),
        (
            "https://far.example",
            &[("HTTPS_PROXY", none), ("https_proxy", "$PROXY")],
            false,
        ),
        (
            "https://far.example",
            &[("HTTPS_PROXY", ""), ("https_proxy", "$PROXY")],
            true,
        ),
        ("https://far.example", &[("HTTP_PROXY", "$PROXY")], false),
        ("https://far.example", &[("ALL_PROXY", "$PROXY")], false),
        ("http://far.example", &[("HTTP_PROXY", "$PROXY")], true),
        ("http://far.example", &[("http_proxy", "$PROXY")], true),
        ("http://far.example", &[("HTTPS_PROXY", "$PROXY")], false),
        (
            "http://far.example",
            &[("HTTP_PROXY", "$PROXY"), ("REQUEST_METHOD", "GET")],
            false,
        ),
        (
            "https://far.example",
            &[("HTTPS_PROXY", "$PROXY"), ("REQUEST_METHOD", "GET")],
            true,
        ),
        (
            "https://far.example",
            &[("HTTPS_PROXY", "$PROXY"), ("no_proxy", "far.example")],
            false,
        ),
        (
            "https://far.example",
            &[
                ("HTTPS_PROXY", "$PROXY"),
                ("no_proxy", "far.example"),
                ("NO_PROXY", "other"),
            ],
            true,
        ),
        (
            "https://far.example",
            &[("HTTPS_PROXY", "http://$PROXY/path")],
            true,
        ),
        (
            "https://far.example",
            &[("HTTPS_PROXY", "HTTP://$PROXY")],
            true,
        ),
    ] {
        for run in [Case::kubectl, Case::ours] {
            let proxy = RecordingProxy::start(Protocol::Http, Some(("name", "word"))).unwrap();
            let mut case = Case::default()
                .cluster(format!("server: '{server}'"))
                .user("token: t");
            for (name, value) in variables {
                let value = value.replace("$PROXY", &proxy.address().to_string());
                case = case.variable(name, value);
            }
            let outcome = run(&case);
            assert_eq!(
                proxy.requests().len(),
                usize::from(is_used),
                "{server} {variables:?}: {outcome:?}"
            );
        }
    }
}

#[test]
fn no_proxy_does_not_affect_a_proxy_in_the_kubeconfig() {
    let server = FaultyServer::start(answers()).unwrap();
    for run in [Case::kubectl, Case::ours] {
        let proxy = RecordingProxy::start(Protocol::Http, None).unwrap();
        let case = Case::for_server(&server)
            .and_cluster(format!("proxy-url: 'http://{}'", proxy.address()))
            .variable("NO_PROXY", "*");
        run(&case).succeeded();
        assert_eq!(proxy.requests(), [format!("CONNECT {}", server.address())]);
    }
    assert_eq!(server.requests().len(), 2);
}
