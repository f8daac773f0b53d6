//! Rows of one table that are put together, many to a statement: a wave is as many orders as it has hosts, and a statement of its own for each would cost
//! more than its row. Not here: all other writes (`rows_in.rs`).

use std::sync::LazyLock;

use sqlx::{SqliteConnection, query};

use evenkeel_model::{AppKey, HostId, ReleaseNumber, RolloutId};
use evenkeel_rollout::HostProgress;

use super::rows_in::{Query, json, phase_word};
use crate::store::Order;

/// Rows of one statement. Much is saved by the first dozens; what is left over goes row by row, by a statement that is prepared too.
const ROWS: usize = 64;

/// An order and whose it is.
pub(super) type OrderRow<'a> = (&'a HostId, &'a AppKey, &'a Order);

/// Puts orders, in their order.
pub(super) async fn put_orders(connection: &mut SqliteConnection, rows: &[OrderRow<'_>]) -> Result<(), sqlx::Error> {
    static ONE: LazyLock<String> = LazyLock::new(|| orders(1));
    static MANY: LazyLock<String> = LazyLock::new(|| orders(ROWS));
    put(connection, rows, &ONE, &MANY, |query, (host, key, order)| {
        query
            .bind(key.environment.to_string())
            .bind(key.app.to_string())
            .bind(host.to_string())
            .bind(order.version.epoch.0.cast_signed())
            .bind(order.version.generation.0.cast_signed())
            .bind(order.release.map(|ReleaseNumber(number)| number.cast_signed()))
            .bind(phase_word(order.phase))
            .bind(json(&order.services))
            .bind(json(&order.terms))
            .bind(i64::from(order.share.percent()))
    })
    .await
}

/// Puts hosts of a rollout.
pub(super) async fn put_rollout_hosts(
    connection: &mut SqliteConnection,
    rollout: RolloutId,
    rows: &[(&HostId, &HostProgress)],
) -> Result<(), sqlx::Error> {
    static ONE: LazyLock<String> = LazyLock::new(|| rollout_hosts(1));
    static MANY: LazyLock<String> = LazyLock::new(|| rollout_hosts(ROWS));
    put(connection, rows, &ONE, &MANY, |query, (host, progress)| {
        query.bind(rollout.0.cast_signed()).bind(host.to_string()).bind(json(progress))
    })
    .await
}

fn orders(rows: usize) -> String {
    upsert(
        "INSERT INTO orders (environment, app, host, epoch, generation, release, phase, services, terms, share)",
        10,
        rows,
        "epoch = excluded.epoch, generation = excluded.generation, release = excluded.release, phase = excluded.phase, \
         services = excluded.services, terms = excluded.terms, share = excluded.share",
    )
}

fn rollout_hosts(rows: usize) -> String {
    upsert("INSERT INTO rollout_hosts (rollout, host, body)", 3, rows, "body = excluded.body")
}

fn upsert(into: &str, columns: usize, rows: usize, set: &str) -> String {
    let row = format!("({})", vec!["?"; columns].join(", "));
    format!("{into} VALUES {} ON CONFLICT DO UPDATE SET {set}", vec![row; rows].join(", "))
}

async fn put<T: Copy>(
    connection: &mut SqliteConnection,
    rows: &[T],
    one: &'static str,
    many: &'static str,
    bind: impl Fn(Query, T) -> Query,
) -> Result<(), sqlx::Error> {
    let mut chunks = rows.chunks_exact(ROWS);
    for chunk in chunks.by_ref() {
        chunk.iter().fold(query(many), |query, row| bind(query, *row)).execute(&mut *connection).await?;
    }
    for row in chunks.remainder() {
        bind(query(one), *row).execute(&mut *connection).await?;
    }
    Ok(())
}
