//! The guided tour: commands as a user types them, run as they are shown.

use std::io::Write;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result};

use crate::{Environment, exit_code};

/// One command line of a tour.
pub(crate) struct Step {
    /// What it is for, in a sentence.
    why: &'static str,
    /// What `sh` runs, and what is shown.
    command: &'static str,
    /// What its output has, or the tour has failed.
    shows: &'static str,
}

/// From the creation of an object to its end, and who did it.
pub(crate) const TOUR: &[Step] = &[
    Step {
        why: "kubectl creates an object through a raw API path.",
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
        shows: r#""name":"sleep""#,
    },
    Step {
        why: "It reads the object back.",
        command: "kubectl get --raw /apis/apps/v1/namespaces/default/deployments/sleep",
        shows: r#""kind":"Deployment""#,
    },
    Step {
        why: "What kubectl lacks is a raw PATCH. Here is one, a JSON merge patch.",
        command: r#"kubectl rawpatch --type merge -p '{"metadata":{"annotations":{"note":"patched"}}}' \
  -o jsonpath='{.metadata.annotations.note}' \
  /apis/apps/v1/namespaces/default/deployments/sleep"#,
        shows: "patched",
    },
    Step {
        why: "Any path can be patched, also a subresource.",
        command: r#"kubectl rawpatch --type merge -p '{"spec":{"replicas":3}}' \
  -o jsonpath='{.spec.replicas}' \
  /apis/apps/v1/namespaces/default/deployments/sleep/scale"#,
        shows: "3",
    },
    Step {
        why: "The scale has changed (no controller runs here, so no Pods follow),",
        command: "kubectl get --raw /apis/apps/v1/namespaces/default/deployments/sleep/scale",
        shows: r#""spec":{"replicas":3}"#,
    },
    Step {
        why: "and so has the annotation.",
        command: "kubectl get --raw /apis/apps/v1/namespaces/default/deployments/sleep",
        shows: r#""annotations":{"note":"patched"}"#,
    },
    Step {
        why: "A watch lists what is there, and ends when it is told to: here, once all of that is out.",
        command: r"kubectl rawwatch --for synced -o table \
  /apis/apps/v1/namespaces/default/deployments",
        shows: "ADDED      sleep",
    },
    Step {
        why: "It follows what happens, here until a field has a value, and shows what changed.",
        command: r#"(sleep 1; kubectl rawpatch --type merge -p '{"spec":{"replicas":1}}' -o none \
  /apis/apps/v1/namespaces/default/deployments/sleep) &
kubectl rawwatch --for jsonpath='{.spec.replicas}'=1 --timeout 1m -o diff \
  /apis/apps/v1/namespaces/default/deployments"#,
        shows: "spec.replicas: 3 → 1",
    },
    Step {
        why: "Who did all this? The server says who, by which certificate, and until when that is good.",
        command: "kubectl whoami",
        shows: "Username:      admin",
    },
    Step {
        why: "And who would jane be? (The admin may impersonate her; whoami says who really asks.)",
        command: r"kubectl whoami --as jane --as-group dev \
  -o jsonpath='{.status.userInfo.username}, {.status.userInfo.groups}, asked by {.whoami.impersonator.username}'",
        shows: r#"jane, ["dev","system:authenticated"], asked by admin"#,
    },
    Step {
        why: "May the admin remove the object? That is asked, and not tried.",
        command: "kubectl whoami --can DELETE /apis/apps/v1/namespaces/default/deployments/sleep",
        shows: "delete deployments.apps/sleep -n default",
    },
    Step {
        why: "The object goes, and with the end of this program the whole cluster.",
        command: "kubectl delete --raw /apis/apps/v1/namespaces/default/deployments/sleep",
        shows: r#""status":"Success""#,
    },
];

/// Longer lines of output are cut where they are shown, and say so.
const WIDTH: usize = 480;

/// Runs all steps, or up to the first that fails; the code is that of the failing command.
pub(crate) fn run(
    steps: &[Step],
    environment: &Environment,
    output: &mut impl Write,
) -> Result<ExitCode> {
    for Step {
        why,
        command,
        shows,
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
                "\nThe tour ends here: the command failed ({}).",
                result.status
            )?;
            return Ok(exit_code(result.status));
        }
        if !text.contains(shows) {
            writeln!(
                output,
                "\nThe tour ends here: the output should have {shows}."
            )?;
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn shorten(line: &str) -> String {
    match line.char_indices().nth(WIDTH) {
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
        shows: "next",
    };

    fn run_to_text(first: Step) -> (ExitCode, String) {
        let mut output = Vec::new();
        let code = run(&[first, NEXT], &Environment::new(), &mut output).unwrap();
        (code, String::from_utf8(output).unwrap())
    }

    #[test]
    fn shows_every_command_with_its_output() {
        let first = Step {
            why: "First.",
            command: "echo a; echo b",
            shows: "b",
        };
        let text = "\n# First.\n$ echo a; echo b\na\nb\n\n# Next.\n$ echo next\nnext\n";
        assert_eq!(run_to_text(first), (ExitCode::SUCCESS, text.into()));
    }

    #[test]
    fn ends_with_the_code_of_a_command_that_fails() {
        let (code, text) = run_to_text(Step {
            why: "",
            command: "echo a; exit 9",
            shows: "a",
        });
        assert_eq!(code, ExitCode::from(9));
        assert!(
            text.ends_with("the command failed (exit status: 9).\n"),
            "{text}"
        );
    }

    #[test]
    fn ends_when_a_command_does_not_show_what_it_should() {
        let (code, text) = run_to_text(Step {
            why: "",
            command: "echo a",
            shows: "b",
        });
        assert_eq!(code, ExitCode::FAILURE);
        assert!(text.ends_with("the output should have b.\n"), "{text}");
    }

    #[test]
    fn says_how_much_of_a_long_line_is_not_shown() {
        assert_eq!(shorten(&"é".repeat(WIDTH)), "é".repeat(WIDTH));
        let shown = format!("{}… (4 bytes more)", "é".repeat(WIDTH));
        assert_eq!(shorten(&"é".repeat(WIDTH + 2)), shown);
    }
}
