//! `kubectl rawpatch` as a user runs it: the built binary against a real API server, and
//! against a scripted one for the faults that a real one cannot be asked for.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod pseudo_terminal;

mod rawpatch {
    /// Running the binary, alone and through kubectl.
    pub(crate) mod plugin;

    /// `--if-resource-version`, and that nothing is created by it.
    mod conflicts;
    /// Lost replies, gateways, time-outs, signals: what is known is said, nothing is sent twice.
    mod faults;
    /// The hints of docs/rawpatch.md, a test a row.
    mod hints;
    /// stdout, stderr, formats, warnings.
    mod output;
    /// Every type of patch on every kind of object.
    mod patches;
    /// What a refusal about a Secret shows.
    mod redaction;
    /// What is refused before a byte is sent.
    mod refusals;
    /// What only a person at a terminal sees.
    mod terminal;
    /// Through real kubectl's plugin discovery.
    mod through_kubectl;
}
