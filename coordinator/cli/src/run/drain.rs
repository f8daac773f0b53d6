//! `host drain`: says so, and then looks again and again until the host is empty, across lost connections. Not here: emptying it, which the
//! coordinator does with or without anybody who waits.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::sleep;

use evenkeel_proto::v1::{HostAppView, HostView, ShowHostRequest, ShowRolloutRequest, WaitingView};

use crate::connection::Connection;
use crate::errors::{Asked, CliError};
use crate::exit::Exit;
use crate::format::{duration, printable};
use crate::globals::OutputFormat;
use crate::look;
use crate::terminal::To;
use crate::verb::DrainArguments;
use crate::watch::after;

use super::Desk;
use super::hosts::set_duty;

/// How often it is looked: a container takes seconds to stop.
const PAUSE: Duration = Duration::from_secs(2);

/// Why waiting ended.
enum Waited {
    /// The host is empty, or is not to be emptied any more.
    Over(Exit),
    /// `--timeout` is over.
    TimedOut,
    /// Ctrl-C.
    Interrupted,
}

/// What is known of the host, and what was said of it.
struct Emptying {
    view: HostView,
    /// For each app that is left what was said last: who reads a line once need not read it again.
    told: BTreeMap<String, Vec<String>>,
    lost: bool,
}

pub(super) async fn drain(desk: &mut Desk<'_>, arguments: DrainArguments) -> Result<Exit, CliError> {
    let DrainArguments { duty, detach, timeout } = arguments;
    let connection = Connection::open(desk.globals, desk.surroundings, Asked::Host).await?;
    let view = set_duty(&connection, duty, "drained").await?;
    let host = printable(&view.host);
    if detach {
        return desk.print(&view, |_, _| {
            vec![format!(
                "{host} is to be emptied. To see how far: evenkeel host show {host}; \
                 to give it back: evenkeel host uncordon {host}"
            )]
        });
    }
    let begun =
        format!("{host} is to be emptied, inside each app's budget. To give it back: evenkeel host uncordon {host}");
    tell(desk, &[begun]);
    let interrupted = (desk.surroundings.interrupt)();
    let mut emptying = Emptying { view, told: BTreeMap::new(), lost: false };
    // All three are begun once and dropped at the end; `until_empty` leaves the newest view behind.
    let waited = tokio::select! {
        biased;
        () = interrupted => Waited::Interrupted,
        done = emptying.until_empty(desk, &connection) => Waited::Over(done?),
        () = after(timeout) => Waited::TimedOut,
    };
    let why = match waited {
        Waited::Over(exit) => return conclude(desk, &emptying.view, exit),
        Waited::TimedOut => format!("not empty within {}", timeout.map(duration).unwrap_or_default()),
        Waited::Interrupted => "no longer waited for".to_owned(),
    };
    let again = format!("{why}: {host} goes on being emptied. To wait again: evenkeel host drain {host}");
    // What can't be written does not change what has happened: the code says it.
    let _ = desk.terminal.lines(To::Error, &[again]);
    if desk.globals.output == OutputFormat::Json {
        let _ = desk.terminal.json(&emptying.view);
    }
    Ok(Exit::StoppedWatching)
}

fn conclude(desk: &mut Desk<'_>, view: &HostView, exit: Exit) -> Result<Exit, CliError> {
    desk.print(view, |view, look| {
        let host = printable(&view.host);
        if exit == Exit::Succeeded {
            return vec![format!(
                "{host} is empty, and stays so. To take it out of the fleet: evenkeel host remove {host}; \
                 to give it back: evenkeel host uncordon {host}"
            )];
        }
        let act = view.duty_act.as_ref().map(|act| format!(" ({})", look::said_by(act, look))).unwrap_or_default();
        vec![format!("{host} is not to be emptied any more: it is {}{act}. See: evenkeel host show {host}", view.duty)]
    })?;
    Ok(exit)
}

