//! The checksums that S3 verifies, stores and gives back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// An algorithm, in the order in which S3 lists them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

impl Algorithm {
    pub(super) const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// The name in XML lists and in messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The header (or trailer) that carries the value in base64.
    pub(super) fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// The checksum in base64; `None` for SHA-1, which is stored as the client sent it.
    pub(super) fn compute(self, bytes: &[u8]) -> Option<String> {
        match self {
            Self::Crc32 => Some(STANDARD.encode(crc_32(0xEDB8_8320, bytes).to_be_bytes())),
            Self::Crc32c => Some(STANDARD.encode(crc_32(0x82F6_3B78, bytes).to_be_bytes())),
            Self::Crc64Nvme => Some(STANDARD.encode(crc_64_nvme(bytes).to_be_bytes())),
            Self::Sha1 => None,
            Self::Sha256 => Some(STANDARD.encode(Sha256::digest(bytes))),
        }
    }
}

/// A checksum with its value in base64.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Checksum {
    pub(super) algorithm: Algorithm,
    pub(super) value: String,
}

/// A CRC of 32 bits whose polynomial is given bit-reversed.
fn crc_32(polynomial: u32, bytes: &[u8]) -> u32 {
    let fold = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (polynomial * (crc & 1)))
    };
    !bytes.iter().fold(u32::MAX, fold)
}

/// What S3 computes itself when the client sends no checksum.
fn crc_64_nvme(bytes: &[u8]) -> u64 {
    const POLYNOMIAL: u64 = 0x9A6C_9329_AC4B_C9B5;
    let fold = |crc: u64, byte: &u8| {
        (0..8).fold(crc ^ u64::from(*byte), |crc, _| (crc >> 1) ^ (POLYNOMIAL * (crc & 1)))
    };
    !bytes.iter().fold(u64::MAX, fold)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of the CRC catalogue, for the bytes `123456789`.
    #[test]
    fn computes_the_published_check_values() {
        assert_eq!(crc_32(0xEDB8_8320, b"123456789"), 0xCBF4_3926);
        assert_eq!(crc_32(0x82F6_3B78, b"123456789"), 0xE306_9283);
        assert_eq!(crc_64_nvme(b"123456789"), 0xAE8B_1486_0A79_9888);
    }
}
