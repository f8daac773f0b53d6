//! The options of `compose`, `plan`, `deploy` and `rollback`. Not here: what they do (`run/`).

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use evenkeel_model::Millis;

use crate::format::parse_duration;
use crate::variables::parse_pair;

/// `evenkeel compose …`
#[derive(Debug, Clone, Subcommand)]
pub enum ComposeVerb {
    /// Print what was read from a Compose file, or all that is wrong with it
    #[command(after_help = "Example:\n  evenkeel compose show -f compose.yaml --output json")]
    Show(FileArguments),
}

/// The Compose file and its variables.
#[derive(Debug, Clone, Default, Args)]
pub struct FileArguments {
    /// The Compose file [default: the first of compose.yaml, compose.yml, docker-compose.yaml that exists]
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The app's name, if it is not to be the file's `name`
    #[arg(short, long, value_name = "NAME")]
    pub project_name: Option<String>,
    /// A file with lines KEY=VALUE; they count more than the environment. May be given several times, the last one counts most
    #[arg(long = "env-file", value_name = "FILE")]
    pub env_files: Vec<PathBuf>,
    /// A variable; it counts more than environment and files. May be given several times
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = parse_pair)]
    pub set: Vec<(String, String)>,
}

/// Who finds out what an image's tag means now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Resolve {
    /// The coordinator asks the registry; this machine's engine is asked for images with `pull_policy: never` alone
    #[default]
    Registry,
    /// This machine's engine is asked for all images: they exist in engines only, and hosts pull nothing
    Local,
}

/// What is planned, and rolled out by `deploy`.
#[derive(Debug, Clone, Default, Args)]
pub struct PlannedArguments {
    /// The Compose file and its variables.
    #[command(flatten)]
    pub file: FileArguments,
    /// The environment
    #[arg(short, long, default_value = "default")]
    pub environment: String,
    /// Who finds out what an image's tag means now
    #[arg(long, value_enum, default_value_t)]
    pub resolve: Resolve,
}

/// `evenkeel plan`
#[derive(Debug, Clone, Default, Args)]
pub struct PlanArguments {
    /// What is planned.
    #[command(flatten)]
    pub planned: PlannedArguments,
    /// End with 10 if something would change, and with 0 only if nothing would
    #[arg(long)]
    pub detailed_exitcode: bool,
}

/// How long a command waits for a rollout.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct WaitArguments {
    /// Stop watching after this long (such as 90s, 20m); the rollout goes on, and the exit code is 6
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Option<Millis>,
}

/// `evenkeel deploy`
#[derive(Debug, Clone, Default, Args)]
pub struct DeployArguments {
    /// What is planned.
    #[command(flatten)]
    pub planned: PlannedArguments,
    /// Where a rollout of the app goes on: begin when that has ended well
    #[arg(long, conflicts_with = "supersede")]
    pub queue: bool,
    /// Where a rollout of the app goes on: take over from it
    #[arg(long)]
    pub supersede: bool,
    /// Where a freeze is in force: begin all the same, and say why
    #[arg(long, value_name = "REASON")]
    pub override_freeze: Option<String>,
    /// Begin only if what `evenkeel plan` showed with this fingerprint is still what would be done
    #[arg(long, value_name = "FINGERPRINT")]
    pub check: Option<String>,
    /// Begin the rollout and do not wait for it
    #[arg(short, long, conflicts_with = "timeout")]
    pub detach: bool,
    /// How long to wait.
    #[command(flatten)]
    pub wait: WaitArguments,
}

/// `evenkeel rollback`
#[derive(Debug, Clone, Args)]
pub struct RollbackArguments {
    /// The app
    pub app: String,
    /// The release to go back to [default: the one before the current; while a rollout goes on, the one it began from]
    #[arg(long, value_name = "RELEASE")]
    pub to: Option<u64>,
    /// The environment
    #[arg(short, long, default_value = "default")]
    pub environment: String,
    /// All hosts at once, whatever the budget
    #[arg(long)]
    pub now: bool,
    /// Why, for the history
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
    /// Begin the rollback and do not wait for it
    #[arg(short, long, conflicts_with = "timeout")]
    pub detach: bool,
    /// How long to wait.
    #[command(flatten)]
    pub wait: WaitArguments,
}
