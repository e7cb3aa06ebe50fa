//! The guided tour: runs commands exactly as it shows them.

use std::io::Write;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result};

use crate::{Environment, exit_code};

/// A command of the tour.
pub(crate) struct Step {
    /// A sentence that introduces the command.
    why: &'static str,
    /// The command, as it is shown and as `sh` runs it.
    command: &'static str,
    /// A text that the output must contain.
    expected: &'static str,
}

/// Takes a Deployment from its creation to its deletion.
pub(crate) const TOUR: &[Step] = &[
    Step {
        why: "Create a Deployment with kubectl, through its raw API path.",
        command: r#"kubectl create --raw /apis/apps/v1/namespaces/default/deployments -f - <<'END'
{
  "apiVersion": "apps/v1",
  "kind": "Deployment",
  "metadata": {"name": "sleep"},
  "spec": {
    "selector": {"matchLabels": {"app": "sleep"}},
    "template": {
      "metadata": {"labels": {"app": "sleep"}},
      "spec": {"containers": [{"name": "sleep", "image": "busybox", "args": ["sleep", "1d"]}]}
    }
  }
}
END"#,
        expected: r#""name":"sleep""#,
    },
    Step {
        why: "Read it back.",
        command: "kubectl get --raw /apis/apps/v1/namespaces/default/deployments/sleep",
        expected: r#""kind":"Deployment""#,
    },
    Step {
        why: "kubectl cannot send a raw PATCH. rawpatch can: here is a JSON merge patch.",
        command: r#"kubectl rawpatch --type merge -p '{"metadata":{"annotations":{"note":"patched"}}}' \
  -o jsonpath='{.metadata.annotations.note}' \
  /apis/apps/v1/namespaces/default/deployments/sleep"#,
        expected: "patched",
    },
    Step {
        why: "Patch any path, including a subresource such as scale.",
        command: r#"kubectl rawpatch --type merge -p '{"spec":{"replicas":3}}' \
  -o jsonpath='{.spec.replicas}' \
  /apis/apps/v1/namespaces/default/deployments/sleep/scale"#,
        expected: "3",
    },
    Step {
        why: "The scale has changed. (No controller runs here, so no Pods appear.)",
        command: "kubectl get --raw /apis/apps/v1/namespaces/default/deployments/sleep/scale",
        expected: r#""spec":{"replicas":3}"#,
    },
    Step {
        why: "The Deployment has the annotation and the new scale.",
        command: "kubectl get --raw /apis/apps/v1/namespaces/default/deployments/sleep",
        expected: r#""annotations":{"note":"patched"}"#,
    },
    Step {
        why: "Watch the collection: rawwatch prints the existing objects first, and here exits after them.",
        command: r"kubectl rawwatch --for synced -o table \
  /apis/apps/v1/namespaces/default/deployments",
        expected: "ADDED      sleep",
    },
    Step {
        why: "Follow the changes until a field has a value, and show which fields changed.",
        command: r#"(sleep 1; kubectl rawpatch --type merge -p '{"spec":{"replicas":1}}' -o none \
  /apis/apps/v1/namespaces/default/deployments/sleep) &
kubectl rawwatch --for jsonpath='{.spec.replicas}'=1 --timeout 1m -o diff \
  /apis/apps/v1/namespaces/default/deployments"#,
        expected: "spec.replicas: 3 → 1",
    },
    Step {
        why: "Show who you are to the API server, with which credential, and when it expires.",
        command: "kubectl whoami",
        expected: "Username:      admin",
    },
    Step {
        why: "Impersonate jane, and show both identities.",
        command: r"kubectl whoami --as jane --as-group dev \
  -o jsonpath='{.status.userInfo.username}, {.status.userInfo.groups}, impersonated by {.whoami.impersonator.username}'",
        expected: r#"jane, ["dev","system:authenticated"], impersonated by admin"#,
    },
    Step {
        why: "Check whether you may delete the Deployment, without trying it.",
        command: "kubectl whoami --can DELETE /apis/apps/v1/namespaces/default/deployments/sleep",
        expected: "delete deployments.apps/sleep -n default",
    },
    Step {
        why: "Delete it. The whole cluster disappears when this program ends.",
        command: "kubectl delete --raw /apis/apps/v1/namespaces/default/deployments/sleep",
        expected: r#""status":"Success""#,
    },
];

/// The longest line of output that is shown in full, in characters.
const MAX_LINE: usize = 480;

/// Runs the steps until one fails, and returns the exit code of the last command.
pub(crate) fn run(
    steps: &[Step],
    environment: &Environment,
    output: &mut impl Write,
) -> Result<ExitCode> {
    for Step {
        why,
        command,
        expected,
    } in steps
    {
        writeln!(output, "\n# {why}\n$ {command}")?;
        output.flush()?;
        let result = Command::new("sh")
            .args(["-c", command])
            .envs(environment.iter().cloned())
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .context("run sh")?;
        let text = String::from_utf8_lossy(&result.stdout);
        for line in text.lines() {
            writeln!(output, "{}", shorten(line))?;
        }
        if !result.status.success() {
            writeln!(
                output,
                "\nThe tour stops here: the command failed ({}).",
                result.status
            )?;
            return Ok(exit_code(result.status));
        }
        if !text.contains(expected) {
            writeln!(
                output,
                "\nThe tour stops here: the output does not contain {expected}"
            )?;
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn shorten(line: &str) -> String {
    match line.char_indices().nth(MAX_LINE) {
        Some((end, _)) => format!("{}… ({} bytes more)", &line[..end], line.len() - end),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEXT: Step = Step {
        why: "Next.",
        command: "echo next",
        expected: "next",
    };

    fn run_to_text(first: Step) -> (ExitCode, String) {
        let mut output = Vec::new();
        let code = run(&[first, NEXT], &Environment::new(), &mut output).unwrap();
        (code, String::from_utf8(output).unwrap())
    }

    #[test]
    fn every_command_is_shown_with_its_output() {
        let first = Step {
            why: "First.",
            command: "echo a; echo b",
            expected: "b",
        };
        let text = "\n# First.\n$ echo a; echo b\na\nb\n\n# Next.\n$ echo next\nnext\n";
        assert_eq!(run_to_text(first), (ExitCode::SUCCESS, text.into()));
    }

    #[test]
    fn a_failing_command_ends_the_tour_with_its_exit_code() {
        let first = Step {
            why: "First.",
            command: "echo a; exit 9",
            expected: "a",
        };
        let text = "\n# First.\n$ echo a; exit 9\na\n\n\
                    The tour stops here: the command failed (exit status: 9).\n";
        assert_eq!(run_to_text(first), (ExitCode::from(9), text.into()));
    }

    #[test]
    fn unexpected_output_ends_the_tour() {
        let first = Step {
            why: "First.",
            command: "echo a",
            expected: "b",
        };
        let text = "\n# First.\n$ echo a\na\n\n\
                    The tour stops here: the output does not contain b\n";
        assert_eq!(run_to_text(first), (ExitCode::FAILURE, text.into()));
    }

    #[test]
    fn a_long_line_is_cut_with_the_number_of_bytes_left() {
        assert_eq!(shorten(&"é".repeat(MAX_LINE)), "é".repeat(MAX_LINE));
        let shown = format!("{}… (4 bytes more)", "é".repeat(MAX_LINE));
        assert_eq!(shorten(&"é".repeat(MAX_LINE + 2)), shown);
    }
}
