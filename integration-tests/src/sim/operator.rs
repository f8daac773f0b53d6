//! The operator in the simulation: asks over the real API, patiently, and passes the answers out. Not here: what is asked and when.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use evenkeel::serve::MemoryAdminFile;
use evenkeel_certs::{ClientTls, CredentialsStore, TimeSource};
use evenkeel_model::UnixMillis;
use evenkeel_proto::v1::operator_service_client::OperatorServiceClient;
use evenkeel_proto::v1::{
    self, AbortRolloutRequest, CreateTokenRequest, DeployRequest, FreezeRequest, RollbackRequest, RolloutWordRequest,
};
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;
use tonic::transport::{Channel, Endpoint};

use super::Release;

/// Something asked of the coordinator.
#[derive(Debug, Clone)]
pub enum Ask {
    /// A join token for a host.
    Token {
        /// Which.
        host: usize,
    },
    /// A rollout.
    Deploy(Release),
    /// Back to the release before.
    Rollback,
    /// A word to the rollout that goes on.
    Say(Word),
    /// The app is to rest until then.
    Freeze(UnixMillis),
    /// The end of the rollout that goes on.
    Abort {
        /// Whether committed hosts are taken back too.
        rollback: bool,
    },
}

/// What people say to a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Nothing more for now.
    Pause,
    /// It goes on.
    Resume,
    /// To the rest of the fleet, or to the switch.
    Promote,
    /// A gate is opened.
    Approve,
}

/// Its answer.
#[derive(Debug, Clone)]
pub enum Told {
    /// A token.
    Token {
        /// For which host.
        host: usize,
        /// The token.
        token: String,
    },
    /// The rollout that was begun or changed.
    Rollout(Box<v1::RolloutView>),
    /// It was done.
    Done,
    /// It was refused.
    Refused {
        /// Why.
        message: String,
        /// Whether the coordinator could not be reached, so that it is not known whether it was done.
        unknown: bool,
    },
}

/// The operator's process.
#[derive(Debug)]
pub(super) struct Operator {
    asks: mpsc::UnboundedSender<Ask>,
    told: Arc<Mutex<Vec<Told>>>,
}

impl Operator {
    /// Starts the operator's process. It waits for the first operator's certificate, which the coordinator makes.
    pub(super) fn start(
        sim: &mut turmoil::Sim<'static>,
        admin: Arc<MemoryAdminFile>,
        time: TimeSource,
        coordinator: String,
    ) -> Self {
        let (asks, mut asked) = mpsc::unbounded_channel();
        let told: Arc<Mutex<Vec<Told>>> = Arc::default();
        let answers = Arc::clone(&told);
        sim.client("operator", async move {
            let credentials = loop {
                match admin.credentials() {
                    Some(credentials) => break CredentialsStore::new(credentials, time)?,
                    None => tokio::time::sleep(Duration::from_millis(100)).await,
                }
            };
            while let Some(ask) = asked.recv().await {
                let answer = answer(&credentials, &coordinator, ask).await;
                answers.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
            }
            Ok(())
        });
        Self { asks, told }
    }

    pub(super) fn ask(&self, ask: Ask) {
        self.asks.send(ask).expect("the operator's process listens");
    }

    pub(super) fn told(&self) -> Vec<Told> {
        std::mem::take(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn answer(credentials: &Arc<CredentialsStore>, coordinator: &str, ask: Ask) -> Told {
    let patience = Duration::from_secs(30);
    match tokio::time::timeout(patience, once(credentials, coordinator, ask)).await {
        Ok(Ok(told)) => told,
        Ok(Err(status)) => Told::Refused {
            message: status.message().to_owned(),
            unknown: matches!(
                status.code(),
                tonic::Code::Unavailable | tonic::Code::Unknown | tonic::Code::Cancelled | tonic::Code::Internal
            ),
        },
        Err(_) => Told::Refused { message: "no answer".to_owned(), unknown: true },
    }
}

async fn once(credentials: &Arc<CredentialsStore>, coordinator: &str, ask: Ask) -> Result<Told, tonic::Status> {
    let channel =
        connect(credentials, coordinator).await.map_err(|error| tonic::Status::unavailable(error.to_string()))?;
    let mut client = OperatorServiceClient::new(channel);
    let (environment, app) = (String::new(), "shop".to_owned());
    let rollout = match ask {
        Ask::Token { host } => {
            let request = CreateTokenRequest { lifetime_ms: 3_600_000, ..CreateTokenRequest::default() };
            return Ok(Told::Token { host, token: client.create_token(request).await?.into_inner().token });
        }
        Ask::Deploy(release) => {
            let specification = serde_json::to_vec(&release.specification()).expect("plain data has a JSON form");
            client.deploy(DeployRequest { specification, ..DeployRequest::default() }).await?.into_inner().rollout
        }
        Ask::Rollback => {
            client
                .rollback(RollbackRequest { environment, app, ..RollbackRequest::default() })
                .await?
                .into_inner()
                .rollout
        }
        Ask::Freeze(until) => {
            let (environment, why) = ("default".to_owned(), "stocktaking".to_owned());
            client.freeze(FreezeRequest { environment, app, until: Some(until.0), why }).await?;
            return Ok(Told::Done);
        }
        Ask::Say(word) => Some(say(&mut client, word, app).await?),
        Ask::Abort { rollback } => Some(
            client
                .abort_rollout(AbortRolloutRequest { environment, app, rollback, ..AbortRolloutRequest::default() })
                .await?
                .into_inner(),
        ),
    };
    Ok(Told::Rollout(Box::new(rollout.ok_or_else(|| tonic::Status::internal("the answer has no rollout"))?)))
}

async fn say(
    client: &mut OperatorServiceClient<Channel>,
    word: Word,
    app: String,
) -> Result<v1::RolloutView, tonic::Status> {
    let request = RolloutWordRequest { app, why: "as the seed says".to_owned(), ..RolloutWordRequest::default() };
    let answer = match word {
        Word::Pause => client.pause_rollout(request).await,
        Word::Resume => client.resume_rollout(request).await,
        Word::Promote => client.promote_rollout(request).await,
        Word::Approve => client.approve_rollout(request).await,
    };
    answer.map(tonic::Response::into_inner)
}

async fn connect(credentials: &Arc<CredentialsStore>, address: &str) -> Result<Channel, tonic::transport::Error> {
    let (tls, address) = (Arc::new(ClientTls::new(credentials)), address.to_owned());
    let connector = tower::service_fn(move |_: tonic::transport::Uri| {
        let (tls, address) = (Arc::clone(&tls), address.clone());
        async move {
            let stream = turmoil::net::TcpStream::connect(address).await?;
            tls.connect(stream).await.map(TokioIo::new).map_err(io::Error::other)
        }
    });
    Endpoint::from_static("http://coordinator").connect_with_connector(connector).await
}
