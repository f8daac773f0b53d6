//! What operators call: each rpc reads its request, asks the controller, and shows what it says. Not here: views (`view.rs`), and
//! pinning images (`pins.rs`).

use std::collections::BTreeMap;

use async_trait::async_trait;
use evenkeel_certs::{Identity, JoinToken};
use evenkeel_model::{AppKey, EnvironmentName, Millis, OperatorName, ReleaseNumber, RolloutId, Specification};
use evenkeel_proto::v1::operator_service_server::OperatorService;
use evenkeel_proto::v1::{
    AbortRolloutRequest, AddOperatorRequest, AddOperatorResponse, CreateTokenRequest, CreateTokenResponse,
    DeployRequest, DeployResponse, FreezeRequest, FreezeView, HostDutyRequest, HostView, LabelHostRequest,
    ListFreezesRequest, ListFreezesResponse, ListHostsRequest, ListHostsResponse, ListOperatorsRequest,
    ListOperatorsResponse, ListReleasesRequest, ListReleasesResponse, ListRolloutsRequest, ListRolloutsResponse,
    PlanResponse, RemoveHostRequest, RemoveHostResponse, RemoveOperatorRequest, RemoveOperatorResponse,
    RollbackRequest, RolloutView, RolloutWordRequest, ShowHostRequest, ShowRolloutRequest, StatusRequest,
    StatusResponse, UnfreezeRequest,
};
use tonic::{Request, Response, Status};

use super::engine::Wording;
use super::follow::{Rollouts, Until, follow};
use super::{Api, Invalid, caller, check_labels, engine, link, parse, parse_unless_empty, pins, status};
use crate::auth::{Caller, Denied};
use crate::controller::{
    AbortRollout, AppFilter, Deploy, Pick, Rollback, RolloutError, RolloutSnapshot, RolloutWord, Word,
};
use crate::store::Token;
use crate::view;

/// How long a join token is good for, unless the request says how long.
const TOKEN_LIFETIME: Millis = Millis::minutes(60);
/// And at most: it is a secret that lies about.
const LONGEST_TOKEN_LIFETIME: Millis = Millis::minutes(30 * 24 * 60);
/// How many rollouts a list has, unless the request says how many.
const ROLLOUTS_LISTED: u32 = 20;
/// And at most: the answer must fit into one message.
const MOST_ROLLOUTS_LISTED: u32 = 1000;

#[async_trait]
impl OperatorService for Api {
    type WatchRolloutStream = Rollouts;

    async fn create_token(
        &self,
        request: Request<CreateTokenRequest>,
    ) -> Result<Response<CreateTokenResponse>, Status> {
        let by = operator(&request)?;
        let request = request.into_inner();
        let lifetime = token_lifetime(request.lifetime_ms)?;
        let labels: BTreeMap<_, _> = request.labels.into_iter().collect();
        check_labels("labels", &labels)?;
        let made =
            JoinToken::generate(self.authority.fingerprint().clone()).map_err(|error| status::internal(&error))?;
        let token = Token {
            digest: made.secret_digest(),
            labels,
            environment: environment(&request.environment)?,
            host: request.host.as_deref().map(|host| parse("host", host)).transpose()?,
            expires: self.clock.now() + lifetime,
            used: None,
        };
        let (expires, environment) = (token.expires, token.environment.clone());
        self.handle.create_token(token).await?;
        tracing::info!(%by, %environment, %lifetime, "a join token was made");
        Ok(Response::new(CreateTokenResponse { token: made.to_string(), expires: expires.0 }))
    }

    async fn list_hosts(&self, request: Request<ListHostsRequest>) -> Result<Response<ListHostsResponse>, Status> {
        let environment = parse_unless_empty("environment", &request.get_ref().environment)?;
        Ok(Response::new(ListHostsResponse { hosts: self.handle.hosts(environment).await? }))
    }

    async fn show_host(&self, request: Request<ShowHostRequest>) -> Result<Response<HostView>, Status> {
        Ok(Response::new(self.handle.host(parse("host", &request.get_ref().host)?).await?))
    }

