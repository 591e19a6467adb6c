//! Field paths such as `containerDefinitions[name=web].environment[name=LOG_LEVEL].value`, and patterns of them.

use crate::name::FieldPath;

/// The paths that somebody else owns, ready to be asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ignored(Vec<Vec<String>>);

impl Ignored {
    /// Reads the patterns of a manifest.
    pub(crate) fn new(patterns: &[FieldPath]) -> Self {
        Self(patterns.iter().flat_map(|pattern| readings(parts(pattern.as_str()))).collect())
    }

    /// Whether the field, or something that it is a part of, is ignored. Paths inside a task definition may be written
    /// with or without the leading `taskDefinition.`, here and in the patterns.
    pub(crate) fn covers(&self, path: &str) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let path = from_root(parts(path));
        self.0.iter().any(|pattern| is_prefix(pattern, &path))
    }

    /// Whether nothing is ignored.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The paths of a service begin with one of these; any other begins inside of its task definition.
const ROOTS: [&str; 5] = ["create", "desiredCount", "restart", "settings", "taskDefinition"];

/// The path with the leading `taskDefinition` that may have been left out.
fn from_root(mut parts: Vec<String>) -> Vec<String> {
    if parts.first().is_some_and(|first| !ROOTS.contains(&first.as_str())) {
        parts.insert(0, "taskDefinition".to_owned());
    }
    parts
}

/// The ways to read a pattern. Where it begins with `*`, that stands for a root as well as for a field of the task definition.
fn readings(parts: Vec<String>) -> Vec<Vec<String>> {
    let as_written = (parts.first().map(String::as_str) == Some("*")).then(|| parts.clone());
    as_written.into_iter().chain([from_root(parts)]).collect()
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
    fn a_star_stands_for_one_part_of_the_whole_path() {
        let image = "taskDefinition.containerDefinitions[name=web].image";
        let paths =
            ["taskDefinition", image, "desiredCount", "restart", "settings.propagateTags", "create.role"];
        let covered = |pattern| paths.into_iter().filter(|path| covers(pattern, path)).collect::<Vec<_>>();
        assert_eq!(covered("*"), paths);
        assert_eq!(covered("taskDefinition"), ["taskDefinition", image]);
        assert_eq!(covered("taskDefinition.*"), [image]);
        assert_eq!(covered("settings.*"), ["settings.propagateTags"]);
        assert_eq!(covered("*.propagateTags"), ["settings.propagateTags"]);
        assert_eq!(covered("*[*].image"), [image]);
        assert_eq!(covered("*.*[*].image"), [image]);
    }

    #[test]
    fn dots_inside_brackets_belong_to_the_name() {
        let path = "containerDefinitions[name=web].systemControls[namespace=net.core.somaxconn].value";
        assert!(covers("containerDefinitions[*].systemControls[namespace=net.core.somaxconn].value", path));
        assert!(!covers("containerDefinitions[*].systemControls[namespace=net.core].value", path));
    }
}
