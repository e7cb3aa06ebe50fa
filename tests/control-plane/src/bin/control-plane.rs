//! A control plane for scripts: prints the path of a tool, or runs a control plane until its
//! standard input ends.

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use control_plane::{ControlPlane, Tool};

const USAGE: &str = "\
Usage: control-plane tool NAME   Print the path of etcd, kube-apiserver, kubectl, krew or
                                 validate-krew-manifest; build it first if necessary
       control-plane hold        Start a control plane and print its environment variables;
                                 restart the API server for each line on standard input, and
                                 stop when standard input ends";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["tool", name] => {
            let tool = Tool::ALL.into_iter().find(|tool| tool.name() == name);
            let path = tool
                .with_context(|| format!("unknown tool \"{name}\"\n{USAGE}"))?
                .path()?;
            writeln!(io::stdout(), "{}", path.display())?;
        }
        ["hold"] => {
            let control_plane = ControlPlane::builder().start()?;
            let mut output = io::stdout().lock();
            for (name, value) in control_plane.environment(None)? {
                writeln!(output, "{name}={}", value.display())?;
            }
            writeln!(output, "FOLDER={}", control_plane.folder().display())?;
            for line in io::stdin().lines() {
                line.context("read standard input")?;
                control_plane.api_server().kill()?;
                control_plane.api_server().start()?;
                writeln!(output, "restarted kube-apiserver")?;
            }
        }
        _ => bail!("expected `tool NAME` or `hold`\n{USAGE}"),
    }
    Ok(())
}
