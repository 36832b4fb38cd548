//! Memory for large bodies that is used again: fresh memory has to be cleared
//! by the system, page by page, before a byte is written to it.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

/// A larger buffer is given back to the system: one odd answer must not hold
/// its memory for good.
const LARGEST_KEPT: usize = 16 * 1024 * 1024;

/// Where buffers wait for their next use: one at most, as bodies come one after
/// the other. Cheap to clone; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buffers(Arc<Mutex<Vec<u8>>>);

impl Buffers {
    /// An empty buffer, with memory of an earlier one where that is free.
    pub(crate) fn take(&self) -> Buffer {
        Buffer {
            bytes: std::mem::take(&mut *self.spare()),
            home: self.clone(),
        }
    }

    fn spare(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock()
    }
}

/// A buffer that goes back when it is dropped.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    home: Buffers,
}

impl Buffer {
    /// Makes room for a body of so many bytes in an empty buffer: not for twice
    /// as many, as growing would.
    pub(crate) fn make_room(&mut self, bytes: usize) {
        if self.bytes.capacity() < bytes {
            self.bytes = Vec::with_capacity(bytes + bytes / 8);
        }
    }
}

impl Deref for Buffer {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.bytes
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        let mut spare = self.home.spare();
        if (spare.capacity()..=LARGEST_KEPT).contains(&bytes.capacity()) {
            *spare = bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(buffers: &Buffers, length: usize) -> Buffer {
        let mut buffer = buffers.take();
        buffer.resize(length, 1);
        buffer
    }

    #[test]
    fn the_next_body_has_the_memory_of_the_last_one_and_none_of_its_bytes() {
        let buffers = Buffers::default();
        let first = filled(&buffers, 1000);
        let place = first.as_ptr();
        drop(first);
        let next = buffers.clone().take();
        assert_eq!((next.as_ptr(), next.len()), (place, 0));
        assert!(next.capacity() >= 1000);
    }

    #[test]
    fn room_for_a_larger_body_is_little_more_than_it_needs() {
        let buffers = Buffers::default();
        drop(filled(&buffers, 1000));
        let mut next = buffers.take();
        next.make_room(1100);
        assert!((1100..1500).contains(&next.capacity()));
    }

    #[test]
    fn of_two_buffers_the_larger_one_is_kept() {
        let buffers = Buffers::default();
        let (small, large) = (filled(&buffers, 10), filled(&buffers, 1000));
        drop(large);
        drop(small);
        assert!(buffers.take().capacity() >= 1000);
    }

    #[test]
    fn a_huge_buffer_is_given_back_to_the_system() {
        let buffers = Buffers::default();
        drop(filled(&buffers, 10));
        drop(filled(&buffers, LARGEST_KEPT + 1));
        assert!(buffers.take().capacity() <= LARGEST_KEPT);
    }
}
