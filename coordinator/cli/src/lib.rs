//! What operators type: the verbs of `evenkeel` (all but `serve`), their tables, live progress and JSON.
//!
//! ```text
//! argv -> Verb -> run -> Connection (TLS or a test's) -> OperatorService
//!                  |                                        |
//!               Terminal  <--  look (tables, failures)  <-- views of evenkeel.v1
//!                         <--  progress (while a rollout is watched)
//! ```
//!
//! *Invariant:* success is only ever printed, and exit code 0 only ever given for a rollout, by the coordinator's own word that
//! it has ended and succeeded; a connection that is lost is never taken for an end. *Invariant:* with `--output json` standard
//! output is one JSON document or nothing.
//!
//! Deliberately not here: `serve` and its configuration, leaving the process ([`Exit`] says with which code), and every
//! decision about a rollout.

mod compose_file;
mod connection;
mod context;
mod dial;
mod engine;
mod errors;
mod exit;
mod faults;
mod format;
mod globals;
mod help;
mod look;
mod person;
mod progress;
mod run;
mod surroundings;
mod table;
mod terminal;
mod variables;
mod verb;
mod watch;

pub use context::ContextFile;
pub use dial::{Dial, DialError, DialFailure, Wire};
pub use exit::Exit;
pub use globals::{Globals, OutputFormat};
pub use help::HELP_TEMPLATE;
pub use run::{check_context, run, run_in};
pub use surroundings::{Reach, Surroundings, Waiting};
pub use terminal::{Size, Terminal};
pub use verb::Verb;
