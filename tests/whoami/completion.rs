use support::admin;

use super::plugin::*;

/// Returns the candidates for the last word, without their descriptions.
fn complete(words: &[&str]) -> Vec<String> {
    // Without a home directory, nothing is cached.
    let outcome = whoami(&admin(), &[&["__complete"], words].concat()).ended(0);
    let lines = outcome.stdout.lines().filter(|line| !line.starts_with(':'));
    lines
        .map(|line| line.split('\t').next().unwrap().to_owned())
        .collect()
}

#[test]
fn can_is_completed_with_a_verb_and_with_paths_for_that_verb() {
    assert_eq!(complete(&["--can", "p"]), ["patch"]);
    let offers = |verb, path: &str, offered: &str| {
        complete(&["--can", verb, path])
            .iter()
            .any(|candidate| candidate == offered)
    };
    for (verb, path, offered, is_offered) in [
        ("create", "/api/v1/p", "/api/v1/pods", true),
        ("patch", "/api/v1/p", "/api/v1/pods", false),
        ("GET", "/api/v1/n", "/api/v1/nodes", true),
        ("get", "/apis/auth", "/apis/authentication.k8s.io/", false),
        ("POST", "/apis/auth", "/apis/authentication.k8s.io/", true),
        (
            "delete",
            "/api/v1/namespaces/d",
            "/api/v1/namespaces/default",
            true,
        ),
        (
            "deletecollection",
            "/api/v1/namespaces/d",
            "/api/v1/namespaces/default",
            false,
        ),
        (
            "deletecollection",
            "/api/v1/namespaces/d",
            "/api/v1/namespaces/default/",
            true,
        ),
    ] {
        assert_eq!(
            offers(verb, path, offered),
            is_offered,
            "{verb} {path}: {offered}"
        );
    }
    // A second pair, and flags after it.
    assert_eq!(
        complete(&["--can", "get", "/api", "--can", "list", "/ap"]).len(),
        2
    );
    assert_eq!(
        complete(&["--can", "get", "/api", "-o", "su"]),
        ["subjects"]
    );
}
