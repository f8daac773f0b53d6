//! `evenkeel-agent`: reads the configuration, makes the real ports, and calls the library. The process exits here alone.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use evenkeel_agent::proxy::{self, ProxyFlags};

mod start;

/// Runs releases on this host, proves them, and goes back by itself.
#[derive(Debug, Parser)]
#[command(name = "evenkeel-agent", version)]
struct Arguments {
    /// The configuration file [default: /etc/evenkeel/agent.toml]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Join a fleet: make a key on this host and get its certificate.
    ///
    /// Example: evenkeel-agent join --coordinator 10.0.0.1:7400 --token-file /run/token --host web-1
    Join(start::JoinArguments),
    /// Run the agent. Nothing listens on the network: it dials the coordinator.
    Run,
    /// Run the host's proxy: it owns the published ports that Evenkeel routes, and serves without the agent.
    ///
    /// SIGHUP hands over to a new process from the program on disk, and no request is lost; SIGTERM ends it.
    Proxy {
        #[command(flatten)]
        flags: ProxyFlags,
        #[command(subcommand)]
        verb: Option<ProxyVerb>,
    },
    /// Ask the running agent and the proxy on their sockets.
    Status {
        /// `table` for people, `json` for machines
        #[arg(long, value_parser = ["table", "json"], default_value = "table", env = "EVENKEEL_OUTPUT")]
        output: String,
    },
    /// Look at the configuration.
    Config {
        #[command(subcommand)]
        verb: ConfigVerb,
    },
}

#[derive(Debug, Subcommand)]
enum ProxyVerb {
    /// The part that serves; started by the proxy itself.
    #[command(hide = true)]
    Worker,
}

#[derive(Debug, Subcommand)]
enum ConfigVerb {
    /// Read it, and tell every problem.
    Check,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.verb {
        Verb::Join(join) => start::join(arguments.config.as_deref(), join),
        Verb::Run => start::run(arguments.config.as_deref()),
        Verb::Proxy { flags, verb: None } => proxy::run(arguments.config.as_deref(), flags).map_err(Into::into),
        Verb::Proxy { flags, verb: Some(ProxyVerb::Worker) } => {
            proxy::work(arguments.config.as_deref(), flags).map_err(Into::into)
        }
        Verb::Status { output } => start::status(arguments.config.as_deref(), &output),
        Verb::Config { verb: ConfigVerb::Check } => start::check(arguments.config.as_deref()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            start::complain(&error);
            ExitCode::FAILURE
        }
    }
}
