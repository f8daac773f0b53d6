//! Joining: the token is used up, durably; then the certificate is signed. Not here: which tokens are good (the controller).

use async_trait::async_trait;
use evenkeel_certs::{Identity, JoinSecret, public_key_digest};
use evenkeel_model::{HostId, Millis, UnixMillis};
use evenkeel_proto::v1::enrolment_service_server::EnrolmentService;
use evenkeel_proto::v1::{JoinRequest, JoinResponse};
use tonic::{Request, Response, Status};

use super::{Api, Invalid, parse, status};
use crate::controller::Join;

impl Api {
    /// Signs a host's certificate, valid until exactly then.
    pub(super) fn sign(
        &self,
        host: &HostId,
        request_pem: &str,
        now: UnixMillis,
        until: UnixMillis,
    ) -> Result<String, Status> {
        let identity = Identity::Host { fleet: self.authority.fleet().clone(), host: host.clone() };
        self.authority.sign_csr(request_pem, &identity, until.since(now), now).map_err(|error| status::internal(&error))
    }
}

/// When a certificate of this lifetime ends: certificates know whole seconds only.
pub(crate) fn end_of(now: UnixMillis, lifetime: Millis) -> UnixMillis {
    UnixMillis((now + lifetime).0 / 1000 * 1000)
}

#[async_trait]
impl EnrolmentService for Api {
    async fn join(&self, request: Request<JoinRequest>) -> Result<Response<JoinResponse>, Status> {
        let from = super::link(&request)?.remote();
        let request = request.into_inner();
        let secret: JoinSecret = parse("secret", &request.secret)?;
        let host: HostId = parse("host", &request.host)?;
        let key = public_key_digest(&request.certificate_request)
            .map_err(|problem| Invalid::new("certificate_request", problem.to_string()))?;
        let now = self.time.now();
        let certificate_expires = end_of(now, self.terms.certificate);
        let join = Join { secret: secret.digest(), host: host.clone(), key, certificate_expires };
        let grant = self.handle.join(join).await.inspect_err(|refusal| {
            tracing::warn!(%host, %from, why = %refusal, "a host was not let in");
        })?;
        let certificate = self.sign(&host, &request.certificate_request, now, grant.certificate_expires)?;
        Ok(Response::new(JoinResponse {
            certificate,
            authority: self.authority.certificate_pem().to_owned(),
            fleet: self.authority.fleet().to_string(),
            environment: grant.environment.to_string(),
            labels: grant.labels.into_iter().collect(),
        }))
    }
}
