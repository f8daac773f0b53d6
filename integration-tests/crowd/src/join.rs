//! `join`: the hosts join as real ones do, by the agent's own code: a key of their own, a token, the coordinator proven by its fingerprint.
//! Not here: tokens, which an operator makes.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use evenkeel_certs::{Credentials, JoinToken, KeyAndRequest, TimeSource};
use evenkeel_model::HostId;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::credentials;
use crate::source::Source;

/// Hosts that join at the same time: the coordinator has 256 places for those who have no certificate yet.
const AT_ONCE: usize = 128;

/// Joins a host for each line `HOST TOKEN`. The credentials are in the order of the lines.
pub(crate) async fn join(coordinator: &str, tokens: &Path, into: &Path) -> Result<()> {
    let text = std::fs::read_to_string(tokens).with_context(|| format!("cannot read {}", tokens.display()))?;
    let joining = stream::iter(text.lines().enumerate()).map(|(number, line)| {
        let (coordinator, line) = (coordinator.to_owned(), line.to_owned());
        // A task each, so that both threads make keys.
        let task = tokio::spawn(async move { one(number, &coordinator, &line).await });
        async move { task.await? }
    });
    let joined: Vec<Credentials> = joining.buffered(AT_ONCE).try_collect().await?;
    credentials::keep(&joined, into)
}

async fn one(number: usize, coordinator: &str, line: &str) -> Result<Credentials> {
    let (host, token) = line.split_once(' ').context("a line is `HOST TOKEN`")?;
    let (host, token): (HostId, JoinToken) = (host.parse()?, token.parse()?);
    let (dialer, key) = (Arc::new(Source::of(number)), KeyAndRequest::generate()?);
    let time = TimeSource::system();
    let joined = evenkeel_agent::join::join(dialer, coordinator, &token, &host, &key, &time).await;
    Ok(joined.with_context(|| format!("{host} did not join"))?.credentials)
}
