//! `evenkeel`: the coordinator and the operator's verbs. Reads the command line and hands it on. The process exits here alone.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use evenkeel::config::RawConfig;
use evenkeel_cli::{Exit, Globals, HELP_TEMPLATE, Surroundings, Terminal, Verb};

mod start;

/// Rolls container releases across plain Linux hosts, and takes them back when they fail
#[derive(Debug, Parser)]
#[command(name = "evenkeel", version, help_template = HELP_TEMPLATE)]
struct Arguments {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    verb: Whole,
}

#[derive(Debug, Subcommand)]
// One value of it is made in the whole life of the process.
#[allow(clippy::large_enum_variant)]
enum Whole {
    /// Run the coordinator
    #[command(
        after_help = "Examples:\n  evenkeel serve\n  evenkeel serve --config coordinator.toml --advertise 10.0.0.1:7400"
    )]
    Serve {
        #[command(flatten)]
        file: ConfigFile,
        #[command(flatten)]
        flags: RawConfig,
    },
    /// Check configuration files
    #[command(subcommand)]
    Config(ConfigVerb),
    #[command(flatten)]
    Operator(Verb),
}

/// Where the configuration is.
#[derive(Debug, clap::Args)]
struct ConfigFile {
    /// The configuration file [default: /etc/evenkeel/coordinator.toml, if there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum ConfigVerb {
    /// Read the coordinator's configuration (or, with --client, the context file) and tell every problem
    #[command(
        after_help = "Examples:\n  evenkeel config check --config coordinator.toml\n  evenkeel config check --client"
    )]
    Check {
        #[command(flatten)]
        file: ConfigFile,
        /// Check the operator's context file instead
        #[arg(long, conflicts_with = "config")]
        client: bool,
    },
}

fn main() -> ExitCode {
    let Arguments { globals, verb } = Arguments::parse();
    let done = match verb {
        Whole::Serve { file, flags } => start::serve(file.config.as_deref(), flags),
        Whole::Config(ConfigVerb::Check { client: true, .. }) => {
            return evenkeel_cli::check_context(&Surroundings::of_process(), &globals, &mut Terminal::of_process())
                .into();
        }
        Whole::Config(ConfigVerb::Check { file, client: false }) => start::check(file.config.as_deref()),
        Whole::Operator(verb) => return start::operate(verb, &globals, Arguments::command()).into(),
    };
    match done {
        Ok(()) => Exit::Succeeded.into(),
        Err(error) => {
            start::complain(&error);
            Exit::Error.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn serve_config_check_and_the_operators_verbs_are_all_there() {
        for line in [
            "evenkeel serve --config a.toml --lease 9s --advertise a:1,b:2",
            "evenkeel config check",
            "evenkeel config check --client --context c.toml",
            "evenkeel hosts --output json",
            "evenkeel rollout show 7",
        ] {
            assert!(Arguments::try_parse_from(line.split(' ')).is_ok(), "{line}");
        }
        assert!(Arguments::try_parse_from(["evenkeel", "serve", "--colour", "red"]).is_err());
    }

    #[test]
    fn the_help_names_every_verb() {
        let help = Arguments::command().render_help().to_string();
        for verb in Arguments::command().get_subcommands() {
            assert!(help.contains(&format!("\n  {:<13}", verb.get_name())), "{}", verb.get_name());
        }
    }
}
