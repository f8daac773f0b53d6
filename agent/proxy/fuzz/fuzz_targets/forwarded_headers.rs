//! The headers of a message as they are changed on the way. Not here: what must hold (`src/fuzzing.rs`).
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| evenkeel_proxy::fuzzing::forwarded_headers(bytes));
