//! Each write as a statement. Not here: the transaction around a batch.

use serde::Serialize;
use sqlx::query;
use sqlx::sqlite::SqliteArguments;

use evenkeel_model::{AppKey, HostId, Phase, ReleaseNumber, UnixMillis};
use evenkeel_rollout::{Rollout, State};

use crate::store::{Current, Fleet, Host, Operator, Order, Release, Removed, Subject, Token, Write};

/// The form of a rollout's JSON that this version writes. A newer one is refused when it is read; older ones lack what has a default.
pub(super) const ROLLOUT_FORMAT: i64 = 2;

type Query = sqlx::query::Query<'static, sqlx::Sqlite, SqliteArguments>;

/// Executes one write in the transaction.
pub(super) async fn write(connection: &mut sqlx::SqliteConnection, write: &Write) -> Result<(), sqlx::Error> {
    statement(write).execute(connection).await.map(drop)
}

fn statement(write: &Write) -> Query {
    match write {
        Write::PutFleet(fleet) => put_fleet(fleet),
        Write::PutHost(host) => put_host(host),
        Write::DeleteHost(host) => query("DELETE FROM hosts WHERE host = ?").bind(host.to_string()),
        Write::PutToken(token) => put_token(token),
        Write::DeleteToken(digest) => query("DELETE FROM tokens WHERE digest = ?").bind(digest.to_string()),
        Write::PutRelease(key, release) => put_release(key, release),
        Write::DeleteRelease(key, number) => {
            keyed("DELETE FROM releases WHERE environment = ? AND app = ? AND release = ?", key)
                .bind(number.0.cast_signed())
        }
        Write::PutRollout(rollout) => put_rollout(rollout),
        Write::DeleteRollout(id) => query("DELETE FROM rollouts WHERE rollout = ?").bind(id.0.cast_signed()),
        Write::PutOrder(host, key, order) => put_order(host, key, order),
        Write::DeleteOrder(host, key) => {
            keyed("DELETE FROM orders WHERE environment = ? AND app = ? AND host = ?", key).bind(host.to_string())
        }
        Write::DeleteOrders(host) => query("DELETE FROM orders WHERE host = ?").bind(host.to_string()),
        Write::PutCurrent(key, current) => put_current(key, current),
        Write::DeleteCurrent(key) => keyed("DELETE FROM current_releases WHERE environment = ? AND app = ?", key),
        Write::PutOperator(operator) => put_operator(operator),
        Write::DeleteOperator(name) => query("DELETE FROM operators WHERE operator = ?").bind(name.to_string()),
        Write::PutRemoved(Removed { subject, at, expires }) => about(
            "INSERT INTO removed (kind, subject, at, expires) VALUES (?, ?, ?, ?) \
                 ON CONFLICT DO UPDATE SET at = excluded.at, expires = excluded.expires",
            subject,
        )
        .bind(moment(*at))
        .bind(moment(*expires)),
        Write::DeleteRemoved(subject) => about("DELETE FROM removed WHERE kind = ? AND subject = ?", subject),
        Write::PutFreeze(freeze) => {
            query("INSERT INTO freezes (freeze, body) VALUES (?, ?) ON CONFLICT DO UPDATE SET body = excluded.body")
                .bind(freeze.id.cast_signed())
                .bind(json(freeze))
        }
        Write::DeleteFreeze(id) => query("DELETE FROM freezes WHERE freeze = ?").bind(id.cast_signed()),
    }
}

fn put_fleet(fleet: &Fleet) -> Query {
    query(
        "INSERT INTO fleet (only_row, name, epoch, authority_certificate, authority_key) VALUES (1, ?, ?, ?, ?) \
         ON CONFLICT DO UPDATE SET name = excluded.name, epoch = excluded.epoch, \
         authority_certificate = excluded.authority_certificate, authority_key = excluded.authority_key",
    )
    .bind(fleet.name.to_string())
    .bind(fleet.epoch.0.cast_signed())
    .bind(fleet.authority_certificate.clone())
    .bind(fleet.authority_key.clone())
}

fn put_host(host: &Host) -> Query {
    query(
        "INSERT INTO hosts (host, environment, labels, joined, first_expires, certificate_expires, relieved) \
         VALUES (?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT DO UPDATE SET environment = excluded.environment, labels = excluded.labels, \
         joined = excluded.joined, first_expires = excluded.first_expires, \
         certificate_expires = excluded.certificate_expires, relieved = excluded.relieved",
    )
    .bind(host.host.to_string())
    .bind(host.environment.to_string())
    .bind(json(&host.labels))
    .bind(moment(host.joined))
    .bind(moment(host.first_expires))
    .bind(moment(host.certificate_expires))
    .bind(host.relieved.as_ref().map(json))
}

