use std::path::Path;

use control_plane::ControlPlane;
use support::run;

use super::plugin::*;

#[test]
fn kubectl_finds_the_plugin_and_passes_on_flags_and_exit_codes() {
    let control_plane = ControlPlane::shared();
    let folder = Path::new(env!("CARGO_BIN_EXE_kubectl-whoami")).parent();
    let kubectl = |arguments: &[&str]| {
        let mut kubectl = control_plane.kubectl().unwrap();
        kubectl.envs(control_plane.environment(folder).unwrap());
        run(kubectl.arg("whoami").args(arguments), "")
    };
    assert_eq!(kubectl(&["-o", "name"]).ended(0).stdout, "admin\n");
    assert_eq!(
        kubectl(&["--as=bob", "-o", "name"]).ended(0).stdout,
        "bob\n"
    );
    assert_eq!(kubectl(&[]).ended(0).row("Username"), "admin");
    kubectl(&["--token=opaque", "--user="]).ended(0);
    kubectl(&["-o", "wide"]).ended(2);
    kubectl(&["--server=https://127.0.0.1:1"]).ended(3);
    kubectl(&["--fail-if-expires-within=9000000h"]).ended(0);
    kubectl(&["--fail-if-expires-within=900000000h"]).ended(8);
}

#[test]
fn each_flag_of_kubectl_auth_is_accepted_or_explained() {
    let plugin = env!("CARGO_BIN_EXE_kubectl-whoami");
    support::assert_flags_are_explained(
        plugin,
        &["auth whoami --help", "auth can-i --help", "options"],
    );
}
