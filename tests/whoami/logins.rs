use control_plane::{ControlPlane, User};

use super::plugin::*;

#[test]
fn a_certificate_is_the_same_user_as_in_kubectl() {
    let person = User::Person {
        name: "jane",
        groups: &["dev", "ops"],
    };
    let kubeconfig = ControlPlane::shared().kubeconfig(&person).unwrap();
    let theirs = kubectl(&kubeconfig, &[]).ended(0);
    let ours = whoami(&kubeconfig, &["-o", "review"]).ended(0);
    assert_eq!(ours.json()["status"], theirs.json()["status"]);
    let document = whoami(&kubeconfig, &["-o", "json"]).ended(0).json();
    assert_eq!(document["whoami"]["credential"]["confirmed"], true);
}