fn put_token(token: &Token) -> Query {
    query(
        "INSERT INTO tokens (digest, labels, environment, host, expires, used_by, used_key, used_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT DO UPDATE SET labels = excluded.labels, environment = excluded.environment, \
         host = excluded.host, expires = excluded.expires, used_by = excluded.used_by, \
         used_key = excluded.used_key, used_at = excluded.used_at",
    )
    .bind(token.digest.to_string())
    .bind(json(&token.labels))
    .bind(token.environment.to_string())
    .bind(token.host.as_ref().map(ToString::to_string))
    .bind(moment(token.expires))
    .bind(token.used.as_ref().map(|used| used.host.to_string()))
    .bind(token.used.as_ref().map(|used| used.key.to_string()))
    .bind(token.used.as_ref().map(|used| moment(used.at)))
}

fn put_release(key: &AppKey, release: &Release) -> Query {
    keyed(
        "INSERT INTO releases (environment, app, release, digest, manifest, made, made_by) \
         VALUES (?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT DO UPDATE SET digest = excluded.digest, manifest = excluded.manifest, made = excluded.made, \
         made_by = excluded.made_by",
        key,
    )
    .bind(release.number.0.cast_signed())
    .bind(release.digest.to_string())
    .bind(release.manifest.clone())
    .bind(moment(release.made))
    .bind(release.by.to_string())
}

fn put_rollout(rollout: &Rollout) -> Query {
    query(
        "INSERT INTO rollouts (rollout, environment, app, release, state, began, format, body) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT DO UPDATE SET environment = excluded.environment, app = excluded.app, \
         release = excluded.release, state = excluded.state, began = excluded.began, format = excluded.format, \
         body = excluded.body",
    )
    .bind(rollout.id.0.cast_signed())
    .bind(rollout.key.environment.to_string())
    .bind(rollout.key.app.to_string())
    .bind(rollout.to.0.cast_signed())
    .bind(state_word(rollout.state))
    .bind(moment(rollout.began))
    .bind(ROLLOUT_FORMAT)
    .bind(json(rollout))
}

fn put_order(host: &HostId, key: &AppKey, order: &Order) -> Query {
    keyed(
        "INSERT INTO orders (environment, app, host, epoch, generation, release, phase, services, terms, share) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT DO UPDATE SET epoch = excluded.epoch, generation = excluded.generation, \
         release = excluded.release, phase = excluded.phase, services = excluded.services, terms = excluded.terms, \
         share = excluded.share",
        key,
    )
    .bind(host.to_string())
    .bind(order.version.epoch.0.cast_signed())
    .bind(order.version.generation.0.cast_signed())
    .bind(order.release.map(|ReleaseNumber(number)| number.cast_signed()))
    .bind(phase_word(order.phase))
    .bind(json(&order.services))
    .bind(json(&order.terms))
    .bind(i64::from(order.share.percent()))
}

fn put_current(key: &AppKey, current: &Current) -> Query {
    keyed(
        "INSERT INTO current_releases (environment, app, release, policy) VALUES (?, ?, ?, ?) \
         ON CONFLICT DO UPDATE SET release = excluded.release, policy = excluded.policy",
        key,
    )
    .bind(current.release.0.cast_signed())
    .bind(json(&current.policy))
}

fn put_operator(operator: &Operator) -> Query {
    query(
        "INSERT INTO operators (operator, role, certificate_expires) VALUES (?, ?, ?) \
         ON CONFLICT DO UPDATE SET role = excluded.role, certificate_expires = excluded.certificate_expires",
    )
    .bind(operator.name.to_string())
    .bind(operator.role.as_str())
    .bind(moment(operator.certificate_expires))
}

/// A statement whose first two parameters are environment and app.
fn keyed(sql: &'static str, key: &AppKey) -> Query {
    query(sql).bind(key.environment.to_string()).bind(key.app.to_string())
}

/// A statement whose first two parameters say who was removed.
fn about(sql: &'static str, subject: &Subject) -> Query {
    match subject {
        Subject::Host(host) => query(sql).bind("host").bind(host.to_string()),
        Subject::Operator(operator) => query(sql).bind("operator").bind(operator.to_string()),
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data has a JSON form")
}

fn moment(at: UnixMillis) -> i64 {
    at.0.cast_signed()
}

fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Trial => "trial",
        Phase::Committed => "committed",
        Phase::Withdrawn => "withdrawn",
    }
}

fn state_word(state: State) -> &'static str {
    match state {
        State::Queued => "queued",
        State::Advancing => "advancing",
        State::Paused => "paused",
        State::RollingBack => "rolling_back",
        State::Withdrawing => "withdrawing",
        State::Ended { .. } => "ended",
    }
}
