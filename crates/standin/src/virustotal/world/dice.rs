//! Made-up facts that come out the same every time: everything about a file
//! follows from a seed and the file's number, so that a world of any size needs
//! no memory.

/// A fast, well-mixed function of 64 bits; one-to-one.
pub(crate) fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A 64-bit fingerprint of a text.
pub(crate) fn fingerprint(text: &str) -> u64 {
    // Eight bytes at a time; the length goes in so that zero padding differs.
    let mut state = mix(text.len() as u64);
    for chunk in text.as_bytes().chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        state = mix(state ^ u64::from_le_bytes(word));
    }
    state
}

/// Hides a number in 64 bits so that [`unscramble`] finds it again: the front
/// of a hash, from which the file is known without an index.
pub(crate) fn scramble(seed: u64, number: u64) -> u64 {
    let (mut left, mut right) = halves(number);
    for round in 0..4 {
        (left, right) = (right, left ^ turn(seed, round, right));
    }
    whole(left, right)
}

/// The number that [`scramble`] hid.
pub(crate) fn unscramble(seed: u64, hidden: u64) -> u64 {
    let (mut left, mut right) = halves(hidden);
    for round in (0..4).rev() {
        (left, right) = (right ^ turn(seed, round, left), left);
    }
    whole(left, right)
}

fn turn(seed: u64, round: u64, half: u32) -> u32 {
    mix(seed ^ (round << 56) ^ u64::from(half)) as u32
}

fn halves(whole: u64) -> (u32, u32) {
    ((whole >> 32) as u32, whole as u32)
}

fn whole(left: u32, right: u32) -> u64 {
    (u64::from(left) << 32) | u64::from(right)
}

/// A row of throws that is the same for the same start.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The throws for one aspect of one thing.
    pub(crate) fn new(thing: u64, aspect: u64) -> Self {
        Self(mix(thing ^ aspect.wrapping_mul(0xa076_1d64_78bd_642f)))
    }

    /// The next 64 bits.
    pub(crate) fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `end`; 0 when `end` is 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        // High bits of the product: no division, and even enough for us.
        ((u128::from(self.throw()) * u128::from(end)) >> 64) as u64
    }

    /// A number in `from..=to`.
    pub(crate) fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to.saturating_sub(from) + 1)
    }

    /// True `times` in `of` times.
    pub(crate) fn chance(&mut self, times: u64, of: u64) -> bool {
        self.below(of) < times
    }

    /// One of a list that is never empty.
    pub(crate) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_scrambled_is_found_again() {
        for number in [0, 1, 77, 1 << 32, (2 << 32) | 5, u64::MAX] {
            for seed in [0, 7, u64::MAX] {
                assert_eq!(unscramble(seed, scramble(seed, number)), number);
            }
        }
    }

    #[test]
    fn a_throw_stays_below_its_end() {
        let mut dice = Dice::new(1, 2);
        assert!((0..1000).all(|_| dice.below(6) < 6));
        assert_eq!(dice.below(0), 0);
    }
}
