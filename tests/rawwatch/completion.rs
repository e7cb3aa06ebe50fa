use control_plane::{ControlPlane, User};
use serde_json::json;

use super::plugin::command;

/// Returns the candidates for the last word, without their descriptions, and the directive.
fn complete(words: &[&str]) -> (Vec<String>, String) {
    // There is no home folder, so nothing is cached.
    let kubeconfig = ControlPlane::shared().kubeconfig(&User::Admin).unwrap();
    let output = command(&kubeconfig)
        .arg("__complete")
        .args(words)
        .output()
        .unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines: Vec<_> = text
        .lines()
        .map(|line| line.split('\t').next().unwrap().to_owned())
        .collect();
    let directive = lines.pop().unwrap();
    (lines, directive)
}

#[test]
fn completion_offers_only_paths_that_can_be_watched() {
    let (core, _) = complete(&["/api/v1/"]);
    for (path, is_offered) in [
        ("/api/v1/pods", true),
        ("/api/v1/namespaces", true),
        ("/api/v1/nodes", true),
        // It supports only get and list.
        ("/api/v1/componentstatuses", false),
    ] {
        assert_eq!(
            core.iter().any(|offered| offered == path),
            is_offered,
            "{path}: {core:?}"
        );
    }
    let config_maps = "/api/v1/namespaces/default/configmaps";
    assert_eq!(
        complete(&["/api/v1/namespaces/default/conf"]),
        (
            vec![config_maps.to_owned(), format!("{config_maps}/")],
            ":6".to_owned()
        )
    );
    let (reviews, _) = complete(&["/apis/auth"]);
    assert_eq!(reviews, [""; 0]);

    let created = json!({"metadata": {"name": "to-complete"}});
    ControlPlane::shared()
        .create(config_maps, &created)
        .unwrap();
    assert_eq!(
        complete(&[&format!("{config_maps}/to-c")]),
        (vec![format!("{config_maps}/to-complete")], ":4".to_owned())
    );
    assert_eq!(
        complete(&[&format!("{config_maps}/to-complete/")]).0,
        [""; 0]
    );
    // A second path, with and without its flag.
    assert_eq!(complete(&[config_maps, "/api/v1/nod"]).0.len(), 2);
    assert_eq!(complete(&[config_maps, "--raw", "/api/v1/nod"]).0.len(), 2);
}

#[test]
fn completion_offers_the_values_of_flags() {
    for (words, values, directive) in [
        (&["--for", "c"][..], &["create", "condition="][..], ":6"),
        (&["--types", "M"], &["MODIFIED"], ":4"),
        (&["--types=ADDED,D"], &["ADDED,DELETED"], ":4"),
        (&["--on-gap", ""], &["resync", "fail"], ":4"),
        (&["-o", "w"], &["wide"], ":4"),
        (&["--resume-file", ""], &[], ":0"),
        (&["--tag="], &["true", "false"], ":4"),
        (&["-l", ""], &[], ":4"),
        (&["--field-s"], &["--field-selector"], ":4"),
    ] {
        let (offered, actual_directive) = complete(words);
        assert_eq!(
            (&offered[..], actual_directive.as_str()),
            (
                &values.iter().map(ToString::to_string).collect::<Vec<_>>()[..],
                directive
            ),
            "{words:?}"
        );
    }
}
