//! Following a rollout to its end, across lost connections. Not here: what is shown meanwhile (`progress/`), and what the end
//! means (`exit.rs`).

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep};
use tonic::Streaming;

use evenkeel_model::Millis;
use evenkeel_proto::v1::{RolloutView, ShowRolloutRequest};

use crate::connection::Connection;
use crate::errors::{Asked, CliError};
use crate::exit::Exit;
use crate::progress::Progress;
use crate::surroundings::Surroundings;

/// The pause before the first new attempt after a connection was lost: a coordinator that is restarted is back in a second.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause between attempts: nobody wants to wait longer for news once the coordinator is back.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How often a drawing is renewed, for the durations in it.
const TICK: Duration = Duration::from_secs(1);

/// Why watching ended.
#[derive(Debug)]
pub(crate) enum Watched {
    /// The rollout has ended, or waits for a person.
    Over(Exit),
    /// `--timeout` is over.
    TimedOut,
    /// Ctrl-C.
    Interrupted,
    /// The coordinator does not let us watch, or nothing can be shown any more.
    Stopped(CliError),
}

/// Watches until the rollout is over, `limit` has passed, or the operator has had enough. Whatever the connection does, only
/// the coordinator's word ends it.
pub(crate) async fn watch(
    connection: &Connection,
    which: ShowRolloutRequest,
    limit: Option<Millis>,
    progress: &mut Progress<'_>,
    surroundings: &Surroundings,
) -> Watched {
    let interrupted = (surroundings.interrupt)();
    // All three are begun once and dropped at the end, so cancel safety is only that of `follow`: it leaves `progress` whole.
    tokio::select! {
        biased;
        () = interrupted => Watched::Interrupted,
        followed = follow(connection, which, progress) => match followed {
            Ok(exit) => Watched::Over(exit),
            Err(error) => Watched::Stopped(error),
        },
        () = after(limit) => Watched::TimedOut,
    }
}

/// Ends when `limit` has passed since it was first polled; without one, never.
pub(crate) async fn after(limit: Option<Millis>) {
    match limit {
        Some(limit) => sleep(limit.to_std()).await,
        None => std::future::pending().await,
    }
}

async fn follow(
    connection: &Connection,
    mut which: ShowRolloutRequest,
    progress: &mut Progress<'_>,
) -> Result<Exit, CliError> {
    let mut pause = SHORTEST_PAUSE;
    loop {
        let lost = match connection.watch(&which).await {
            Ok(mut stream) => match read(connection, &mut stream, progress, &mut pause).await? {
                Read::Over(exit) => return Ok(exit),
                Read::Lost(error) => error,
            },
            Err(error) => error,
        };
        // If nothing is known of the rollout yet, there is nothing to hold on to.
        let Some(seen) = progress.last().filter(|_| lost.may_pass()) else { return Err(lost) };
        // From now on this very rollout, not whichever is the newest.
        which = ShowRolloutRequest { rollout: seen.rollout, ..ShowRolloutRequest::default() };
        progress.lost(&lost.to_string())?;
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

enum Read {
    Over(Exit),
    /// The stream ended, and the rollout had not.
    Lost(CliError),
}

async fn read(
    connection: &Connection,
    stream: &mut Streaming<RolloutView>,
    progress: &mut Progress<'_>,
    pause: &mut Duration,
) -> Result<Read, CliError> {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // News first: a tick only redraws. Each arm is cancel safe: `message` keeps what it has read in the stream.
        let message = tokio::select! {
            biased;
            message = stream.message() => message,
            _ = ticks.tick(), if progress.is_live() => {
                progress.redraw().await?;
                continue;
            }
            () = progress.resized() => continue,
        };
        match message {
            Ok(Some(view)) => {
                *pause = SHORTEST_PAUSE;
                let exit = Exit::of_rollout(&view);
                progress.show(view).await?;
                if let Some(exit) = exit {
                    return Ok(Read::Over(exit));
                }
            }
            Ok(None) => return Ok(Read::Lost(CliError::stream_ended())),
            Err(status) => return Ok(Read::Lost(connection.explain(&status, Asked::Rollout))),
        }
    }
}