    async fn label_host(&self, request: Request<LabelHostRequest>) -> Result<Response<HostView>, Status> {
        let by = operator(&request)?;
        let request = request.into_inner();
        let host = parse("host", &request.host)?;
        let set: BTreeMap<_, _> = request.set.into_iter().collect();
        check_labels("set", &set)?;
        if let Some(both) = request.remove.iter().find(|label| set.contains_key(*label)) {
            return Err(Invalid::new("remove", format!("the label {both} can't be set and taken away at once")).into());
        }
        tracing::info!(%by, %host, "an operator labels a host");
        Ok(Response::new(self.handle.label_host(host, set, request.remove.into_iter().collect()).await?))
    }

    async fn remove_host(&self, request: Request<RemoveHostRequest>) -> Result<Response<RemoveHostResponse>, Status> {
        let by = operator(&request)?;
        let host = parse("host", &request.get_ref().host)?;
        tracing::info!(%by, %host, "an operator removes a host");
        self.handle.remove_host(host).await?;
        Ok(Response::new(RemoveHostResponse {}))
    }

    async fn plan(&self, request: Request<DeployRequest>) -> Result<Response<PlanResponse>, Status> {
        let by = operator(&request)?;
        let (deploy, notes) = self.read_deploy(request.into_inner(), by).await?;
        let planned = self.handle.preview(deploy).await?;
        Ok(Response::new(view::plan(&planned, notes)))
    }

    async fn deploy(&self, request: Request<DeployRequest>) -> Result<Response<DeployResponse>, Status> {
        let by = operator(&request)?;
        let (deploy, notes) = self.read_deploy(request.into_inner(), by).await?;
        let begun = self.handle.deploy(deploy).await?;
        Ok(Response::new(DeployResponse { rollout: Some(self.rollout_view(&begun)), notes }))
    }

    async fn rollback(&self, request: Request<RollbackRequest>) -> Result<Response<DeployResponse>, Status> {
        let by = operator(&request)?;
        let request = request.into_inner();
        let key = AppKey { environment: environment(&request.environment)?, app: parse("app", &request.app)? };
        let Wording(why) = Wording::read(&request.why)?;
        let rollback = Rollback { key, to: request.to.map(ReleaseNumber), now: request.now, by, why };
        let begun = self.handle.rollback(rollback).await?;
        Ok(Response::new(DeployResponse { rollout: Some(self.rollout_view(&begun)), notes: Vec::new() }))
    }

    async fn list_rollouts(
        &self,
        request: Request<ListRolloutsRequest>,
    ) -> Result<Response<ListRolloutsResponse>, Status> {
        let request = request.into_inner();
        let limit = match request.limit {
            0 => ROLLOUTS_LISTED,
            limit => limit.min(MOST_ROLLOUTS_LISTED),
        };
        let filter = filter(&request.environment, &request.app)?;
        let rollouts = self.handle.rollouts(filter, usize::try_from(limit).unwrap_or(usize::MAX)).await?;
        Ok(Response::new(ListRolloutsResponse { rollouts }))
    }

    async fn show_rollout(&self, request: Request<ShowRolloutRequest>) -> Result<Response<RolloutView>, Status> {
        let request = request.into_inner();
        let pick = self.pick(request.rollout, &request.environment, &request.app).await?;
        Ok(Response::new(self.rollout_view(&self.handle.rollout(pick).await?)))
    }

    async fn watch_rollout(
        &self,
        request: Request<ShowRolloutRequest>,
    ) -> Result<Response<Self::WatchRolloutStream>, Status> {
        let link = link(&request)?;
        let request = request.into_inner();
        let pick = self.pick(request.rollout, &request.environment, &request.app).await?;
        let snapshots = self.handle.watch_rollout(pick).await?;
        let until =
            Until { link, time: self.time.clone(), stop: self.stop.clone(), clock: std::sync::Arc::clone(&self.clock) };
        Ok(Response::new(follow(snapshots, until)))
    }

