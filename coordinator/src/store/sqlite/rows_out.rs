//! Every table, read back into values. What can't be read is named by table and key, never skipped.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde::de::value::{Error as WordError, StrDeserializer};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use evenkeel_model::{AppKey, Epoch, Generation, HostId, Phase, ReleaseNumber, RolloutId, UnixMillis, Version};
use evenkeel_rollout::{HostProgress, Rollout};

use super::rows_in::ROLLOUT_FORMAT;
use crate::store::{Current, Fleet, Freeze, Host, Operator, Order, Release, Removed, Snapshot, Subject, Token, Use};

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a snapshot could not be read.
#[derive(Debug)]
pub(super) enum LoadError {
    Database(sqlx::Error),
    Row { what: String, source: Cause },
}

impl From<sqlx::Error> for LoadError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// Reads everything.
pub(super) async fn load(connection: &mut SqliteConnection) -> Result<Snapshot, LoadError> {
    let fleet = all("the fleet", "SELECT * FROM fleet", connection, fleet).await?.pop();
    let hosts = all("a host", "SELECT * FROM hosts", connection, host).await?;
    let tokens = all("a token", "SELECT * FROM tokens", connection, token).await?;
    let releases = all("a release", "SELECT * FROM releases", connection, release).await?;
    let rollouts = all("a rollout", "SELECT * FROM rollouts", connection, rollout).await?;
    let rollout_hosts = all("a host of a rollout", "SELECT * FROM rollout_hosts", connection, rollout_host).await?;
    let orders = all("an order", "SELECT * FROM orders", connection, order).await?;
    let current = all("a current release", "SELECT * FROM current_releases", connection, current).await?;
    let operators = all("an operator", "SELECT * FROM operators", connection, operator).await?;
    let removed = all("a removed subject", "SELECT * FROM removed", connection, removed).await?;
    let freezes = all("a freeze", "SELECT * FROM freezes", connection, |row| json::<Freeze>(row, "body")).await?;

    let mut rollouts: BTreeMap<RolloutId, Rollout> =
        rollouts.into_iter().map(|rollout| (rollout.id, rollout)).collect();
    for (id, host, progress) in rollout_hosts {
        // There is one: the row refers to it.
        if let Some(rollout) = rollouts.get_mut(&id) {
            rollout.hosts.insert(host, progress);
        }
    }
    let mut snapshot = Snapshot {
        fleet,
        hosts: hosts.into_iter().map(|host| (host.host.clone(), Arc::new(host))).collect(),
        tokens: tokens.into_iter().map(|token| (token.digest.clone(), token)).collect(),
        rollouts: rollouts.into_iter().map(|(id, rollout)| (id, Arc::new(rollout))).collect(),
        current: current.into_iter().collect(),
        operators: operators.into_iter().map(|operator| (operator.name.clone(), operator)).collect(),
        removed: removed.into_iter().collect(),
        freezes: freezes.into_iter().map(|freeze| (freeze.id, freeze)).collect(),
        ..Snapshot::default()
    };
    for (key, release) in releases {
        snapshot.releases.entry(key).or_default().insert(release.number, Arc::new(release));
    }
    for (host, key, order) in orders {
        snapshot.orders.entry(host).or_default().insert(key, Arc::new(order));
    }
    Ok(snapshot)
}

async fn all<T>(
    what: &'static str,
    sql: &'static str,
    connection: &mut SqliteConnection,
    read: fn(&SqliteRow) -> Result<T, Cause>,
) -> Result<Vec<T>, LoadError> {
    let rows = sqlx::query(sql).fetch_all(connection).await?;
    let read = |row: &SqliteRow| read(row).map_err(|source| LoadError::Row { what: named(what, row), source });
    rows.iter().map(read).collect()
}

/// What kind of row, and its first column: never the whole row, there are secrets in some.
fn named(what: &str, row: &SqliteRow) -> String {
    match (row.try_get::<String, _>(0), row.try_get::<i64, _>(0)) {
        (Ok(text), _) => format!("{what} ({text})"),
        (_, Ok(number)) => format!("{what} ({number})"),
        _ => what.to_owned(),
    }
}

fn fleet(row: &SqliteRow) -> Result<Fleet, Cause> {
    Ok(Fleet {
        name: parsed(row, "name")?,
        epoch: Epoch(number(row, "epoch")?),
        authority_certificate: row.try_get("authority_certificate")?,
        authority_key: row.try_get("authority_key")?,
    })
}

