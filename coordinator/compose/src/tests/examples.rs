//! The sample files that people copy from are right, and say what the reader says.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::{Input, read};

#[test]
fn every_example_is_accepted_without_a_note() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/examples");
    let variables: BTreeMap<String, String> =
        [("TAG", "1"), ("VERSION", "v1")].map(|(name, value)| (name.into(), value.into())).into();
    let mut seen = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path().join("compose.yaml");
        let text = fs::read_to_string(&path).unwrap();
        let input = Input { text: &text, file_name: "compose.yaml", variables: &variables, project: None };
        let specification = read(&input).unwrap_or_else(|problems| panic!("{}:\n{problems}", path.display()));
        assert_eq!(specification.notes, Vec::<String>::new(), "{}", path.display());
        seen += 1;
    }
    assert!(seen >= 6, "{seen} examples");
}
