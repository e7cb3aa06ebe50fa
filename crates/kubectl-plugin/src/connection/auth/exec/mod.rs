//! Exec plugins: programs that provide a credential
//! (`client-go/plugin/pkg/client/auth/exec`).
//!
//! kube-client could run them, too, but it runs them several times per client, lets them read the
//! stdin that contains a patch, and quotes their output in its errors. [`ExecPlugin::run`] runs the
//! program once. The credential on its stdout is only sent to the server; its stderr is shown.
//!
//! * `exec_credential`: parses the output of a plugin
//! * `policy`: decides which plugins may run
//! * `shared_run`: shares one run between several contexts

pub(crate) mod exec_credential;
pub(crate) mod policy;
pub(crate) mod shared_run;

use std::io::{ErrorKind, IsTerminal, stdin};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube_client::config::{Cluster, ExecConfig, ExecInteractiveMode};
use serde::Serialize;
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use crate::Error;
use crate::connection::auth::credential;
use crate::connection::kubeconfig::file;
use crate::text::system_error;
use exec_credential::{ExecCredentialStatus, V1, V1BETA1, failure};
use policy::PluginPolicy;
use shared_run::{SharedRun, SharedRuns};

/// The maximum size of a plugin's output, in bytes. Departure: kubectl has no limit.
const MAX_OUTPUT: u64 = 1 << 20;

/// The extension of a kubeconfig's cluster that is passed to plugins.
const CLUSTER_EXTENSION: &str = "client.authentication.k8s.io/exec";

/// An exec plugin of a user.
pub(crate) struct ExecPlugin {
    /// A name in `$PATH` or an absolute path.
    command: String,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    version: &'static str,
    interactive_mode: ExecInteractiveMode,
    install_hint: String,
    /// The cluster, if the plugin asks for it.
    cluster: Option<ClusterInfo>,
    policy: PluginPolicy,
    /// The run that this plugin shares with other contexts.
    shared: Option<Arc<SharedRun>>,
}

impl ExecPlugin {
    /// Creates the plugin of a user whose kubeconfig is valid.
    pub(crate) fn new(
        exec: &ExecConfig,
        cluster: &Cluster,
        policy: PluginPolicy,
        runs: Option<&SharedRuns>,
    ) -> Result<Self, Error> {
        let version = exec.api_version.as_deref().unwrap_or_default();
        let Some(version) = [V1, V1BETA1].into_iter().find(|known| *known == version) else {
            return Err(
                Error::usage(format!("exec plugin: invalid apiVersion {version:?}")).with_hint(
                    format!("use {V1} or {V1BETA1}; check for a newer version of the kubeconfig"),
                ),
            );
        };
        let variables = exec.env.iter().flatten().filter_map(|variable| {
            let value = variable.get("value").cloned().unwrap_or_default();
            Some((variable.get("name")?.clone(), value))
        });
        let mode = exec.interactive_mode.clone();
        let mut plugin = Self {
            command: file::clean(exec.command.as_deref().unwrap_or_default()),
            arguments: exec.args.clone().unwrap_or_default(),
            variables: variables.collect(),
            version,
            interactive_mode: mode.unwrap_or(ExecInteractiveMode::IfAvailable),
            install_hint: install_hint(exec.install_hint.as_deref().unwrap_or_default()),
            cluster: if exec.provide_cluster_info {
                Some(ClusterInfo::new(cluster)?)
            } else {
                None
            },
            policy,
            shared: None,
        };
        plugin.shared = runs.map(|runs| runs.run_for(plugin.key()));
        Ok(plugin)
    }

    /// Returns a key that contains everything that a run depends on.
    fn key(&self) -> String {
        format!(
            "{:?}",
            (
                &self.command,
                &self.arguments,
                &self.variables,
                &self.interactive_mode,
                self.exec_info(false),
            )
        )
    }

    pub(crate) fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// Returns the environment variables, each a name and a value.
    pub(crate) fn variables(&self) -> &[(String, String)] {
        &self.variables
    }

    /// Returns the cluster's proxy URL, if the plugin gets it.
    pub(crate) fn proxy_url(&self) -> Option<&str> {
        self.cluster.as_ref()?.proxy_url.as_deref()
    }

    /// Returns the program, as named in the kubeconfig.
    pub(crate) fn command(&self) -> &str {
        &self.command
    }

