//! Words to systemd, where there is one: ready, the status line, stopping. Without one nothing happens.

use sd_notify::NotifyState;

fn tell(state: &[NotifyState<'_>]) {
    // Only systemd reads it; an agent must not fail because nobody does.
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "systemd could not be told");
    }
}

/// The agent runs.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// What it does.
pub(super) fn status(line: &str) {
    tell(&[NotifyState::Status(line)]);
}

/// It is about to end.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}
