//! What `--curl` needs to know of a connection: the way to the server, and where each credential is.
//!
//! The rules of what counts are `credential`'s, `login`'s and `proxy`'s; here each is given its
//! place instead of its value.

use kube_client::config::AuthInfo;

use crate::Error;
use crate::connection::Connection;
use crate::connection::auth::{credential, id_token};
use crate::connection::flags::args::ConnectionArgs;
use crate::connection::session::Route;
use crate::connection::transport::{proxy, server_url};
use crate::curl::{self, CurlAuth, CurlCertificate, CurlTarget, Source, Trust};

const CLUSTER: (&str, &str) = ("clusters", "cluster");
const USER: (&str, &str) = ("users", "user");

impl Connection {
    /// The way for a curl command. `args` are those that the connection was made with.
    pub(crate) fn curl_target(&self, args: &ConnectionArgs) -> Result<CurlTarget, Error> {
        let args = args.without_empty();
        let Route {
            server,
            cluster,
            proxy,
            ..
        } = &self.login.route;
        if proxy.as_ref().is_some_and(proxy::Proxy::is_tls) && cluster.tls_server_name.is_some() {
            return Err(Error::usage(
                "--curl: with tls-server-name both the server and its https proxy must have that \
                 name, and curl cannot check a proxy for another name than its own",
            ));
        }
        let file = args.kubeconfig.as_deref();
        let of_cluster = |field: &str| {
            Source::in_kubeconfig(file, CLUSTER, &self.login.route.cluster_name, field)
        };
        let of_user = |field: &str| Source::in_kubeconfig(file, USER, &self.login.user_name, field);

        // As in client-go, the authorities are for a server that speaks TLS itself.
        let trust = if !server_url::is_tls(server) {
            Trust::Platform
        } else if cluster.insecure_skip_tls_verify == Some(true) {
            Trust::Everybody
        } else if cluster.certificate_authority_data.is_some() {
            Trust::Authorities(of_cluster("certificate-authority-data"))
        } else if let Some(path) = &cluster.certificate_authority {
            Trust::Authorities(Source::File(path.clone()))
        } else {
            Trust::Platform
        };
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
        let user = &self.login.user;
        let login = match &self.login.plugin {
            Some(plugin) => Some(CurlAuth::Plugin(plugin.for_curl(
                self.login.stdin_in_use,
                of_user,
                secret_url.as_ref(),
            )?)),
            None => authorization(user, &args, of_user),
        };
        Ok(CurlTarget {
            server: server.clone(),
            server_name: cluster.tls_server_name.clone(),
            trust,
            certificate: client_certificate(user, of_user),
            login,
            impersonation: credential::headers(&credential::impersonation(user))?,
            proxy: proxy.as_ref().map(|proxy| curl::Proxy {
                scheme: proxy.protocol.name_in_curl(),
                address: proxy.name(),
                credential: secret_url,
            }),
            timeout: self.request_timeout,
        })
    }
}

/// Where the client certificate is, and its key.
fn client_certificate(
    user: &AuthInfo,
    of_user: impl Fn(&str) -> Source,
) -> Option<CurlCertificate> {
    let place = |is_data: bool, field: &str, path: &Option<String>| {
        if is_data {
            Some(of_user(field))
        } else {
            path.clone().map(Source::File)
        }
    };
    let has_data = user.client_certificate_data.is_some();
    let has_key_data = user.client_key_data.is_some();
    Some(CurlCertificate {
        certificate: place(
            has_data,
            "client-certificate-data",
            &user.client_certificate,
        )?,
        key: place(has_key_data, "client-key-data", &user.client_key)?,
    })
}

/// Where the token is, or the password.
fn authorization(
    user: &AuthInfo,
    args: &ConnectionArgs,
    of_user: impl Fn(&str) -> Source,
) -> Option<CurlAuth> {
    let token = match credential::token_file_that_counts(user) {
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