    /// Runs the plugin, or returns the result of a run for another context.
    pub(crate) async fn credential_status(
        &self,
        stdin_in_use: bool,
    ) -> Result<Arc<ExecCredentialStatus>, Error> {
        let run = self.run(stdin_in_use);
        match &self.shared {
            Some(shared) => shared.credential_status(run).await,
            None => run.await.map(Arc::new),
        }
    }

    /// Discards a credential that the server has refused.
    pub(crate) async fn forget(&self, refused: &Arc<ExecCredentialStatus>) {
        if let Some(shared) = &self.shared {
            shared.forget(refused).await;
        }
    }

    /// Runs the plugin. An error has the kubeconfig's `installHint`, if any, as its hint. Departure: kubectl only
    /// shows it if the plugin is not installed.
    async fn run(&self, stdin_in_use: bool) -> Result<ExecCredentialStatus, Error> {
        self.run_once(stdin_in_use).await.map_err(|error| {
            if error.hint().is_some() || self.install_hint.is_empty() {
                return error;
            }
            error.with_hint(format!(
                "check the exec plugin {}. Its kubeconfig says: {}",
                self.command, self.install_hint
            ))
        })
    }

    /// Runs the plugin. It inherits stderr, and stdin if it may read that.
    async fn run_once(&self, stdin_in_use: bool) -> Result<ExecCredentialStatus, Error> {
        let is_interactive = self.interactive(stdin_in_use)?;
        let mut child = Command::new(self.path()?)
            .args(&self.arguments)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env("KUBERNETES_EXEC_INFO", self.exec_info(is_interactive))
            .stdin(if is_interactive {
                Stdio::inherit()
            } else {
                Stdio::null()
            })
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                let reason = format!(
                    "fork/exec {}: {}",
                    self.command,
                    system_error::reason(&error)
                );
                match error.kind() {
                    ErrorKind::NotFound => self.not_found(&reason),
                    _ => failure(format!("exec: {reason}")),
                }
            })?;
        let read_failure = |error| failure(format!("exec: {}", system_error::reason(&error)));
        let mut printed = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            let mut stdout = stdout.take(MAX_OUTPUT + 1);
            stdout
                .read_to_end(&mut printed)
                .await
                .map_err(read_failure)?;
        }
        if printed.len() as u64 > MAX_OUTPUT {
            // The return drops the child, which kills it.
            return Err(failure(format!(
                "exec: executable {} printed more than 1 MiB",
                self.command
            )));
        }
        let status = child.wait().await.map_err(read_failure)?;
        if !status.success() {
            return Err(failure(format!(
                "exec: executable {} failed with exit code {}",
                self.command,
                status.code().unwrap_or(-1) // like Go for a signal
            )));
        }
        ExecCredentialStatus::parse(&printed, self.version, &self.command)
    }

    /// Decides whether the plugin may prompt the user on the terminal.
    pub(crate) fn interactive(&self, stdin_in_use: bool) -> Result<bool, Error> {
        decide_interactive(&self.interactive_mode, stdin().is_terminal(), stdin_in_use).map_err(
            |reason| {
                let reason = format!("exec plugin cannot support interactive mode: {reason}");
                match &self.shared {
                    Some(_) => failure(reason).with_hint(
                        "run `kubectl whoami --context NAME` first: exec plugins cannot prompt while several contexts run",
                    ),
                    None => failure(reason),
                }
            },
        )
    }

    /// Returns the path of the program, if the policy allows it.
    pub(crate) fn path(&self) -> Result<PathBuf, Error> {
        let found = file::find_executable(&self.command);
        let path = found.as_deref().map_err(String::as_str);
        self.policy.check(&self.command, path).map_err(failure)?;
        match found {
            Ok(path) => Ok(path),
            // Running a bad path fails with the system's own, better error.
            Err(_) if self.command.contains('/') => Ok(PathBuf::from(&self.command)),
            Err(_) => Err(self.not_found(&format!("executable {} not found", self.command))),
        }
    }

    /// Returns `$KUBERNETES_EXEC_INFO`.
    pub(crate) fn exec_info(&self, is_interactive: bool) -> String {
        let info = ExecInfo {
            kind: "ExecCredential",
            api_version: self.version,
            spec: Spec {
                cluster: self.cluster.as_ref(),
                interactive: is_interactive,
            },
        };
        serde_json::to_string(&info).expect("it has no keys but strings")
    }

    fn not_found(&self, reason: &str) -> Error {
        let hint = match self.install_hint.as_str() {
            "" => "install this exec plugin, or correct its command in the kubeconfig",
            hint => hint,
        };
        failure(format!("exec: {reason}")).with_hint(hint)
    }
}

