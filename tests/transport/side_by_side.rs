use std::fmt::Display;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use control_plane::Tool;
use faulty_server::{Answer, FaultyServer, Reply};
use support::Outcome;

/// The path that every request is for.
pub(crate) const PATH: &str = "/version";

/// A kubeconfig's cluster and user, and what surrounds a command.
#[derive(Clone, Default)]
pub(crate) struct Case {
    cluster: String,
    user: String,
    environment: Vec<(String, String)>,
    flags: Vec<String>,
}

impl Case {
    /// For the server at `url`, whose certificate `ca.crt` has signed, with a token.
    pub(crate) fn new(url: impl Display) -> Self {
        Self::trusting(url, "ca.crt")
    }

    /// The same, trusting another file of `certificates`.
    pub(crate) fn trusting(url: impl Display, authority: &str) -> Self {
        let authority = certificate(authority);
        Self::default()
            .cluster(format!(
                "server: '{url}', certificate-authority: '{}'",
                authority.display()
            ))
            .user("token: t")
    }

    /// For a server of this kind that answers everything with an empty object.
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

    /// The cluster's fields.
    pub(crate) fn cluster(mut self, fields: impl Into<String>) -> Self {
        self.cluster = fields.into();
        self
    }

    /// The user's fields.
    pub(crate) fn user(mut self, fields: impl Into<String>) -> Self {
        self.user = fields.into();
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: impl Display) -> Self {
        self.environment.push((name.to_owned(), value.to_string()));
        self
    }

    pub(crate) fn flag(mut self, flag: impl Into<String>) -> Self {
        self.flags.push(flag.into());
        self
    }

    /// kubectl's outcome.
    pub(crate) fn kubectl(&self) -> Outcome {
        let mut command = Command::new(Tool::Kubectl.path().unwrap());
        self.run(command.args(["get", "--raw", PATH]))
    }

    /// Ours.
    pub(crate) fn ours(&self) -> Outcome {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-rawpatch"));
        self.run(command.args(["--verbatim", "--type=merge", "-p={}", PATH]))
    }

    /// Both programs fail with this line. kubectl's hint, if any, is part of its lines.
    #[track_caller]
    pub(crate) fn both_say(&self, line: &str) -> Outcome {
        let kubectl = self.kubectl();
        assert_eq!(kubectl.message().trim_end(), line, "kubectl: {kubectl:?}");
        self.ours_says(line)
    }

    /// Ours fails with this line, for want of a connection.
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

/// A file of `tests/certificates`.
pub(crate) fn certificate(name: &str) -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/certificates"
    ))
    .join(name)
}

/// Answers everything well, for ever.
pub(crate) fn answers() -> [Answer; 1] {
    [Answer::Reply(Reply::json(200, "{}"))]
}
