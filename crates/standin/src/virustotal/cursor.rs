//! Cursors: opaque to the client, bound to what was asked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::refusal::Refusal;
use super::world::dice::{fingerprint, mix};

/// A place in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Fingerprint of what was asked.
    pub(crate) of: u64,
    /// Grows when cursors expire.
    pub(crate) epoch: u64,
    /// The last object's value in the order.
    pub(crate) value: i64,
    /// The last object's place in the world.
    pub(crate) place: u64,
}

impl Cursor {
    /// As it travels.
    pub(crate) fn text(self) -> String {
        let words = [self.of, self.epoch, self.value as u64, self.place];
        let mut bytes = Vec::with_capacity(40);
        for (nth, word) in words.iter().enumerate() {
            bytes.extend((word ^ veil(nth)).to_le_bytes());
        }
        bytes.extend(seal(words).to_le_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cursor that must be for this question and of this epoch.
    pub(crate) fn read(text: &str, of: u64, epoch: u64) -> Result<Self, Refusal> {
        Self::decode(text)
            .filter(|cursor| cursor.of == of && cursor.epoch == epoch)
            .ok_or_else(|| Refusal::bad_request("Invalid cursor"))
    }

    fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let mut words = [0; 5];
        for (nth, word) in words.iter_mut().enumerate() {
            let eight = bytes.get(nth * 8..nth * 8 + 8)?;
            *word = u64::from_le_bytes(eight.try_into().ok()?);
        }
        let [of, epoch, value, place, sealed] = words;
        let words = [
            of ^ veil(0),
            epoch ^ veil(1),
            value ^ veil(2),
            place ^ veil(3),
        ];
        (bytes.len() == 40 && seal(words) == sealed).then_some(Self {
            of: words[0],
            epoch: words[1],
            value: words[2] as i64,
            place: words[3],
        })
    }
}

/// A fingerprint of the parts of a question.
pub(crate) fn question(parts: &[&str]) -> u64 {
    parts
        .iter()
        .fold(0, |so_far, part| mix(so_far ^ fingerprint(part)))
}

/// The cursor of a relationship's list after so many items. These do not
/// expire.
pub(crate) fn offset(id: &str, relationship: &str, items: usize) -> String {
    let cursor = Cursor {
        of: question(&["related", id, relationship]),
        epoch: 0,
        value: 0,
        place: items as u64,
    };
    cursor.text()
}

/// How many items a relationship's cursor has behind it.
pub(crate) fn read_offset(text: &str, id: &str, relationship: &str) -> Result<usize, Refusal> {
    let of = question(&["related", id, relationship]);
    Ok(Cursor::read(text, of, 0)?.place as usize)
}

fn veil(nth: usize) -> u64 {
    mix(nth as u64 ^ 0x00c0_ffee)
}

fn seal(words: [u64; 4]) -> u64 {
    words.iter().fold(1, |so_far, word| mix(so_far ^ word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_own_question_and_epoch_only() {
        let cursor = Cursor {
            of: question(&["a", "b"]),
            epoch: 1,
            value: -5,
            place: 77,
        };
        let text = cursor.text();
        assert_eq!(Cursor::read(&text, cursor.of, 1).unwrap(), cursor);
        assert!(Cursor::read(&text, question(&["ab", ""]), 1).is_err());
        assert!(Cursor::read(&text, cursor.of, 2).is_err());
        let mut other = text.clone().into_bytes();
        other[3] ^= 1;
        assert!(Cursor::read(&String::from_utf8(other).unwrap(), cursor.of, 1).is_err());
    }
}
