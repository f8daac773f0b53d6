//! Running a verb: connect, ask, print, and say with which code to end. Not here: what the verbs' options are (`verb.rs`) and
//! how things look (`look/`).

mod apps;
mod deploy;
mod drain;
mod freezes;
mod hosts;
mod operators;
mod rollouts;
mod simulate;
mod words;

use clap::Command;
use serde::Serialize;

use crate::compose_file;
use crate::context::Context;
use crate::errors::CliError;
use crate::exit::Exit;
use crate::format::{moment, printable, until};
use crate::globals::{Globals, OutputFormat};
use crate::look;
use crate::surroundings::Surroundings;
use crate::table::Look;
use crate::terminal::{Terminal, To};
use crate::verb::{ComposeVerb, FileArguments, HostVerb, OperatorVerb, RolloutVerb, TokenVerb, Verb};

use words::Word;

/// Runs a verb in the process's surroundings. `command` is the whole program's command line, for `completions`. Errors have been
/// printed when this returns.
pub async fn run(verb: Verb, globals: &Globals, command: Command, terminal: &mut Terminal) -> Exit {
    run_in(&Surroundings::of_process(), verb, globals, command, terminal).await
}

/// Like [`run`], in other surroundings.
pub async fn run_in(
    surroundings: &Surroundings,
    verb: Verb,
    globals: &Globals,
    command: Command,
    terminal: &mut Terminal,
) -> Exit {
    let mut desk = Desk { surroundings, globals, terminal };
    desk.prepare();
    // It holds all verbs' states beside each other, one of which is used.
    let done = Box::pin(desk.run(verb, command)).await;
    desk.finish(done)
}

/// `evenkeel config check` for the context file: reads it, and prints where the coordinator is, whose the certificate is and
/// how long it is good for. Does not connect.
pub fn check_context(surroundings: &Surroundings, globals: &Globals, terminal: &mut Terminal) -> Exit {
    let mut desk = Desk { surroundings, globals, terminal };
    desk.prepare();
    let done = desk.check_context();
    desk.finish(done)
}

/// What `config check --output json` prints.
#[derive(Debug, Serialize)]
struct CheckedContext {
    path: String,
    addresses: Vec<String>,
    identity: String,
    certificate_expires: u64,
}

/// All that a verb works with.
struct Desk<'a> {
    surroundings: &'a Surroundings,
    globals: &'a Globals,
    terminal: &'a mut Terminal,
}

