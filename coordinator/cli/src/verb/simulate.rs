//! The options of `simulate`: the settings of an imagined fleet. Not here: what they mean (crate `evenkeel-simulate`).

use std::path::PathBuf;

use clap::Args;

use evenkeel_model::{Millis, UnixMillis};
use evenkeel_simulate::{Answer, Chance, Down, Readings, Settings, Span, Spread, Zones};

use crate::format::{parse_duration, parse_moment};

use super::deploy::FileArguments;

/// `evenkeel simulate`
#[derive(Debug, Clone, Args)]
pub struct SimulateArguments {
    /// The Compose file, as with --file
    #[arg(value_name = "FILE", conflicts_with = "file")]
    pub compose: Option<PathBuf>,
    /// The Compose file and its variables.
    #[command(flatten)]
    pub file: FileArguments,
    /// So many runs, each with the next seed, and what they come to together
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub runs: usize,
    /// The hosts.
    #[command(flatten)]
    pub fleet: FleetArguments,
    /// What befalls them.
    #[command(flatten)]
    pub troubles: TroubleArguments,
    /// What people do.
    #[command(flatten)]
    pub people: PeopleArguments,
}

/// What the imagined hosts are like.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "The imagined fleet")]
pub struct FleetArguments {
    /// How many hosts [default: 100]
    #[arg(long, value_name = "N")]
    pub hosts: Option<usize>,
    /// How they are divided: how many zones, or each with its share, such as east:50,west:30,north:20 [default: not at all]
    #[arg(long, value_name = "ZONES")]
    pub zones: Option<Zones>,
    /// The label that names a host's zone [default: zone]
    #[arg(long, value_name = "KEY")]
    pub label: Option<String>,
    /// Nothing was deployed before
    #[arg(long)]
    pub first_deploy: bool,
    /// How long a pull takes: 10s, 5s..30s, with the middle 5s..12s..2m, with 95 of 100 5s..12s..40s..5m [default: 5s..20s]
    #[arg(long, value_name = "TIMES")]
    pub pull: Option<Spread>,
    /// From a container's start to healthy [default: 5s..30s]
    #[arg(long, value_name = "TIMES")]
    pub boot: Option<Spread>,
    /// From a failure until the release before serves again [default: 1s..3s]
    #[arg(long, value_name = "TIMES")]
    pub back: Option<Spread>,
    /// What everything is drawn from: the same seed gives the same run [default: 1]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// What all times are rounded up to; coarser is faster [default: 1s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub grain: Option<Millis>,
    /// When a run is stopped that has not ended [default: 30d]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub limit: Option<Millis>,
}

/// What goes wrong.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "What goes wrong")]
pub struct TroubleArguments {
    /// On how many hosts the new release ends as it starts, such as 3% [default: 0%]
    #[arg(long, value_name = "PERCENT")]
    pub fails: Option<Chance>,
    /// How long after its start [default: 1s..5s]
    #[arg(long, value_name = "TIMES")]
    pub fails_after: Option<Spread>,
    /// On how many hosts it turns unhealthy later [default: 0%]
    #[arg(long, value_name = "PERCENT")]
    pub unhealthy: Option<Chance>,
    /// How long after it was healthy: what comes after the bake is committed by then [default: 5s..25s]
    #[arg(long, value_name = "TIMES")]
    pub unhealthy_after: Option<Spread>,
    /// How many hosts are never heard [default: 0%]
    #[arg(long, value_name = "PERCENT")]
    pub silent: Option<Chance>,
    /// How many hosts fall silent for a while after they were ordered [default: 0%]
    #[arg(long, value_name = "PERCENT")]
    pub vanishes: Option<Chance>,
    /// How long after the order [default: 0s..1m]
    #[arg(long, value_name = "TIMES")]
    pub vanishes_after: Option<Spread>,
    /// For how long [default: 1m..5m]
    #[arg(long, value_name = "TIMES")]
    pub vanishes_for: Option<Spread>,
    /// Who is not heard, from when and for how long: zone=z2@10m+5m, host=host-07@0s+1h. May be given several times
    #[arg(long, value_name = "WHO@FROM+FOR")]
    pub down: Vec<Down>,
    /// When the registry is away, such as 10m+5m
    #[arg(long, value_name = "FROM+FOR")]
    pub registry_away: Option<Span>,
    /// When deploys are frozen, such as 10m+2h
    #[arg(long, value_name = "FROM+FOR")]
    pub frozen: Option<Span>,
}

/// What people say, and what is measured.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "People and gates")]
pub struct PeopleArguments {
    /// How long an approval takes, or never [default: 10m]
    #[arg(long, value_name = "DURATION|never")]
    pub approval: Option<Answer>,
    /// How long a promotion takes, or never [default: 10m]
    #[arg(long, value_name = "DURATION|never")]
    pub promotion: Option<Answer>,
    /// What analysis gates measure: good, bad:3 (from the third reading on), inconclusive:1 [default: good]
    #[arg(long, value_name = "COURSE")]
    pub readings: Option<Readings>,
    /// When the rollout begins, for windows [default: 2026-01-05T09:00Z, a Monday]
    #[arg(long, value_name = "MOMENT", value_parser = parse_moment)]
    pub starts: Option<UnixMillis>,
}

impl SimulateArguments {
    /// The settings: what is written, over the defaults.
    pub(crate) fn settings(&self) -> Settings {
        let mut settings = Settings { first_deploy: self.fleet.first_deploy, ..Settings::default() };
        self.fleet.clone().write(&mut settings);
        self.troubles.clone().write(&mut settings);
        let PeopleArguments { approval, promotion, readings, starts } = self.people.clone();
        put(&mut settings.approval, approval);
        put(&mut settings.promotion, promotion);
        put(&mut settings.readings, readings);
        put(&mut settings.starts, starts);
        settings
    }
}

impl FleetArguments {
    fn write(self, settings: &mut Settings) {
        put(&mut settings.hosts, self.hosts);
        put(&mut settings.zones, self.zones);
        put(&mut settings.label, self.label);
        put(&mut settings.pull, self.pull);
        put(&mut settings.boot, self.boot);
        put(&mut settings.back, self.back);
        put(&mut settings.seed, self.seed);
        put(&mut settings.grain, self.grain);
        put(&mut settings.limit, self.limit);
    }
}

impl TroubleArguments {
    fn write(self, settings: &mut Settings) {
        put(&mut settings.fails, self.fails);
        put(&mut settings.fails_after, self.fails_after);
        put(&mut settings.unhealthy, self.unhealthy);
        put(&mut settings.unhealthy_after, self.unhealthy_after);
        put(&mut settings.silent, self.silent);
        put(&mut settings.vanishes, self.vanishes);
        put(&mut settings.vanishes_after, self.vanishes_after);
        put(&mut settings.vanishes_for, self.vanishes_for);
        settings.down = self.down;
        settings.registry_away = self.registry_away;
        settings.frozen = self.frozen;
    }
}

fn put<T>(to: &mut T, written: Option<T>) {
    if let Some(written) = written {
        *to = written;
    }
}
