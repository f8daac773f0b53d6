//! The options of `token`, `hosts` and `host`. Not here: what they do (`run/`).

use clap::{Args, Subcommand};

use evenkeel_model::Millis;

use crate::format::parse_duration;
use crate::variables::parse_pair;

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
    /// Have a host keep what it has and get nothing new
    #[command(after_help = "Example:\n  evenkeel host cordon web-1 --why \"a disk is being watched\"")]
    Cordon(DutyArguments),
    /// Empty a host, inside each app's budget; it stays empty until it is given back. Waits until that is done
    #[command(after_help = "Examples:\n  evenkeel host drain web-1 --why \"new memory\"\n  \
        evenkeel host drain web-1 --detach\n\n\
        Exit codes: 0 emptied, 6 stopped waiting (--timeout, Ctrl-C), 7 somebody gave it back meanwhile.")]
    Drain(DrainArguments),
    /// Give a host back: it gets what matches it again
    #[command(after_help = "Example:\n  evenkeel host uncordon web-1")]
    Uncordon(DutyArguments),
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

/// A host, and why something is done to it.
#[derive(Debug, Clone, Args)]
pub struct DutyArguments {
    /// The host
    pub host: String,
    /// Why, for those who wonder later
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
}

/// `evenkeel host drain`
#[derive(Debug, Clone, Args)]
pub struct DrainArguments {
    /// Which, and why.
    #[command(flatten)]
    pub duty: DutyArguments,
    /// Do not wait until it is empty
    #[arg(short, long, conflicts_with = "timeout")]
    pub detach: bool,
    /// Stop waiting after this long (such as 90s, 20m); the host goes on being emptied, and the exit code is 6
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Option<Millis>,
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
