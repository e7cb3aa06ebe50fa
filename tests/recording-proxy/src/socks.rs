//! The SOCKS5 proxy.

use std::time::Duration;

use anyhow::{Result, ensure};
use fast_socks5::Socks5Command;
use fast_socks5::server::{DnsResolveHelper as _, Socks5ServerProtocol, run_tcp_proxy};
use tokio::net::TcpStream;

use crate::Record;

/// Serves one connection.
pub(crate) async fn serve(stream: TcpStream, record: &Record) -> Result<()> {
    let mut received = None;
    let session = match &record.credential {
        None => Socks5ServerProtocol::accept_no_auth(stream).await?,
        Some((name, password)) => {
            let check = |received_name: String, received_password: String| {
                let is_correct = (&received_name, &received_password) == (name, password);
                received = Some((received_name, received_password));
                is_correct
            };
            let accepted = Socks5ServerProtocol::accept_password_auth(stream, check).await?;
            accepted.0
        }
    };
    let (session, command, target) = session.read_command().await?;
    ensure!(
        command == Socks5Command::TCPConnect,
        "only TCP connections are supported"
    );
    let credential = received
        .as_ref()
        .map(|(name, password)| (&**name, &**password));
    record.add(&format!("SOCKS {target}"), credential);
    let (session, _, target) = (session, command, target).resolve_dns().await?;
    run_tcp_proxy(session, &target, Duration::from_secs(10), false).await?;
    Ok(())
}
