//! Whether an assignment that arrived is accepted. Messages may be lost, repeated, late or out of order: whatever is refused or says
//! nothing new changes nothing. Not here: what follows from what was accepted (`decide`).

use evenkeel_model::{Assignment, Content, Digest, Manifest, Phase, Refusal};

use crate::{Accepted, End, Ledger};

/// What an acceptable assignment does to the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    /// It says nothing that is not in the ledger already, or is overtaken by what is.
    Unchanged,
    /// The ledger from now on; to be made durable before the coordinator is told that it was accepted.
    Accepted(Box<Ledger>),
}

/// What `assignment` does to `ledger`; a refusal changes nothing.
///
/// A newer one replaces the accepted one at any moment, in mid-swap and in mid-revert too; `base` stays what was committed last.
pub fn offer(ledger: &Ledger, assignment: &Assignment) -> Result<Offer, Refusal> {
    if let Some(accepted) = &ledger.accepted {
        let version = accepted.assignment.version;
        if assignment.key != accepted.assignment.key {
            return Err(malformed(format!("it is for {}, and this is {}", assignment.key, accepted.assignment.key)));
        }
        if assignment.version < version {
            return Err(Refusal::Stale { accepted: version });
        }
        if assignment.version == version {
            return offer_again(ledger, accepted, assignment);
        }
    }
    if let Some(content) = &assignment.content {
        check_content(assignment, content)?;
    }
    let accepted = Accepted { assignment: assignment.clone(), end: None };
    Ok(Offer::Accepted(Box::new(Ledger { accepted: Some(accepted), ..ledger.clone() })))
}

/// The same version once more: its phase alone may differ, and in trial its share.
fn offer_again(ledger: &Ledger, accepted: &Accepted, assignment: &Assignment) -> Result<Offer, Refusal> {
    if assignment.content != accepted.assignment.content {
        return Err(Refusal::Changed);
    }
    match (&accepted.end, assignment.phase) {
        (Some(End::Committed), Phase::Withdrawn) => Err(Refusal::AlreadyCommitted),
        (Some(End::Reverting { .. } | End::Reverted { .. }), Phase::Committed) => Err(Refusal::AlreadyReverted),
        (None, phase) if rank(phase) > rank(accepted.assignment.phase) => Ok(changed(ledger, accepted, assignment)),
        // It may rise and fall, so a late message can't be told from a new one. The next word says again what is wanted.
        (None, Phase::Trial)
            if accepted.assignment.phase == Phase::Trial && assignment.share != accepted.assignment.share =>
        {
            Ok(changed(ledger, accepted, assignment))
        }
        _ => Ok(Offer::Unchanged),
    }
}

/// The ledger with what may change under the same version.
fn changed(ledger: &Ledger, accepted: &Accepted, assignment: &Assignment) -> Offer {
    let mut changed = accepted.clone();
    (changed.assignment.phase, changed.assignment.share) = (assignment.phase, assignment.share);
    Offer::Accepted(Box::new(Ledger { accepted: Some(changed), ..ledger.clone() }))
}

/// Phases go one way only; one that would go back is a late message.
fn rank(phase: Phase) -> u8 {
    match phase {
        Phase::Trial => 0,
        Phase::Committed => 1,
        Phase::Withdrawn => 2,
    }
}

fn check_content(assignment: &Assignment, content: &Content) -> Result<(), Refusal> {
    if Digest::of(&content.manifest) != content.digest {
        return Err(malformed(format!("the manifest's digest is not {}", content.digest)));
    }
    let manifest = Manifest::decode(&content.manifest).map_err(|error| malformed(error.to_string()))?;
    if manifest.key() != assignment.key {
        return Err(malformed(format!(
            "the manifest is for {}, the assignment for {}",
            manifest.key(),
            assignment.key
        )));
    }
    match content.services.iter().find(|name| !manifest.services.contains_key(*name)) {
        Some(name) => Err(malformed(format!("the manifest has no service {name}"))),
        None => Ok(()),
    }
}

fn malformed(message: String) -> Refusal {
    Refusal::Malformed { message }
}

#[cfg(test)]
mod tests;
