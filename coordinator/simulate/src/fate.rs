//! What befalls one host, drawn before the rollout begins: from the seed and the host's number alone, whatever the policy. Each thing is drawn in
//! its place, needed or not, so that one changed setting changes nothing else. Not here: what follows (module `world`).

use evenkeel_model::Millis;

use crate::Settings;
use crate::random::Random;

/// The longest wait of an agent between two attempts at a pull.
const LONGEST_RETRY: Millis = Millis::seconds(30);

/// What befalls one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fate {
    /// It is never heard.
    pub(crate) silent: bool,
    /// The new release ends so long after its start.
    pub(crate) fails: Option<Millis>,
    /// The new release turns unhealthy so long after it was healthy.
    pub(crate) unhealthy: Option<Millis>,
    /// It falls silent so long after it was ordered, for so long.
    pub(crate) vanishes: Option<(Millis, Millis)>,
    /// How long a pull takes.
    pub(crate) pull: Millis,
    /// From the new release's start to healthy.
    pub(crate) boot: Millis,
    /// The same of the release before, when it is started again.
    pub(crate) boot_before: Millis,
    /// How long it takes to go back.
    pub(crate) back: Millis,
    /// How long after the registry is back it is asked again.
    pub(crate) retry: Millis,
}

impl Fate {
    /// Of host number `number`.
    pub(crate) fn draw(settings: &Settings, number: usize) -> Self {
        let random = &mut Random::of(settings.seed, number as u64);
        let silent = settings.silent.draw(random);
        let (fails, fails_after) = (settings.fails.draw(random), settings.fails_after.draw(random));
        let (unhealthy, unhealthy_after) = (settings.unhealthy.draw(random), settings.unhealthy_after.draw(random));
        let vanishes = settings.vanishes.draw(random);
        let (vanishes_after, vanishes_for) = (settings.vanishes_after.draw(random), settings.vanishes_for.draw(random));
        Self {
            silent,
            fails: fails.then_some(fails_after),
            unhealthy: unhealthy.then_some(unhealthy_after),
            vanishes: vanishes.then_some((vanishes_after, vanishes_for)),
            pull: settings.pull.draw(random),
            boot: settings.boot.draw(random),
            boot_before: settings.boot.draw(random),
            back: settings.back.draw(random),
            retry: Millis(random.below(LONGEST_RETRY.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Chance;

    fn fates(settings: &Settings) -> Vec<Fate> {
        (0..200).map(|number| Fate::draw(settings, number)).collect()
    }

    #[test]
    fn one_changed_setting_changes_nothing_else() {
        let plain = fates(&Settings::default());
        let failing = fates(&Settings { fails: "50%".parse().unwrap(), ..Settings::default() });
        assert!(failing.iter().any(|fate| fate.fails.is_some()) && failing.iter().any(|fate| fate.fails.is_none()));
        let forgiven: Vec<Fate> = failing.into_iter().map(|fate| Fate { fails: None, ..fate }).collect();
        assert_eq!(forgiven, plain);
        let slow = fates(&Settings { boot: "1m".parse().unwrap(), ..Settings::default() });
        assert!(slow.iter().all(|fate| fate.boot == Millis::minutes(1) && fate.boot_before == fate.boot));
        assert!(slow.iter().zip(&plain).all(|(slow, plain)| slow.pull == plain.pull && slow.back == plain.back));
    }

    #[test]
    fn whoever_fails_of_fewer_fails_of_more() {
        let failing = |percent: &str| -> Vec<bool> {
            let settings = Settings { fails: percent.parse().unwrap(), ..Settings::default() };
            fates(&settings).iter().map(|fate| fate.fails.is_some()).collect()
        };
        let (few, many) = (failing("5%"), failing("20%"));
        assert!(few.iter().zip(&many).all(|(few, many)| *many || !few));
        let all = Settings {
            silent: Chance::ALWAYS,
            unhealthy: Chance::ALWAYS,
            vanishes: Chance::ALWAYS,
            ..Settings::default()
        };
        assert!(fates(&all).iter().all(|fate| fate.silent && fate.unhealthy.is_some() && fate.vanishes.is_some()));
    }

    #[test]
    fn another_seed_is_another_fleet() {
        assert_ne!(fates(&Settings::default()), fates(&Settings { seed: 2, ..Settings::default() }));
    }
}
