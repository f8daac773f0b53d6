//! The options of `rollouts`, `rollout` and `history`. Not here: what they do (`run/`).

use clap::{Args, Subcommand};

use super::deploy::WaitArguments;

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

/// `evenkeel history`
#[derive(Debug, Clone, Args)]
pub struct HistoryArguments {
    /// Only rollouts of this app
    pub app: Option<String>,
    /// Only rollouts of this environment
    #[arg(short, long)]
    pub environment: Option<String>,
    /// How many
    #[arg(long, default_value_t = 20)]
    pub limit: u32,
}

/// Which rollout, by its number or by its app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// This one.
    Number(u64),
    /// The newest of this app.
    App(String),
}

impl Which {
    /// Digits are a number; an app that has such a name is named with `--app`.
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self::App(text.to_owned()));
        }
        let number = text.parse().ok().filter(|number| *number > 0);
        number.map(Self::Number).ok_or_else(|| "rollouts are numbered from 1".to_owned())
    }
}

/// Which rollout.
#[derive(Debug, Clone, Default, Args)]
pub struct RolloutArguments {
    /// The rollout's number, or the app whose newest rollout is meant [default: the newest]
    #[arg(value_name = "ID|APP", value_parser = Which::parse)]
    pub which: Option<Which>,
    /// Of the newest rollouts, the one of this environment
    #[arg(short, long)]
    pub environment: Option<String>,
    /// Of the newest rollouts, the one of this app
    #[arg(long, conflicts_with = "which")]
    pub app: Option<String>,
}

/// A word to a rollout that goes on.
#[derive(Debug, Clone, Default, Args)]
pub struct WordArguments {
    /// Which one.
    #[command(flatten)]
    pub which: RolloutArguments,
    /// Why, for the history and for who watches
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
}

/// `evenkeel rollout …`
#[derive(Debug, Clone, Subcommand)]
pub enum RolloutVerb {
    /// Show a rollout: hosts, how many have fetched ahead, what it waits for, gates, what people did, causes of failures with their evidence
    #[command(after_help = "Example:\n  evenkeel rollout show 7")]
    Show(RolloutArguments),
    /// Watch a rollout until it has ended or needs a person
    #[command(after_help = "Example:\n  evenkeel rollout watch 7 --timeout 20m")]
    Watch {
        /// Which one.
        #[command(flatten)]
        which: RolloutArguments,
        /// How long to wait.
        #[command(flatten)]
        wait: WaitArguments,
    },
    /// Have a rollout rest: nothing more is ordered or committed until it is resumed; hosts in trial still go back if they fail
    #[command(
        after_help = "Examples:\n  evenkeel rollout pause shop --why \"errors rise on web-3\"\n  evenkeel rollout pause 7"
    )]
    Pause(WordArguments),
    /// Have a rollout go on that rests; hosts that failed are tried once more
    #[command(after_help = "Example:\n  evenkeel rollout resume shop --why \"it was the database\"")]
    Resume(WordArguments),
    /// Let a canary on to the rest of the fleet, or blue-green to the switch (`promote: manual`)
    #[command(after_help = "Example:\n  evenkeel rollout promote shop")]
    Promote(WordArguments),
    /// Consent at the gates that ask for it now
    #[command(after_help = "Example:\n  evenkeel rollout approve shop --why \"seen on web-1\"")]
    Approve(WordArguments),
    /// Give a rollout up: hosts in trial go back, committed ones stay
    #[command(after_help = "Example:\n  evenkeel rollout abort 7 --rollback --why \"wrong release\"")]
    Abort {
        /// Which one, and why.
        #[command(flatten)]
        word: WordArguments,
        /// Take committed hosts back too
        #[arg(long)]
        rollback: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rollout_is_named_by_its_number_or_its_app() {
        assert_eq!(Which::parse("7"), Ok(Which::Number(7)));
        for app in ["shop", "7a", "web-7"] {
            assert_eq!(Which::parse(app), Ok(Which::App(app.to_owned())));
        }
        for bad in ["0", "99999999999999999999"] {
            assert!(Which::parse(bad).is_err(), "{bad}");
        }
    }
}
