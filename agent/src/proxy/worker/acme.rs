//! Certificates that are asked for: for each host of a route with TLS that is in no file, one, and a new one in time. Only the worker that
//! leads does it, so that no two ask for the same. Whatever goes wrong here stops nothing that serves.
//!
//! ```text
//!  plan (pure: whose turn is it?) ─> record (durable: it was tried) ─> order ─── account, http ──> the ACME server
//!                                                                        └─ door <── its question, at port 80
//! ```
//!
//! Not here: who is shown which certificate (`tls`).

mod account;
mod door;
mod http;
mod order;
mod plan;
mod record;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use evenkeel_certs::{PublicCertificate, TimeSource};
use evenkeel_model::{Millis, UnixMillis};

use self::account::Accounts;
use self::plan::{Held, Next};
use self::record::Record;
use super::disk::{self, Writes};
use super::tls::Certificates;
use crate::config::AcmeConfig;
use crate::session::chain;

pub(super) use self::door::{Door, OWNER};

/// The longest sleep: clocks are set, and laptops wake up.
const NAP: Duration = Duration::from_mins(1);
/// For one certificate, the server's own waiting included.
const ORDER_TIMEOUT: Duration = Duration::from_mins(5);

/// What asks for certificates.
#[derive(Debug)]
pub(super) struct Acme {
    certificates: Arc<Certificates>,
    accounts: Accounts,
    record: Record,
    folder: PathBuf,
    door: Arc<Door>,
    time: TimeSource,
    /// All of them go through it, so that who ends the task can wait for them.
    writes: Writes,
}

/// Where the certificates of a server are kept: those of another server, such as its staging one, are not taken for its own.
pub(super) fn folder(state: &Path, config: &AcmeConfig) -> PathBuf {
    let address = config.directory.trim_start_matches("https://").trim_end_matches('/');
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || ".-".contains(letter) { letter } else { '_' };
    state.join("acme").join(address.chars().map(plain).collect::<String>())
}

impl Acme {
    /// With what earlier workers left in the folder. The door is what the server's questions come by.
    pub(super) fn new(
        config: &AcmeConfig,
        folder: &Path,
        certificates: &Arc<Certificates>,
        door: &Arc<Door>,
        time: &TimeSource,
        writes: &Writes,
    ) -> Self {
        Self {
            certificates: Arc::clone(certificates),
            accounts: Accounts::new(config, folder, time, writes),
            record: Record::new(folder),
            folder: folder.to_owned(),
            door: Arc::clone(door),
            time: time.clone(),
            writes: writes.clone(),
        }
    }

    /// What people should know of a host's certificate: that the last try failed. None: nothing.
    pub(super) fn trouble(&self, host: &str) -> Option<String> {
        self.record.trouble(host, self.time.now())
    }

    /// Asks for what is due, one certificate at a time. Never returns. Cancel safe: a try that is cut short counts as one that failed.
    pub(super) async fn run(&self) {
        let mut changed = self.certificates.changed();
        loop {
            changed.mark_unchanged();
            // Also what an earlier worker has got meanwhile.
            self.certificates.look().await;
            let (record, now) = (self.record.clone(), self.time.now());
            self.writes.blocking(move || record.read(now)).await;
            let nap = match plan::next(&self.held(), &self.record.all(), now) {
                Next::Order(host) => {
                    self.try_one(&host).await;
                    continue;
                }
                Next::Wait(until) => until.since(now).to_std().min(NAP),
                // A certificate in a file may expire without any other change.
                Next::Nothing => NAP,
            };
            tokio::select! {
                biased;
                _ = changed.changed() => {}
                () = tokio::time::sleep(nap) => {}
            }
        }
    }

    fn held(&self) -> Vec<(String, Option<Held>)> {
        let hosts = self.certificates.to_order().into_iter();
        hosts.map(|(host, certificate)| (host, certificate.as_deref().map(held))).collect()
    }

    async fn try_one(&self, host: &str) {
        let (record, name, now) = (self.record.clone(), host.to_owned(), self.time.now());
        // Before anything is asked: a worker that dies here must not ask more often than one that fails.
        if let Err(error) = self.writes.blocking(move || record.begin(&name, now)).await {
            tracing::error!(host, %error, "no certificate is asked for, because the proxy's state can't be written; free some space, or mend the disk");
            return tokio::time::sleep(NAP).await;
        }
        tracing::info!(host, "a certificate is asked for");
        let issued = tokio::time::timeout(ORDER_TIMEOUT, self.issue(host)).await;
        let problem = match issued.unwrap_or_else(|_| Err(order::Trouble::Late(Millis::from(ORDER_TIMEOUT)))) {
            Ok(until) => {
                tracing::info!(host, until = crate::day::day(until), "a certificate was issued");
                None
            }
            Err(trouble) => Some(trouble),
        };
        let (record, name, now) = (self.record.clone(), host.to_owned(), self.time.now());
        let text = problem.as_ref().map(|trouble| chain(trouble));
        let failure = problem.map(|trouble| (chain(&trouble), trouble.failure()));
        let next = self.writes.blocking(move || record.end(&name, failure, now)).await;
        if let (Some(problem), Some(next)) = (text, next) {
            let wait = next.since(now);
            tracing::warn!(host, problem, next_try_in = %Millis(wait.0 / 1000 * 1000), "a certificate can't be had; what serves goes on");
        }
    }

    /// Says until when the new certificate is good.
    async fn issue(&self, host: &str) -> Result<UnixMillis, order::Trouble> {
        let account = self.accounts.get().await?;
        let pem = match order::order(&account, host, &self.door).await {
            Err(trouble) if trouble.is_unknown_account() => {
                self.accounts.forget().await;
                return Err(trouble);
            }
            ordered => ordered?,
        };
        let certificate =
            PublicCertificate::from_pem(pem.as_bytes(), pem.as_bytes()).map_err(order::Trouble::Unusable)?;
        if !certificate.covers(host) || certificate.not_after() <= self.time.now() {
            return Err(order::Trouble::Other);
        }
        let held = held(&certificate);
        let path = self.folder.join(format!("{host}.pem"));
        let written = self.writes.blocking(move || disk::replace(&path, pem.as_bytes())).await;
        written.map_err(order::Trouble::State)?;
        self.certificates.look().await;
        if plan::renewal(host, held) <= self.time.now() {
            return Err(order::Trouble::Due);
        }
        Ok(held.not_after)
    }
}

fn held(certificate: &PublicCertificate) -> Held {
    Held { not_before: certificate.not_before(), not_after: certificate.not_after() }
}
