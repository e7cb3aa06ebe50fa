use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use faulty_server::{Answer, FaultyServer, Identity, Reply, Request};
use support::{Outcome, run};

use super::case::{ANSWER, Case, Expected, PLUGIN};
use super::program::{PATH, Program, in_pod};

/// A token that expires in the year 2100: `{"exp":4102444800}`.
const VALID_JWT: &str = "e30.eyJleHAiOjQxMDI0NDQ4MDB9.c2ln";

/// Servers that record requests, and the certificates and keys of the cases.
pub(crate) struct Servers {
    server: FaultyServer,
    plain: FaultyServer,
    alice: Identity,
    bob: Identity,
    /// The file of `sh`.
    shell: PathBuf,
}

impl Servers {
    /// Starts the servers.
    pub(crate) fn start() -> Result<Self> {
        let answer = || [Answer::Reply(Reply::json(200, "{}"))];
        let server = FaultyServer::start(answer())?;
        Ok(Self {
            alice: server.pki.client("alice")?,
            bob: server.pki.client("bob")?,
            plain: FaultyServer::start_plain(answer())?,
            server,
            shell: env::split_paths(PATH)
                .map(|folder| folder.join("sh"))
                .find(|path| path.exists())
                .context("a shell")?,
        })
    }

    /// Runs all cases, a few at a time. Panics with the cases whose results are not as expected.
    pub(crate) fn compare(&self, cases: &[Case]) -> Result<()> {
        let next = AtomicUsize::new(0);
        let failures = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::SeqCst);
                        let Some(case) = cases.get(number) else {
                            return;
                        };
                        let failure = match self.check(number, case) {
                            Ok(None) => continue,
                            Ok(Some(failure)) => failure,
                            Err(error) => format!("{error:#}"),
                        };
                        let mut failures = failures.lock().expect("no thread panics");
                        failures.push(format!("{}\n{failure}", case.name));
                    }
                });
            }
        });
        let failures = failures.into_inner()?;
        assert!(
            failures.is_empty(),
            "{} of {}:\n{}",
            failures.len(),
            cases.len(),
            failures.join("\n")
        );
        Ok(())
    }

    /// Runs a case. Returns a description of its results unless they are as expected.
    fn check(&self, number: usize, case: &Case) -> Result<Option<String>> {
        let folder = self.server.folder().join(number.to_string());
        self.lay_out(&folder, case)?;
        let kubectl = self.run(&folder, case, Program::Kubectl)?;
        let ours = self.run(&folder, case, Program::Ours)?;
        let (is_as_expected, expected) = match &case.expected {
            Expected::Same(text) => (kubectl == ours && ours.contains(text), text.to_string()),
            Expected::BothFail => (
                [&kubectl, &ours]
                    .iter()
                    .all(|outcome| !outcome.starts_with("sent ")),
                "no request".to_owned(),
            ),
            Expected::Departure {
                reason,
                kubectl: theirs,
                ours: own,
            } => (
                kubectl.contains(theirs) && ours.contains(own) && kubectl != ours,
                format!("{theirs}\n            {own} (because {reason})"),
            ),
        };
        let shows_no_secret = !ours.contains("hunter2");
        Ok((!is_as_expected || !shows_no_secret)
            .then(|| format!("  expected: {expected}\n  kubectl:  {kubectl}\n  ours:     {ours}")))
    }

    /// Writes the files of a case.
    fn lay_out(&self, folder: &Path, case: &Case) -> Result<()> {
        let authority = self.server.pki.certificate_authority();
        let common = [
            ("ca.crt", authority.as_str()),
            ("alice.crt", &self.alice.certificate),
            ("alice.key", &self.alice.key),
            ("bob.crt", &self.bob.certificate),
            ("bob.key", &self.bob.key),
            ("other-ca.crt", &self.plain.pki.certificate_authority()),
            ("pod/ca.crt", &authority),
            ("pod/token", "pod-token\n"),
            ("pod/namespace", "pod-namespace"),
            ("plugin", PLUGIN),
            ("answer", ANSWER),
            ("home/none", ""),
        ]
        .map(|(name, text)| (name, text.to_owned()));
        let own = case
            .files
            .iter()
            .map(|(name, text)| (*name, self.fill_in(text, folder)));
        for (name, text) in common.into_iter().chain(own) {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().context("a folder")?)?;
            match text.strip_prefix("-> ") {
                Some(target) => symlink(target, path)?,
                None => fs::write(path, text)?,
            }
        }
        Ok(())
    }

    /// Replaces the placeholders in a text of a case.
    fn fill_in(&self, text: &str, folder: &Path) -> String {
        text.replace("$FOLDER", &folder.to_string_lossy())
            .replace("$SH", &self.shell.to_string_lossy())
            .replace("$VALID_JWT", VALID_JWT)
            .replace("$URL", &self.server.url())
            .replace("$PORT", &self.server.address().port().to_string())
            .replace("$PLAIN", &self.plain.address().to_string())
            .replace(
                "$CA_DATA",
                &STANDARD.encode(self.server.pki.certificate_authority()),
            )
            .replace("$ALICE_CRT_TWICE", &twice(&self.alice.certificate))
            .replace("$ALICE_KEY_TWICE", &twice(&self.alice.key))
            .replace("$ALICE_CRT", &STANDARD.encode(&self.alice.certificate))
            .replace("$ALICE_KEY", &STANDARD.encode(&self.alice.key))
    }

    /// Runs a program. Returns a description of the request that arrived, or else the lines on stderr.
    fn run(&self, folder: &Path, case: &Case, program: Program) -> Result<String> {
        let probe = format!(
            "/{program:?}-{}-",
            folder.file_name().context("a name")?.display()
        );
        let path = program.path()?;
        let mut command = if case.in_pod {
            in_pod(&path, &folder.join("pod"))
        } else {
            let mut command = Command::new(path);
            command.env_clear().env("PATH", PATH);
            command
        };
        command
            .args(program.arguments(&probe))
            .args(case.flags.iter().map(|flag| self.fill_in(flag, folder)))
            .current_dir(folder)
            .env("HOME", folder.join("home"))
            .envs(
                case.environment
                    .iter()
                    .map(|(name, value)| (name, self.fill_in(value, folder))),
            );
        let outcome = run(&mut command, "");
        let mut outcome = match self.request(&probe) {
            Some(request) => request,
            None => failure(program, &outcome)?,
        };
        let runs = folder.join("plugin-runs");
        if let Ok(lines) = fs::read_to_string(&runs) {
            fs::remove_file(runs)?;
            outcome = format!("{outcome}; the plugin got {}", lines.trim_end());
        }
        Ok(self.neutral(&outcome, folder))
    }

    /// Returns a description of the request that arrived for this path.
    fn request(&self, probe: &str) -> Option<String> {
        let servers = [("https", &self.server), ("http", &self.plain)];
        servers.into_iter().find_map(|(scheme, server)| {
            let requests = server.requests();
            let request = requests
                .iter()
                .find(|request| request.target.contains(probe))?;
            Some(self.describe(scheme, request).replace(probe, "/probe"))
        })
    }

    /// Replaces the parts of a result that differ from run to run.
    fn neutral(&self, outcome: &str, folder: &Path) -> String {
        outcome
            .replace(&*folder.to_string_lossy(), "$FOLDER")
            .replace(&format!("\"{}\"", self.shell.display()), "\"$SH\"")
            .replace(VALID_JWT, "$VALID_JWT")
            .replace(&self.server.address().port().to_string(), "$PORT")
            .replace(&self.plain.address().port().to_string(), "$PLAIN_PORT")
    }

    /// Returns the address and the credentials of a request.
    fn describe(&self, scheme: &str, request: &Request) -> String {
        let host = request.header("host").join(",");
        let mut parts = vec![format!("sent {scheme}://{host}{}", request.target)];
        if let Some(name) = &request.server_name {
            parts.push(format!("server name {name}"));
        }
        if let Some(certificate) = &request.client_certificate {
            let known = [("alice", &self.alice), ("bob", &self.bob)];
            let owner = known
                .iter()
                .find(|(_, identity)| identity.der == *certificate);
            parts.push(format!(
                "certificate of {}",
                owner.map_or("somebody", |(name, _)| name)
            ));
        }
        let mut headers: Vec<_> = request
            .headers
            .iter()
            .filter(|(name, _)| name == "authorization" || name.starts_with("impersonate-"))
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        headers.sort();
        parts.extend(headers);
        parts.join("; ")
    }
}

fn twice(text: &str) -> String {
    STANDARD.encode(STANDARD.encode(text))
}

/// Returns the lines on stderr without the hint.
fn failure(program: Program, outcome: &Outcome) -> Result<String> {
    if matches!(program, Program::Ours) && outcome.stderr.to_lowercase().starts_with("error") {
        ensure!(outcome.code == Some(2), "{outcome:?}");
    }
    Ok(outcome.message())
}
