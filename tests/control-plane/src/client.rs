//! A blocking HTTP client with connections that are kept, for setting the scene of a test.
//!
//! It is not the client under test: what it sends and what it gets is as plain as can be.

use std::io::{BufRead, BufReader};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ureq::Agent;
use ureq::http::Request;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use crate::pki::KeyAndCertificate;

/// How many connections stay open: as many as [`crate::ControlPlane::create_many`] uses.
pub(crate) const CONNECTIONS: usize = 8;

/// Sends as one user.
pub struct Client {
    agent: Agent,
    url: String,
}

impl Client {
    /// Speaks plain HTTP, as etcd does here.
    pub(crate) fn plain(url: String) -> Self {
        Self::new(url, TlsConfig::builder().build())
    }

    /// Speaks HTTPS with a client certificate.
    pub(crate) fn with_certificate(
        url: String,
        authority: &str,
        login: &KeyAndCertificate,
    ) -> Result<Self> {
        let certificate =
            |pem: &str| Certificate::from_pem(pem.as_bytes()).context("read back a certificate");
        let key = PrivateKey::from_pem(login.key.as_bytes()).context("read back a key")?;
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .root_certs(RootCerts::new_with_certs(&[certificate(authority)?]))
            .client_cert(Some(ClientCert::new_with_certs(
                &[certificate(&login.certificate)?],
                key,
            )))
            .build();
        Ok(Self::new(url, tls))
    }

    fn new(url: String, tls: TlsConfig) -> Self {
        let agent = Agent::config_builder()
            .tls_config(tls)
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections_per_host(CONNECTIONS)
            .timeout_global(Some(Duration::from_mins(2)))
            .build()
            .new_agent();
        Self { agent, url }
    }

    /// The status and the body of the reply to one request; `body` is a content type and bytes.
    ///
    /// # Errors
    /// When there is no reply, or not in two minutes. Every status is a reply.
    pub fn request(
        &self,
        method: &str,
        path: &str,
        body: Option<(&str, &[u8])>,
    ) -> Result<(u16, String)> {
        let what = || format!("{method} {}{path}", self.url);
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url));
        if let Some((content_type, _)) = body {
            request = request.header("Content-Type", content_type);
        }
        let reply = match body {
            Some((_, bytes)) => self.agent.run(request.body(bytes).with_context(what)?),
            None => self.agent.run(request.body(()).with_context(what)?),
        };
        let mut reply = reply.with_context(what)?;
        let status = reply.status().as_u16();
        let text = reply
            .body_mut()
            .with_config()
            .limit(u64::MAX)
            .read_to_string()
            .with_context(|| format!("read the reply to {}", what()))?;
        Ok((status, text))
    }

    /// The body of the reply to a POST of JSON, to be read as it comes, however long that takes.
    pub(crate) fn stream(&self, path: &str, body: &str) -> Result<impl BufRead + Send + 'static> {
        let what = || format!("POST {}{path}", self.url);
        let request = Request::post(format!("{}{path}", self.url))
            .body(body)
            .with_context(what)?;
        let request = self.agent.configure_request(request);
        let request = request.timeout_global(None).build();
        let reply = self.agent.run(request).with_context(what)?;
        ensure!(reply.status() == 200, "{}: {}", what(), reply.status());
        Ok(BufReader::new(reply.into_body().into_reader()))
    }
}
