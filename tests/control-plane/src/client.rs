//! A blocking HTTP client with a connection pool, for preparing and inspecting a test's objects.
//!
//! It is independent of the client under test, and as simple as possible.

use std::io::{BufRead, BufReader};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ureq::Agent;
use ureq::http::Request;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use crate::pki::KeyAndCertificate;

/// The size of the connection pool: as many as [`crate::ControlPlane::create_many`] uses.
pub(crate) const CONNECTIONS: usize = 8;

/// An HTTP client that acts as one user.
pub struct Client {
    agent: Agent,
    url: String,
}

impl Client {
    /// Creates a client for plain HTTP, which etcd serves here.
    pub(crate) fn plain(url: String) -> Self {
        Self::new(url, TlsConfig::builder().build())
    }

    /// Creates a client for HTTPS that authenticates with a client certificate.
    pub(crate) fn with_certificate(
        url: String,
        authority: &str,
        credential: &KeyAndCertificate,
    ) -> Result<Self> {
        let certificate =
            |pem: &str| Certificate::from_pem(pem.as_bytes()).context("parse a certificate");
        let key = PrivateKey::from_pem(credential.key.as_bytes()).context("parse a key")?;
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .root_certs(RootCerts::new_with_certs(&[certificate(authority)?]))
            .client_cert(Some(ClientCert::new_with_certs(
                &[certificate(&credential.certificate)?],
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

    /// Sends one request, and returns the status and body of the response. `body` is a content type
    /// and the bytes to send.
    ///
    /// # Errors
    /// Fails when no response arrives within two minutes. A 4xx or 5xx response is not an error.
    pub fn request(
        &self,
        method: &str,
        path: &str,
        body: Option<(&str, &[u8])>,
    ) -> Result<(u16, String)> {
        let request_line = || format!("{method} {}{path}", self.url);
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url));
        if let Some((content_type, _)) = body {
            request = request.header("Content-Type", content_type);
        }
        let response = match body {
            Some((_, bytes)) => self
                .agent
                .run(request.body(bytes).with_context(request_line)?),
            None => self.agent.run(request.body(()).with_context(request_line)?),
        };
        let mut response = response.with_context(request_line)?;
        let status = response.status().as_u16();
        let text = response
            .body_mut()
            .with_config()
            .limit(u64::MAX)
            .read_to_string()
            .with_context(|| format!("read the response to {}", request_line()))?;
        Ok((status, text))
    }

    /// POSTs JSON, and returns the response body as a stream without a timeout.
    pub(crate) fn stream(&self, path: &str, body: &str) -> Result<impl BufRead + Send + 'static> {
        let request_line = || format!("POST {}{path}", self.url);
        let request = Request::post(format!("{}{path}", self.url))
            .body(body)
            .with_context(request_line)?;
        let request = self.agent.configure_request(request);
        let request = request.timeout_global(None).build();
        let response = self.agent.run(request).with_context(request_line)?;
        ensure!(
            response.status() == 200,
            "{}: {}",
            request_line(),
            response.status()
        );
        Ok(BufReader::new(response.into_body().into_reader()))
    }
}
