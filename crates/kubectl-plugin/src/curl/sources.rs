//! Finds the route to the server, and the locations of a connection's secrets, for `--curl`.
//!
//! The rules of precedence are the same as in `credential`, `session` and `proxy`, but return
//! locations instead of values.

use http::Uri;
use kube_client::config::{AuthInfo, Cluster};
use serde_json::Value;

use crate::Error;
use crate::connection::Connection;
use crate::connection::auth::credential;
use crate::connection::auth::credential::{Impersonation, ResolvedCredential};
use crate::connection::auth::exec::ExecPlugin;
use crate::connection::auth::id_token;
use crate::connection::flags::args::ConnectionArgs;
use crate::connection::session::Route;
use crate::connection::transport::{proxy, server_url};
use crate::curl;
use crate::curl::{CurlAuth, CurlCertificate, CurlPlugin, CurlTarget, ShellText, Source, Trust};
use crate::redaction::headers_and_urls::is_credential_name;

const CLUSTER: (&str, &str) = ("clusters", "cluster");
const USER: (&str, &str) = ("users", "user");

impl Connection {
    /// Returns the target of a curl command. `args` are the flags of the connection.
    pub(crate) fn curl_target(&self, args: &ConnectionArgs) -> Result<CurlTarget, Error> {
        let args = args.without_empty();
        let Route {
            server,
            cluster,
            proxy,
            ..
        } = &self.sessions.route;
        if proxy.as_ref().is_some_and(proxy::Proxy::is_tls) && cluster.tls_server_name.is_some() {
            return Err(Error::usage(
                "--curl does not support tls-server-name with an https proxy: curl cannot verify the proxy under that name",
            ));
        }
        let file = args.kubeconfig.as_deref();
        let of_cluster = |field: &str| {
            Source::in_kubeconfig(file, CLUSTER, &self.sessions.route.cluster_name, field)
        };
        let of_user =
            |field: &str| Source::in_kubeconfig(file, USER, &self.sessions.source.user, field);
        let proxy_url = if args.proxy_url.is_some() {
            Some(Source::Flag("--proxy-url"))
        } else if cluster.proxy_url.is_some() {
            Some(of_cluster("proxy-url"))
        } else {
            proxy::variable(server).map(|(name, _)| Source::Environment(name))
        };
        let is_secret = proxy
            .as_ref()
            .is_some_and(|proxy| proxy.credential.is_some());
        let secret_url = proxy_url.filter(|_| is_secret);
        let user = &self.sessions.user;
        let auth = match &self.sessions.plugin {
            Some(plugin) => {
                let is_interactive = plugin.interactive(self.sessions.stdin_in_use)?;
                let plugin = exec_plugin(plugin, is_interactive, of_user, secret_url.as_ref())?;
                Some(CurlAuth::Plugin(plugin))
            }
            None => authorization(user, &args, of_user),
        };
        Ok(CurlTarget {
            server: server.clone(),
            server_name: cluster.tls_server_name.clone(),
            trust: trust(server, cluster, of_cluster),
            certificate: client_certificate(user, of_user),
            auth,
            impersonation: credential::headers(
                &ResolvedCredential::default(),
                &Impersonation::from_user(user),
            )?,
            proxy: proxy.as_ref().map(|proxy| curl::CurlProxy {
                scheme: proxy.protocol.name_in_curl(),
                address: proxy.name(),
                credential: secret_url,
            }),
            timeout: self.request_timeout,
        })
    }
}

/// Locates the authorities that the server's certificate is checked with. As in client-go, they
/// only apply if the server itself uses TLS.
fn trust(server: &Uri, cluster: &Cluster, of_cluster: impl Fn(&str) -> Source) -> Trust {
    if !server_url::is_tls(server) {
        Trust::Platform
    } else if cluster.insecure_skip_tls_verify == Some(true) {
        Trust::Unverified
    } else if cluster.certificate_authority_data.is_some() {
        Trust::Authorities(of_cluster("certificate-authority-data"))
    } else if let Some(path) = &cluster.certificate_authority {
        Trust::Authorities(Source::File(path.clone()))
    } else {
        Trust::Platform
    }
}

