//! What operators send about freezes, duties, turns and operators, checked. Not here: the rpcs themselves (`operator.rs`).

use evenkeel_certs::Identity;
use evenkeel_model::{Millis, OperatorName, UnixMillis};
use evenkeel_proto::v1;
use evenkeel_rollout::Duty;
use tonic::Status;

use super::operator::filter;
use super::{Api, Invalid, parse};
use crate::controller::{NewDuty, NewFreeze, Turn};
use crate::store::{Operator, Role};

/// The longest reason, in characters: it is shown in tables.
const LONGEST_REASON: usize = 500;
/// How long an operator's certificate is good for, unless the request says how long.
const OPERATOR_LIFETIME: Millis = Millis::minutes(30 * 24 * 60);
/// And at most.
const LONGEST_OPERATOR_LIFETIME: Millis = Millis::minutes(366 * 24 * 60);

/// A reason in an operator's words. May be empty.
pub(super) struct Wording(pub(super) String);

impl Wording {
    /// One line, and not too long.
    pub(super) fn read(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        if text.chars().any(char::is_control) {
            return Err(Invalid::new("why", "it is more than one line: write one"));
        }
        if text.chars().count() > LONGEST_REASON {
            return Err(Invalid::new("why", format!("it has more than {LONGEST_REASON} characters: shorten it")));
        }
        Ok(Self(text.to_owned()))
    }
}

/// What a deploy does if a rollout goes on.
pub(super) fn turn(queue: bool, supersede: bool) -> Result<Turn, Invalid> {
    match (queue, supersede) {
        (true, true) => Err(Invalid::new("queue", "it can't wait for its turn and take over at once")),
        (true, false) => Ok(Turn::Queue),
        (false, true) => Ok(Turn::Supersede),
        (false, false) => Ok(Turn::Alone),
    }
}

pub(super) fn new_freeze(request: &v1::FreezeRequest, by: OperatorName, now: UnixMillis) -> Result<NewFreeze, Invalid> {
    let Wording(why) = Wording::read(&request.why)?;
    if why.is_empty() {
        return Err(Invalid::new("why", "a freeze has a reason: whoever meets it has to know"));
    }
    let until = request.until.map(UnixMillis);
    if until.is_some_and(|until| until <= now) {
        return Err(Invalid::new("until", "it is over already"));
    }
    Ok(NewFreeze { filter: filter(&request.environment, &request.app)?, until, by, why })
}

pub(super) fn new_duty(request: &v1::HostDutyRequest, by: OperatorName) -> Result<NewDuty, Invalid> {
    let known = [Duty::Active, Duty::Cordoned, Duty::Drained];
    let duty = known.into_iter().find(|duty| duty.as_str() == request.duty);
    let unknown = || Invalid::new("duty", format!("`{}` is none: use active, cordoned or drained", request.duty));
    let Wording(why) = Wording::read(&request.why)?;
    Ok(NewDuty { duty: duty.ok_or_else(unknown)?, host: parse("host", &request.host)?, by, why })
}

/// Notes the operator first: a certificate of somebody who is not known is worth nothing.
pub(super) async fn add_operator(
    api: &Api,
    request: v1::AddOperatorRequest,
    by: &OperatorName,
) -> Result<v1::AddOperatorResponse, Status> {
    let name: OperatorName = parse("operator", &request.operator)?;
    let role: Role = parse("role", &request.role)?;
    let lifetime = match Millis(request.lifetime_ms) {
        Millis(0) => OPERATOR_LIFETIME,
        asked if asked <= LONGEST_OPERATOR_LIFETIME => asked,
        asked => {
            let problem = format!("{asked} is longer than {LONGEST_OPERATOR_LIFETIME}: make it shorter");
            return Err(Invalid::new("lifetime_ms", problem).into());
        }
    };
    let now = api.time.now();
    let identity = Identity::Operator { fleet: api.authority.fleet().clone(), operator: name.clone() };
    let sign = |lifetime| {
        let signed = api.authority.sign_csr(&request.certificate_request, &identity, lifetime, now);
        signed.map_err(|problem| Invalid::new("certificate_request", problem.to_string()))
    };
    // A request that can't be signed adds nobody.
    sign(lifetime)?;
    let asked = Operator { name: name.clone(), role, certificate_expires: now + lifetime };
    let operator = api.handle.put_operator(asked).await?;
    let certificate = sign(operator.certificate_expires.since(now))?;
    tracing::info!(%by, operator = %name, %role, "an operator adds an operator");
    Ok(v1::AddOperatorResponse {
        certificate,
        authority: api.authority.certificate_pem().to_owned(),
        operator: Some(operator_view(&operator)),
    })
}

pub(super) fn operator_view(operator: &Operator) -> v1::OperatorView {
    v1::OperatorView {
        operator: operator.name.to_string(),
        role: operator.role.to_string(),
        certificate_expires: operator.certificate_expires.0,
    }
}
