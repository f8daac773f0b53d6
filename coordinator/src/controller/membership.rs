//! Who belongs to the fleet: tokens, joins, labels, removals, operators. Not here: certificates themselves (the caller signs).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use evenkeel_model::{Epoch, HostId, Millis, OperatorName, UnixMillis};

use super::event::{Grant, Join, Known};
use super::refusal::{JoinError, MemberError};
use super::state::State;
use crate::store::{Host, Operator, Removed, Subject, Token, Use, Write};

/// How long a token is kept after its end, so that its late user is told why: then it is forgotten.
const TOKEN_KEPT: Millis = Millis::minutes(7 * 24 * 60);

/// The step by which ends of certificates differ: X.509 counts in seconds.
const EXPIRY_STEP: Millis = Millis::seconds(1);

/// How much earlier an operator's certificate may end than was noted: it is signed after that, and the clock may be set between.
const EXPIRY_SLACK: Millis = Millis::seconds(2);

impl State {
    pub(super) fn join(&mut self, join: Join, now: UnixMillis) -> Result<Grant, JoinError> {
        let token = self.stored.tokens.get(&join.secret).ok_or(JoinError::Unknown)?;
        let grant = |certificate_expires| Grant {
            environment: token.environment.clone(),
            labels: token.labels.clone(),
            certificate_expires,
        };
        if let Some(used) = &token.used {
            let is_same = used.host == join.host && used.key == join.key && now < token.expires;
            let host = self.stored.hosts.get(&join.host).filter(|host| is_same && host.joined == used.at);
            let Some(host) = host.map(Arc::clone) else {
                return Err(JoinError::Used { by: used.host.clone(), at: used.at });
            };
            let expires = join.certificate_expires.max(host.first_expires);
            let grant = grant(expires);
            self.put_certificate(&host, expires);
            return Ok(grant);
        }
        if now >= token.expires {
            return Err(JoinError::Expired { at: token.expires });
        }
        if let Some(to) = token.host.as_ref().filter(|to| **to != join.host) {
            return Err(JoinError::Bound { to: to.clone() });
        }
        if self.stored.hosts.contains_key(&join.host) {
            return Err(JoinError::Taken { host: join.host });
        }
        // Whatever lifetimes were configured: what the removed host of this id still holds ends before.
        let earlier = self.stored.removed.get(&Subject::Host(join.host.clone()));
        let expires =
            earlier.map_or(UnixMillis(0), |earlier| earlier.expires + EXPIRY_STEP).max(join.certificate_expires);
        let grant = grant(expires);
        let used = Use { host: join.host.clone(), key: join.key, at: now };
        let token = Token { used: Some(used), ..token.clone() };
        self.admit(join.host, &token, expires, now);
        Ok(grant)
    }

    fn admit(&mut self, host: HostId, token: &Token, expires: UnixMillis, now: UnixMillis) {
        let subject = Subject::Host(host.clone());
        if self.stored.removed.contains_key(&subject) {
            // The host may have kept its ledger, and our numbers for it begin anew: a new epoch outranks all it has accepted.
            self.begin_epoch(now);
            self.write(Write::DeleteRemoved(subject));
        }
        tracing::info!(%host, environment = %token.environment, "a host has joined");
        self.write(Write::PutToken(token.clone()));
        self.write(Write::PutHost(Arc::new(Host {
            host,
            environment: token.environment.clone(),
            labels: token.labels.clone(),
            joined: now,
            first_expires: expires,
            certificate_expires: expires,
            relieved: None,
        })));
    }

    /// A reign that is higher than any before, also than those of which a lost store knew.
    pub(super) fn begin_epoch(&mut self, now: UnixMillis) {
        let Some(mut fleet) = self.stored.fleet.clone() else { return };
        fleet.epoch = Epoch((fleet.epoch.0 + 1).max(now.0 / 1000));
        self.write(Write::PutFleet(fleet));
    }

    pub(super) fn renewed(&mut self, host: &HostId, expires: UnixMillis) -> Result<(), MemberError> {
        let host = Arc::clone(self.known_host(host)?);
        self.put_certificate(&host, expires);
        Ok(())
    }

