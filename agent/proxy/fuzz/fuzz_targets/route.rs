//! Which route a host and a path take. Not here: what must hold (`src/fuzzing.rs`).
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| evenkeel_proxy::fuzzing::route(bytes));