fn host(row: &SqliteRow) -> Result<Host, Cause> {
    Ok(Host {
        host: parsed(row, "host")?,
        environment: parsed(row, "environment")?,
        labels: json(row, "labels")?,
        joined: UnixMillis(number(row, "joined")?),
        first_expires: UnixMillis(number(row, "first_expires")?),
        certificate_expires: UnixMillis(number(row, "certificate_expires")?),
        relieved: row.try_get::<Option<&str>, _>("relieved")?.map(serde_json::from_str).transpose()?,
    })
}

fn token(row: &SqliteRow) -> Result<Token, Cause> {
    let used = match row.try_get::<Option<String>, _>("used_by")? {
        None => None,
        Some(host) => {
            Some(Use { host: host.parse()?, key: parsed(row, "used_key")?, at: UnixMillis(number(row, "used_at")?) })
        }
    };
    Ok(Token {
        digest: parsed(row, "digest")?,
        labels: json(row, "labels")?,
        environment: parsed(row, "environment")?,
        host: row.try_get::<Option<String>, _>("host")?.map(|host| host.parse()).transpose()?,
        expires: UnixMillis(number(row, "expires")?),
        used,
    })
}

fn release(row: &SqliteRow) -> Result<(AppKey, Release), Cause> {
    let release = Release {
        number: ReleaseNumber(number(row, "release")?),
        digest: parsed(row, "digest")?,
        manifest: row.try_get("manifest")?,
        made: UnixMillis(number(row, "made")?),
        by: parsed(row, "made_by")?,
    };
    Ok((key(row)?, release))
}

fn rollout(row: &SqliteRow) -> Result<Rollout, Cause> {
    let format: i64 = row.try_get("format")?;
    if format > ROLLOUT_FORMAT {
        return Err(format!("it has format {format}, and this version reads up to {ROLLOUT_FORMAT}").into());
    }
    json(row, "body")
}

fn rollout_host(row: &SqliteRow) -> Result<(RolloutId, HostId, HostProgress), Cause> {
    Ok((RolloutId(number(row, "rollout")?), parsed(row, "host")?, json(row, "body")?))
}

fn order(row: &SqliteRow) -> Result<(HostId, AppKey, Order), Cause> {
    let release: Option<i64> = row.try_get("release")?;
    let order = Order {
        version: Version { epoch: Epoch(number(row, "epoch")?), generation: Generation(number(row, "generation")?) },
        release: release.map(|number| ReleaseNumber(number.cast_unsigned())),
        phase: word::<Phase>(row, "phase")?,
        share: u32::try_from(number(row, "share")?)?.try_into()?,
        services: json(row, "services")?,
        terms: json(row, "terms")?,
    };
    Ok((parsed(row, "host")?, key(row)?, order))
}

fn current(row: &SqliteRow) -> Result<(AppKey, Current), Cause> {
    Ok((key(row)?, Current { release: ReleaseNumber(number(row, "release")?), policy: json(row, "policy")? }))
}

fn operator(row: &SqliteRow) -> Result<Operator, Cause> {
    Ok(Operator {
        name: parsed(row, "operator")?,
        role: parsed(row, "role")?,
        certificate_expires: UnixMillis(number(row, "certificate_expires")?),
    })
}

fn removed(row: &SqliteRow) -> Result<(Subject, Removed), Cause> {
    let subject = match row.try_get::<String, _>("kind")?.as_str() {
        "host" => Subject::Host(parsed(row, "subject")?),
        _ => Subject::Operator(parsed(row, "subject")?),
    };
    let (at, expires) = (UnixMillis(number(row, "at")?), UnixMillis(number(row, "expires")?));
    Ok((subject.clone(), Removed { subject, at, expires }))
}

fn key(row: &SqliteRow) -> Result<AppKey, Cause> {
    Ok(AppKey { environment: parsed(row, "environment")?, app: parsed(row, "app")? })
}

fn number(row: &SqliteRow, column: &str) -> Result<u64, Cause> {
    Ok(row.try_get::<i64, _>(column)?.cast_unsigned())
}

fn parsed<T>(row: &SqliteRow, column: &str) -> Result<T, Cause>
where
    T: FromStr,
    T::Err: Display,
{
    row.try_get::<String, _>(column)?.parse().map_err(|error: T::Err| error.to_string().into())
}

fn json<T: DeserializeOwned>(row: &SqliteRow, column: &str) -> Result<T, Cause> {
    Ok(serde_json::from_str(row.try_get::<&str, _>(column)?)?)
}

/// A value that is one word in JSON, stored without the quotes.
fn word<T: for<'de> Deserialize<'de>>(row: &SqliteRow, column: &str) -> Result<T, Cause> {
    let word: &str = row.try_get(column)?;
    Ok(T::deserialize(StrDeserializer::<WordError>::new(word))?)
}
