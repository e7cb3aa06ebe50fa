use std::fmt::Display;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use control_plane::Tool;
use faulty_server::{Answer, FaultyServer, Reply};
use support::Outcome;

/// The path that every request is for.
pub(crate) const PATH: &str = "/version";

/// A kubeconfig's cluster and user, with variables and flags.
#[derive(Clone, Default)]
pub(crate) struct Case {
    cluster: String,
    user: String,
    environment: Vec<(String, String)>,
    flags: Vec<String>,
}

impl Case {
    /// Returns a case for the server at `url` that trusts `ca.crt` and has a token.
    pub(crate) fn new(url: impl Display) -> Self {
        Self::trusting(url, "ca.crt")
    }

    /// Returns a case for the server at `url` that trusts a file of `tests/certificates`.
    pub(crate) fn trusting(url: impl Display, authority: &str) -> Self {
        let authority = certificate(authority);
        Self::default()
            .cluster(format!(
                "server: '{url}', certificate-authority: '{}'",
                authority.display()
            ))
            .user("token: t")
    }

    /// Returns a case for a faulty server that trusts its certificate authority.
    pub(crate) fn for_server(server: &FaultyServer) -> Self {
        let authority = server.folder().join("ca.crt");
        fs::write(&authority, server.pki.certificate_authority()).unwrap();
        Self::trusting(server.url(), authority.to_str().unwrap())
    }

    /// Adds fields to the cluster.
    pub(crate) fn and_cluster(self, fields: impl Display) -> Self {
        let cluster = format!("{}, {fields}", self.cluster);
        self.cluster(cluster)
    }

    /// Replaces the fields of the cluster.
    pub(crate) fn cluster(mut self, fields: impl Into<String>) -> Self {
        self.cluster = fields.into();
        self
    }

    /// Replaces the fields of the user.
    pub(crate) fn user(mut self, fields: impl Into<String>) -> Self {
        self.user = fields.into();
        self
    }

    /// Sets a variable.
    pub(crate) fn variable(mut self, name: &str, value: impl Display) -> Self {
        self.environment.push((name.to_owned(), value.to_string()));
        self
    }

    /// Adds a flag.
    pub(crate) fn flag(mut self, flag: impl Into<String>) -> Self {
        self.flags.push(flag.into());
        self
    }

    /// Runs kubectl.
    pub(crate) fn kubectl(&self) -> Outcome {
        let mut command = Command::new(Tool::Kubectl.path().unwrap());
        self.run(command.args(["get", "--raw", PATH]))
    }

    /// Runs rawpatch.
    pub(crate) fn ours(&self) -> Outcome {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-rawpatch"));
        self.run(command.args(["--verbatim", "--type=merge", "-p={}", PATH]))
    }

    /// Checks that both programs fail with this line.
    #[track_caller]
    pub(crate) fn both_say(&self, line: &str) -> Outcome {
        let kubectl = self.kubectl();
        assert_eq!(kubectl.message().trim_end(), line, "kubectl: {kubectl:?}");
        self.ours_says(line)
    }

    /// Checks that rawpatch fails with this line, because there is no connection.
    #[track_caller]
    pub(crate) fn ours_says(&self, line: &str) -> Outcome {
        let ours = self.ours().ended(3);
        assert_eq!(ours.message().trim_end(), line, "ours: {ours:?}");
        ours
    }

    fn run(&self, command: &mut Command) -> Outcome {
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        let Self { cluster, user, .. } = self;
        let text = format!(
            "current-context: c\n\
             contexts: [{{name: c, context: {{cluster: c, user: c}}}}]\n\
             clusters: [{{name: c, cluster: {{{cluster}}}}}]\n\
             users: [{{name: c, user: {{{user}}}}}]\n"
        );
        fs::write(&kubeconfig, text).unwrap();
        command
            .args(&self.flags)
            .env_clear()
            .env("HOME", folder.path())
            .env("KUBECONFIG", kubeconfig)
            .envs(self.environment.iter().cloned());
        support::run(command, "")
    }
}

/// Returns the path of a file of `tests/certificates`.
pub(crate) fn certificate(name: &str) -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/certificates"
    ))
    .join(name)
}

/// Returns a script that answers every request with an empty object.
pub(crate) fn answers() -> [Answer; 1] {
    [Answer::Reply(Reply::json(200, "{}"))]
}
