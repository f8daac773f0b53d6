//! The options of `freeze`. Not here: what they do (`run/`).

use clap::{Args, Subcommand};

use evenkeel_model::{Millis, UnixMillis};

use crate::format::{parse_duration, parse_moment};

/// `evenkeel freeze`
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct FreezeArguments {
    /// What else is done with freezes.
    #[command(subcommand)]
    pub verb: Option<FreezeVerb>,
    /// What is frozen.
    #[command(flatten)]
    pub what: FreezeWhat,
}

/// A new freeze.
#[derive(Debug, Clone, Default, Args)]
pub struct FreezeWhat {
    /// The app [default: all apps of the environment]
    pub app: Option<String>,
    /// The environment
    #[arg(short, long, default_value = "default", conflicts_with = "all")]
    pub environment: String,
    /// All environments
    #[arg(long)]
    pub all: bool,
    /// Why, for those who can't deploy
    #[arg(long, value_name = "TEXT", required = true)]
    pub why: Option<String>,
    /// When it ends by itself, with its zone: 2027-01-02T08:00Z, 2027-01-02T09:00+01:00 [default: when it is lifted]
    #[arg(long, value_name = "MOMENT", value_parser = parse_moment)]
    pub until: Option<UnixMillis>,
    /// After how long it ends by itself (such as 4h, 2d)
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration, conflicts_with = "until")]
    pub length: Option<Millis>,
}

/// `evenkeel freeze …`
#[derive(Debug, Clone, Subcommand)]
pub enum FreezeVerb {
    /// List the freezes that are in force
    #[command(after_help = "Example:\n  evenkeel freeze ls")]
    Ls,
    /// Lift a freeze: what it kept goes on
    #[command(after_help = "Example:\n  evenkeel freeze lift 3")]
    Lift {
        /// The freeze's number, as `evenkeel freeze ls` shows it
        #[arg(value_name = "N")]
        freeze: u64,
    },
}
