/// A command line, with its files and variables.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) files: Vec<(&'static str, String)>,
    pub(crate) environment: Vec<(&'static str, &'static str)>,
    pub(crate) flags: Vec<&'static str>,
    /// Whether the command runs in a Pod.
    pub(crate) in_pod: bool,
    pub(crate) expected: Expected,
}

/// The expected results of kubectl and rawpatch.
pub(crate) enum Expected {
    /// Both have the same result, which contains this text.
    Same(&'static str),
    /// Neither sends a request. TLS libraries report the cause in different words.
    BothFail,
    /// The results differ on purpose, and each contains its text.
    Departure {
        reason: &'static str,
        kubectl: &'static str,
        ours: &'static str,
    },
}

/// Returns a case in which both programs have the same result, which contains `part`.
pub(crate) fn same(name: &'static str, part: &'static str) -> Case {
    Case {
        name,
        files: Vec::new(),
        environment: Vec::new(),
        flags: Vec::new(),
        in_pod: false,
        expected: Expected::Same(part),
    }
}

/// Returns a case in which neither program sends a request.
pub(crate) fn both_fail(name: &'static str) -> Case {
    Case {
        expected: Expected::BothFail,
        ..same(name, "")
    }
}

/// Returns a case in which the results differ on purpose.
pub(crate) fn departs(
    name: &'static str,
    reason: &'static str,
    kubectl: &'static str,
    ours: &'static str,
) -> Case {
    Case {
        expected: Expected::Departure {
            reason,
            kubectl,
            ours,
        },
        ..same(name, "")
    }
}

impl Case {
    /// Adds a file to the folder of the case.
    pub(crate) fn file(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.files.push((name, text.into()));
        self
    }

    /// Sets a variable.
    pub(crate) fn variable(mut self, name: &'static str, value: &'static str) -> Self {
        self.environment.push((name, value));
        self
    }

    /// Adds flags.
    pub(crate) fn flags<const N: usize>(mut self, flags: [&'static str; N]) -> Self {
        self.flags.extend(flags);
        self
    }

    /// Adds a kubeconfig with the fields of its cluster and its user.
    pub(crate) fn with(self, cluster: &str, user: &str) -> Self {
        self.file("config", kubeconfig("c", cluster, user))
            .variable("KUBECONFIG", "config")
    }

    /// Adds a kubeconfig for the TLS server with the fields of its user.
    pub(crate) fn user(self, user: &str) -> Self {
        self.with(SERVER, user)
    }

    /// Adds a kubeconfig with the fields of its cluster, and with the token `t`.
    pub(crate) fn cluster(self, cluster: &str) -> Self {
        self.with(cluster, "token: t")
    }

    /// Adds a kubeconfig whose user has the exec plugin `sh plugin`, with more fields.
    pub(crate) fn plugin(self, fields: &str) -> Self {
        self.user(&exec(fields))
    }

    /// Adds a kubeconfig with an exec plugin, and the response of the plugin.
    pub(crate) fn answer(self, answer: &str) -> Self {
        self.plugin("").file("answer", answer)
    }

    /// Adds a kuberc in version v1beta1 with these fields.
    pub(crate) fn kuberc(self, fields: &str) -> Self {
        self.file("rc", preference(fields)).flags(["--kuberc=rc"])
    }

    /// Runs the command in a Pod.
    pub(crate) fn in_pod(mut self) -> Self {
        self.in_pod = true;
        self.variable("KUBERNETES_SERVICE_HOST", "127.0.0.1")
            .variable("KUBERNETES_SERVICE_PORT", "$PORT")
    }
}

/// The fields of a user with a client certificate.
pub(crate) const ALICE: &str = "client-certificate: alice.crt, client-key: alice.key";

/// The fields of the TLS server's cluster.
pub(crate) const SERVER: &str = "server: $URL, certificate-authority: ca.crt";

/// The reason for departures in which kubectl finds no server.
pub(crate) const DEFAULT_SERVER: &str =
    "kubectl sends the request to its default server instead, by default localhost:8080";

/// The reason for departures in which kubectl finds no credential.
pub(crate) const PROMPTS: &str = "kubectl prompts for a user name and a password";

/// The exec plugin in the file `plugin`. Adds a line to `plugin-runs` with its input, and prints the file
/// `answer`.
pub(crate) const PLUGIN: &str = r#"
echo "$(printf %s "$KUBERNETES_EXEC_INFO")" "$VARIABLE" "$@" >> plugin-runs
echo "the plugin speaks" >&2
cat answer
exit "${EXIT_CODE:-0}"
"#;

/// The default contents of `answer`.
pub(crate) const ANSWER: &str = r#"{
    "kind": "ExecCredential",
    "apiVersion": "client.authentication.k8s.io/v1",
    "status": {"token": "of-plugin"}
}"#;

/// Returns the fields of a user with the exec plugin `sh plugin`, and more fields of the plugin.
pub(crate) fn exec(fields: &str) -> String {
    format!(
        "exec: {{apiVersion: client.authentication.k8s.io/v1, command: sh, args: [plugin], \
         interactiveMode: Never, {fields}}}"
    )
}

/// Returns a kuberc with these fields.
pub(crate) fn preference(fields: &str) -> String {
    format!("apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\n{fields}\n")
}

/// Returns a kubeconfig in which the context, the cluster and the user have the same name.
pub(crate) fn kubeconfig(name: &str, cluster: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\n\
         kind: Config\n\
         current-context: {name}\n\
         contexts: [{{name: {name}, context: {{cluster: {name}, user: {name}, namespace: work}}}}]\n\
         clusters: [{{name: {name}, cluster: {{{cluster}}}}}]\n\
         users: [{{name: {name}, user: {{{user}}}}}]\n"
    )
}

/// Returns a kubeconfig for the TLS server with a token.
pub(crate) fn with_token(name: &str, token: &str) -> String {
    kubeconfig(name, SERVER, &format!("token: {token}"))
}
