//! What only a file has to survive: a second process, a wide mode, damage, and `kill -9` in the middle of writing.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use evenkeel_model::{Epoch, UnixMillis};
use tempfile::TempDir;

use super::*;
use crate::fixture::{host, host_id};
use crate::store::contract::{self, Place, contract_tests};
use crate::store::{Host, Removed, Subject};

/// A directory with one file in it.
struct File(TempDir);

impl Default for File {
    fn default() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

impl File {
    fn path(&self) -> PathBuf {
        self.0.path().join("evenkeel.db")
    }
}

impl Place for File {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(&self.path()).await.unwrap())
    }
}

contract_tests!(File);

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn the_files_are_for_the_owner_alone() {
    let file = File::default();
    std::fs::write(file.path(), "").unwrap();
    std::fs::set_permissions(file.path(), Permissions::from_mode(0o644)).unwrap();
    let store = file.open().await;
    store.apply(&contract::everything()).await.unwrap();
    for entry in std::fs::read_dir(file.0.path()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), MODE, "{}", path.display());
    }
}

#[tokio::test]
async fn a_file_that_is_held_is_not_opened_twice() {
    let file = File::default();
    let store = file.open().await;
    let second = SqliteStore::open(&file.path()).await;
    assert!(matches!(second, Err(StoreError::InUse(path)) if path == file.path()));
    drop(store);
    assert!(SqliteStore::open(&file.path()).await.is_ok());
}

#[tokio::test]
async fn what_can_not_be_read_is_named_and_not_skipped() {
    let file = File::default();
    let store = SqliteStore::open(&file.path()).await.unwrap();
    store.apply(&contract::everything()).await.unwrap();
    for (damage, named) in [
        ("UPDATE rollouts SET format = 4", "a rollout (1)"),
        ("UPDATE rollouts SET format = 3, body = '{'", "a rollout (1)"),
        ("UPDATE hosts SET environment = 'NOT A NAME' WHERE host = 'h2'", "a host (h2)"),
    ] {
        sqlx::query(damage).execute(store.link.lock().await.connection.as_mut().unwrap()).await.unwrap();
        let Err(StoreError::Unreadable { what, .. }) = store.load().await else { panic!("{damage}: it was read") };
        assert_eq!(what, named, "{damage}");
    }
}

/// Rows that were written since the file was opened.
async fn rows_written(store: &SqliteStore) -> i64 {
    let mut link = store.link.lock().await;
    let count = sqlx::query_scalar("SELECT total_changes()");
    count.fetch_one(link.connection.as_mut().unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_step_of_a_rollout_writes_the_hosts_that_it_changes_and_no_others() {
    let file = File::default();
    let store = SqliteStore::open(&file.path()).await.unwrap();
    store.apply(&contract::everything()).await.unwrap();
    let mut rollout = crate::fixture::rollout(1, 2);
    let (_, progress) = rollout.hosts.pop_first().unwrap();
    rollout.hosts = (1..=1000).map(|number| (host_id(number), progress.clone())).collect();
    store.apply(&[Write::PutRollout(Arc::new(rollout.clone()))]).await.unwrap();
    let before = rows_written(&store).await;
    for number in [7, 700] {
        rollout.hosts.get_mut(&host_id(number)).unwrap().state = evenkeel_rollout::HostState::Ordered;
    }
    store.apply(&[Write::PutRollout(Arc::new(rollout))]).await.unwrap();
    assert_eq!(rows_written(&store).await - before, 3, "two hosts, and the rollout itself");
}

#[tokio::test]
async fn rollouts_of_the_first_tables_are_read_with_their_hosts() {
    let file = File::default();
    let store = SqliteStore::open(&file.path()).await.unwrap();
    store.apply(&contract::everything()).await.unwrap();
    let expected = store.load().await.unwrap();
    // As it was before its hosts had a table.
    let body = serde_json::to_string(expected.rollouts.values().next().unwrap()).unwrap();
    {
        let mut link = store.link.lock().await;
        let connection = link.connection.as_mut().unwrap();
        sqlx::query("UPDATE rollouts SET format = 1, body = ?").bind(body).execute(&mut *connection).await.unwrap();
        sqlx::query("DROP TABLE rollout_hosts").execute(&mut *connection).await.unwrap();
        sqlx::query("DELETE FROM _sqlx_migrations WHERE version = 3").execute(&mut *connection).await.unwrap();
    }
    store.close().await;
    let store = SqliteStore::open(&file.path()).await.unwrap();
    assert_eq!(store.load().await.unwrap(), expected);
}

#[tokio::test]
async fn something_else_than_a_store_is_refused() {
    let file = File::default();
    std::fs::write(file.path(), "this is a text file, and not a small one: ".repeat(100)).unwrap();
    assert!(SqliteStore::open(&file.path()).await.is_err());
}

/// Tells the child below where to write.
const CHILD: &str = "EVENKEEL_TEST_STORE_CHILD";

/// How often the child is killed.
const KILLS: u64 = 8;

/// Batch `number`: one row put, one replaced, one deleted, in three tables; half of it would be seen.
fn batch(number: u64) -> Vec<Write> {
    let at = UnixMillis(number);
    let name = |number: u64| format!("h{number}").parse().unwrap();
    vec![
        Write::PutHost(Arc::new(Host { host: name(number), joined: at, ..host(1) })),
        Write::PutFleet(contract::fleet(number)),
        Write::PutRemoved(Removed { subject: Subject::Host(name(0)), at, expires: at }),
        Write::DeleteHost(name(number.saturating_sub(50))),
    ]
}

/// Not a test of its own: the process that `acknowledged_batches_survive_kill_9` kills. Writes batches and says which are stored.
#[tokio::test]
async fn child_writes_until_it_is_killed() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let store = SqliteStore::open(Path::new(&path)).await.unwrap();
    let stored = store.load().await.unwrap().fleet.map_or(0, |fleet| fleet.epoch.0);
    for number in stored + 1.. {
        store.apply(&batch(number)).await.unwrap();
        // By hand: the test harness holds back what is printed the usual way.
        let mut out = std::io::stdout().lock();
        writeln!(out, "stored {number}").unwrap();
        out.flush().unwrap();
    }
}

/// Kills the child after it has acknowledged `batches` more, in the middle of whatever it does then; the last one acknowledged.
fn kill_after(path: &Path, batches: u64) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::sqlite::tests::child_writes_until_it_is_killed", "--nocapture"])
        .env(CHILD, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut acknowledged = 0;
    let mut seen = 0;
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while let Some(Ok(line)) = lines.next() {
        if let Some((_, number)) = line.split_once("stored ") {
            acknowledged = number.parse().unwrap();
            seen += 1;
            if seen == batches {
                child.kill().unwrap();
            }
        }
    }
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    acknowledged
}

#[tokio::test]
async fn acknowledged_batches_survive_kill_9() {
    let file = File::default();
    for kill in 0..KILLS {
        let acknowledged = kill_after(&file.path(), 3 + kill * 17 % 29);
        let store = SqliteStore::open(&file.path()).await.unwrap();
        let snapshot = store.load().await.unwrap();
        let last = snapshot.fleet.as_ref().unwrap().epoch;
        // The one in flight may have been stored without a word; no more than one.
        assert!(last == Epoch(acknowledged) || last == Epoch(acknowledged + 1), "{last} after {acknowledged}");
        let all: Vec<Write> = (1..=last.0).flat_map(batch).collect();
        let mut expected = Snapshot::default();
        expected.absorb_all(&all).unwrap();
        assert_eq!(snapshot, expected);
        store.close().await;
    }
}