    /// Notes that the host gets one more certificate. The latest end of all counts.
    fn put_certificate(&mut self, host: &Host, expires: UnixMillis) {
        let certificate_expires = expires.max(host.certificate_expires);
        self.write(Write::PutHost(Arc::new(Host { certificate_expires, ..host.clone() })));
    }

    pub(super) fn create_token(&mut self, token: Token, now: UnixMillis) {
        let is_over = |token: &&Token| token.expires + TOKEN_KEPT < now;
        let over: Vec<_> = self.stored.tokens.values().filter(is_over).map(|token| token.digest.clone()).collect();
        for digest in over {
            self.write(Write::DeleteToken(digest));
        }
        self.write(Write::PutToken(token));
    }

    pub(super) fn label_host(
        &mut self,
        host: &HostId,
        set: BTreeMap<String, String>,
        remove: &BTreeSet<String>,
    ) -> Result<(), MemberError> {
        let mut host = self.known_host(host)?.as_ref().clone();
        host.labels.retain(|label, _| !remove.contains(label));
        host.labels.extend(set);
        self.write(Write::PutHost(Arc::new(host)));
        Ok(())
    }

    pub(super) fn remove_host(&mut self, host: &HostId, now: UnixMillis) -> Result<(), MemberError> {
        let expires = self.known_host(host)?.certificate_expires;
        tracing::info!(%host, "a host is removed");
        self.write(Write::DeleteOrders(host.clone()));
        self.write(Write::DeleteHost(host.clone()));
        self.write(Write::PutRemoved(Removed { subject: Subject::Host(host.clone()), at: now, expires }));
        Ok(())
    }

    /// The operator as it is noted: its certificate ends after all that an earlier one of this name holds.
    pub(super) fn put_operator(&mut self, mut operator: Operator) -> Operator {
        let subject = Subject::Operator(operator.name.clone());
        if let Some(earlier) = self.stored.removed.get(&subject) {
            operator.certificate_expires =
                operator.certificate_expires.max(earlier.expires + EXPIRY_STEP + EXPIRY_SLACK);
            self.write(Write::DeleteRemoved(subject));
        }
        self.write(Write::PutOperator(operator.clone()));
        operator
    }

    pub(super) fn remove_operator(&mut self, name: OperatorName, now: UnixMillis) -> Result<(), MemberError> {
        let subject = Subject::Operator(name.clone());
        let Some(operator) = self.stored.operators.get(&name) else { return Err(self.not_known(subject)) };
        let expires = operator.certificate_expires;
        self.write(Write::DeleteOperator(name));
        self.write(Write::PutRemoved(Removed { subject, at: now, expires }));
        Ok(())
    }

    /// Whether the certificate of this subject that ends at `not_after` is one that may speak.
    pub(super) fn identify(&self, subject: Subject, not_after: UnixMillis) -> Result<Known, MemberError> {
        let (known, first_expires) = match &subject {
            Subject::Host(host) => {
                let host = self.known_host(host)?;
                (Known::Host(host.host.clone()), host.first_expires)
            }
            Subject::Operator(name) => {
                let Some(operator) = self.stored.operators.get(name) else { return Err(self.not_known(subject)) };
                let first_expires = operator.certificate_expires.0.saturating_sub(EXPIRY_SLACK.0);
                (Known::Operator { name: name.clone(), role: operator.role }, UnixMillis(first_expires))
            }
        };
        // What ends before the first certificate of this one was made for an earlier one of the name.
        if not_after < first_expires { Err(MemberError::Earlier(subject)) } else { Ok(known) }
    }

    pub(super) fn known_host(&self, host: &HostId) -> Result<&Arc<Host>, MemberError> {
        self.stored.hosts.get(host).ok_or_else(|| self.not_known(Subject::Host(host.clone())))
    }

    fn not_known(&self, subject: Subject) -> MemberError {
        match self.stored.removed.get(&subject) {
            Some(removed) => MemberError::Removed { subject, at: removed.at },
            None => MemberError::Unknown(subject),
        }
    }
}