impl Desk<'_> {
    fn prepare(&mut self) {
        if self.globals.no_color {
            self.terminal.without_colour();
        }
    }

    async fn run(&mut self, verb: Verb, command: Command) -> Result<Exit, CliError> {
        match verb {
            Verb::Token(TokenVerb::Create { labels, environment, host, lifetime }) => {
                let request = hosts::token_request(labels, environment, host, lifetime);
                hosts::create_token(self, request).await
            }
            Verb::Hosts(arguments) => hosts::list(self, arguments).await,
            Verb::Host(verb) => self.host(verb).await,
            Verb::Compose(ComposeVerb::Show(arguments)) => self.show_compose(&arguments),
            Verb::Simulate(arguments) => simulate::run(self, *arguments),
            Verb::Plan(arguments) => deploy::plan(self, arguments).await,
            Verb::Deploy(arguments) => deploy::deploy(self, arguments).await,
            Verb::Rollback(arguments) => deploy::rollback(self, arguments).await,
            Verb::Rollouts(arguments) => rollouts::list(self, arguments).await,
            Verb::History(arguments) => rollouts::history(self, arguments).await,
            Verb::Rollout(verb) => self.rollout(verb).await,
            Verb::Freeze(arguments) => freezes::freeze(self, arguments).await,
            Verb::Releases(arguments) => apps::releases(self, arguments).await,
            Verb::Status(arguments) => apps::status(self, arguments).await,
            Verb::Operator(OperatorVerb::Add(arguments)) => operators::add(self, arguments).await,
            Verb::Operator(OperatorVerb::Ls) => operators::list(self).await,
            Verb::Operator(OperatorVerb::Rm { name, yes }) => operators::remove(self, &name, yes).await,
            Verb::Whoami => operators::whoami(self).await,
            Verb::Completions { shell } => self.completions(shell, command),
        }
    }

    async fn host(&mut self, verb: HostVerb) -> Result<Exit, CliError> {
        match verb {
            HostVerb::Show { host } => hosts::show(self, host).await,
            HostVerb::Label { host, changes } => hosts::label(self, host, changes).await,
            HostVerb::Cordon(duty) => hosts::cordon(self, duty).await,
            HostVerb::Uncordon(duty) => hosts::uncordon(self, duty).await,
            HostVerb::Drain(arguments) => drain::drain(self, arguments).await,
            HostVerb::Remove { host, yes } => hosts::remove(self, host, yes).await,
        }
    }

    async fn rollout(&mut self, verb: RolloutVerb) -> Result<Exit, CliError> {
        match verb {
            RolloutVerb::Show(which) => rollouts::show(self, which).await,
            RolloutVerb::Watch { which, wait } => rollouts::watch(self, which, wait).await,
            RolloutVerb::Pause(word) => words::say(self, Word::Pause, word).await,
            RolloutVerb::Resume(word) => words::say(self, Word::Resume, word).await,
            RolloutVerb::Promote(word) => words::say(self, Word::Promote, word).await,
            RolloutVerb::Approve(word) => words::say(self, Word::Approve, word).await,
            RolloutVerb::Abort { word, rollback } => words::abort(self, word, rollback).await,
        }
    }

    /// Prints an error, if there was one.
    fn finish(&mut self, done: Result<Exit, CliError>) -> Exit {
        let error = match done {
            Ok(exit) => return exit,
            Err(error) => error,
        };
        // Whoever closed the pipe has seen enough.
        let closed = matches!(&error, CliError::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe);
        if !closed {
            self.complain(&error);
        }
        error.exit()
    }

    fn complain(&mut self, error: &CliError) {
        // Several lines only where there are several problems, one each.
        let mut lines: Vec<String> =
            error.to_string().lines().map(|line| format!("error: {}", printable(line))).collect();
        lines.push(format!("  next: {}", printable(&error.next_step())));
        // If standard error can't be written either, the exit code has to do.
        let _ = self.terminal.lines(To::Error, &lines);
    }

    /// Prints a result: as JSON, or as text.
    fn print<T: Serialize>(&mut self, value: &T, text: impl FnOnce(&T, Look) -> Vec<String>) -> Result<Exit, CliError> {
        match self.globals.output {
            OutputFormat::Json => self.terminal.json(value)?,
            OutputFormat::Table => {
                let lines = text(value, self.look());
                self.terminal.lines(To::Output, &lines)?;
            }
        }
        Ok(Exit::Succeeded)
    }

    /// Asks before somebody is removed; `command` does not ask.
    fn confirm(&mut self, subject: &str, command: String, yes: bool) -> Result<(), CliError> {
        let question = format!("Remove {subject} from the fleet? Its certificate is refused from then on.");
        let confirmed = if yes { Some(true) } else { self.terminal.confirm(&question)? };
        match confirmed {
            None => Err(CliError::NotConfirmed { subject: subject.to_owned(), command }),
            Some(false) => Err(CliError::Declined),
            Some(true) => Ok(()),
        }
    }

    fn look(&self) -> Look {
        Look { colour: self.terminal.has_colour(To::Output), now: self.surroundings.time.now() }
    }

    fn show_compose(&mut self, arguments: &FileArguments) -> Result<Exit, CliError> {
        let specification = compose_file::read(arguments, &self.surroundings.variables)?;
        self.print(&specification, |specification, _| look::specification(specification))
    }

    fn completions(&mut self, shell: clap_complete::Shell, mut command: Command) -> Result<Exit, CliError> {
        let name = command.get_name().to_owned();
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut command, name, &mut text);
        self.terminal.write(To::Output, &String::from_utf8_lossy(&text))?;
        Ok(Exit::Succeeded)
    }

    fn check_context(&mut self) -> Result<Exit, CliError> {
        let now = self.surroundings.time.now();
        let context = Context::load(self.globals.context.as_deref(), &self.surroundings.variables, now)?;
        let expires = context.credentials.not_after();
        let checked = CheckedContext {
            path: context.path.display().to_string(),
            addresses: context.addresses,
            identity: context.credentials.identity().to_string(),
            certificate_expires: expires.0,
        };
        self.print(&checked, |checked, look| {
            vec![
                format!("{} is in order", checked.path),
                format!("  coordinator  {}", checked.addresses.join(", ")),
                format!("  operator     {}", checked.identity),
                format!("  certificate  expires {} ({})", until(look.now, expires), moment(expires)),
            ]
        })
    }
}
