//! Tables of paths that are sent, refused and understood.

use super::*;

fn parse(text: &str) -> RawPath {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refusal(text: &str) -> String {
    let error = text.parse::<RawPath>().expect_err(text);
    format!("{error}; {}", error.hint().unwrap_or_default())
}

#[test]
fn a_valid_path_is_sent_unchanged() {
    for text in [
        "/",
        "/healthz",
        "/api/v1/namespaces/default/pods/p?b=2&a=1&a=0",
        "/apis/g.io/v1/foos?labelSelector=a%3Db,c+in+(d)&fieldSelector=metadata.name=x",
        "/api/v1/namespaces/n/services/s/proxy/a%2Fb?x",
        "/api/v1/nodes/n%3A1",
    ] {
        assert_eq!(parse(text).to_string(), text);
    }
    assert_eq!(parse("/api/v1/pods/").to_string(), "/api/v1/pods");
}

#[test]
fn an_ambiguous_path_is_refused_with_offset_and_spelling() {
    for (text, offset, remedy) in [
        ("", "must start with `/`", "use a path such as"),
        (
            "api/v1/pods",
            "must start with `/`",
            "did you mean `/api/v1/pods`?",
        ),
        (
            "C:/Program Files/Git/apis",
            "must start with `/`",
            "MSYS_NO_PATHCONV",
        ),
        ("/api/v1//pods", "`//`) at byte 8", "empty variable"),
        ("/api/v1/pods//", "`//`) at byte 13", "empty variable"),
        ("/api/./v1", "`.` segment at byte 5", "write the full path"),
        (
            "/api/v1/x/../y",
            "`..` segment at byte 10",
            "write the full path",
        ),
        (
            "/api/v1/%2e%2E/y",
            "`..` segment at byte 8",
            "write the full path",
        ),
        (
            "/api/v1/a%2Fb",
            "(`%2F`) at byte 8",
            "read the segment as `a/b`",
        ),
        ("/api/v1/a%zz", "not start an escape at byte 9", "`%25`"),
        ("/api/v1/a b", "' ' at byte 9", "`%20`"),
        ("/api/v1/é", "'é' at byte 8", "`%C3%A9`"),
        (
            "/a?x=1;y=2",
            "unescaped `;` in its query at byte 6",
            "`%3B`",
        ),
        (
            "/a?dryRun=%zzAll",
            "not start an escape at byte 10",
            "`%25`",
        ),
        ("/a?x=a b", "' ' at byte 6", "`%20`"),
        (
            "/api/v1/namespaces/n/configmaps/proxy%2Fx",
            "(`%2F`)",
            "write a `/`",
        ),
        ("/a?x=1#y", "`#` at byte 6", "`%23`"),
    ] {
        let refusal = refusal(text);
        assert!(
            refusal.contains(offset) && refusal.contains(remedy),
            "{text}: {refusal}"
        );
    }
}

#[test]
fn offsets_count_the_bytes_that_the_user_typed() {
    let server: Uri = "https://h.example".parse().unwrap();
    for (text, offset) in [
        ("/api/v1/namespaces/n?dryrun=All", 21),
        ("/api/v1/namespaces/n/?dryrun=All", 22),
        (
            "https://h.example/api/v1/namespaces/n?pretty=1&dryrun=All",
            47,
        ),
    ] {
        let path = parse(text).on_server(&server).unwrap();
        let error = path.check_parameters(&["pretty"]).unwrap_err().to_string();
        assert!(
            error.ends_with(&format!("at byte {offset}")),
            "{text}: {error}"
        );
    }
    assert!(refusal("https://h.example/a b").contains("at byte 19"));
}

#[test]
fn unknown_and_repeated_parameters_are_refused() {
    let check = |text: &str| parse(text).check_parameters(&["dryRun", "force"]);
    assert!(check("/a?dryRun=All&force=true").is_ok());
    assert!(check("/api/v1/namespaces/n/services/s/proxy/x?any=1").is_ok());
    let error = check("/a?force=true&dryrun=All").unwrap_err();
    assert_eq!(
        error.to_string(),
        "error: PATH has the unknown parameter `dryrun` at byte 14"
    );
    assert_eq!(error.hint(), Some("did you mean `dryRun`?"));
    let error = check("/a?force=true&force=false").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("repeats the parameter `force` at byte 14")
    );
}

#[test]
fn flags_only_add_missing_parameters() {
    let mut path = parse("/a?x=1");
    path.add_parameter("x", "1", "--x").unwrap();
    path.add_parameter("y", "a b&c", "--y").unwrap();
    path.add_default("x", "2");
    assert_eq!(path.to_string(), "/a?x=1&y=a%20b%26c");
    assert_eq!(path.parameter("y").as_deref(), Some("a b&c"));
    assert!(
        path.add_parameter("x", "2", "--x")
            .unwrap_err()
            .to_string()
            .contains("--x=2 contradicts `x=1`")
    );
}

