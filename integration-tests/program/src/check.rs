//! `program check ADDRESS`: one HTTP request as a probe command.
//!
//! Deliberately not here: retries and intervals; those belong to whoever probes.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// For connecting, and for each read: a probe that hangs is a failed one.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Requests `address` and returns the status line if the status is 2xx, else says why not.
///
/// `address` is `http://HOST:PORT/PATH` with all but the port optional: `127.0.0.1:8080/healthz`, `8080/healthz`, `8080`.
pub(crate) fn check(address: &str) -> Result<String, String> {
    let (authority, path) = split(address);
    let failed = |error: &dyn std::fmt::Display| format!("GET http://{authority}{path}: {error}");
    let target =
        authority.to_socket_addrs().map_err(|error| failed(&error))?.next().ok_or_else(|| failed(&"no address"))?;
    let answer = request(target, &authority, &path).map_err(|error| failed(&error))?;
    let status_line = answer.lines().next().unwrap_or_default().to_owned();
    match status_line.split(' ').nth(1) {
        Some(code) if code.len() == 3 && code.starts_with('2') => Ok(status_line),
        _ => Err(failed(&format!("answered {status_line:?}"))),
    }
}

/// Splits an address into `HOST:PORT` and `/PATH`.
fn split(address: &str) -> (String, String) {
    let rest = address.strip_prefix("http://").unwrap_or(address);
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let authority = match authority.strip_prefix(':').unwrap_or(authority) {
        port if !port.contains(':') && port.parse::<u16>().is_ok() => format!("127.0.0.1:{port}"),
        _ if authority.contains(':') => authority.to_owned(),
        _ => format!("{authority}:80"),
    };
    (authority, format!("/{path}"))
}

fn request(target: std::net::SocketAddr, authority: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&target, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let head = format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    let mut answer = Vec::new();
    // The status line is all that counts; a kilobyte holds it.
    stream.take(1024).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn all_but_the_port_may_be_left_out() {
        for (address, authority, path) in [
            ("http://127.0.0.1:8080/healthz", "127.0.0.1:8080", "/healthz"),
            ("127.0.0.1:8080/healthz", "127.0.0.1:8080", "/healthz"),
            ("8080/healthz", "127.0.0.1:8080", "/healthz"),
            (":8080/healthz", "127.0.0.1:8080", "/healthz"),
            ("8080", "127.0.0.1:8080", "/"),
            ("localhost/a/b", "localhost:80", "/a/b"),
        ] {
            assert_eq!(split(address), (authority.to_owned(), path.to_owned()), "{address}");
        }
    }
}
