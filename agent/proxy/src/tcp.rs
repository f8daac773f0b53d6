//! TCP routes: one upstream per connection, bytes both ways. Not here: HTTP.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;

use crate::connections::Open;
use crate::duplex;
use crate::entry::Entry;
use crate::hold::Hold;
use crate::shared::Shared;
use crate::table::Port;
use crate::upstream::{InFlight, Live};

/// Serves one client. It is closed without a word if no upstream is reached within the route's `hold`.
pub(crate) async fn serve(shared: &Shared, listen: SocketAddr, entry: Arc<Entry>, mut client: TcpStream, _open: Open) {
    let Some((in_flight, mut upstream)) = reach(shared, listen, entry).await else { return };
    // Their own tokens: thousands of connections must not wake through one lock.
    let (cut, end) = (in_flight.cut.child_token(), shared.end.child_token());
    if let Err(error) = duplex::copy(&mut client, &mut upstream, &cut, &end).await {
        tracing::debug!(%error, "a TCP connection ended");
    }
    // The sockets first, so that at a count of 0 none is open.
    drop((client, upstream));
    drop(in_flight);
}

/// Chooses and connects, and waits while none can be reached.
async fn reach(shared: &Shared, listen: SocketAddr, mut entry: Arc<Entry>) -> Option<(InFlight, TcpStream)> {
    let mut hold = Hold::default();
    let mut unreached: Vec<Arc<Live>> = vec![];
    loop {
        if let Some(live) = entry.choose(None, &unreached) {
            if let Some(in_flight) = live.begin() {
                match live.connect(&shared.limits).await {
                    Ok(stream) if !live.is_cut() => {
                        live.count_request();
                        return Some((in_flight, stream));
                    }
                    Ok(_) => {}
                    Err(error) => {
                        tracing::debug!(address = %live.address, %error, "an upstream is not reached");
                        unreached.push(live.clone());
                    }
                }
            }
        } else {
            let again = (!unreached.is_empty()).then(|| shared.limits.retry.to_std());
            if hold.wait(&entry, again, shared.limits.waiting).await.is_err() {
                if let Some(live) = unreached.last() {
                    live.count_failure();
                }
                return None;
            }
            unreached.clear();
        }
        // Whatever happened, there may be a newer table.
        entry = match shared.table.load().port(listen)? {
            Port::Tcp(entry) => entry.clone(),
            Port::Http(_) => return None,
        };
    }
}
