//! What flows over an open stream. Not here: opening it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use evenkeel_certs::{Credentials, KeyAndRequest};
use evenkeel_model::{HostStats, Millis};
use evenkeel_proto::v1::agent_service_client::AgentServiceClient;
use evenkeel_proto::v1::{self, RenewCertificateRequest, SessionDown, session_down, session_up};
use tokio::time::{Instant, sleep, sleep_until};
use tonic::transport::Channel;

use super::desired;
use super::open::{Open, SessionError, ended, message};
use super::questions::Questions;
use super::{Session, chain};
use crate::backoff::Backoff;

/// For one renewal. A call that is never answered must not be the last one: the stream itself would live on, and the certificate run out.
const RENEWAL_TIMEOUT: Millis = Millis::seconds(30);
/// After a renewal that failed: soon enough to try many times in the second half of a certificate's life.
const RENEWAL_RETRY: Millis = Millis::seconds(30);

type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Session {
    /// Holds one stream until it ends; says why it did.
    pub(crate) async fn stream(&self, address: &str, backoff: &mut Backoff) -> SessionError {
        let mut open = match self.open(address).await {
            Ok(open) => open,
            Err(error) => return error,
        };
        if open.epoch > self.contact.line().epoch
            && let Err(error) = self.ledgers.save_epoch(open.epoch).await
        {
            return SessionError::Ledger(error);
        }
        let began = Instant::now();
        self.contact.opened(open.epoch, self.ticker.now());
        tracing::info!(coordinator = address, epoch = open.epoch.0, "the stream to the coordinator is open");
        let Err(error) = self.converse(&mut open).await;
        backoff.held(began.elapsed());
        error
    }

    async fn converse(&self, open: &mut Open) -> Result<std::convert::Infallible, SessionError> {
        let mut reports = self.reports.subscribe();
        reports.mark_changed();
        let mut deaf_at = Instant::now() + open.lease.to_std();
        let mut beat_at = Instant::now() + open.beat.to_std();
        let mut stats: Later<'_, HostStats> = Box::pin(self.stats_after(Millis(0)));
        let mut renewal: Later<'_, ()> = Box::pin(self.renew_when_due(open.client.clone()));
        let mut questions = Questions::new(Arc::clone(&self.runtime));
        loop {
            let up = tokio::select! {
                biased;
                // Cancel-safe: a message is either taken whole or not at all.
                down = open.down.message() => {
                    if let Some(asked) = self.hear(down.map_err(ended)?)? {
                        questions.take(&asked);
                    }
                    deaf_at = Instant::now() + open.lease.to_std();
                    continue;
                }
                () = sleep_until(deaf_at) => return Err(SessionError::Silent(open.lease)),
                changed = reports.changed() => {
                    changed.map_err(|_| SessionError::Ended("the agent ends".to_owned()))?;
                    session_up::Message::Report(report(&reports.borrow_and_update()))
                }
                measured = &mut stats => {
                    stats = Box::pin(self.stats_after(open.stats));
                    session_up::Message::Stats((&measured).into())
                }
                answer = questions.answer() => session_up::Message::LogAnswer(answer),
                () = &mut renewal => {
                    renewal = Box::pin(self.renew_when_due(open.client.clone()));
                    continue;
                }
                () = sleep_until(beat_at) => session_up::Message::Beat(v1::Beat {}),
            };
            beat_at = Instant::now() + open.beat.to_std();
            // The coordinator takes messages at once; if it does not for a whole lease, it is as good as gone.
            match tokio::time::timeout(open.lease.to_std(), open.up.send(message(up))).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return Err(SessionError::Ended("it takes no more messages".to_owned())),
            }
        }
    }

    /// Takes in what came; what it asks is left to the caller.
    fn hear(&self, down: Option<SessionDown>) -> Result<Option<v1::LogQuestion>, SessionError> {
        let down = down.ok_or_else(|| SessionError::Ended("it closed it".to_owned()))?;
        self.contact.heard(self.ticker.now());
        match down.message {
            Some(session_down::Message::Desired(desired)) => {
                let read = desired::read(&desired);
                for refused in read.refused {
                    let key = refused.key.clone();
                    self.reports.refuse(&key, Some(refused));
                }
                // The order first: what is withdrawn because its turn has come must not be given up halfway.
                self.desired.send_replace(read.assignments);
                self.prefetch.send_if_modified(|announced| {
                    let is_new = *announced != read.prefetch;
                    *announced = read.prefetch;
                    is_new
                });
            }
            Some(session_down::Message::LogQuestion(asked)) => return Ok(Some(asked)),
            // A newer coordinator may say more than we know: it is heard, and that is all.
            Some(session_down::Message::Beat(_) | session_down::Message::Welcome(_)) | None => {}
        }
        Ok(None)
    }

    async fn stats_after(&self, wait: Millis) -> HostStats {
        sleep(wait.to_std()).await;
        let containers = self.runtime.stats().await;
        HostStats { containers, ..self.facts.stats() }
    }

    /// Ends after one renewal, or one that failed and its pause.
    async fn renew_when_due(&self, client: AgentServiceClient<Channel>) {
        let credentials = self.credentials.credentials();
        sleep(credentials.renew_at().since(self.time.now()).to_std()).await;
        let renewed = tokio::time::timeout(RENEWAL_TIMEOUT.to_std(), self.renew(client, &credentials)).await;
        match renewed.unwrap_or_else(|_| Err(format!("no answer within {RENEWAL_TIMEOUT}").into())) {
            Ok(()) => tracing::info!("the host's certificate was renewed"),
            Err(error) => {
                tracing::warn!(
                    trouble = chain(error.as_ref()),
                    "the host's certificate could not be renewed, and is tried again"
                );
                sleep(RENEWAL_RETRY.to_std()).await;
            }
        }
    }

    async fn renew(
        &self,
        mut client: AgentServiceClient<Channel>,
        current: &Credentials,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let fresh = KeyAndRequest::generate()?;
        let request = RenewCertificateRequest { certificate_request: fresh.request_pem().to_owned() };
        let certificate = client.renew_certificate(request).await.map_err(ended)?.into_inner().certificate;
        let renewed = Credentials::new(&certificate, fresh.key_pem(), current.authority_pem())?;
        // Durable before it is used: a crash in between leaves the old one, which is good for as long again.
        self.files.save(&renewed).await?;
        self.credentials.replace(renewed)?;
        Ok(())
    }
}

fn report(apps: &std::collections::BTreeMap<evenkeel_model::AppKey, crate::reports::AppState>) -> v1::Report {
    v1::Report {
        apps: apps.values().filter_map(|state| state.report.as_ref()).map(Into::into).collect(),
        refused: apps.values().filter_map(|state| state.refused.as_ref()).map(Into::into).collect(),
        prefetch: apps.values().filter_map(|state| state.prefetch.as_ref()).map(Into::into).collect(),
    }
}
