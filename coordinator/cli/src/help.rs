//! `evenkeel --help`: the verbs in groups, which clap does not do by itself. Not here: the help of each verb (`verb.rs`).

/// The help of the whole program, for `#[command(help_template = …)]`. It names `serve` and `config check` too, which are the
/// program's own.
pub const HELP_TEMPLATE: &str = "\
{about-with-newline}
{usage-heading} {usage}

Roll out:
  plan         Show what a deploy would do; change nothing
  deploy       Make a release of a Compose file and roll it out
  rollback     Take an app back to an older release
  rollout      Show, watch, pause, resume, promote, approve or abort a rollout
  rollouts     List rollouts, newest first
  history      What was rolled out, by whom, and what people did to it
  freeze       Keep rollouts from beginning and going on, list freezes, lift one

Look:
  status       What runs where
  releases     List releases, newest first
  hosts        List hosts
  host         Show, label, cordon, drain or remove a host
  simulate     Try a Compose file's rollout policy on an imagined fleet
  compose      Check a Compose file here, without a coordinator

Set up:
  serve        Run the coordinator
  token        Make join tokens for new hosts
  operator     Add, list or remove operators
  whoami       Who you are, with which role, and until when
  config       Check configuration files
  completions  Write completions for a shell
  help         Show the help of a verb

Options:
{options}

Exit codes of deploy, rollback and rollout watch: 0 succeeded, 1 error and nothing started, 2 usage, 3 rolled back,
4 halted by a failure, 5 needs a person, 6 stopped watching (--timeout, Ctrl-C): the rollout goes on, 7 aborted or superseded.
Of plan --detailed-exitcode: 0 nothing would change, 10 something would; 1 and 2 as above.

First steps:
  evenkeel token create                 a line to run on each new host
  evenkeel plan -f compose.yaml         what would happen
  evenkeel deploy -f compose.yaml       let it happen, and watch
{after-help}";

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::{Globals, Verb};

    #[derive(Debug, Parser)]
    #[command(name = "evenkeel", help_template = HELP_TEMPLATE)]
    struct Whole {
        #[command(flatten)]
        globals: Globals,
        #[command(subcommand)]
        verb: Verb,
    }

    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<(String, clap::Command)>) {
        for verb in command.get_subcommands() {
            let path = format!("{path} {}", verb.get_name());
            if verb.has_subcommands() {
                leaves(verb, &path, found);
            } else {
                found.push((path, verb.clone()));
            }
        }
    }

    #[test]
    fn every_verb_is_in_a_group() {
        let groups = HELP_TEMPLATE.split("Options:").next().unwrap();
        for verb in Whole::command().get_subcommands() {
            let entry = format!("\n  {:<13}", verb.get_name());
            assert!(groups.contains(&entry), "{}", verb.get_name());
        }
    }

    #[test]
    fn every_verb_has_an_example_that_names_it() {
        let mut found = Vec::new();
        leaves(&Whole::command(), "evenkeel", &mut found);
        assert!(found.len() >= 31, "{}", found.len());
        for (path, verb) in found {
            let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example") && help.contains(&path), "{path}: {help}");
            assert!(verb.get_about().is_some(), "{path}");
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Whole::command().debug_assert();
        let help = Whole::command().render_help().to_string();
        assert!(help.contains("Roll out:") && help.contains("--output"), "{help}");
    }
}
