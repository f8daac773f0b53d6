//! When a certificate's end is near enough to be told. Not here: renewing.

use evenkeel_certs::PublicCertificate;
use evenkeel_model::{Millis, UnixMillis};

use crate::day::day;

/// No certificate is told earlier than so long before its end: three weeks leave time to act.
const EARLY: Millis = Millis::minutes(21 * 24 * 60);
/// Nor before this part of its life is left: one that is made for days has its end near always.
const PART: u64 = 5;

/// What people should know; none while the end is far.
pub(super) fn expiry(certificate: &PublicCertificate, now: UnixMillis) -> Option<String> {
    let end = certificate.not_after();
    if now >= end {
        return Some(format!("expired on {}: clients refuse it; replace it", day(end)));
    }
    let life = end.since(certificate.not_before());
    let soon = EARLY.min(Millis(life.0 / PART));
    (end.since(now) < soon).then(|| format!("expires soon, on {}: replace it", day(end)))
}
