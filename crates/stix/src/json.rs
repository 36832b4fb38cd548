//! JSON into memory.

use std::io;

use serde::Serialize;

/// Pieces up to this long are copied by a loop.
const SHORT: usize = 64;

/// Serialises behind what `into` holds.
pub fn write(into: &mut Vec<u8>, value: &impl Serialize) -> serde_json::Result<()> {
    serde_json::to_writer(Pieces(into), value)
}

/// The writer of JSON hands over keys, values and marks one by one, hundreds for
/// an object and most of them a few bytes long. For those a loop costs less
/// than a call of the C library's `memcpy`; with musl's, which the static build
/// has, that call took a quarter of a run.
struct Pieces<'a>(&'a mut Vec<u8>);

impl io::Write for Pieces<'_> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.write_all(piece)?;
        Ok(piece.len())
    }

    #[inline]
    fn write_all(&mut self, piece: &[u8]) -> io::Result<()> {
        if piece.len() > SHORT {
            self.0.extend_from_slice(piece);
            return Ok(());
        }
        self.0.reserve(SHORT);
        let (words, mut rest) = piece.as_chunks::<8>();
        for word in words {
            self.0.extend_from_slice(word);
        }
        if let Some((half, less)) = rest.split_first_chunk::<4>() {
            self.0.extend_from_slice(half);
            rest = less;
        }
        if let Some((quarter, less)) = rest.split_first_chunk::<2>() {
            self.0.extend_from_slice(quarter);
            rest = less;
        }
        if let [last] = rest {
            self.0.push(*last);
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_written_as_serde_json_writes_it() {
        let mut all = Vec::new();
        let mut expected = Vec::new();
        for length in 0..200 {
            let text: String = "aé\"\\\n🐍z".chars().cycle().take(length).collect();
            write(&mut all, &[&text, &text]).expect("memory takes all");
            expected.extend(serde_json::to_vec(&[&text, &text]).expect("texts"));
        }
        assert_eq!(all, expected);
    }
}
