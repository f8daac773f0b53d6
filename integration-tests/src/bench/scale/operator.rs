//! The first operator, over the same interface as `evenkeel`'s verbs: tokens, deploys of a Compose file, what becomes of them. Not here: timing.

use std::collections::BTreeMap;
use std::fs;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use evenkeel::serve::{AdminFile as _, MemoryAdminFile};
use evenkeel_certs::{ClientTls, CredentialsStore, TimeSource};
use evenkeel_compose::Input;
use evenkeel_model::Digest;
use evenkeel_proto::v1::operator_service_client::OperatorServiceClient;
use evenkeel_proto::v1::{
    CreateTokenRequest, DeployRequest, ListHostsRequest, ListRolloutsRequest, RolloutView, ShowHostRequest,
    ShowRolloutRequest,
};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::{self, Runtime};
use tonic::transport::{Channel, Endpoint};

use super::DEADLINE;
use super::coordinator::Settings;
use crate::bench::until;

/// Tokens that are asked for at the same time.
const AT_ONCE: usize = 64;
/// How long they are good for.
const TOKEN_LIFETIME_MS: u64 = 3_600_000;
/// For one answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// A list of all hosts, with what each says of itself.
const LARGEST_ANSWER: usize = 64 << 20;

/// How a release is rolled out.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// Everywhere at once.
    OneWave,
    /// A tenth, then the rest, each with some seconds of bake.
    TwoWavesWithBake,
}

/// The first operator.
pub(super) struct Operator {
    runtime: Runtime,
    client: OperatorServiceClient<Channel>,
}

impl Operator {
    /// As soon as the coordinator has written its certificate. The connection is made when it is needed, and again when it broke.
    pub(super) fn of(settings: &Settings) -> Result<Self> {
        let file = MemoryAdminFile::default();
        until("the coordinator writes the first operator's file", DEADLINE, || {
            let text = fs::read_to_string(settings.admin_file()).unwrap_or_default();
            file.write(&text)?;
            Ok(file.credentials().is_some())
        })?;
        let credentials = file.credentials().context("it was there just now")?;
        let tls = Arc::new(ClientTls::new(&CredentialsStore::new(credentials, TimeSource::system())?));
        let address = settings.address;
        let connector = tower::service_fn(move |_: tonic::transport::Uri| {
            let tls = Arc::clone(&tls);
            async move {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                tls.connect(stream).await.map(TokioIo::new).map_err(io::Error::other)
            }
        });
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let entered = runtime.enter();
        let channel = Endpoint::from_static("http://coordinator").connect_with_connector_lazy(connector);
        let client = OperatorServiceClient::new(channel).max_decoding_message_size(LARGEST_ANSWER);
        drop(entered);
        Ok(Self { runtime, client })
    }

    pub(super) fn until_it_answers(&self) -> Result<()> {
        until("the coordinator answers", DEADLINE, || Ok(self.rollout().is_ok()))
    }

    /// So many tokens, each good for one host with this label.
    pub(super) fn tokens(&self, count: usize, role: &str) -> Result<Vec<String>> {
        let request = CreateTokenRequest {
            lifetime_ms: TOKEN_LIFETIME_MS,
            labels: [("role".to_owned(), role.to_owned())].into(),
            ..CreateTokenRequest::default()
        };
        let asking = (0..count).map(|_| {
            let (mut client, request) = (self.client.clone(), request.clone());
            async move { Ok(client.create_token(request).await?.into_inner().token) }
        });
        self.runtime.block_on(stream::iter(asking).buffered(AT_ONCE).try_collect())
    }

    /// Makes release `number` and begins its rollout.
    pub(super) fn deploy(&self, number: u32, shape: Shape) -> Result<u64> {
        let text = compose(shape);
        let input = Input { text: &text, file_name: "compose.yaml", variables: &BTreeMap::new(), project: None };
        let specification = evenkeel_compose::read(&input).map_err(|problems| anyhow!("{problems}"))?;
        let image = Digest::of(format!("image {number}").as_bytes()).to_string();
        let request = DeployRequest {
            specification: serde_json::to_vec(&specification)?,
            environment: String::new(),
            local_images: [("web".to_owned(), image)].into(),
            ..DeployRequest::default()
        };
        let mut client = self.client.clone();
        let begun = self.answer(client.deploy(request))?;
        Ok(begun.rollout.context("the answer has no rollout")?.rollout)
    }

