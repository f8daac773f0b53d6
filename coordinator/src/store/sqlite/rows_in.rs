//! Each write as a statement. Not here: the transaction around a batch, orders and the hosts of rollouts, of which there are many (`bulk.rs`).

use serde::Serialize;
use sqlx::query;
use sqlx::sqlite::SqliteArguments;

use evenkeel_model::{AppKey, Phase, UnixMillis};
use evenkeel_rollout::{Rollout, State};

use super::bulk::{OrderRow, put_orders};
use super::rollouts::Rollouts;
use crate::store::{Current, Fleet, Host, Operator, Release, Removed, Subject, Token, Write};

/// The form in which this version writes rollouts. A newer one is refused when it is read; older ones lack what has a default.
pub(super) const ROLLOUT_FORMAT: i64 = 3;

pub(super) type Query = sqlx::query::Query<'static, sqlx::Sqlite, SqliteArguments>;

/// Executes a batch in the transaction, in its order.
pub(super) async fn write_all(
    connection: &mut sqlx::SqliteConnection,
    writes: &[Write],
    rollouts: &mut Rollouts,
) -> Result<(), sqlx::Error> {
    let mut rest = writes;
    while let Some((first, others)) = rest.split_first() {
        rest = others;
        match first {
            Write::PutOrder(..) => {
                let run: Vec<OrderRow<'_>> = std::iter::once(first).chain(others).map_while(order_row).collect();
                put_orders(connection, &run).await?;
                rest = &others[run.len() - 1..];
            }
            Write::PutRollout(rollout) => rollouts.put(connection, rollout).await?,
            Write::DeleteRollout(id) => rollouts.delete(connection, *id).await?,
            other => {
                if let Some(statement) = statement(other) {
                    statement.execute(&mut *connection).await?;
                }
            }
        }
    }
    Ok(())
}

fn order_row(write: &Write) -> Option<OrderRow<'_>> {
    match write {
        Write::PutOrder(host, key, order) => Some((host, key, order)),
        _ => None,
    }
}

/// A write that is one statement. None: it is one of the others.
fn statement(write: &Write) -> Option<Query> {
    let statement = match write {
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
        Write::PutRollout(_) | Write::DeleteRollout(_) | Write::PutOrder(..) => return None,
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
    };
    Some(statement)
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

/// A rollout without its hosts, which it must not have.
pub(super) fn put_rollout(rollout: &Rollout) -> Query {
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

pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data has a JSON form")
}

fn moment(at: UnixMillis) -> i64 {
    at.0.cast_signed()
}

pub(super) fn phase_word(phase: Phase) -> &'static str {
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
