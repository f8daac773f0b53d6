//! Generates the protocol code anew (protox: no protoc needed) and compares it with what is committed.
//! `UPDATE_GENERATED=1 cargo test -p evenkeel-proto` writes it.

use std::path::Path;

const FILES: [&str; 4] =
    ["evenkeel/v1/agent.proto", "evenkeel/v1/enrolment.proto", "evenkeel/v1/operator.proto", "evenkeel/v1/proxy.proto"];

#[test]
fn the_committed_code_is_what_the_protocol_files_generate() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let descriptors = protox::compile(FILES, [root.join("proto")]).expect("the protocol files compile");
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let mut builder =
        tonic_prost_build::configure().out_dir(scratch.path()).btree_map(".").codec_path("crate::codec::SmallCodec");
    // Operators' views are the JSON output too; the agents' messages are never shown as they are.
    let operator = descriptors.file.iter().find(|file| file.name() == FILES[2]).expect("the operators' file");
    for message in &operator.message_type {
        builder = builder.type_attribute(format!(".evenkeel.v1.{}", message.name()), "#[derive(serde::Serialize)]");
    }
    builder.compile_fds(descriptors).expect("the code generates");
    let fresh = std::fs::read_to_string(scratch.path().join("evenkeel.v1.rs")).expect("the generated file");
    let committed = root.join("src/gen/evenkeel.v1.rs");
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&committed, &fresh).expect("the committed file can be written");
    }
    let committed = std::fs::read_to_string(committed).expect("the committed file");
    assert!(fresh == committed, "the generated code is out of date: UPDATE_GENERATED=1 cargo test -p evenkeel-proto");
}
