//! The planner: what the fleet is ordered next, as a pure function of what is known now.
//!
//! ```text
//!            begin                 too many failed, or no progress
//!              │                    ┌───────────────┬──────────────────┐
//!              ▼                    │ pause         │ revert_failed    │ rollback
//!          advancing ───────────────┤               │                  │
//!   ┌───► order a wave ─► healthy   ▼               ▼                  ▼
//!   │      ─► bake ─► commit      paused       withdrawing ──►    rolling back
//!   └── next wave ◄──┘              │  abort      │  abort --rollback   │
//!              │                    └──────────►──┤                     │
//!              ▼                                  ▼                     ▼
//!     succeeded (or halted)                 halted, aborted    rolled back, aborted, halted
//! ```
//!
//! [`plan`] is called whenever something is heard and at [`Plan::wake_at`]; it reads the fleet as it is and answers what to order now. Its steps
//! run in a fixed order, a file each under `steps/`. Planning twice changes nothing, so a coordinator that is started again just plans.
//!
//! # The budget
//!
//! One rule, for rollouts, ways back and hosts that join alike. A host of the app is
//! - **unavailable** while it is silent or in conflict; or while it has something to lose (a release committed there, by its own word) and does not say
//!   that it serves on the newest order: from the order until it reports healthy, and whenever it reports that it is not;
//! - **empty** while it is live and has nothing to lose: no release was committed there yet. It does not count;
//! - **available** otherwise. A host that went back and serves the release before is available.
//!
//! An act on an available host needs `unavailable + 1 <= budget`. An act on a host that is empty, or says that it does not serve, costs nothing. So a
//! first deploy is limited by its waves and gates alone. A host that is silent, or has not answered to its last order, is counted already, but may well
//! serve, and obeys when it hears: it is ordered only while `unavailable <= budget`. So a coordinator that is started again, and hears nobody yet,
//! orders nobody.
//!
//! On the way back two things are always allowed: one live host at a time, whatever else is unavailable (a rollback that waits for a host that nobody
//! hears would leave the fleet on a release that failed); and to withdraw a trial that was never heard healthy, which was counted all along. What is
//! still silent when the way back's deadline is due is ordered back for the day when it returns.
//!
//! # Fetching ahead
//!
//! While a rollout moves forward, the hosts whose turn comes next are told to fetch its images ([`Plan::prefetch`]): those of the waves begun that
//! wait for the budget, and those of the next wave; at most [`MOST_PREFETCHING`] at once that are not done with it, because they share registries. It
//! decides nothing: not who is ordered, not what counts as unavailable or failed. A host that can't fetch ahead pulls when it is ordered.
//!
//! # Labels
//!
//! A host whose labels change so that neither release of a rollout matches it keeps what it has: nothing is ever removed because of a label alone.
//! Moved on to another release it is by the next rollout (or by itself, once it matches the current release again).
//!
//! Deliberately not here: I/O, clocks, randomness, logging, the store, the wire.

mod abort;
mod begin;
mod fleet;
mod gate;
mod plan;
mod preview;
mod proof;
mod reading;
mod rollout;
mod row;
mod steps;
mod view;
mod waves;
mod words;

#[cfg(test)]
mod fixture;

pub use abort::{AbortError, abort};
pub use begin::{Begin, BeginError, begin};
pub use gate::{Approved, GateId, GateRecord, Reading, Verdict};
pub use plan::{Measure, Order, Plan, WaitingOn};
pub use preview::{Change, Preview, PreviewHost, PreviewWave, preview};
pub use proof::believed;
pub use reading::{Lines, Measured};
pub use rollout::{Abort, Hold, HostProgress, HostState, Kind, Outcome, Rollout, State};
pub use steps::{MOST_PREFETCHING, plan};
pub use view::{Contact, Duty, Frozen, HostView, Input, Ordered};
pub use words::{Act, Deed, Speaker, WordError, approve, note, pause, promote, resume, take_reading};
