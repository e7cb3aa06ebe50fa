const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-whoami");

#[test]
fn short_help_lists_the_flags_of_the_plugin() {
    insta::assert_snapshot!(support::help(PROGRAM, "-h"));
}

#[test]
fn help_has_examples_flags_and_exit_codes() {
    insta::assert_snapshot!(support::help(PROGRAM, "--help"));
}

/// All plugins share this snapshot.
#[test]
fn connection_help_is_equal_in_every_plugin() {
    insta::with_settings!({snapshot_path => "../support/snapshots", prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!("help_connection", support::help(PROGRAM, "--help-connection"));
    });
}
