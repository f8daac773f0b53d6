//! The file system of a test image: a tar archive with one program in it.
//!
//! The same program gives the same bytes, so that test images share one layer in the registry, unless one is to have a layer of its own: then
//! its mark lies beside the program. Deliberately not here: any other file, because the image is made from nothing.

/// Tar works in blocks of this size.
const BLOCK_BYTES: usize = 512;

/// An archive holding `program` as `/program`, executable and owned by root, dated 1970; and beside it `mark`, if it has one.
pub(super) fn with_program(program: &[u8], mark: Option<&str>) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, content) in [("program", program)].into_iter().chain(mark.map(|mark| ("mark", mark.as_bytes()))) {
        archive.extend_from_slice(&header(name, content.len()));
        archive.extend_from_slice(content);
        archive.resize(archive.len().next_multiple_of(BLOCK_BYTES), 0);
    }
    // Two empty blocks are the end.
    archive.resize(archive.len() + 2 * BLOCK_BYTES, 0);
    archive
}

/// The header of a regular file, POSIX ustar.
fn header(name: &str, size: usize) -> [u8; BLOCK_BYTES] {
    let mut block = [0; BLOCK_BYTES];
    let mut put = |at: usize, text: &str| block[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000755\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{size:011o}\0"));
    put(136, "00000000000\0");
    // The checksum is taken with its own field full of spaces.
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let checksum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{checksum:06o}\0 ").as_bytes());
    block
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;

    #[test]
    fn tar_reads_the_archive() {
        let directory = tempfile::tempdir().unwrap();
        let archive = directory.path().join("layer.tar");
        fs::write(&archive, with_program(&[7; 1000], None)).unwrap();
        let listing = Command::new("tar").arg("-tvf").arg(&archive).output().unwrap();
        let listing = String::from_utf8(listing.stdout).unwrap();
        assert!(listing.starts_with("-rwxr-xr-x 0/0"), "{listing}");
        assert!(listing.contains(" 1000 ") && listing.trim_end().ends_with(" program"), "{listing}");
    }

    #[test]
    fn a_mark_makes_another_archive_and_leaves_the_program_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let archive = directory.path().join("layer.tar");
        fs::write(&archive, with_program(&[7; 1000], Some("v1"))).unwrap();
        let read = |name: &str| Command::new("tar").arg("-xOf").arg(&archive).arg(name).output().unwrap().stdout;
        assert_eq!((read("program"), read("mark")), (vec![7; 1000], b"v1".to_vec()));
    }
}
