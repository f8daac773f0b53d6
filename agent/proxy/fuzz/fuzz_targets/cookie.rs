//! A cookie's value in the text of a header. Not here: what must hold (`src/fuzzing.rs`).
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| evenkeel_proxy::fuzzing::cookie(bytes));
