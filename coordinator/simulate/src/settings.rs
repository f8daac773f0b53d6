//! What an imagined fleet is like, and what happens to it. Not here: the policy that is tried on it (crate `evenkeel-model`), drawing from it
//! (module `fate`), what makes no sense (module `check`).

use evenkeel_model::{Millis, UnixMillis};
use serde::{Deserialize, Serialize};

mod chance;
mod check;
mod people;
mod span;
mod spread;
mod text;
mod zones;

pub use chance::Chance;
pub use check::Problem;
pub use people::{Answer, Readings};
pub use span::{Down, Span, Who};
pub use spread::Spread;
pub use text::InvalidText;
pub use zones::{Zone, Zones};

/// Monday, 2026-01-05, 09:00 UTC: fixed, so that a run is repeated by its seed alone, and at work, so that usual windows are open.
const START: UnixMillis = UnixMillis(1_767_603_600_000);
/// Long enough for any window to open and for a rollout to go through a few of them; then a run is stopped, however it stands.
const LIMIT: Millis = Millis::minutes(30 * 24 * 60);

/// What an imagined fleet is like, and what happens to it. Whatever is left out is as in [`Settings::default`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What everything is drawn from. Default 1.
    pub seed: u64,
    /// How many hosts there are; those that the policy wants `first` are among them, under their names. Default 100.
    pub hosts: usize,
    /// How they are divided. Default: not at all.
    pub zones: Zones,
    /// The label that names a host's zone. Default `zone`.
    pub label: String,
    /// Whether nothing was deployed before. Default: a release serves everywhere, and a second one is rolled out.
    pub first_deploy: bool,
    /// When the rollout begins: what windows are held against. Default Monday, 2026-01-05, 09:00 UTC.
    pub starts: UnixMillis,
    /// From a pull's beginning to its end; images of the release before are there. Default `5s..20s`.
    pub pull: Spread,
    /// From a container's start to healthy, of either release. Default `5s..30s`.
    pub boot: Spread,
    /// From a failure or a withdrawal until the release before serves again. Default `1s..3s`.
    pub back: Spread,
    /// Hosts that are never heard. Default `0%`.
    pub silent: Chance,
    /// Hosts on which the new release ends as it starts. Default `0%`.
    pub fails: Chance,
    /// How long after its start. Default `1s..5s`.
    pub fails_after: Spread,
    /// Hosts on which the new release turns unhealthy later. Default `0%`.
    pub unhealthy: Chance,
    /// How long after it was healthy. What turns so after the bake is committed by then. Default `5s..25s`.
    pub unhealthy_after: Spread,
    /// Hosts that fall silent for a while after they were ordered. Default `0%`.
    pub vanishes: Chance,
    /// How long after the order. Default `0s..1m`.
    pub vanishes_after: Spread,
    /// For how long. Default `1m..5m`.
    pub vanishes_for: Spread,
    /// Hosts and zones that are not heard for a while. Default: none.
    pub down: Vec<Down>,
    /// When the registry is away. Default: never.
    pub registry_away: Option<Span>,
    /// When deploys are frozen. Default: never.
    pub frozen: Option<Span>,
    /// How long an approval takes that a gate asks for; then as many persons approve as it needs. Default `10m`.
    pub approval: Answer,
    /// How long a promotion takes that is left to a person. Default `10m`.
    pub promotion: Answer,
    /// What analysis gates measure. Default `good`.
    pub readings: Readings,
    /// What all times are rounded up to. Coarser is cheaper. Default 1s.
    pub grain: Millis,
    /// When a run is stopped that has not ended. Default 30 days.
    pub limit: Millis,
}

impl Default for Settings {
    fn default() -> Self {
        let between = |from, to| Spread::between(Millis::seconds(from), Millis::seconds(to));
        Self {
            seed: 1,
            hosts: 100,
            zones: Zones::default(),
            label: "zone".to_owned(),
            first_deploy: false,
            starts: START,
            pull: between(5, 20),
            boot: between(5, 30),
            back: between(1, 3),
            silent: Chance::NEVER,
            fails: Chance::NEVER,
            fails_after: between(1, 5),
            unhealthy: Chance::NEVER,
            unhealthy_after: between(5, 25),
            vanishes: Chance::NEVER,
            vanishes_after: between(0, 60),
            vanishes_for: between(60, 300),
            down: Vec::new(),
            registry_away: None,
            frozen: None,
            approval: Answer::After(Millis::minutes(10)),
            promotion: Answer::After(Millis::minutes(10)),
            readings: Readings::Good,
            grain: Millis::seconds(1),
            limit: LIMIT,
        }
    }
}
