//! The second look at the heads of a connection. Not here: what must hold (`src/fuzzing.rs`).
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| evenkeel_proxy::fuzzing::scan(bytes));
