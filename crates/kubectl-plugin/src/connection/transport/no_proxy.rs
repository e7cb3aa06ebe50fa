//! `NO_PROXY`: servers that are exempt from the environment's proxy, by Go's rules
//! (`golang.org/x/net/http/httpproxy`, `useProxy`).

use std::net::IpAddr;

use ipnet::IpNet;

/// Reports whether one of the comma-separated entries matches this server. An entry is `*`, an address, a
/// network (`10.0.0.0/8`), a name including its subdomains (`example.com`), or only the subdomains
/// (`.example.com`, `*.example.com`). Addresses and names may have a port.
pub(crate) fn exempts(list: &str, host: &str, port: u16) -> bool {
    let host = host.to_ascii_lowercase();
    let address = host
        .parse()
        .ok()
        .map(|address: IpAddr| address.to_canonical());
    list.split(',')
        .map(|entry| entry.trim().to_ascii_lowercase())
        .any(|entry| is_for(&entry, &host, address, port))
}

fn is_for(entry: &str, host: &str, address: Option<IpAddr>, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let Ok(network) = entry.parse::<IpNet>() {
        return address.is_some_and(|address| network.contains(&address));
    }
    let (name, entry_port) = split_port(entry);
    if !entry_port.is_empty() && entry_port != port.to_string() {
        return false;
    }
    match (address, name.parse::<IpAddr>()) {
        (Some(address), Ok(entry)) => address == entry.to_canonical(),
        (None, Err(_)) => is_under(host, name),
        _ => false,
    }
}

/// Reports whether a host has that name or is a subdomain of it.
fn is_under(host: &str, name: &str) -> bool {
    let suffix = name.strip_prefix('*').unwrap_or(name);
    match suffix.strip_prefix('.') {
        Some("") => false,
        Some(_) => host.ends_with(suffix),
        None => {
            let above = host.strip_suffix(name).filter(|_| !name.is_empty());
            above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
        }
    }
}

/// Splits an entry into its name and its port, which is empty if it is missing. An IPv6 address
/// with a port has brackets.
fn split_port(entry: &str) -> (&str, &str) {
    let Some((name, port)) = entry.rsplit_once(':') else {
        return (entry, "");
    };
    match name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
    {
        Some(address) => (address, port),
        None if name.contains(':') => (entry, ""),
        None => (name, port),
    }
}
