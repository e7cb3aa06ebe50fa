//! UIDs, stored compactly.

use std::fmt;
use std::fmt::{Display, Formatter};

use serde::{Deserialize, Serialize};

/// The positions of the dashes in a UUID.
const DASHES: [usize; 4] = [8, 13, 18, 23];
/// The positions of the two digits of each byte.
const DIGITS: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// The UID of an object. Two are equal exactly if their texts are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub(crate) enum Uid {
    /// A UUID in lower case, like all UIDs of kube-apiserver.
    Uuid([u8; 16]),
    /// Any other text; empty if an aggregated API has no UIDs.
    Text(Box<str>),
}

impl Uid {
    pub(crate) fn new(text: &str) -> Self {
        uuid(text.as_bytes()).map_or_else(|| Self::Text(text.into()), Self::Uuid)
    }
}

impl From<String> for Uid {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl From<Uid> for String {
    fn from(uid: Uid) -> Self {
        uid.to_string()
    }
}

fn uuid(text: &[u8]) -> Option<[u8; 16]> {
    let text: &[u8; 36] = text.try_into().ok()?;
    if DASHES.iter().any(|&place| text[place] != b'-') {
        return None;
    }
    let mut bytes = [0; 16];
    for (byte, place) in bytes.iter_mut().zip(DIGITS) {
        *byte = digit(text[place])? << 4 | digit(text[place + 1])?;
    }
    Some(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

impl Display for Uid {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uuid(bytes) => {
                for (place, byte) in bytes.iter().enumerate() {
                    if [4, 6, 8, 10].contains(&place) {
                        formatter.write_str("-")?;
                    }
                    write!(formatter, "{byte:02x}")?;
                }
                Ok(())
            }
            Self::Text(text) => formatter.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back_and_uuids_are_small() {
        let uuid = "0a1b2c3d-4e5f-6789-abcd-ef0123456789";
        assert!(matches!(Uid::new(uuid), Uid::Uuid(_)));
        for text in [
            uuid,
            "",
            "u-1",
            "0A1B2C3D-4e5f-6789-abcd-ef0123456789",
            "0a1b2c3d-4e5f-6789-abcd-ef01234567-9",
            "0a1b2c3d44e5f-6789-abcd-ef0123456789",
            "ä1b2c3d-4e5f-6789-abcd-ef0123456789",
        ] {
            assert_eq!(Uid::new(text).to_string(), text);
        }
    }
}
