//! Identifiers as AWS hands them out, from a seed: the same seed and calls give the same ids.

/// A `SplitMix64` sequence that words its numbers the way AWS words identifiers.
#[derive(Debug)]
pub(crate) struct Ids {
    state: u64,
}

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next number of the sequence.
    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// 32 hexadecimal digits, as task ids have.
    pub(crate) fn hex32(&mut self) -> String {
        format!("{:016x}{:016x}", self.next(), self.next())
    }

    /// The shape of a version 4 UUID.
    pub(crate) fn uuid(&mut self) -> String {
        let high = (self.next() & !0xF000) | 0x4000;
        let low = (self.next() & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000;
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xFFFF,
            high & 0xFFFF,
            low >> 48,
            low & 0xFFFF_FFFF_FFFF
        )
    }

    /// The 19 digits that a deployment `ecs-svc/<n>` and its service revision share.
    pub(crate) fn deployment_number(&mut self) -> u64 {
        1_000_000_000_000_000_000 + self.next() % 8_000_000_000_000_000_000
    }

    /// The last part of a service deployment's ARN: 21 letters, digits, `-` or `_`.
    pub(crate) fn short(&mut self) -> String {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
        let mut out = String::with_capacity(21);
        while out.len() < 21 {
            let mut bits = self.next();
            for _ in 0..10 {
                out.push(char::from(ALPHABET[(bits & 63) as usize]));
                bits >>= 6;
            }
        }
        out.truncate(21);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_lengths_of_aws() {
        let mut ids = Ids::new(1);
        assert_eq!(ids.hex32().len(), 32);
        assert_eq!(ids.short().len(), 21);
        assert_eq!(ids.deployment_number().to_string().len(), 19);
        let uuid = ids.uuid();
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"));
    }

    #[test]
    fn one_seed_gives_one_sequence() {
        assert_eq!(Ids::new(7).hex32(), Ids::new(7).hex32());
        assert_ne!(Ids::new(7).hex32(), Ids::new(8).hex32());
    }
}
