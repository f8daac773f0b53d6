//! The simulation: the real coordinator and real agents, over real tonic and TLS, on a simulated network, clock and engine, all in one
//! thread and by one seed. Faults come from the seed; named invariants are checked after every step of simulated time; when the faults have
//! ended, the fleet must come to the right end.
//!
//! ```text
//! seed ─► Random ─► Scenario (hosts, releases, policies) and Faults (what, when, how long)
//!                      │
//!   step: network, every process ─► apply due faults ─► check invariants        (repeated)
//!                      │
//!   calm: all faults mended ─► everything must settle ─► check the end
//! ```
//!
//! Deliberately not here: real engines and processes (`crate::hosts`), speed (benches).

mod ahead;
mod disk;
mod faults;
mod fleet;
mod invariants;
mod net;
mod operator;
mod people;
mod random;
mod release;
mod scenario;
mod traffic;
mod watch;

pub use fleet::{Fleet, HostNumber, STEP};
pub use invariants::Violation;
pub use operator::{Ask, Told, Word};
pub use random::Random;
pub use release::{Door, Kind, Release};
pub use scenario::{Summary, run};
