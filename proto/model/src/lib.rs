//! The shared vocabulary of coordinator and agent: ids, digests, generations, releases, policies, assignments and reports.
//!
//! Deliberately not here: I/O, clocks, randomness, the wire format (crate `evenkeel-proto`) and every decision (crates
//! `evenkeel-machine` and `evenkeel-rollout`). A value of this crate that exists is valid: constructors check, fields are data.

pub mod analysis;
pub mod assignment;
pub mod cause;
pub mod count;
pub mod decimal;
pub mod digest;
pub mod gate;
pub mod generation;
pub mod health;
pub mod host;
pub mod id;
pub mod image;
pub mod logs;
pub mod manifest;
pub mod policy;
pub mod prefetch;
pub mod report;
pub mod service;
pub mod share;
pub mod time;
pub mod wave;
pub mod window;

pub use analysis::Analysis;
pub use assignment::{Assignment, Content, Phase, Terms};
pub use cause::{CauseClass, CauseKind, Evidence, Failure, Pressure, ProbeEvidence};
pub use count::Count;
pub use decimal::Decimal;
pub use digest::Digest;
pub use gate::{Gate, GatePoint};
pub use generation::{Epoch, Generation, Version};
pub use health::{Health, HttpProbe, Probe};
pub use host::{ContainerStats, HostFacts, HostStats};
pub use id::{
    AppKey, AppName, EnvironmentName, FleetName, HostId, OperatorName, ReleaseNumber, RolloutId, ServiceName, Slot,
};
pub use image::ImagePin;
pub use logs::{LogAnswer, LogCount, LogLine, LogMatcher, LogPattern, LogQuestion};
pub use manifest::{Manifest, Service, Specification};
pub use policy::{OnFailure, Policy, Promote, Strategy};
pub use prefetch::{Prefetch, PrefetchReport, PrefetchState};
pub use report::{AppReport, Refusal, RefusedAssignment, ServiceReport, Stage};
pub use service::{Constraint, HttpRoute, KeepOld, Mount, Order, Port, Protocol, Restart, ServiceSpec, Traffic, Via};
pub use share::Share;
pub use time::{Millis, Monotonic, UnixMillis};
pub use wave::{Wave, Waves};
pub use window::Opening;
