//! The verbs and their options, as clap reads them: all of them here, the options of each in a module by subject. Not here: what they do
//! (`run/`), and the options that all have (`globals.rs`).

mod deploy;
mod freezes;
mod hosts;
mod operators;
mod rollouts;
mod simulate;

use clap::{Args, Subcommand};
use clap_complete::Shell;

pub(crate) use deploy::{
    ComposeVerb, DeployArguments, FileArguments, PlanArguments, PlannedArguments, Resolve, RollbackArguments,
    WaitArguments,
};
pub(crate) use freezes::{FreezeArguments, FreezeVerb, FreezeWhat};
pub(crate) use hosts::{DrainArguments, DutyArguments, HostVerb, HostsArguments, LabelChange, TokenVerb};
pub(crate) use operators::{AddArguments, OperatorVerb};
pub(crate) use rollouts::{HistoryArguments, RolloutArguments, RolloutVerb, RolloutsArguments, Which, WordArguments};
pub(crate) use simulate::SimulateArguments;

/// What an operator can ask for.
#[derive(Debug, Clone, Subcommand)]
// One value of it is made in the whole life of the process.
#[allow(clippy::large_enum_variant)]
pub enum Verb {
    /// Make join tokens for new hosts
    #[command(subcommand)]
    Token(TokenVerb),
    /// List hosts
    #[command(after_help = "Example:\n  evenkeel hosts --environment staging")]
    Hosts(HostsArguments),
    /// Show, label, cordon, drain or remove a host
    #[command(subcommand)]
    Host(HostVerb),
    /// Check a Compose file here, without a coordinator
    #[command(subcommand)]
    Compose(ComposeVerb),
    /// Show what a deploy would do; change nothing
    #[command(after_help = "Examples:\n  evenkeel plan -f compose.yaml --set TAG=1.4.2\n  \
        evenkeel plan --detailed-exitcode   exit code 0: nothing would change, 10: something would\n\n\
        1 and 2 are what they always are: an error, a command line that makes no sense.")]
    Plan(PlanArguments),
    /// Try a Compose file's rollout policy on an imagined fleet, here, without a coordinator
    #[command(after_help = "Examples:\n  evenkeel simulate --hosts 200 --zones 3 --fails 3%\n  \
        evenkeel simulate -f compose.yaml --unhealthy 5% --unhealthy-after 1m..10m --runs 100\n  \
        evenkeel simulate --down zone=z2@10m+5m --approval 2h --readings bad:3\n\n\
        The same options give the same answer, byte by byte.")]
    Simulate(Box<SimulateArguments>),
    /// Make a release of a Compose file and roll it out
    #[command(after_help = "Examples:\n  evenkeel deploy -f compose.yaml --set TAG=1.4.2\n  \
        evenkeel deploy --check 6f1c0a5e    only if the plan with this fingerprint is still what would be done\n  \
        evenkeel deploy --queue             begin when the rollout that goes on has ended well\n  \
        evenkeel deploy --environment staging --timeout 20m --output json")]
    Deploy(DeployArguments),
    /// List rollouts, newest first
    #[command(after_help = "Example:\n  evenkeel rollouts --app shop --limit 5")]
    Rollouts(RolloutsArguments),
    /// Show, watch, pause, resume, promote, approve or abort a rollout
    #[command(subcommand)]
    Rollout(RolloutVerb),
    /// Take an app back to an older release; a rollout that goes on is superseded
    #[command(after_help = "Examples:\n  evenkeel rollback shop\n  evenkeel rollback shop --to 3\n  \
        evenkeel rollback shop --now --why \"orders get lost\"   all hosts at once, whatever the budget")]
    Rollback(RollbackArguments),
    /// What was rolled out, by whom, and what people did to it; newest first
    #[command(after_help = "Examples:\n  evenkeel history\n  evenkeel history shop --limit 5")]
    History(HistoryArguments),
    /// Keep rollouts from beginning and going on, list freezes, lift one
    #[command(after_help = "Examples:\n  evenkeel freeze shop --why \"stocktaking\" --for 4h\n  \
        evenkeel freeze -e production --why \"holidays\" --until 2027-01-02T08:00Z\n  \
        evenkeel freeze --all --why \"the network is being repaired\"\n  evenkeel freeze ls\n  evenkeel freeze lift 3")]
    Freeze(FreezeArguments),
    /// List releases, newest first
    #[command(after_help = "Example:\n  evenkeel releases shop")]
    Releases(AppArguments),
    /// What runs where
    #[command(after_help = "Example:\n  evenkeel status shop")]
    Status(AppArguments),
    /// Add, list or remove operators
    #[command(subcommand)]
    Operator(OperatorVerb),
    /// Who you are, with which role, and until when
    #[command(after_help = "Example:\n  evenkeel whoami")]
    Whoami,
    /// Write completions for a shell
    #[command(after_help = "Example:\n  evenkeel completions bash > /etc/bash_completion.d/evenkeel")]
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// `evenkeel releases` and `evenkeel status`
#[derive(Debug, Clone, Default, Args)]
pub struct AppArguments {
    /// Only this app
    pub app: Option<String>,
    /// Only this environment
    #[arg(short, long)]
    pub environment: Option<String>,
}
