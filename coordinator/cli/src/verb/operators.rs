//! The options of `operator`. Not here: what they do (`run/`).

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use evenkeel_model::{Millis, OperatorName};

use crate::format::parse_duration;

/// What an operator may do. Each role may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoleWord {
    /// Look
    Viewer,
    /// Deploy, roll back, pause, promote, abort, freeze, cordon and drain
    Deployer,
    /// Approve what others began, lift freezes
    Approver,
    /// Everything
    Admin,
}

impl RoleWord {
    /// As the coordinator knows it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Deployer => "deployer",
            Self::Approver => "approver",
            Self::Admin => "admin",
        }
    }
}

/// `evenkeel operator add`
#[derive(Debug, Clone, Args)]
pub struct AddArguments {
    /// The operator: a person or a CI job
    pub name: OperatorName,
    /// What it may do
    #[arg(long, value_enum)]
    pub role: RoleWord,
    /// Where the context file is written [default: NAME.toml, here]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// How long the certificate is good for (such as 12h, 90d) [default: what the coordinator gives, 30 days]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub valid: Option<Millis>,
    /// Replace the file if there is one
    #[arg(long)]
    pub force: bool,
}

/// `evenkeel operator …`
#[derive(Debug, Clone, Subcommand)]
pub enum OperatorVerb {
    /// Add an operator, or give one a new certificate: makes the key here and writes a context file for it
    #[command(after_help = "Examples:\n  evenkeel operator add bob --role approver\n  \
        evenkeel operator add ci --role deployer --valid 90d --out ci.toml")]
    Add(AddArguments),
    /// List operators
    #[command(after_help = "Example:\n  evenkeel operator ls")]
    Ls,
    /// Remove an operator: its certificates are refused from then on
    #[command(after_help = "Example:\n  evenkeel operator rm bob --yes")]
    Rm {
        /// The operator
        name: OperatorName,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}
