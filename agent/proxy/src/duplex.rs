//! Bytes both ways between a client and an upstream, until both have ended or someone ends it. Not here: counting it as in flight.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional_with_sizes};
use tokio_util::sync::CancellationToken;

/// Kept per direction and connection: larger ones copy large bodies faster, but thousands of idle connections hold them too.
const BUFFER: usize = 16 * 1024;

/// Copies until both directions have ended (an end of one is passed on, the other goes on), either side breaks, or the upstream is cut
/// or the proxy ends: then both are closed at once.
pub(crate) async fn copy<A, B>(
    client: &mut A,
    upstream: &mut B,
    cut: &CancellationToken,
    end: &CancellationToken,
) -> io::Result<()>
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    tokio::select! {
        biased;
        () = cut.cancelled() => Ok(()),
        () = end.cancelled() => Ok(()),
        copied = copy_bidirectional_with_sizes(client, upstream, BUFFER, BUFFER) => copied.map(|_| ()),
    }
}
