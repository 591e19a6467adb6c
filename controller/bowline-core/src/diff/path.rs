//! Field paths such as `containerDefinitions[name=web].environment[name=LOG_LEVEL].value`, and patterns of them.

use crate::name::FieldPath;

/// The paths that somebody else owns, ready to be asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ignored(Vec<Vec<String>>);

impl Ignored {
    /// Reads the patterns of a manifest.
    pub(crate) fn new(patterns: &[FieldPath]) -> Self {
        Self(patterns.iter().map(|pattern| inner(parts(pattern.as_str()))).collect())
    }

    /// Whether the field, or something that it is a part of, is ignored. Paths inside a task definition may be written
    /// with or without the leading `taskDefinition.`, here and in the patterns.
    pub(crate) fn covers(&self, path: &str) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let path = inner(parts(path));
        self.0.iter().any(|pattern| is_prefix(pattern, &path))
    }

    /// Whether nothing is ignored.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Leaves out a leading `taskDefinition`, unless that is all there is.
fn inner(mut parts: Vec<String>) -> Vec<String> {
    if parts.len() > 1 && parts[0] == "taskDefinition" {
        parts.remove(0);
    }
    parts
}

fn is_prefix(pattern: &[String], path: &[String]) -> bool {
    pattern.len() <= path.len()
        && pattern.iter().zip(path).all(|(wanted, found)| match wanted.as_str() {
            "*" => true,
            "[*]" => found.starts_with('['),
            text => text == found,
        })
}

/// Splits at dots and before brackets; what stands in brackets stays whole.
pub(crate) fn parts(path: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut depth = 0_usize;
    for character in path.chars() {
        match character {
            '[' if depth == 0 => {
                if !part.is_empty() {
                    parts.push(std::mem::take(&mut part));
                }
                part.push('[');
                depth = 1;
            }
            '[' => {
                part.push('[');
                depth += 1;
            }
            ']' => {
                part.push(']');
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    parts.push(std::mem::take(&mut part));
                }
            }
            '.' if depth == 0 => {
                if !part.is_empty() {
                    parts.push(std::mem::take(&mut part));
                }
            }
            other => part.push(other),
        }
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(pattern: &str, path: &str) -> bool {
        Ignored::new(&[FieldPath::parse(pattern).unwrap()]).covers(path)
    }

    #[test]
    fn a_pattern_covers_its_field_and_everything_below() {
        let image = "taskDefinition.containerDefinitions[name=web].image";
        assert!(covers("taskDefinition.containerDefinitions[*].image", image));
        assert!(covers("containerDefinitions[*].image", image));
        assert!(covers("containerDefinitions[name=web].image", image));
        assert!(covers("containerDefinitions[name=web]", image));
        assert!(covers("taskDefinition.*[*].image", image));
        assert!(!covers("containerDefinitions[name=worker].image", image));
        assert!(!covers("containerDefinitions.image", image));
        assert!(!covers("image", image));
        assert!(!covers("containerDefinitions[*].image", "taskDefinition"));
        assert!(covers("desiredCount", "desiredCount"));
    }

    #[test]
    fn dots_inside_brackets_belong_to_the_name() {
        let path = "containerDefinitions[name=web].systemControls[namespace=net.core.somaxconn].value";
        assert!(covers("containerDefinitions[*].systemControls[namespace=net.core.somaxconn].value", path));
        assert!(!covers("containerDefinitions[*].systemControls[namespace=net.core].value", path));
    }
}
