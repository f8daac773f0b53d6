//! `evenkeel-crowd ERRAND …`: what `bench scale` starts beside the coordinator, in processes of its own, so that what the coordinator takes can be told
//! from what its measuring takes.
//!
//! | errand | does |
//! |---|---|
//! | `join COORDINATOR TOKENS CREDENTIALS` | joins a host for each line `HOST TOKEN`, as agents join, and keeps their credentials in a file |
//! | `agents COORDINATOR CREDENTIALS FIRST COUNT SOCKET` | agents of so many of these hosts, that speak the agents' protocol and do at once what they are told |
//! | `stock ADDRESS STORE` | the peer: a plain tonic server with the same TLS and the same messages, and nothing behind it |
//! | `plan HOSTS WAVES FOLDER` | the planner alone: a rollout from its beginning to its end, each step stored |
//!
//! Deliberately not here: which of it is done when, and any judgement of the numbers (`integration-tests/src/bench/scale`).

mod agent;
mod agents;
mod credentials;
mod join;
mod planner;
mod runtime;
mod source;
mod stock;
mod wire;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

const USAGE: &str = "usage: evenkeel-crowd join COORDINATOR TOKENS CREDENTIALS\n\
                     \x20      evenkeel-crowd agents COORDINATOR CREDENTIALS FIRST COUNT SOCKET\n\
                     \x20      evenkeel-crowd stock ADDRESS STORE\n\
                     \x20      evenkeel-crowd plan HOSTS WAVES FOLDER";

/// As many as the coordinator has.
const THREADS: usize = 2;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "evenkeel-crowd: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[String]) -> Result<()> {
    // Each agent is an open file.
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).context("the limit of open files can't be raised")?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["join", coordinator, tokens, into] => {
            runtime.block_on(join::join(coordinator, tokens.as_ref(), into.as_ref()))
        }
        ["agents", coordinator, credentials, first, count, socket] => {
            let which = agents::Which { credentials: credentials.into(), first: first.parse()?, count: count.parse()? };
            runtime.block_on(agents::run(coordinator.parse()?, &which, socket.as_ref()))
        }
        ["stock", address, store] => runtime.block_on(stock::serve(address.parse()?, store.as_ref())),
        ["plan", hosts, waves, folder] => {
            let found = runtime.block_on(planner::run(hosts.parse()?, waves.parse()?, PathBuf::from(folder)))?;
            Ok(writeln!(io::stdout(), "{found}")?)
        }
        _ => bail!("{USAGE}"),
    }
}
