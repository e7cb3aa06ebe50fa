//! The proxy that speaks HTTP: `CONNECT` for a tunnel, anything else to be passed on.

use std::{convert::Infallible, sync::Arc};

use anyhow::{Context as _, Result};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{Either, Empty};
use hyper::{
    body::{Bytes, Incoming},
    client, server,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, copy_bidirectional},
    net::TcpStream,
};

use crate::Record;

type Answer = Response<Either<Incoming, Empty<Bytes>>>;

/// Serves one connection.
pub(crate) async fn serve(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    record: Arc<Record>,
) -> Result<()> {
    let service = service_fn(move |request| {
        let record = Arc::clone(&record);
        async move { Ok::<_, Infallible>(answer(request, &record).await) }
    });
    server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await?;
    Ok(())
}

async fn answer(mut request: Request<Incoming>, record: &Record) -> Answer {
    let credential = credential(request.headers_mut());
    let credential = credential
        .as_ref()
        .map(|(name, password)| (&**name, &**password));
    let question = format!("{} {}", request.method(), request.uri());
    if !record.note(&question, credential) {
        return refusal(StatusCode::PROXY_AUTHENTICATION_REQUIRED);
    }
    let answer = if request.method() == Method::CONNECT {
        tunnel(request).await
    } else {
        pass_on(request).await
    };
    answer.unwrap_or_else(|_| refusal(StatusCode::BAD_GATEWAY))
}

fn refusal(status: StatusCode) -> Answer {
    let mut response = Response::new(Either::Right(Empty::new()));
    *response.status_mut() = status;
    response
}

async fn tunnel(request: Request<Incoming>) -> Result<Answer> {
    let target = request.uri().authority().context("a target")?;
    let mut server = TcpStream::connect(target.as_str()).await?;
    server.set_nodelay(true)?;
    tokio::spawn(async move {
        if let Ok(client) = hyper::upgrade::on(request).await {
            let _ = copy_bidirectional(&mut TokioIo::new(client), &mut server).await;
        }
    });
    Ok(refusal(StatusCode::OK))
}

async fn pass_on(mut request: Request<Incoming>) -> Result<Answer> {
    let target = request.uri().authority().context("a target")?.to_string();
    let path = request.uri().path_and_query().context("a path")?.clone();
    *request.uri_mut() = Uri::from(path);
    let server = TokioIo::new(TcpStream::connect(target).await?);
    let (mut sender, connection) = client::conn::http1::handshake(server).await?;
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?.map(Either::Left))
}

/// The name and password of `Proxy-Authorization`, which is for the proxy and goes no further.
fn credential(headers: &mut HeaderMap) -> Option<(String, String)> {
    let value = headers.remove(header::PROXY_AUTHORIZATION)?;
    let basic = STANDARD
        .decode(value.to_str().ok()?.strip_prefix("Basic ")?)
        .ok()?;
    let (name, password) = str::from_utf8(&basic).ok()?.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}
