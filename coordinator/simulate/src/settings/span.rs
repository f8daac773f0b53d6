//! Troubles with a beginning and an end: the registry, a freeze, hosts that are not heard. Not here: what they do (module `world`).

use std::fmt;
use std::str::FromStr;

use evenkeel_model::{HostId, Millis};
use serde::{Deserialize, Serialize};

use super::text::{InvalidText, stored_as_text};

/// From when, counted from the rollout's beginning, and for how long: `10m+5m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span {
    /// From then on.
    pub from: Millis,
    /// For so long.
    pub lasting: Millis,
}

stored_as_text!(Span);

impl Span {
    /// When it is over.
    pub fn end(self) -> Millis {
        self.from.plus(self.lasting)
    }
}

impl FromStr for Span {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        let span = text
            .split_once('+')
            .and_then(|(from, lasting)| Some(Self { from: Millis::parse(from)?, lasting: Millis::parse(lasting)? }));
        let example = "from when and for how long: `10m+5m`";
        span.ok_or_else(|| InvalidText { what: "span of time", text: text.to_owned(), example })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.from, self.lasting)
    }
}

/// Which hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// This one.
    Host(HostId),
    /// All of a zone.
    Zone(String),
}

/// Hosts that are not heard for a while: `zone=z2@10m+5m`, `host=host-07@0s+1h`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Down {
    /// These.
    pub who: Who,
    /// When.
    pub span: Span,
}

stored_as_text!(Down);

impl FromStr for Down {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        let down = text.rsplit_once('@').and_then(|(who, span)| {
            let who = match who.split_once('=')? {
                ("zone", zone) if !zone.is_empty() => Who::Zone(zone.to_owned()),
                ("host", host) => Who::Host(host.parse().ok()?),
                _ => return None,
            };
            Some(Self { who, span: span.parse().ok()? })
        });
        let example = "who is not heard, from when and for how long: `zone=z2@10m+5m` or `host=host-07@0s+1h`";
        down.ok_or_else(|| InvalidText { what: "silence", text: text.to_owned(), example })
    }
}

impl fmt::Display for Down {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.who {
            Who::Host(host) => write!(f, "host={host}@{}", self.span),
            Who::Zone(zone) => write!(f, "zone={zone}@{}", self.span),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_kept_as_written() {
        for text in ["10m+5m", "0s+1h30m"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        assert_eq!("10m+5m".parse::<Span>().unwrap().end(), Millis::minutes(15));
        for bad in ["", "10m", "+", "10m+", "10m-5m"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }

    #[test]
    fn silences_name_a_zone_or_a_host() {
        for text in ["zone=z2@10m+5m", "host=host-07@0s+1h"] {
            assert_eq!(text.parse::<Down>().unwrap().to_string(), text);
        }
        for bad in ["z2@10m+5m", "zone=z2", "zone=@1m+1m", "host=NO@1m+1m", "rack=r1@1m+1m", "zone=z2@10m"] {
            assert!(bad.parse::<Down>().is_err(), "{bad}");
        }
    }
}
