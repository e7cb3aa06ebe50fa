//! The HTTP proxy: opens a tunnel for `CONNECT`, and forwards all other requests.

use std::convert::Infallible;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{Either, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{client, server};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::TcpStream;

use crate::Record;

type ProxyResponse = Response<Either<Incoming, Empty<Bytes>>>;

/// Serves one connection.
pub(crate) async fn serve(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    record: Arc<Record>,
) -> Result<()> {
    let service = service_fn(move |request| {
        let record = Arc::clone(&record);
        async move { Ok::<_, Infallible>(respond(request, &record).await) }
    });
    server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await?;
    Ok(())
}

async fn respond(mut request: Request<Incoming>, record: &Record) -> ProxyResponse {
    let credential = credential(request.headers_mut());
    let credential = credential
        .as_ref()
        .map(|(name, password)| (&**name, &**password));
    let request_line = format!("{} {}", request.method(), request.uri());
    if !record.add(&request_line, credential) {
        return empty(StatusCode::PROXY_AUTHENTICATION_REQUIRED);
    }
    let response = if request.method() == Method::CONNECT {
        tunnel(request).await
    } else {
        forward(request).await
    };
    response.unwrap_or_else(|_| empty(StatusCode::BAD_GATEWAY))
}

fn empty(status: StatusCode) -> ProxyResponse {
    let mut response = Response::new(Either::Right(Empty::new()));
    *response.status_mut() = status;
    response
}

async fn tunnel(request: Request<Incoming>) -> Result<ProxyResponse> {
    let target = request
        .uri()
        .authority()
        .context("the request has no target")?;
    let mut server = TcpStream::connect(target.as_str()).await?;
    server.set_nodelay(true)?;
    tokio::spawn(async move {
        if let Ok(client) = hyper::upgrade::on(request).await {
            let _ = copy_bidirectional(&mut TokioIo::new(client), &mut server).await;
        }
    });
    Ok(empty(StatusCode::OK))
}

async fn forward(mut request: Request<Incoming>) -> Result<ProxyResponse> {
    let uri = request.uri();
    let target = uri
        .authority()
        .context("the request has no target")?
        .to_string();
    let path = uri
        .path_and_query()
        .context("the request has no path")?
        .clone();
    *request.uri_mut() = Uri::from(path);
    let server = TokioIo::new(TcpStream::connect(target).await?);
    let (mut sender, connection) = client::conn::http1::handshake(server).await?;
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?.map(Either::Left))
}

/// Removes `Proxy-Authorization`, which must not reach the server, and returns its name and password.
fn credential(headers: &mut HeaderMap) -> Option<(String, String)> {
    let value = headers.remove(header::PROXY_AUTHORIZATION)?;
    let basic = BASE64_STANDARD
        .decode(value.to_str().ok()?.strip_prefix("Basic ")?)
        .ok()?;
    let (name, password) = str::from_utf8(&basic).ok()?.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}
