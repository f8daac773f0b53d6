//! A pull, while the registry may be away. Pure arithmetic: a pull under way when it goes breaks, and is begun anew when it is back.
//! Not here: who pulls (module `world`).

use evenkeel_model::{Millis, UnixMillis};

use crate::clock::Clock;

/// When the registry is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Away {
    pub(crate) from: UnixMillis,
    pub(crate) until: UnixMillis,
}

/// What comes of a pull that begins now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pull {
    /// The image is there.
    Done(UnixMillis),
    /// The registry does not answer (any more).
    Breaks(UnixMillis),
    /// It is given up before either.
    Late(UnixMillis),
}

/// What comes of a pull that begins now and takes so long, if it must be there at `deadline`.
pub(crate) fn pull(clock: &Clock, away: Option<Away>, now: UnixMillis, time: Millis, deadline: UnixMillis) -> Pull {
    let done = clock.after(now, time);
    let broken = away.filter(|away| away.from < done && now < away.until);
    let breaks = broken.map(|away| clock.after(away.from.max(now), Millis(0)));
    match breaks {
        _ if deadline < breaks.unwrap_or(done) => Pull::Late(clock.not_before(deadline)),
        Some(at) => Pull::Breaks(at),
        None => Pull::Done(done),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pull_breaks_where_the_registry_goes_away() {
        let clock = Clock { start: UnixMillis(0), grain: Millis::seconds(1) };
        let at = |seconds: u64| UnixMillis(seconds * 1000);
        let away = Some(Away { from: at(10), until: at(20) });
        let cases = [
            (0, 10, 60, Pull::Done(at(10))),
            (0, 11, 60, Pull::Breaks(at(11))),
            (12, 5, 60, Pull::Breaks(at(13))),
            (20, 5, 60, Pull::Done(at(25))),
            (20, 50, 60, Pull::Late(at(60))),
            (0, 30, 5, Pull::Late(at(5))),
        ];
        for (now, time, deadline, expected) in cases {
            assert_eq!(pull(&clock, away, at(now), Millis::seconds(time), at(deadline)), expected, "{now} {time}");
        }
        assert_eq!(pull(&clock, None, at(12), Millis::seconds(5), at(60)), Pull::Done(at(17)));
    }
}
