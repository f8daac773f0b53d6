//! Comparing text with what is kept in `tests/golden`; `UPDATE_GOLDEN=1` rewrites it.

use std::path::Path;

/// Compares, after making escapes visible.
pub(crate) fn check(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let text = text.replace('\u{1b}', "␛").replace('\r', "␍");
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "{name} differs (UPDATE_GOLDEN=1 accepts it)\n--- kept\n{kept}\n--- now\n{text}");
}
