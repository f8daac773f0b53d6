//! `evenkeel-agent join`: makes the key on this host, proves the coordinator by the token's fingerprint, and gets the certificate.
//! Not here: who may join (the coordinator decides), running.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use evenkeel_certs::{
    ClientTls, Credentials, CredentialsError, JoinToken, KeyAndRequest, RequestError, SeenAuthority, TimeSource,
};
use evenkeel_model::HostId;
use evenkeel_proto::v1::enrolment_service_client::EnrolmentServiceClient;
use evenkeel_proto::v1::{JoinRequest, JoinResponse};
use hyper_util::rt::TokioIo;
use tonic::transport::Endpoint;

use crate::dial::Dialer;

/// For connecting and being answered.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Why this host could not join.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// No key could be made.
    #[error("no key could be made")]
    Key(#[source] RequestError),
    /// The address does not answer, or is not the coordinator that the token speaks of.
    #[error("the coordinator at {address} can't be reached, or is not the one that the token is from")]
    Unreachable {
        /// The address.
        address: String,
        /// Why.
        #[source]
        source: tonic::transport::Error,
    },
    /// The coordinator said no.
    #[error("the coordinator refuses: {0}")]
    Refused(String),
    /// No answer in time.
    #[error("the coordinator at {0} did not answer in time; try again: the same token works for the same key")]
    Slow(String),
    /// The answer is not a certificate for our key.
    #[error("the coordinator's answer can't be used")]
    Unusable(#[source] CredentialsError),
    /// It showed another authority than it gave.
    #[error("the coordinator gave another authority than the one it proved to have: do not trust this connection")]
    OtherAuthority,
}

/// What a host has got by joining.
#[derive(Debug)]
pub struct Joined {
    /// Key, certificate and authority.
    pub credentials: Credentials,
    /// What the coordinator said beside.
    pub response: JoinResponse,
}

/// Joins by this token. The key is the caller's, so that a join whose answer was lost can be repeated with it.
pub async fn join(
    dialer: Arc<dyn Dialer>,
    address: &str,
    token: &JoinToken,
    host: &HostId,
    key: &KeyAndRequest,
    time: &TimeSource,
) -> Result<Joined, JoinError> {
    let ask = ask(dialer, address, token, host, key, time);
    let (response, seen) =
        tokio::time::timeout(TIMEOUT, ask).await.map_err(|_| JoinError::Slow(address.to_owned()))??;
    if seen.authority_pem.trim() != response.authority.trim() {
        return Err(JoinError::OtherAuthority);
    }
    let credentials =
        Credentials::new(&response.certificate, key.key_pem(), &response.authority).map_err(JoinError::Unusable)?;
    credentials.validate(time.now()).map_err(JoinError::Unusable)?;
    Ok(Joined { credentials, response })
}

async fn ask(
    dialer: Arc<dyn Dialer>,
    address: &str,
    token: &JoinToken,
    host: &HostId,
    key: &KeyAndRequest,
    time: &TimeSource,
) -> Result<(JoinResponse, SeenAuthority), JoinError> {
    let seen = Arc::new(Mutex::new(None));
    let tls = Arc::new(ClientTls::enrolment(token.fingerprint.clone(), time));
    let (into, to) = (Arc::clone(&seen), address.to_owned());
    let connector = tower::service_fn(move |_: http::Uri| {
        let (tls, dialer, into, to) = (Arc::clone(&tls), Arc::clone(&dialer), Arc::clone(&into), to.clone());
        async move {
            let (stream, authority) = tls.connect(dialer.dial(&to).await?).await.map_err(io::Error::other)?;
            *into.lock().unwrap_or_else(PoisonError::into_inner) = Some(authority);
            Ok::<_, io::Error>(TokioIo::new(stream))
        }
    });
    let channel = Endpoint::from_static("http://coordinator")
        .connect_with_connector(connector)
        .await
        .map_err(|source| JoinError::Unreachable { address: address.to_owned(), source })?;
    let request = JoinRequest {
        secret: token.secret.expose(),
        host: host.to_string(),
        certificate_request: key.request_pem().to_owned(),
    };
    let response = EnrolmentServiceClient::new(channel).join(request).await;
    let response = response.map_err(|status| JoinError::Refused(status.message().to_owned()))?.into_inner();
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or(JoinError::OtherAuthority)?;
    Ok((response, seen))
}
