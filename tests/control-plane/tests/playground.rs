//! `cargo playground`, run as a newcomer runs it.

mod support;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};

use support::assert_cleaned_up;

#[test]
fn the_tour_patches_and_watches_an_object() -> Result<()> {
    let output = playground(&[]).output()?;
    let text = String::from_utf8(output.stdout)?;
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let patched = text
        .split_once("$ kubectl rawpatch")
        .context("the tour shows no patch")?
        .1;
    assert!(
        patched.contains(r#""annotations":{"note":"patched"}"#),
        "{text}"
    );
    assert!(patched.contains(r#""spec":{"replicas":3}"#), "{text}");
    assert!(patched.contains("spec.replicas: 3 → 1"), "{text}");
    let identity = text
        .split_once("$ kubectl whoami")
        .context("the tour shows no whoami")?
        .1;
    assert!(
        identity.contains("Credential:    client certificate"),
        "{text}"
    );
    assert!(identity.contains("impersonated by admin"), "{text}");
    Ok(())
}

#[test]
fn a_command_finds_cluster_and_plugins_and_keeps_its_exit_code() -> Result<()> {
    let script = "kubectl auth whoami -o jsonpath='{.status.userInfo.username}' && \
                  kubectl plugin list --name-only 2>/dev/null | grep -x kubectl-rawpatch; exit 7";
    for arguments in [&["--", "sh", "-c", script][..], &["sh", "-c", script]] {
        let output = playground(arguments).output()?;
        assert_eq!(output.status.code(), Some(7), "{output:?}");
        assert_eq!(String::from_utf8(output.stdout)?, "adminkubectl-rawpatch\n");
    }
    Ok(())
}

#[test]
fn a_command_killed_by_a_signal_gives_the_code_of_a_shell() -> Result<()> {
    let output = playground(&["--", "sh", "-c", "kill -TERM $$"]).output()?;
    assert_eq!(output.status.code(), Some(128 + 15));
    Ok(())
}

#[test]
fn keep_prints_variables_and_cleans_up_after_ctrl_c() -> Result<()> {
    let mut keeper = playground(&["--keep"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut exports = String::new();
    for line in BufReader::new(keeper.stdout.as_mut().context("no pipe")?).lines() {
        let line = line?;
        exports.push_str(&line);
        exports.push('\n');
        if line.starts_with("export PATH=") {
            break;
        }
    }
    let output = Command::new("sh")
        .args([
            "-c",
            &format!("{exports} kubectl get --raw /readyz && echo && echo $KUBECONFIG"),
        ])
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    let (ready, kubeconfig) = text.trim_end().split_once('\n').context("no second line")?;
    assert_eq!(ready, "ok");

    kill_process(Pid::from_child(&keeper), Signal::INT)?;
    assert!(keeper.wait()?.success());
    let folder = Path::new(kubeconfig)
        .ancestors()
        .nth(3)
        .context("no folder")?;
    assert!(
        folder.starts_with(std::env::temp_dir()) && folder.parent().is_some(),
        "{kubeconfig}"
    );
    assert_cleaned_up(folder)
}

#[test]
fn an_unknown_flag_is_refused_at_once() -> Result<()> {
    let output = playground(&["--kepp"]).output()?;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr)?,
        "\
error: unknown flag \"--kepp\"
Usage: cargo playground               Take a guided tour that shows each command and its output
       cargo playground -- COMMAND…   Run a command with the cluster, kubectl and the plugins set up
       cargo playground --keep        Keep a cluster for other terminals, until Ctrl-C
"
    );
    Ok(())
}

fn playground(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_playground"));
    command.args(arguments);
    command
}
