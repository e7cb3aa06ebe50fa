//! Finds the known name nearest to a misspelt one, for hints that ask "did you mean …?".

/// Returns the candidate with the fewest edits, if the number of edits is small for the length of
/// the name. Differences in case do not count.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let allowed = (name.chars().count() / 3).clamp(1, 3);
    let edits =
        |candidate: &str| strsim::osa_distance(&name.to_lowercase(), &candidate.to_lowercase());
    candidates
        .map(|candidate| (edits(candidate), candidate))
        .filter(|(edits, _)| *edits <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_is_found_and_an_unrelated_one_is_not() {
        let names = || ["dryRun", "fieldManager", "force"].into_iter();
        assert_eq!(nearest("dryrun", names()), Some("dryRun"));
        assert_eq!(nearest("fieldManger", names()), Some("fieldManager"));
        assert_eq!(nearest("limit", names()), None);
    }
}
