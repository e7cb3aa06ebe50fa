//! The nearest of some names to one that was misspelt, for "did you mean" hints.

/// The candidate that takes the fewest edits to reach, if that is few for its length. Case does
/// not count, as many a name is only misspelt by it.
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
    fn a_typo_finds_its_name_and_a_stranger_finds_none() {
        let names = || ["dryRun", "fieldManager", "force"].into_iter();
        assert_eq!(nearest("dryrun", names()), Some("dryRun"));
        assert_eq!(nearest("fieldManger", names()), Some("fieldManager"));
        assert_eq!(nearest("limit", names()), None);
    }
}