    async fn abort_rollout(&self, request: Request<AbortRolloutRequest>) -> Result<Response<RolloutView>, Status> {
        let by = operator(&request)?;
        let request = request.into_inner();
        let rollout = self.pick(request.rollout, &request.environment, &request.app).await?;
        let Wording(why) = Wording::read(&request.why)?;
        let aborted = self.handle.abort(AbortRollout { rollout, rollback: request.rollback, by, why }).await?;
        Ok(Response::new(self.rollout_view(&aborted)))
    }

    async fn pause_rollout(&self, request: Request<RolloutWordRequest>) -> Result<Response<RolloutView>, Status> {
        self.say(request, Word::Pause).await
    }

    async fn resume_rollout(&self, request: Request<RolloutWordRequest>) -> Result<Response<RolloutView>, Status> {
        self.say(request, Word::Resume).await
    }

    async fn promote_rollout(&self, request: Request<RolloutWordRequest>) -> Result<Response<RolloutView>, Status> {
        self.say(request, Word::Promote).await
    }

    async fn approve_rollout(&self, request: Request<RolloutWordRequest>) -> Result<Response<RolloutView>, Status> {
        self.say(request, Word::Approve).await
    }

    async fn freeze(&self, request: Request<FreezeRequest>) -> Result<Response<FreezeView>, Status> {
        let by = operator(&request)?;
        let freeze = engine::new_freeze(request.get_ref(), by, self.clock.now())?;
        Ok(Response::new(view::freeze(&self.handle.freeze(freeze).await?)))
    }

    async fn unfreeze(&self, request: Request<UnfreezeRequest>) -> Result<Response<FreezeView>, Status> {
        let by = operator(&request)?;
        let lifted = self.handle.unfreeze(request.get_ref().freeze).await?;
        tracing::info!(%by, freeze = lifted.id, "an operator lifts a freeze");
        Ok(Response::new(view::freeze(&lifted)))
    }

    async fn list_freezes(&self, _: Request<ListFreezesRequest>) -> Result<Response<ListFreezesResponse>, Status> {
        let freezes = self.handle.freezes().await?;
        Ok(Response::new(ListFreezesResponse { freezes: freezes.iter().map(view::freeze).collect() }))
    }

    async fn set_host_duty(&self, request: Request<HostDutyRequest>) -> Result<Response<HostView>, Status> {
        let by = operator(&request)?;
        Ok(Response::new(self.handle.set_duty(engine::new_duty(request.get_ref(), by)?).await?))
    }

    async fn add_operator(
        &self,
        request: Request<AddOperatorRequest>,
    ) -> Result<Response<AddOperatorResponse>, Status> {
        let by = operator(&request)?;
        engine::add_operator(self, request.into_inner(), &by).await.map(Response::new)
    }

    async fn list_operators(
        &self,
        _: Request<ListOperatorsRequest>,
    ) -> Result<Response<ListOperatorsResponse>, Status> {
        let operators = self.handle.operators().await?;
        Ok(Response::new(ListOperatorsResponse { operators: operators.iter().map(engine::operator_view).collect() }))
    }

    async fn remove_operator(
        &self,
        request: Request<RemoveOperatorRequest>,
    ) -> Result<Response<RemoveOperatorResponse>, Status> {
        let by = operator(&request)?;
        let name: OperatorName = parse("operator", &request.get_ref().operator)?;
        if name == by {
            return Err(Invalid::new("operator", "nobody removes themselves: ask another admin").into());
        }
        tracing::info!(%by, operator = %name, "an operator removes an operator");
        self.handle.remove_operator(name).await?;
        Ok(Response::new(RemoveOperatorResponse {}))
    }

    async fn list_releases(
        &self,
        request: Request<ListReleasesRequest>,
    ) -> Result<Response<ListReleasesResponse>, Status> {
        let filter = filter(&request.get_ref().environment, &request.get_ref().app)?;
        Ok(Response::new(ListReleasesResponse { releases: self.handle.releases(filter).await? }))
    }

    async fn status(&self, request: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        let filter = filter(&request.get_ref().environment, &request.get_ref().app)?;
        Ok(Response::new(StatusResponse { apps: self.handle.status(filter).await? }))
    }
}

