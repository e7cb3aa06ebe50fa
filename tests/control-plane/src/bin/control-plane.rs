//! The control plane for scripts: prints where a tool is (building it first when it is missing),
//! or starts a control plane and holds it until its standard input ends.

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use control_plane::{ControlPlane, Tool};

const USAGE: &str = "\
usage: control-plane tool NAME   print the path of etcd, kube-apiserver, kubectl, krew or
                                 validate-krew-manifest, built when it is missing
       control-plane hold        print the variables of a new control plane, and keep it until
                                 standard input ends; each line of it kills the API server and
                                 starts it again";

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
                .with_context(|| format!("no tool {name}\n{USAGE}"))?
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
                writeln!(output, "kube-apiserver was started again")?;
            }
        }
        _ => bail!("{USAGE}"),
    }
    Ok(())
}
