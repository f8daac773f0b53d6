//! Where `bench scale` happens: a folder on disk, the coordinator, the agents, all hosts joined. Not here: measuring.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::coordinator::{Coordinator, Settings};
use super::crowd::{Crowd, Which};
use super::operator::Operator;
use super::result::Found;
use crate::bench::note;
use crate::hosts::Place;
use crate::installation::crowd_binary;

/// The label of those that the app runs on, and of the one that is killed and stopped.
const CROWD: &str = "crowd";
const WITNESS: &str = "witness";

/// The ground. What runs on it ends with it.
pub(super) struct Ground {
    // Dropped first, before the place is removed.
    crowd: Option<Crowd>,
    coordinator: Option<Coordinator>,
    operator: Option<Operator>,
    pub(super) settings: Settings,
    pub(super) credentials: PathBuf,
    pub(super) agents: usize,
    pub(super) place: Place,
}

impl Ground {
    /// Joins so many hosts, and one more, each by a token and a key of its own.
    pub(super) fn prepare(agents: usize, found: &mut Found) -> Result<Self> {
        let place = Place::new()?;
        let settings = Settings::in_folder(place.directory())?;
        let credentials = place.directory().join("credentials");
        let mut ground = Self { crowd: None, coordinator: None, operator: None, settings, credentials, agents, place };
        ground.start_coordinator()?;
        note(&format!("{agents} hosts join"));
        let began = Instant::now();
        let tokens = ground.tokens()?;
        found.tokens_s = Some(began.elapsed().as_secs_f64());
        let began = Instant::now();
        ground.join(&tokens)?;
        found.join_s = Some(began.elapsed().as_secs_f64());
        ground.stop_all()?;
        Ok(ground)
    }

    fn tokens(&self) -> Result<String> {
        let operator = self.operator()?;
        let mut tokens = operator.tokens(self.agents, CROWD)?;
        tokens.extend(operator.tokens(1, WITNESS)?);
        let mut lines = String::new();
        for (number, token) in tokens.iter().enumerate() {
            writeln!(lines, "{} {token}", self.host(number))?;
        }
        Ok(lines)
    }

    fn join(&self, tokens: &str) -> Result<()> {
        let file = self.place.directory().join("tokens");
        std::fs::write(&file, tokens)?;
        let mut command = Command::new(crowd_binary()?);
        command.arg("join").arg(self.settings.address.to_string()).arg(&file).arg(&self.credentials);
        let output = command.output().context("cannot run the crowd")?;
        ensure!(output.status.success(), "not all hosts joined: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// The host with this number.
    pub(super) fn host(&self, number: usize) -> String {
        if number == self.agents { WITNESS.to_owned() } else { format!("{CROWD}-{number:05}") }
    }

    /// Starts the coordinator, and waits until it answers.
    pub(super) fn start_coordinator(&mut self) -> Result<()> {
        self.restart_coordinator()?;
        self.operator()?.until_it_answers()
    }

    /// Starts the coordinator, which may have been killed before, and does not wait.
    pub(super) fn restart_coordinator(&mut self) -> Result<()> {
        self.coordinator = Some(Coordinator::start(&self.place, &self.settings)?);
        if self.operator.is_none() {
            self.operator = Some(Operator::of(&self.settings)?);
        }
        Ok(())
    }

    /// Ends the coordinator with SIGKILL.
    pub(super) fn kill_coordinator(&mut self) {
        if let Some(coordinator) = self.coordinator.take() {
            coordinator.kill();
        }
    }

    pub(super) fn start_crowd(&mut self) -> Result<()> {
        self.crowd = Some(Crowd::start(&self.place, self.which("crowd", 0, self.agents))?);
        Ok(())
    }

    /// Gives every agent a stream; how long that took.
    pub(super) fn connect_all(&mut self) -> Result<Duration> {
        let agents = self.agents;
        let began = Instant::now();
        self.connect(agents)?;
        Ok(began.elapsed())
    }

    /// Gives so many agents a stream, beside those that have one.
    pub(super) fn connect(&mut self, agents: usize) -> Result<()> {
        let crowd = self.crowd()?;
        crowd.want(agents)?;
        crowd.until_live(agents, 0)
    }

    /// Ends everything, the coordinator as an operator would.
    pub(super) fn stop_all(&mut self) -> Result<()> {
        if let Some(crowd) = self.crowd.take() {
            crowd.kill();
        }
        self.coordinator.take().map_or(Ok(()), Coordinator::stop)
    }

    /// One agent more, of a host that no app runs on.
    pub(super) fn witness(&self) -> Result<Crowd> {
        let mut witness = Crowd::start(&self.place, self.which(WITNESS, self.agents, 1))?;
        witness.want(1)?;
        witness.until_live(1, 0)?;
        Ok(witness)
    }

    pub(super) fn which<'a>(&'a self, name: &'a str, first: usize, count: usize) -> Which<'a> {
        Which { name, coordinator: self.settings.address, credentials: &self.credentials, first, count }
    }

    pub(super) fn coordinator(&self) -> Result<&Coordinator> {
        self.coordinator.as_ref().context("the coordinator does not run")
    }

    pub(super) fn crowd(&mut self) -> Result<&mut Crowd> {
        self.crowd.as_mut().context("there are no agents")
    }

    pub(super) fn operator(&self) -> Result<&Operator> {
        self.operator.as_ref().context("there is no operator")
    }
}