/// Decides whether the plugin may read stdin. Fails if the plugin must but cannot.
fn decide_interactive(
    mode: &ExecInteractiveMode,
    is_terminal: bool,
    is_in_use: bool,
) -> Result<bool, &'static str> {
    use ExecInteractiveMode::{Always, IfAvailable, Never};
    match (mode, is_terminal, is_in_use) {
        (IfAvailable | Always, true, false) => Ok(true),
        (Never | IfAvailable, _, _) => Ok(false),
        (Always, false, _) => Err("standard input is not a terminal"),
        (Always, true, true) => {
            Err("standard input is unavailable: used by stdin resource manifest reader")
        }
    }
}

/// Returns the kubeconfig's `installHint` without empty lines and indentation, which a YAML block has.
fn install_hint(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    printable(&lines.collect::<Vec<_>>().join("\n"))
}

/// Escapes the characters that could change the state of a terminal
/// (`client-go/tools/clientcmd/client_config.go`, `cleanANSIEscapeCodes`).
fn printable(text: &str) -> String {
    let is_hidden = |character| {
        matches!(
            character,
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
    };
    text.chars()
        .map(|character| match character {
            '\t'..='\r' => character.to_string(),
            _ if character.is_control() || is_hidden(character) => {
                format!("U+{:04X}", u32::from(character))
            }
            _ => character.to_string(),
        })
        .collect()
}

/// The content of `$KUBERNETES_EXEC_INFO`.
#[derive(Serialize)]
struct ExecInfo<'a> {
    kind: &'static str,
    #[serde(rename = "apiVersion")]
    api_version: &'static str,
    spec: Spec<'a>,
}

#[derive(Serialize)]
struct Spec<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<&'a ClusterInfo>,
    interactive: bool,
}

/// The server that the credential is for. kube-client's type lacks `disable-compression`.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ClusterInfo {
    server: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_server_name: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    insecure_skip_tls_verify: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_authority_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proxy_url: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    disable_compression: bool,
    /// The kubeconfig's extension for plugins, or null.
    config: Option<Value>,
}

impl ClusterInfo {
    fn new(cluster: &Cluster) -> Result<Self, Error> {
        let extensions = cluster.extensions.iter().flatten();
        let mut for_plugins = extensions.filter(|extension| extension.name == CLUSTER_EXTENSION);
        Ok(Self {
            server: cluster.server.clone().unwrap_or_default(),
            tls_server_name: cluster.tls_server_name.clone(),
            insecure_skip_tls_verify: cluster.insecure_skip_tls_verify == Some(true),
            certificate_authority_data: credential::certificate_authority(cluster)?
                .map(|pem| STANDARD.encode(pem)),
            proxy_url: cluster.proxy_url.clone(),
            disable_compression: cluster.disable_compression == Some(true),
            config: for_plugins
                .next()
                .map(|extension| extension.extension.clone()),
        })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exec_plugin_reads_stdin_only_from_an_unused_terminal() {
        use ExecInteractiveMode::{Always, IfAvailable, Never};
        for (mode, is_terminal, is_in_use, expected) in [
            (Never, false, false, Ok(false)),
            (Never, false, true, Ok(false)),
            (Never, true, false, Ok(false)),
            (Never, true, true, Ok(false)),
            (IfAvailable, false, false, Ok(false)),
            (IfAvailable, false, true, Ok(false)),
            (IfAvailable, true, false, Ok(true)),
            (IfAvailable, true, true, Ok(false)),
            (
                Always,
                false,
                false,
                Err("standard input is not a terminal"),
            ),
            (Always, false, true, Err("standard input is not a terminal")),
            (Always, true, false, Ok(true)),
            (
                Always,
                true,
                true,
                Err("standard input is unavailable: used by stdin resource manifest reader"),
            ),
        ] {
            assert_eq!(decide_interactive(&mode, is_terminal, is_in_use), expected);
        }
    }

    #[test]
    fn an_install_hint_cannot_move_the_cursor() {
        assert_eq!(
            install_hint("\n  do \u{1b}[1mthis\u{1b}[0m\n\n\tand \u{202e}that\n"),
            "do U+001B[1mthisU+001B[0m\nand U+202Ethat"
        );
    }
}
