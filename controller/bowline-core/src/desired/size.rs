//! Sizes as AWS takes them: a number, or a number with a unit.

use serde_json::Value;

/// The unit of a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// CPU units, 1024 to a `vCPU`.
    Cpu,
    /// MiB, 1024 to a `GB`.
    Memory,
}

impl Unit {
    /// The size as AWS stores it: `"1 vCPU"` and `"1GB"` become `"1024"`, numbers become text, and what is no size stays as
    /// it is. `None` for what is neither a number nor text.
    pub(crate) fn stored(self, value: &Value) -> Option<String> {
        match value {
            Value::Number(number) => Some(number.to_string()),
            Value::String(text) => {
                Some(self.units(text).map_or_else(|| text.clone(), |units| units.to_string()))
            }
            _ => None,
        }
    }

    /// CPU units or MiB.
    pub(crate) fn units(self, text: &str) -> Option<u64> {
        let text = text.trim().to_ascii_lowercase();
        let unit = match self {
            Self::Cpu => "vcpu",
            Self::Memory => "gb",
        };
        let Some(amount) = text.strip_suffix(unit) else { return text.parse().ok() };
        let (whole, fraction) = amount.trim().split_once('.').unwrap_or((amount.trim(), ""));
        if fraction.len() > 6 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let scale = 10u64.pow(u32::try_from(fraction.len()).ok()?);
        let part: u64 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
        whole.checked_mul(1024)?.checked_add(part * 1024 / scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_and_without_their_unit() {
        let table = [
            (Unit::Cpu, "1024", Some(1024)),
            (Unit::Cpu, "1 vCPU", Some(1024)),
            (Unit::Cpu, ".25 vcpu", Some(256)),
            (Unit::Cpu, "1GB", None),
            (Unit::Memory, "0.5GB", Some(512)),
            (Unit::Memory, " 30 GB ", Some(30720)),
            (Unit::Memory, "GB", Some(0)),
            (Unit::Memory, "1.5.5GB", None),
            (Unit::Memory, "99999999999999999999GB", None),
            (Unit::Memory, "much", None),
        ];
        for (unit, text, units) in table {
            assert_eq!(unit.units(text), units, "{text}");
        }
    }
}
