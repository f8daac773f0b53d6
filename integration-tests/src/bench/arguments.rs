//! What a bench is told on its command line.

use anyhow::{Context as _, Result, bail};

/// The same for all benches; each says in its own page what it makes of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arguments {
    /// How often ours is measured; at least once.
    pub runs: u32,
    /// A campaign of an hour or more instead of the usual run.
    pub long: bool,
    /// The peers to be measured; none named: all.
    pub peers: Option<Vec<String>>,
    /// Whether Evenkeel itself is measured.
    pub ours: bool,
    /// Only removes what a killed bench has left behind.
    pub sweep: bool,
}

/// The usual run.
impl Default for Arguments {
    fn default() -> Self {
        Self { runs: 1, long: false, peers: None, ours: true, sweep: false }
    }
}

impl Arguments {
    /// Reads the words behind the program's name. The error names the one that is not understood.
    pub fn read(words: impl IntoIterator<Item = String>) -> Result<Self> {
        let mut arguments = Self::default();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--runs" => {
                    let value = words.next().context("--runs: how many?")?;
                    arguments.runs = value.parse().ok().filter(|runs| *runs > 0).context("--runs: a number from 1")?;
                }
                "--peers" => {
                    let value = words.next().context("--peers: which, with commas between them? `none` for none")?;
                    arguments.peers = Some(value.split(',').map(str::to_owned).collect());
                }
                "--long" => arguments.long = true,
                "--without-ours" => arguments.ours = false,
                "--sweep" => arguments.sweep = true,
                // From `cargo bench`.
                "--bench" => {}
                other => bail!("{other} is no argument of a bench"),
            }
        }
        Ok(arguments)
    }

    /// Whether this peer is to be measured.
    pub fn wants(&self, peer: &str) -> bool {
        self.peers.as_ref().is_none_or(|peers| peers.iter().any(|one| one == peer))
    }

    /// Refuses names of peers that there are none of.
    pub fn check_peers(&self, known: &[&str]) -> Result<()> {
        for peer in self.peers.iter().flatten() {
            if peer != "none" && !known.contains(&peer.as_str()) {
                bail!("--peers {peer}: there are {}", known.join(", "));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &str) -> Result<Arguments> {
        Arguments::read(words.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn nothing_said_is_one_run_with_all_peers() {
        let arguments = read("--bench").unwrap();
        assert_eq!(arguments, Arguments::default());
        assert!(arguments.wants("swarm"));
    }

    #[test]
    fn what_is_said_counts() {
        let arguments = read("--runs 5 --peers swarm,nginx --long --without-ours").unwrap();
        assert!(arguments.runs == 5 && arguments.long && !arguments.ours);
        assert!(arguments.wants("swarm") && !arguments.wants("haproxy"));
        assert!(arguments.check_peers(&["swarm", "nginx"]).is_ok());
        assert!(arguments.check_peers(&["swarm"]).is_err());
        assert!(!read("--peers none").unwrap().wants("swarm"));
        assert!(read("--runs 0").is_err() && read("--runs").is_err() && read("--fast").is_err());
    }
}