/// Locates the client certificate and its key.
fn client_certificate(
    user: &AuthInfo,
    of_user: impl Fn(&str) -> Source,
) -> Option<CurlCertificate> {
    let locate = |is_data: bool, field: &str, path: &Option<String>| {
        if is_data {
            Some(of_user(field))
        } else {
            path.clone().map(Source::File)
        }
    };
    let has_data = user.client_certificate_data.is_some();
    let has_key_data = user.client_key_data.is_some();
    Some(CurlCertificate {
        certificate: locate(
            has_data,
            "client-certificate-data",
            &user.client_certificate,
        )?,
        key: locate(has_key_data, "client-key-data", &user.client_key)?,
    })
}

/// Locates the token or the password.
fn authorization(
    user: &AuthInfo,
    args: &ConnectionArgs,
    of_user: impl Fn(&str) -> Source,
) -> Option<CurlAuth> {
    let token = match credential::effective_token_file(user) {
        Some(path) => Some(Source::File(path.to_owned())),
        _ if user.token.is_none() => None,
        _ if args.token.is_some() => Some(Source::Flag("--token")),
        _ => Some(of_user("token")),
    };
    let password = || match &user.password {
        None => None,
        Some(_) if args.password.is_some() => Some(Source::Flag("--password")),
        Some(_) => Some(of_user("password")),
    };
    match (token, &user.username, &user.auth_provider) {
        (Some(token), _, _) => Some(CurlAuth::Token(token)),
        (None, Some(name), _) => Some(CurlAuth::Password {
            name: name.clone(),
            password: password(),
        }),
        (None, None, Some(_)) => Some(CurlAuth::Token(of_user(id_token::ID_TOKEN))),
        (None, None, None) => None,
    }
}

/// Describes the run of an exec plugin. `of_user` locates a field of the kubeconfig's user.
/// `proxy_url` is the location of the proxy's URL, if the URL is secret.
fn exec_plugin(
    plugin: &ExecPlugin,
    is_interactive: bool,
    of_user: impl Fn(&str) -> Source,
    proxy_url: Option<&Source>,
) -> Result<CurlPlugin, Error> {
    let variables = plugin.variables();
    if let Some((name, _)) = variables.iter().find(|(name, _)| !is_variable_name(name)) {
        return Err(Error::usage(format!(
            "--curl does not support the exec plugin's variable {name:?}: a shell cannot set it"
        )));
    }
    // Any variable may be secret, so the script reads all values from the kubeconfig.
    let variables = variables.iter().enumerate().map(|(index, (name, _))| {
        let value = of_user(&format!("exec.env[{index}].value"));
        (name.clone(), value)
    });
    let mut previous = "";
    let arguments = plugin
        .arguments()
        .iter()
        .enumerate()
        .map(|(index, argument)| {
            let is_credential = announces_credential(previous, argument);
            previous = argument;
            if is_credential {
                ShellText::Secret(of_user(&format!("exec.args[{index}]")))
            } else {
                ShellText::Literal(argument.clone())
            }
        });
    Ok(CurlPlugin {
        path: plugin.path()?.to_string_lossy().into_owned(),
        arguments: arguments.collect(),
        variables: variables.collect(),
        request: exec_info(plugin, is_interactive, proxy_url),
        is_interactive,
    })
}

/// Returns `$KUBERNETES_EXEC_INFO`, with the location of a secret proxy URL in place of the URL.
fn exec_info(
    plugin: &ExecPlugin,
    is_interactive: bool,
    proxy_url: Option<&Source>,
) -> Vec<ShellText> {
    let request = plugin.exec_info(is_interactive);
    let url = plugin.proxy_url().map(|url| Value::from(url).to_string());
    if let (Some(source), Some(url)) = (proxy_url, url)
        && let Some((before, after)) = request.split_once(&url)
    {
        return vec![
            ShellText::Literal(format!("{before}\"")),
            ShellText::Secret(source.clone()),
            ShellText::Literal(format!("\"{after}")),
        ];
    }
    vec![ShellText::Literal(request)]
}

fn is_variable_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.bytes().all(is_letter) && !name.starts_with(|first: char| first.is_ascii_digit())
}

/// Reports whether an argument seems to be a credential: by the flag before it, or by the name
/// before its `=`.
fn announces_credential(previous: &str, argument: &str) -> bool {
    match argument.split_once('=') {
        Some((name, _)) if is_credential_name(name) => true,
        _ => previous.starts_with('-') && !previous.contains('=') && is_credential_name(previous),
    }
}
