//! Which of several upstreams is next, by weight or by cookie. Pure. Not here: whether the chosen one still takes requests (`upstream`).

/// 2^64 divided by the golden ratio: its multiples fill the circle evenly, however many are taken.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// The index of the choice number `tick` among these weights. Over any run of ticks each gets its share, to within a few choices:
/// no randomness, and no state but the tick. None if no weight is above 0.
pub(crate) fn by_weight(tick: u64, weights: impl Iterator<Item = u32> + Clone) -> Option<usize> {
    let total: u64 = weights.clone().map(u64::from).sum();
    let spot = (u128::from(tick.wrapping_mul(STEP)) * u128::from(total)) >> 64;
    let mut end = 0;
    weights.into_iter().position(|weight| {
        end += u128::from(weight);
        spot < end
    })
}

/// What a cookie calls an upstream: 64 bits of FNV-1a over its id, so that it stays the same from one version of this program to the next
/// and says nothing about the container.
pub(crate) fn tag(id: &str) -> String {
    let hash = id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{hash:016x}")
}

/// The value of the cookie of this name in the text of a `Cookie` header.
pub(crate) fn cookie<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header.split(';').find_map(|pair| {
        let (found, value) = pair.trim().split_once('=')?;
        (found == name).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(weights: &[u32]) {
        let total: u64 = weights.iter().copied().map(u64::from).sum();
        let mut counts = vec![0_u64; weights.len()];
        for tick in 0..10_000 {
            counts[by_weight(tick, weights.iter().copied()).unwrap()] += 1;
        }
        for (count, weight) in counts.iter().zip(weights) {
            let target = 10_000 * u64::from(*weight) / total;
            assert!(count.abs_diff(target) <= 20, "weights {weights:?} gave {counts:?}");
        }
    }

    #[test]
    fn each_weight_gets_its_share_of_ten_thousand_choices() {
        check(&[1]);
        check(&[1, 1]);
        check(&[5, 95]);
        check(&[1, 0, 999]);
        check(&[3, 3, 3, 1]);
        check(&[u32::MAX, u32::MAX]);
    }

    #[test]
    fn without_a_weight_above_zero_nothing_is_chosen() {
        assert_eq!(by_weight(7, [0, 0].into_iter()), None);
        assert_eq!(by_weight(7, std::iter::empty()), None);
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        assert_eq!(cookie("a=1; keel=abc; b=2", "keel"), Some("abc"));
        assert_eq!(cookie("xkeel=abc", "keel"), None);
        assert_eq!(cookie("keel", "keel"), None);
    }

    #[test]
    fn the_tag_of_an_upstream_never_changes() {
        // A published test vector of FNV-1a.
        assert_eq!(tag("foobar"), "85944171f73967e8");
        assert_ne!(tag("a"), tag("b"));
    }
}
