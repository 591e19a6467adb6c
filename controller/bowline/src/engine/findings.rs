//! What is wrong with files is told in the log: once per commit, and only what the commit before did not have.

use bowline_core::desired::{Finding, Severity};

/// What was told of the newest commit.
#[derive(Debug, Default)]
pub(super) struct Findings {
    commit: String,
    known: Vec<Finding>,
}

impl Findings {
    /// Warns of each finding that is new, by its place and its message: the line itself is left out, since a log is read by
    /// more people than the repository is.
    pub(super) fn log(&mut self, commit: &str, findings: &[Finding]) {
        for finding in self.news(commit, findings) {
            let place = place(finding);
            match finding.severity {
                Severity::Error => tracing::warn!(%place, "error: {}", finding.message),
                Severity::Warning => tracing::warn!(%place, "{}", finding.message),
            }
        }
    }

    /// What the commit before did not have, wherever it stood in the same file.
    fn news<'a>(&mut self, commit: &str, findings: &'a [Finding]) -> Vec<&'a Finding> {
        if self.commit == commit {
            return Vec::new();
        }
        let known = std::mem::replace(&mut self.known, findings.to_vec());
        commit.clone_into(&mut self.commit);
        let is_known = |finding: &&Finding| {
            let same = |old: &Finding| {
                (&old.location.path, &old.message) == (&finding.location.path, &finding.message)
            };
            known.iter().any(same)
        };
        findings.iter().filter(|finding| !is_known(finding)).collect()
    }
}

/// `prod/web.yaml:12:5`, or the file alone.
fn place(finding: &Finding) -> String {
    let location = &finding.location;
    if location.line == 0 {
        return location.path.clone();
    }
    format!("{}:{}:{}", location.path, location.line, location.column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_is_told_once_by_its_place() {
        let (large, link) = (Finding::too_large("a.yaml", 2_000_000), Finding::symlink("b.yaml"));
        let mut moved = link.clone();
        (moved.location.line, moved.location.column) = (3, 5);
        let mut findings = Findings::default();
        let mut told = |commit: &str, found: &[Finding]| -> Vec<String> {
            findings.news(commit, found).into_iter().map(place).collect()
        };
        assert_eq!(told("one", std::slice::from_ref(&moved)), ["b.yaml:3:5"]);
        assert_eq!(told("one", &[large.clone(), moved.clone()]), Vec::<String>::new());
        assert_eq!(told("two", &[large, link]), ["a.yaml"]);
        assert_eq!(told("three", &[]), Vec::<String>::new());
        assert_eq!(told("four", &[moved]), ["b.yaml:3:5"]);
    }
}
