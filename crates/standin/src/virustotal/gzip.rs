//! The gzip form without compression: enough to see whether a client reads it,
//! and no package needed.

/// The most bytes that a stored block holds.
const BLOCK: usize = 0xffff;

/// Wraps bytes in gzip.
pub(crate) fn wrap(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let count = bytes.len().div_ceil(BLOCK).max(1);
    for nth in 0..count {
        let block = &bytes[nth * BLOCK..bytes.len().min((nth + 1) * BLOCK)];
        let length = block.len() as u16;
        out.push(u8::from(nth + 1 == count));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    out.extend(crc32(bytes).to_le_bytes());
    out.extend((bytes.len() as u32).to_le_bytes());
    out
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc: u32, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_check_sum_is_the_one_that_everyone_computes() {
        assert_eq!(super::crc32(b"123456789"), 0xcbf4_3926);
    }
}
