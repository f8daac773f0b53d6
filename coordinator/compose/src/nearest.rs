//! Which known word was probably meant. Not here: the words (module `keys`).

/// Longer words are no typing errors, and comparing them costs their length squared.
const LONGEST_COMPARED: usize = 40;

/// The candidate closest to `word`: one slip per three letters at most, and at least one.
pub(crate) fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let letters: Vec<char> = word.chars().take(LONGEST_COMPARED + 1).collect();
    if letters.len() > LONGEST_COMPARED {
        return None;
    }
    let most = (letters.len() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (slips(&letters, &candidate.chars().collect::<Vec<_>>()), candidate))
        .filter(|(slips, _)| *slips <= most)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Letters added, left out, changed or swapped with their neighbour, from one word to the other.
fn slips(one: &[char], other: &[char]) -> usize {
    let mut rows = vec![(0..=other.len()).collect::<Vec<usize>>()];
    for (i, letter) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, counterpart) in other.iter().enumerate() {
            let changed = rows[i][j] + usize::from(letter != counterpart);
            let mut best = changed.min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && one[i - 1] == *counterpart && *letter == other[j - 1] {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        let known = ["image", "ports", "healthcheck", "user"];
        for (word, meant) in [
            ("imgae", Some("image")),
            ("port", Some("ports")),
            ("health_check", Some("healthcheck")),
            ("usr", Some("user")),
            ("networks", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
        assert_eq!(nearest(&"x".repeat(10_000), known), None);
    }
}
