//! The hosts' credentials in one file, a line of JSON each: between the errand that joins them and those that speak for them.
//! Not here: keeping them secret; the file is in the bench's folder and goes with it.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use evenkeel_certs::Credentials;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    certificate: String,
    key: String,
    authority: String,
}

/// Writes them.
pub(crate) fn keep(all: &[Credentials], into: &Path) -> Result<()> {
    let mut file = BufWriter::new(File::create(into).with_context(|| format!("cannot make {}", into.display()))?);
    for one in all {
        let line = Line {
            certificate: one.certificate_pem().to_owned(),
            key: one.key_pem().to_owned(),
            authority: one.authority_pem().to_owned(),
        };
        serde_json::to_writer(&mut file, &line)?;
        file.write_all(b"\n")?;
    }
    Ok(file.flush()?)
}

/// Reads so many of them, from this one on.
pub(crate) fn read(from: &Path, first: usize, count: usize) -> Result<Vec<Credentials>> {
    let file = BufReader::new(File::open(from).with_context(|| format!("cannot read {}", from.display()))?);
    let lines = file.lines().skip(first).take(count);
    lines
        .map(|line| {
            let Line { certificate, key, authority } = serde_json::from_str(&line?)?;
            Ok(Credentials::new(&certificate, &key, &authority)?)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use evenkeel_certs::{Authority, Identity, TimeSource};
    use evenkeel_model::Millis;

    use super::*;

    #[test]
    fn those_that_are_asked_for_are_read() {
        let (fleet, now) = ("scale".parse().unwrap(), TimeSource::system().now());
        let authority = Authority::create(&fleet, now).unwrap();
        let issue = |host: &str| {
            let identity = Identity::Host { fleet: fleet.clone(), host: host.parse().unwrap() };
            authority.issue(&identity, Millis::minutes(5), now).unwrap()
        };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("credentials");
        keep(&["h0", "h1", "h2"].map(issue), &file).unwrap();
        let read = |first, count| -> Vec<String> {
            super::read(&file, first, count).unwrap().iter().map(|one| one.identity().to_string()).collect()
        };
        assert_eq!(read(1, 1), ["spiffe://scale/host/h1"]);
        assert_eq!(read(1, 9).len(), 2);
    }
}
