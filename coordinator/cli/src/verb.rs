//! The verbs and their options, as clap reads them. Not here: what they do (`run/`), and the options that all have.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use clap_complete::Shell;

use evenkeel_model::Millis;

use crate::format::parse_duration;
use crate::variables::parse_pair;

/// What an operator can ask for.
#[derive(Debug, Clone, Subcommand)]
pub enum Verb {
    /// Make join tokens for new hosts
    #[command(subcommand)]
    Token(TokenVerb),
    /// List hosts
    #[command(after_help = "Example:\n  evenkeel hosts --environment staging")]
    Hosts(HostsArguments),
    /// Show, label or remove a host
    #[command(subcommand)]
    Host(HostVerb),
    /// Check a Compose file here, without a coordinator
    #[command(subcommand)]
    Compose(ComposeVerb),
    /// Show what a deploy would do; change nothing
    #[command(after_help = "Example:\n  evenkeel plan -f compose.yaml --set TAG=1.4.2")]
    Plan(PlanArguments),
    /// Make a release of a Compose file and roll it out
    #[command(after_help = "Examples:\n  evenkeel deploy -f compose.yaml --set TAG=1.4.2\n  \
        evenkeel deploy --environment staging --timeout 20m --output json")]
    Deploy(DeployArguments),
    /// List rollouts, newest first
    #[command(after_help = "Example:\n  evenkeel rollouts --app shop --limit 5")]
    Rollouts(RolloutsArguments),
    /// Show, watch or abort a rollout
    #[command(subcommand)]
    Rollout(RolloutVerb),
    /// Take an app back to an older release; a rollout that goes on is superseded
    #[command(after_help = "Examples:\n  evenkeel rollback shop\n  evenkeel rollback shop --to 3")]
    Rollback(RollbackArguments),
    /// List releases, newest first
    #[command(after_help = "Example:\n  evenkeel releases shop")]
    Releases(AppArguments),
    /// What runs where
    #[command(after_help = "Example:\n  evenkeel status shop")]
    Status(AppArguments),
    /// Write completions for a shell
    #[command(after_help = "Example:\n  evenkeel completions bash > /etc/bash_completion.d/evenkeel")]
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// `evenkeel token …`
#[derive(Debug, Clone, Subcommand)]
pub enum TokenVerb {
    /// Make a join token: good once, for one host; it is shown once
    #[command(after_help = "Example:\n  evenkeel token create --label role=web --label zone=a --lifetime 30m")]
    Create {
        /// A label that the host gets; may be given several times
        #[arg(long = "label", value_name = "KEY=VALUE", value_parser = parse_pair)]
        labels: Vec<(String, String)>,
        /// The environment that the host is put in; it stays there
        #[arg(short, long, default_value = "default")]
        environment: String,
        /// The only host that may use it
        #[arg(long, value_name = "NAME")]
        host: Option<String>,
        /// How long it is good for
        #[arg(long, default_value = "1h", value_parser = parse_duration)]
        lifetime: Millis,
    },
}

/// `evenkeel hosts`
#[derive(Debug, Clone, Args)]
pub struct HostsArguments {
    /// Only hosts of this environment
    #[arg(short, long)]
    pub environment: Option<String>,
}

/// `evenkeel host …`
#[derive(Debug, Clone, Subcommand)]
pub enum HostVerb {
    /// Show all that is known of a host
    #[command(after_help = "Example:\n  evenkeel host show web-1")]
    Show {
        /// The host
        host: String,
    },
    /// Set labels (KEY=VALUE) and take labels away (KEY-)
    #[command(after_help = "Example:\n  evenkeel host label web-1 role=web canary-")]
    Label {
        /// The host
        host: String,
        /// KEY=VALUE sets a label, KEY- takes it away
        #[arg(required = true, value_name = "KEY=VALUE|KEY-", value_parser = LabelChange::parse)]
        changes: Vec<LabelChange>,
    },
    /// Remove a host from the fleet: its certificate is refused from then on; what runs there goes on running
    #[command(after_help = "Example:\n  evenkeel host remove web-1 --yes")]
    Remove {
        /// The host
        host: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

/// What `host label` does to one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelChange {
    /// `KEY=VALUE`
    Set(String, String),
    /// `KEY-`
    Remove(String),
}

impl LabelChange {
    fn parse(text: &str) -> Result<Self, String> {
        if text.contains('=') {
            return parse_pair(text).map(|(key, value)| Self::Set(key, value));
        }
        match text.strip_suffix('-') {
            Some(key) if !key.is_empty() => Ok(Self::Remove(key.to_owned())),
            _ => Err("write KEY=VALUE to set a label, KEY- to take it away".to_owned()),
        }
    }
}

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

/// `evenkeel plan`
#[derive(Debug, Clone, Default, Args)]
pub struct PlanArguments {
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
    pub plan: PlanArguments,
    /// Begin the rollout and do not wait for it
    #[arg(short, long, conflicts_with = "timeout")]
    pub detach: bool,
    /// How long to wait.
    #[command(flatten)]
    pub wait: WaitArguments,
}

/// `evenkeel rollouts`
#[derive(Debug, Clone, Args)]
pub struct RolloutsArguments {
    /// Only rollouts of this environment
    #[arg(short, long)]
    pub environment: Option<String>,
    /// Only rollouts of this app
    #[arg(long)]
    pub app: Option<String>,
    /// How many
    #[arg(long, default_value_t = 20)]
    pub limit: u32,
}

/// Which rollout.
#[derive(Debug, Clone, Default, Args)]
pub struct RolloutArguments {
    /// The rollout's number [default: the newest]
    #[arg(value_name = "ID")]
    pub rollout: Option<u64>,
    /// Of the newest rollouts, the one of this environment
    #[arg(short, long, conflicts_with = "rollout")]
    pub environment: Option<String>,
    /// Of the newest rollouts, the one of this app
    #[arg(long, conflicts_with = "rollout")]
    pub app: Option<String>,
}

/// `evenkeel rollout …`
#[derive(Debug, Clone, Subcommand)]
pub enum RolloutVerb {
    /// Show a rollout: hosts, how many have fetched ahead, what it waits for, causes of failures with their evidence
    #[command(after_help = "Example:\n  evenkeel rollout show 7")]
    Show(RolloutArguments),
    /// Watch a rollout until it has ended
    #[command(after_help = "Example:\n  evenkeel rollout watch 7 --timeout 20m")]
    Watch {
        /// Which one.
        #[command(flatten)]
        which: RolloutArguments,
        /// How long to wait.
        #[command(flatten)]
        wait: WaitArguments,
    },
    /// Give a rollout up: hosts in trial go back, committed ones stay
    #[command(after_help = "Example:\n  evenkeel rollout abort 7 --rollback")]
    Abort {
        /// Which one.
        #[command(flatten)]
        which: RolloutArguments,
        /// Take committed hosts back too
        #[arg(long)]
        rollback: bool,
    },
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
    /// Begin the rollback and do not wait for it
    #[arg(short, long, conflicts_with = "timeout")]
    pub detach: bool,
    /// How long to wait.
    #[command(flatten)]
    pub wait: WaitArguments,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_set_with_an_equals_sign_and_taken_away_with_a_minus() {
        assert_eq!(LabelChange::parse("role=web"), Ok(LabelChange::Set("role".to_owned(), "web".to_owned())));
        assert_eq!(LabelChange::parse("role=a-"), Ok(LabelChange::Set("role".to_owned(), "a-".to_owned())));
        assert_eq!(LabelChange::parse("canary-"), Ok(LabelChange::Remove("canary".to_owned())));
        for bad in ["", "-", "role", "=web"] {
            assert!(LabelChange::parse(bad).is_err(), "{bad}");
        }
    }
}