    /// Follows a rollout to its end, over lost connections too; the error is another end than success.
    pub(super) fn until_succeeded(&self, rollout: u64) -> Result<()> {
        let mut last = RolloutView::default();
        until("the rollout ends", DEADLINE, || {
            // A coordinator that is away for a moment is asked again.
            last = self.follow(rollout).unwrap_or_default();
            Ok(last.ended.is_some())
        })?;
        if last.outcome != "succeeded" {
            bail!("rollout {rollout} ended: {}, because {:?}", last.outcome, last.failure);
        }
        Ok(())
    }

    /// The newest rollout, without its hosts; none yet: an empty one.
    pub(super) fn rollout(&self) -> Result<RolloutView> {
        let mut client = self.client.clone();
        let request = ListRolloutsRequest { limit: 1, ..ListRolloutsRequest::default() };
        Ok(self.answer(client.list_rollouts(request))?.rollouts.pop().unwrap_or_default())
    }

    /// `live`, `silent` or `conflict`.
    pub(super) fn contact(&self, host: &str) -> Result<String> {
        let mut client = self.client.clone();
        Ok(self.answer(client.show_host(ShowHostRequest { host: host.to_owned() }))?.contact)
    }

    /// How many hosts are live, by the coordinator's word.
    pub(super) fn live(&self) -> Result<usize> {
        let mut client = self.client.clone();
        let hosts = self.answer(client.list_hosts(ListHostsRequest::default()))?.hosts;
        Ok(hosts.iter().filter(|host| host.contact == "live").count())
    }

    /// The last view that a rollout's stream gives.
    fn follow(&self, rollout: u64) -> Result<RolloutView> {
        let mut client = self.client.clone();
        self.runtime.block_on(async {
            let request = ShowRolloutRequest { rollout, ..ShowRolloutRequest::default() };
            let mut views = client.watch_rollout(request).await?.into_inner();
            let mut last = RolloutView::default();
            while let Some(view) = tokio::time::timeout(DEADLINE, views.message()).await?? {
                last = view;
            }
            Ok(last)
        })
    }

    fn answer<T>(&self, asked: impl Future<Output = Result<tonic::Response<T>, tonic::Status>>) -> Result<T> {
        self.runtime.block_on(async { Ok(tokio::time::timeout(PATIENCE, asked).await??.into_inner()) })
    }
}

/// What an operator would write. The image is in the engines only, so that no registry is part of what is measured.
fn compose(shape: Shape) -> String {
    let rollout = match shape {
        Shape::OneWave => "waves: [\"100%\"], bake: 0s",
        Shape::TwoWavesWithBake => "waves: [\"10%\", \"100%\"], bake: 5s",
    };
    format!(
        "name: shop\nservices:\n  web:\n    image: shop:latest\n    pull_policy: never\n\
         \x20   deploy: {{ placement: {{ constraints: [node.labels.role == crowd] }} }}\n\
         \x20   healthcheck: {{ test: [CMD, /app, --check], interval: 2s }}\n\
         x-rollout: {{ {rollout}, max_unavailable: \"100%\" }}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_deployed_is_a_valid_compose_file() {
        for (shape, waves) in [(Shape::OneWave, 1), (Shape::TwoWavesWithBake, 2)] {
            let text = compose(shape);
            let input = Input { text: &text, file_name: "compose.yaml", variables: &BTreeMap::new(), project: None };
            let read = evenkeel_compose::read(&input).unwrap();
            assert_eq!(read.policy.waves.ends(10_000).len(), waves);
            assert_eq!(read.policy.budget(10_000, None), 10_000);
            assert!(read.services.values().all(|draft| draft.local));
        }
    }
}
