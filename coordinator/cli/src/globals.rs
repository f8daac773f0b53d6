//! The options that every verb has. Not here: what they lead to.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    #[default]
    Table,
    /// For programs: one JSON document, with stable names.
    Json,
}

/// The options that every verb has.
#[derive(Debug, Clone, Default, Args)]
pub struct Globals {
    /// How results are written
    #[arg(long, global = true, value_enum, default_value_t, env = "EVENKEEL_OUTPUT")]
    pub output: OutputFormat,

    /// The context file: coordinator, certificate and key [default: ~/.config/evenkeel/context.toml]
    #[arg(long, global = true, value_name = "FILE", env = "EVENKEEL_CONTEXT")]
    pub context: Option<PathBuf>,

    /// No colour, even on a terminal (`NO_COLOR` in the environment does the same)
    #[arg(long, global = true)]
    pub no_color: bool,
}
