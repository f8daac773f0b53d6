//! One order, from the question to the certificate. Not here: when (`plan`), and what becomes of a failure (`record`).

use std::io;
use std::time::Duration;

use evenkeel_certs::{PublicCertificateError, WebTlsError};
use evenkeel_model::Millis;
use evenkeel_proxy::ApplyError;
use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Error, Identifier, NewOrder, Order, OrderStatus, RetryPolicy,
};

use super::door::{Door, Opened};
use super::plan::Failure;

/// How long the server may take to ask its question, and to sign.
const PATIENCE: Duration = Duration::from_mins(2);

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// The server can't be reached, or refuses.
    #[error("the ACME server can't be asked, or refuses")]
    Server(#[source] Error),
    /// It does not go on with an order that it has taken.
    #[error("the ACME server breaks off the order")]
    Ordered(#[source] Error),
    /// The server's own authority.
    #[error("the ACME server's certificate can't be checked")]
    Roots(#[source] WebTlsError),
    /// The file with it.
    #[error("{path} can't be read")]
    RootsFile {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The state directory.
    #[error("the proxy's state directory can't be used")]
    State(#[source] io::Error),
    /// The port at which it asks.
    #[error("the ACME server's question can't be answered")]
    Port(#[source] ApplyError),
    /// It offers other ways only.
    #[error("the ACME server offers no http-01 challenge for this name")]
    NoChallenge,
    /// It asked, and was not content.
    #[error("the ACME server does not believe that the name leads here: {0}")]
    NotBelieved(String),
    /// What came can't be shown to anybody.
    #[error("the certificate that came can't be used")]
    Unusable(#[source] PublicCertificateError),
    /// It is not what was asked for.
    #[error("the certificate that came is for another name, or has expired")]
    Other,
    /// It would be asked for again and again.
    #[error("the certificate that came is used, but it is due for renewal at once: check this host's clock")]
    Due,
    /// It takes too long.
    #[error("there was no certificate within {0}")]
    Late(Millis),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Server(error)
    }
}

impl Trouble {
    /// What the next try has to wait for. Where nobody knows whether the server has asked its question, it has.
    pub(super) fn failure(&self) -> Failure {
        match self {
            _ if self.is_problem("rateLimited") => Failure::Limit,
            Self::Server(_) | Self::Roots(_) | Self::RootsFile { .. } | Self::Port(_) => Failure::BeforeOrder,
            _ => Failure::Ordered,
        }
    }

    /// Whether the server has forgotten us.
    pub(super) fn is_unknown_account(&self) -> bool {
        self.is_problem("accountDoesNotExist")
    }

    fn is_problem(&self, kind: &str) -> bool {
        let (Self::Server(Error::Api(problem)) | Self::Ordered(Error::Api(problem))) = self else { return false };
        problem.r#type.as_deref().is_some_and(|of| of.rsplit(':').next() == Some(kind))
    }
}

/// A key and the certificate for it with its chain, in PEM form.
pub(super) async fn order(account: &Account, host: &str, door: &Door) -> Result<String, Trouble> {
    // First: if nobody could ask, the server need not try.
    let opened = door.open().map_err(Trouble::Port)?;
    let names = [Identifier::Dns(host.to_owned())];
    let mut order = account.new_order(&NewOrder::new(&names)).await?;
    prove(&mut order, &opened).await?;
    drop(opened);
    let key = order.finalize().await.map_err(Trouble::Ordered)?;
    let chain = order.poll_certificate(&policy()).await.map_err(Trouble::Ordered)?;
    Ok(format!("{key}{chain}"))
}

/// Answers the server's question.
async fn prove(order: &mut Order, opened: &Opened<'_>) -> Result<(), Trouble> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(Trouble::Ordered)?;
        // It may remember us from the last time.
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let mut challenge = authorization.challenge(ChallengeType::Http01).ok_or(Trouble::NoChallenge)?;
        opened.answer(&challenge.token, challenge.key_authorization().as_str());
        challenge.set_ready().await.map_err(Trouble::Ordered)?;
    }
    match order.poll_ready(&policy()).await.map_err(Trouble::Ordered)? {
        OrderStatus::Ready => Ok(()),
        _ => Err(Trouble::NotBelieved(reason(order).await)),
    }
}

fn policy() -> RetryPolicy {
    RetryPolicy::new().timeout(PATIENCE)
}

/// What the server found at the host's name.
async fn reason(order: &mut Order) -> String {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let Ok(mut authorization) = authorization else { continue };
        let Ok(state) = authorization.refresh().await else { continue };
        let said = state.challenges.iter().find_map(|challenge| challenge.error.as_ref());
        if let Some(problem) = said {
            return problem.detail.clone().or_else(|| problem.r#type.clone()).unwrap_or_default();
        }
    }
    "it does not say why".to_owned()
}