impl Emptying {
    async fn until_empty(&mut self, desk: &mut Desk<'_>, connection: &Connection) -> Result<Exit, CliError> {
        loop {
            if self.view.duty != "drained" {
                return Ok(Exit::GivenUp);
            }
            if !self.view.apps.iter().any(is_left) {
                return Ok(Exit::Succeeded);
            }
            let news = self.news(connection).await;
            tell(desk, &news);
            sleep(PAUSE).await;
            self.look_again(desk, connection).await?;
        }
    }

    async fn look_again(&mut self, desk: &mut Desk<'_>, connection: &Connection) -> Result<(), CliError> {
        let request = ShowHostRequest { host: self.view.host.clone() };
        match connection.answer(Asked::Host, connection.client().show_host(request)).await {
            Ok(view) => {
                self.view = view;
                if std::mem::take(&mut self.lost) {
                    tell(desk, &["connected to the coordinator again".to_owned()]);
                }
                Ok(())
            }
            Err(error) if error.may_pass() => {
                if !std::mem::replace(&mut self.lost, true) {
                    let why = printable(&error.to_string());
                    tell(desk, &[format!("connection lost ({why}): the host goes on being emptied; connecting again")]);
                }
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// What was not said yet of the apps that are left, and of those that are gone.
    async fn news(&mut self, connection: &Connection) -> Vec<String> {
        let mut left = BTreeMap::new();
        let mut news = Vec::new();
        for app in self.view.apps.iter().filter(|app| is_left(app)) {
            let waiting = waiting(connection, app).await;
            let name = format!("{} (environment {})", app.app, app.environment);
            let mut said = vec![state(&self.view, app)];
            // The words change with the time.
            said.extend(waiting.iter().map(|waiting| waiting.kind.clone()));
            if self.told.get(&name) != Some(&said) {
                news.push(printable(&format!("{}: {name} {}", self.view.host, said[0])));
                news.extend(waiting.iter().map(|waiting| {
                    format!("    waiting on {}", printable(&format!("{}: {}", waiting.kind, waiting.message)))
                }));
            }
            left.insert(name, said);
        }
        let gone = self.told.keys().filter(|name| !left.contains_key(*name));
        news.extend(gone.map(|name| printable(&format!("{}: {name} is gone", self.view.host))));
        self.told = left;
        news
    }
}

/// Whether something of the app is there, or the host has not said yet that nothing is.
fn is_left(app: &HostAppView) -> bool {
    let is_told = app.ordered_release.is_none() && app.ordered_phase == "committed";
    app.ordered_release.is_some()
        || app.services.iter().any(|service| service.running)
        || (is_told && app.stage != "committed")
}

fn state(host: &HostView, app: &HostAppView) -> String {
    let silent = if host.contact == "live" { "" } else { ", and the host is not heard from" };
    let why = if app.why.is_empty() { String::new() } else { format!(": {}", app.why) };
    match app.ordered_release {
        Some(release) => format!("is still there, release {release}{why}{silent}"),
        None => format!("is on its way out{why}{silent}"),
    }
}

/// Why no more is done for the app now. Of no account if it can't be told: the host is looked at all the same.
async fn waiting(connection: &Connection, app: &HostAppView) -> Vec<WaitingView> {
    let (environment, app) = (app.environment.clone(), app.app.clone());
    let request = ShowRolloutRequest { rollout: 0, environment, app };
    let shown = connection.answer(Asked::Rollout, connection.client().show_rollout(request)).await;
    let mut waiting = shown.map(|view| view.waiting).unwrap_or_default();
    // That the host is being emptied is no news here.
    waiting.retain(|waiting| waiting.kind != "drain");
    waiting
}

/// To people who watch. Where JSON is wanted, only to a terminal beside it.
fn tell(desk: &mut Desk<'_>, lines: &[String]) {
    let to = if desk.globals.output == OutputFormat::Json { To::Error } else { To::Output };
    if lines.is_empty() || (to == To::Error && !desk.terminal.is_terminal(to)) {
        return;
    }
    // What can't be written must not keep us from waiting: the code says how it ends.
    let _ = desk.terminal.lines(to, lines);
}