impl Api {
    /// Pins the images. An error begins nothing.
    async fn read_deploy(&self, request: DeployRequest, by: OperatorName) -> Result<(Deploy, Vec<String>), Status> {
        let specification: Specification = serde_json::from_slice(&request.specification).map_err(|problem| {
            Invalid::new("specification", format!("{problem} (is this program of another version?)"))
        })?;
        if specification.services.is_empty() {
            return Err(Invalid::new("specification", "it has no service").into());
        }
        let environment = environment(&request.environment)?;
        let local_images = pins::local_images(&specification, request.local_images)?;
        let manifest = pins::pin(&self.resolver, &specification, &environment, &local_images).await?;
        let Wording(why) = Wording::read(&request.override_freeze)?;
        let deploy = Deploy {
            manifest,
            policy: specification.policy,
            by,
            turn: engine::turn(request.queue, request.supersede)?,
            override_freeze: (!why.is_empty()).then_some(why),
            fingerprint: parse_unless_empty("fingerprint", &request.fingerprint)?,
        };
        Ok((deploy, specification.notes))
    }

    async fn say(&self, request: Request<RolloutWordRequest>, word: Word) -> Result<Response<RolloutView>, Status> {
        let by = operator(&request)?;
        let request = request.into_inner();
        let rollout = self.pick(request.rollout, &request.environment, &request.app).await?;
        let Wording(why) = Wording::read(&request.why)?;
        tracing::info!(%by, ?rollout, ?word, why, "an operator says something to a rollout");
        let said = self.handle.say(RolloutWord { rollout, word, by, why }).await?;
        Ok(Response::new(self.rollout_view(&said)))
    }

    fn rollout_view(&self, snapshot: &RolloutSnapshot) -> RolloutView {
        view::rollout(snapshot, self.clock.now())
    }

    /// Which rollout is meant: this one; or the newest of an app, of an environment, of the fleet.
    async fn pick(&self, rollout: u64, environment_text: &str, app: &str) -> Result<Pick, Status> {
        if rollout != 0 {
            return Ok(Pick::Rollout(RolloutId(rollout)));
        }
        if !app.is_empty() {
            return Ok(Pick::NewestOf(AppKey { environment: environment(environment_text)?, app: parse("app", app)? }));
        }
        if environment_text.is_empty() {
            return Ok(Pick::Newest);
        }
        let newest = self.handle.rollouts(filter(environment_text, "")?, 1).await?;
        let newest = newest.first().ok_or(RolloutError::None)?;
        Ok(Pick::Rollout(RolloutId(newest.rollout)))
    }
}

/// The operator that calls. The guard lets nobody else through.
fn operator<T>(request: &Request<T>) -> Result<OperatorName, Status> {
    match caller(request)? {
        Caller::Operator(name) => Ok(name),
        Caller::Anyone | Caller::Host(_) => {
            let found: Option<Identity> = link(request)?.identity().cloned();
            let needed = crate::auth::Needed::Operators;
            Err(found.map_or(Denied::NoCertificate, |found| Denied::OtherKind { found, needed }).into())
        }
    }
}

fn environment(text: &str) -> Result<EnvironmentName, Invalid> {
    Ok(parse_unless_empty("environment", text)?.unwrap_or_default())
}

pub(super) fn filter(environment: &str, app: &str) -> Result<AppFilter, Invalid> {
    Ok(AppFilter { environment: parse_unless_empty("environment", environment)?, app: parse_unless_empty("app", app)? })
}

fn token_lifetime(asked_ms: u64) -> Result<Millis, Invalid> {
    match Millis(asked_ms) {
        Millis(0) => Ok(TOKEN_LIFETIME),
        asked if asked <= LONGEST_TOKEN_LIFETIME => Ok(asked),
        asked => Err(Invalid::new(
            "lifetime_ms",
            format!("{asked} is longer than {LONGEST_TOKEN_LIFETIME}: make it shorter"),
        )),
    }
}
