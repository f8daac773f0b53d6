//! Tenth step: which hosts fetch the release's images ahead of their order. It reads what the other steps have come to and changes nothing of it.
//! Not here: fetching; what follows where it fails (nothing: the host's turn decides).

use evenkeel_model::{HostId, PrefetchState, ReleaseNumber};

use crate::fleet::Fleet;
use crate::row::Row;
use crate::{HostState, Rollout, State};

/// How many hosts are told to fetch at once that are not done with it. Registries are shared, and hold tens of pulls well where they break under
/// thousands; a wave's bake is long enough to get many hosts through.
pub const MOST_PREFETCHING: usize = 20;

/// How far a host is that may fetch ahead, in the order in which places are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// It asks no registry any more, and takes no place.
    Settled,
    /// It says that it is at it: it is not interrupted for another.
    Fetching,
    /// It has not been told to, or has not answered yet.
    Unheard,
}

/// The hosts that fetch ahead, in the order of their ids.
pub(crate) fn prefetch(fleet: &Fleet<'_>, rollout: &Rollout) -> Vec<(HostId, ReleaseNumber)> {
    if rollout.state != State::Advancing {
        return Vec::new();
    }
    let mut next: Vec<_> = fleet.rows.iter().filter_map(|row| Some((place(fleet, rollout, row)?, row))).collect();
    next.sort_by_key(|(place, _)| *place);
    let mut free = MOST_PREFETCHING;
    next.retain(|((standing, _), _)| {
        let is_told = *standing == Standing::Settled || free > 0;
        free -= usize::from(is_told && *standing != Standing::Settled);
        is_told
    });
    let mut hosts: Vec<_> = next.into_iter().map(|(_, row)| (row.view.host.clone(), rollout.to)).collect();
    hosts.sort();
    hosts
}

/// Where a host stands among those that may fetch ahead, those of earlier waves first; none: it may not, or need not.
fn place(fleet: &Fleet<'_>, rollout: &Rollout, row: &Row<'_>) -> Option<(Standing, usize)> {
    let progress = row.progress.as_ref().filter(|progress| progress.state == HostState::Waiting)?;
    let comes_next = progress.wave <= rollout.wave + 1;
    if !comes_next || !row.is_live() || !fleet.release_matches(rollout.to, row) {
        return None;
    }
    let standing = match row.view.prefetched(rollout.to) {
        Some(state) if state.is_settled() => Standing::Settled,
        Some(PrefetchState::Fetching { .. }) => Standing::Fetching,
        _ => Standing::Unheard,
    };
    Some((standing, progress.wave))
}

#[cfg(test)]
mod tests;
