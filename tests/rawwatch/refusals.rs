use super::plugin::*;

/// Asserts that a command line is refused with exit code 2 before anything is sent.
#[track_caller]
fn refused(arguments: &[&str], message: &str) {
    let (run, server) = start_with_unused_server(arguments);
    let outcome = run.end().ended(2);
    assert!(
        outcome.stderr.contains(message),
        "{arguments:?}: {}",
        outcome.stderr
    );
    assert_eq!(server.connections(), 0, "{arguments:?}");
}

/// Starts the binary with a server that the test expects it not to contact.
fn start_with_unused_server(arguments: &[&str]) -> (Run, faulty_server::FaultyServer) {
    let server = faulty_server::FaultyServer::start([list()]).unwrap();
    let kubeconfig = server.kubeconfig().unwrap();
    (Run::start(command(&kubeconfig).args(arguments)), server)
}

#[test]
fn a_path_that_cannot_be_watched_is_refused() {
    refused(&[], "PATH is missing");
    refused(
        &["/healthz"],
        "PATH is not that of a collection or an object",
    );
    refused(
        &["/api/v1/watch/pods"],
        "PATH is not that of a collection or an object",
    );
    refused(
        &["/api/v1/namespaces/default/pods/p/log"],
        "no subresource can be watched",
    );
    refused(&["/api/v1/namespaces//pods"], "an empty segment");
    refused(
        &["/api/v1/pods", "/api/v1/pods"],
        "/api/v1/pods is given twice",
    );
    refused(
        &["-n", "other", CONFIG_MAPS],
        "--namespace=other contradicts",
    );
}

#[test]
fn a_query_that_the_server_would_misread_is_refused() {
    for (query, message) in [
        ("watc=1", "did you mean `watch`?"),
        ("limit=5", "PATH has the parameter `limit`"),
        (
            "sendInitialEvents=true",
            "PATH has the parameter `sendInitialEvents`",
        ),
        ("watch=false", "PATH has `watch=false`"),
        ("resourceVersion=abc", "is no resource version"),
        ("resourceVersion=007", "is no resource version"),
        ("timeoutSeconds=-1", "no number of seconds above 0"),
        ("watch=1&watch=1", "a second time"),
    ] {
        refused(&[&format!("{CONFIG_MAPS}?{query}")], message);
    }
}

#[test]
fn invalid_or_contradictory_flags_are_refused() {
    let path = format!("{CONFIG_MAPS}?labelSelector=a%3Db&resourceVersion=5&timeoutSeconds=5");
    refused(
        &["-l", "a=c", &path],
        "--selector contradicts `labelSelector=a=b`",
    );
    refused(
        &["--resource-version=6", &path],
        "--resource-version contradicts",
    );
    refused(&["--timeout=6s", &path], "contradicts a time-out of 6s");
    refused(
        &["--types=ADDED,GONE", CONFIG_MAPS],
        "invalid value \"GONE\" for --types",
    );
    refused(&["--count=0", CONFIG_MAPS], "invalid value for --count");
    refused(
        &["--on-gap=ignore", CONFIG_MAPS],
        "--on-gap must be one of [resync fail], not \"ignore\"",
    );
    refused(
        &["-o", "table=x", CONFIG_MAPS],
        "allowed formats are: diff,json,jsonpath,name,none,table,wide,yaml",
    );
    refused(
        &["-H", "Accept-Encoding: gzip", CONFIG_MAPS],
        "--header must not set accept-encoding",
    );
    refused(
        &["-H", "Accept: application/yaml", CONFIG_MAPS],
        "nothing that can be watched",
    );
    refused(
        &["--for=bogus", CONFIG_MAPS],
        "unrecognized condition: \"bogus\"",
    );
    refused(
        &["--for=create", &path],
        "--for and a resource version do not fit together",
    );
    refused(
        &["--audit=1m", &path],
        "--audit and a resource version do not fit together",
    );
    refused(&["--timeout=x", CONFIG_MAPS], "Invalid timeout value");
}

#[test]
fn a_misspelled_value_gets_a_suggestion() {
    for (flag, meant) in [
        ("--on-gap=fial", "fail"),
        ("--output=tabel", "table"),
        ("--types=ADDED,MODIFYED", "MODIFIED"),
        ("--for=syncd", "synced"),
        ("--for=condtion=Ready", "condition"),
        ("--conut=1", "--count"),
    ] {
        let hint = format!("\nhint: did you mean `{meant}`?");
        refused(&[flag, CONFIG_MAPS], &hint);
    }
}
