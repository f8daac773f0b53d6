//! The control socket while this worker leads. It takes the place of the former leader's in one step, so that an agent finds the one or the
//! other. Not here: what is answered (`service`).

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use evenkeel_proto::v1::proxy_service_server::ProxyServiceServer;
use tokio::net::UnixListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::CancellationToken;

use super::order::Order;
use super::service::Service;

/// The owner and the group of the proxy. Nothing else guards the socket.
const MODE: u32 = 0o660;
/// Orders that wait: an agent gives one at a time for each app.
const QUEUE: usize = 64;
/// What answers that are on their way may take when the lead is given up.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// An open control socket.
#[derive(Debug)]
pub(super) struct Control {
    /// What was asked for.
    pub(super) orders: mpsc::Receiver<Order>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Control {
    /// Opens it. `wake` is what callers of `Watch` follow.
    pub(super) fn open(path: &Path, wake: &watch::Sender<()>) -> io::Result<Self> {
        let listener = listen(path)?;
        let (sender, orders) = mpsc::channel(QUEUE);
        let stop = CancellationToken::new();
        let service = Service::new(sender, wake.subscribe(), stop.clone());
        let server = tonic::transport::Server::builder()
            .add_service(ProxyServiceServer::new(service))
            .serve_with_incoming_shutdown(UnixListenerStream::new(listener), stop.clone().cancelled_owned());
        let task = tokio::spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(error = crate::session::chain(&error), "the control socket is broken");
            }
        });
        Ok(Self { orders, stop, task })
    }

    /// Takes no more orders. Those that wait are refused: whoever gave them asks again, and finds the next leader.
    pub(super) async fn close(mut self) {
        self.orders.close();
        drop(self.orders);
        self.stop.cancel();
        if tokio::time::timeout(CLOSE_TIMEOUT, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

fn listen(path: &Path) -> io::Result<UnixListener> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let fresh = path.with_extension("sock.new");
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&fresh)?;
    fs::set_permissions(&fresh, fs::Permissions::from_mode(MODE))?;
    fs::rename(&fresh, path)?;
    Ok(listener)
}