#[test]
fn a_path_is_parsed_by_the_api_servers_rules() {
    let about = |text: &str| {
        parse(text).resource().map(|about| {
            let part = |part: Option<String>| part.unwrap_or_else(|| "-".to_owned());
            [
                about.group,
                about.version,
                part(about.namespace),
                about.resource,
                part(about.name),
                part(about.subresource),
            ]
            .join(" ")
        })
    };
    for (path, expected) in [
        ("/api/v1/pods", Some(" v1 - pods - -")),
        ("/api/v1/namespaces", Some(" v1 - namespaces - -")),
        ("/api/v1/namespaces/n", Some(" v1 n namespaces n -")),
        (
            "/api/v1/namespaces/n/status",
            Some(" v1 n namespaces n status"),
        ),
        ("/api/v1/namespaces/n/pods/p/log", Some(" v1 n pods p log")),
        (
            "/apis/apps/v1/namespaces/n/deployments/d/scale",
            Some("apps v1 n deployments d scale"),
        ),
        ("/apis/g/v1/foos/a%3Ab", Some("g v1 - foos a:b -")),
        ("/api/v1/watch/namespaces/n/pods", None),
        ("/apis/apps/v1", None),
        ("/healthz", None),
    ] {
        assert_eq!(about(path).as_deref(), expected, "{path}");
    }
}

#[test]
fn a_pasted_url_must_be_on_the_same_server() {
    let server: Uri = "https://Host.example:443/k8s/c-1/".parse().unwrap();
    let on = |text: &str| parse(text).on_server(&server).map(|path| path.to_string());
    assert_eq!(
        on("https://host.example/k8s/c-1/api/v1/pods?a=1").unwrap(),
        "/api/v1/pods?a=1"
    );
    assert_eq!(on("/api/v1").unwrap(), "/api/v1");
    for other in [
        "https://other/api",
        "https://host.example/api/v1/pods",
        "http://host.example/api",
        "https://host.example:6443/api",
    ] {
        assert!(
            on(other)
                .unwrap_err()
                .to_string()
                .contains("the kubeconfig's server is"),
            "{other}"
        );
    }
    let error = on("https://user:secret@other/api").unwrap_err().to_string();
    assert!(!error.contains("secret"), "{error}");
}

#[test]
fn a_proxied_path_is_never_a_dry_run() {
    assert!(parse("/api/v1/namespaces/n?dryRun=All").is_dry_run());
    assert!(!parse("/api/v1/namespaces/n").is_dry_run());
    assert!(!parse("/api/v1/namespaces/n/services/s/proxy/x?dryRun=All").is_dry_run());
}

#[test]
fn a_subresource_is_appended_once() {
    let mut path = parse("/apis/apps/v1/namespaces/n/deployments/d?x=1");
    path.add_subresource("scale").unwrap();
    path.add_subresource("scale").unwrap();
    assert_eq!(
        path.to_string(),
        "/apis/apps/v1/namespaces/n/deployments/d/scale?x=1"
    );
    assert!(path.add_subresource("status").is_err());
    assert!(parse("/api/v1/pods").add_subresource("status").is_err());
}

#[test]
fn the_path_of_an_object_is_made_from_its_collection() {
    for (collection, namespace, name, expected) in [
        (
            "/api/v1/namespaces/n/pods?dryRun=All",
            "n",
            "p",
            Some("/api/v1/namespaces/n/pods/p?dryRun=All"),
        ),
        (
            "/api/v1/pods",
            "n",
            "p",
            Some("/api/v1/namespaces/n/pods/p"),
        ),
        (
            "/apis/g.io/v1/foos",
            "",
            "status",
            Some("/apis/g.io/v1/foos/status"),
        ),
        ("/api/v1/namespaces", "", "n", Some("/api/v1/namespaces/n")),
        (
            "/apis/g.io/v1/foos",
            "",
            "system:a b@c",
            Some("/apis/g.io/v1/foos/system:a%20b@c"),
        ),
        ("/apis/g.io/v1/foos", "", "", None),
        ("/apis/g.io/v1/foos", "", "..", None),
        ("/apis/g.io/v1/foos", "", "a/b", None),
        ("/apis/g.io/v1/foos", "a/b", "c", None),
        ("/api/v1/namespaces/n/pods", "other", "p", None),
        ("/healthz", "", "p", None),
    ] {
        let object = parse(collection).of_object(namespace, name);
        let object = object.map(|object| object.to_string());
        assert_eq!(
            object.as_deref(),
            expected,
            "{collection} {namespace:?} {name:?}"
        );
    }
}

#[test]
fn the_path_of_an_object_lacks_its_subresource() {
    for (path, expected) in [
        ("/api/v1/nodes/n/status?dryRun=All", "/api/v1/nodes/n"),
        ("/api/v1/nodes/status", "/api/v1/nodes/status"),
        ("/api/v1/namespaces/n/finalize", "/api/v1/namespaces/n"),
        ("/apis/g.io/v1/foos/f", "/apis/g.io/v1/foos/f"),
    ] {
        assert_eq!(parse(path).without_subresource().to_string(), expected);
    }
}
