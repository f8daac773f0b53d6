//! `agents`: so many agents in this process, told over a Unix socket how many of them shall have a stream. A line is a question, a line of JSON its
//! answer: `want N`, or `status`. Not here: what one agent does (`agent.rs`).

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use anyhow::{Context as _, Result, bail};
use evenkeel_certs::{ClientTls, CredentialsStore, Identity, TimeSource};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

use crate::agent::{Agent, Counters};
use crate::credentials;
use crate::runtime::{Host, Manifests};

/// Whose agents they are.
#[derive(Debug)]
pub(crate) struct Which {
    pub(crate) credentials: PathBuf,
    pub(crate) first: usize,
    pub(crate) count: usize,
}

/// Until it is killed.
pub(crate) async fn run(coordinator: SocketAddr, which: &Which, socket: &Path) -> Result<()> {
    let counters = Arc::new(Counters::default());
    let (manifests, time) = (Arc::<Manifests>::default(), TimeSource::system());
    let (want, wanted) = watch::channel(0);
    let all = credentials::read(&which.credentials, which.first, which.count)?;
    for (number, credentials) in all.into_iter().enumerate() {
        let Identity::Host { host, .. } = credentials.identity().clone() else { bail!("no host's credentials") };
        let agent = Agent {
            number,
            id: host,
            tls: ClientTls::new(&CredentialsStore::new(credentials, time.clone())?),
            coordinator,
            counters: Arc::clone(&counters),
            host: Host::new(&manifests),
        };
        tokio::spawn(agent.live(wanted.clone()));
    }
    // Made when everything is ready: who finds it need not wait.
    let listener = UnixListener::bind(socket).with_context(|| format!("can't listen on {}", socket.display()))?;
    loop {
        let (asker, _) = listener.accept().await?;
        // One at a time: there is one bench. One that went away in the middle of a line is of no interest.
        let _ = answer(asker, &want, &counters).await;
    }
}

async fn answer(asker: UnixStream, want: &watch::Sender<usize>, counters: &Counters) -> Result<()> {
    let (read, mut write) = asker.into_split();
    let mut lines = BufReader::new(read).lines();
    while let Some(line) = lines.next_line().await? {
        let said = match line.split_once(' ') {
            Some(("want", number)) => {
                want.send_replace(number.parse()?);
                json!({})
            }
            None if line == "status" => status(counters),
            _ => json!({ "problem": format!("`{line}` is neither `want N` nor `status`") }),
        };
        write.write_all(format!("{said}\n").as_bytes()).await?;
    }
    Ok(())
}

fn status(counters: &Counters) -> Value {
    let number = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    json!({
        "live": number(&counters.live),
        "opened": number(&counters.opened),
        "broken": number(&counters.broken),
        "reports": number(&counters.reports),
        "withdrawn": number(&counters.withdrawn),
        "trouble": *counters.trouble.lock().unwrap_or_else(PoisonError::into_inner),
    })
}
