//! kubectl's connection flags, with kubectl's spelling and rules.
//!
//! As in kubectl, an empty value counts as absent, and the last value of a repeated flag wins
//! (`cli-runtime/pkg/genericclioptions/config_flags.go`).

use clap::ArgAction;

use crate::connection::flags::duration;
use crate::connection::flags::global::GlobalArgs;
use crate::redaction::headers_and_urls::address_without_userinfo;
use crate::text::shell::quoted;

/// The flags that choose the API server and the user. They are flattened last, because clap puts the flags
/// that follow under the same heading. There is no `Debug`, because some are secrets.
#[derive(clap::Args, Clone, Default)]
#[command(next_help_heading = "Connection", args_override_self = true)]
pub struct ConnectionArgs {
    /// Kubeconfig file; overrides $KUBECONFIG and ~/.kube/config
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub kubeconfig: Option<String>,
    /// kuberc file; only its policy for exec plugins is used
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub kuberc: Option<String>,
    /// Kubeconfig context
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub context: Option<String>,
    /// Kubeconfig cluster
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub cluster: Option<String>,
    /// Kubeconfig user
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub user: Option<String>,
    /// Namespace; must match the namespace in PATH
    #[arg(long, short, value_name = "NAME", hide_short_help = true)]
    pub namespace: Option<String>,
    /// Address of the API server
    #[arg(long, short, value_name = "URL", hide_short_help = true)]
    pub server: Option<String>,
    /// Expected name in the server's certificate
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub tls_server_name: Option<String>,
    /// Do not verify the server's certificate; exposes the connection to man-in-the-middle attacks
    #[arg(long, hide_short_help = true)]
    pub insecure_skip_tls_verify: bool,
    /// File with trusted CA certificates
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub certificate_authority: Option<String>,
    /// Client certificate file
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub client_certificate: Option<String>,
    /// Client key file
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub client_key: Option<String>,
    /// Bearer token
    #[arg(long, allow_hyphen_values = true, hide_short_help = true)]
    pub token: Option<String>,
    /// User name for basic authentication
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub username: Option<String>,
    /// Password for basic authentication
    #[arg(long, allow_hyphen_values = true, hide_short_help = true)]
    pub password: Option<String>,
    /// User to impersonate
    #[arg(long = "as", value_name = "USER", hide_short_help = true)]
    pub as_user: Option<String>,
    /// UID to impersonate
    #[arg(long, value_name = "UID", hide_short_help = true)]
    pub as_uid: Option<String>,
    /// Group to impersonate; repeatable
    #[arg(long, value_name = "GROUP", action = ArgAction::Append, hide_short_help = true)]
    pub as_group: Vec<String>,
    /// Extra user attribute to impersonate; repeatable
    #[arg(long, value_name = "KEY=VALUE", action = ArgAction::Append, value_parser = key_value, hide_short_help = true)]
    pub as_user_extra: Vec<(String, String)>,
    /// Time limit of one request, such as 5s or 2m; 0 means no limit
    #[arg(
        long,
        value_name = "DURATION",
        allow_hyphen_values = true,
        hide_short_help = true
    )]
    pub request_timeout: Option<String>,
    /// Accepted for compatibility; compression is never requested
    #[arg(long, hide_short_help = true)]
    pub disable_compression: bool,
    /// Proxy for connections to the server
    #[arg(long, value_name = "URL", hide_short_help = true)]
    pub proxy_url: Option<String>,
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
}

impl ConnectionArgs {
    /// Reports whether `-v` asks for a trace.
    pub fn is_verbose(&self) -> bool {
        self.global.trace_level() > 0
    }

    /// Returns the value of `-n`. The context's namespace does not count, because raw paths contain theirs.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref().filter(|name| !name.is_empty())
    }

    /// Returns a given flag that is for one server or one credential only. Applied to several
    /// contexts, it could send a credential to the wrong server.
    pub fn flag_of_one_context(&self) -> Option<&'static str> {
        let args = self.without_empty();
        let flags = [
            ("--context", args.context.is_some()),
            ("--cluster", args.cluster.is_some()),
            ("--user", args.user.is_some()),
            ("--server", args.server.is_some()),
            ("--tls-server-name", args.tls_server_name.is_some()),
            ("--insecure-skip-tls-verify", args.insecure_skip_tls_verify),
            (
                "--certificate-authority",
                args.certificate_authority.is_some(),
            ),
            ("--client-certificate", args.client_certificate.is_some()),
            ("--client-key", args.client_key.is_some()),
            ("--token", args.token.is_some()),
            ("--username", args.username.is_some()),
            ("--password", args.password.is_some()),
        ];
        let given = flags.into_iter().find(|(_, is_given)| *is_given);
        given.map(|(flag, _)| flag)
    }

    /// Returns the flags that make kubectl choose the same server and user. They contain no
    /// credential.
    pub(crate) fn kubectl_flags(&self) -> String {
        let flags = [
            ("kubeconfig", &self.kubeconfig),
            ("context", &self.context),
            ("cluster", &self.cluster),
            ("user", &self.user),
            ("server", &self.server),
            ("as", &self.as_user),
        ];
        let mut words = String::new();
        for (name, value) in flags {
            if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
                // The query of a server's address is never sent, and may contain a secret.
                let value = address_without_userinfo(value.split('?').next().unwrap_or_default());
                words.extend([" --", name, "=", quoted(&value).as_ref()]);
            }
        }
        words
    }

    /// Returns `--request-timeout` in Go's notation, for the parameter `timeout` of a request. An invalid value
    /// fails later, when the connection is prepared.
    pub fn request_timeout(&self) -> Option<String> {
        let text = self
            .request_timeout
            .as_deref()
            .filter(|text| !text.is_empty())?;
        duration::parse(text).ok().flatten().map(duration::in_go)
    }

    /// Returns the flags without empty values, which count as absent in kubectl.
    pub(crate) fn without_empty(&self) -> Self {
        let mut args = self.clone();
        for flag in [
            &mut args.kubeconfig,
            &mut args.kuberc,
            &mut args.context,
            &mut args.cluster,
            &mut args.user,
            &mut args.namespace,
            &mut args.server,
            &mut args.tls_server_name,
            &mut args.certificate_authority,
            &mut args.client_certificate,
            &mut args.client_key,
            &mut args.token,
            &mut args.username,
            &mut args.password,
            &mut args.as_user,
            &mut args.as_uid,
            &mut args.request_timeout,
            &mut args.proxy_url,
        ] {
            if flag.as_deref() == Some("") {
                *flag = None;
            }
        }
        args
    }
}

/// Parses a `KEY=VALUE`. Departure: kubectl silently drops an extra without `=`, and impersonates a
/// user with fewer attributes.
fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("must be KEY=VALUE".to_owned()),
    }
}
