//! What of a pull request's findings does the branch have already?

use std::collections::BTreeMap;

use super::{Change, Compared};
use crate::desired::{DesiredState, Finding, FindingCode, Origin, ResourceKey, ResourceKind, Severity};
use crate::name::ResourceName;
use crate::plan::Warning;

/// The findings in the files of a pull request, as it would be merged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Findings {
    /// What the branch does not have.
    pub brought: Vec<Finding>,
    /// What the branch has already.
    pub standing: Vec<Finding>,
}

/// What makes two findings the same: not where they stand. A resource may move to another file.
type What<'a> = (Result<ResourceKey, &'a str>, Severity, FindingCode, &'a str);

impl Findings {
    /// Holds the findings of a state against those of the one before. Where the same stands twice, it counts twice.
    pub fn compare(before: (&DesiredState, &[Finding]), after: (&DesiredState, &[Finding])) -> Self {
        let mut known: BTreeMap<What<'_>, usize> = BTreeMap::new();
        let owners = Owners::of(before.0);
        for finding in before.1 {
            *known.entry(owners.what(finding)).or_default() += 1;
        }
        let owners = Owners::of(after.0);
        let mut found = Self::default();
        for finding in after.1 {
            match known.get_mut(&owners.what(finding)).filter(|left| **left > 0) {
                Some(left) => {
                    *left -= 1;
                    found.standing.push(finding.clone());
                }
                None => found.brought.push(finding.clone()),
            }
        }
        found
    }

    /// How many of these are errors, and how many warnings.
    pub(super) fn count(findings: &[Finding], severity: Severity) -> usize {
        findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

/// Whose document a line belongs to: per file, the resources by the line that they begin on.
struct Owners(BTreeMap<String, BTreeMap<usize, ResourceKey>>);

impl Owners {
    fn of(state: &DesiredState) -> Self {
        let mut owners = Self(BTreeMap::new());
        let mut add = |kind, name: &ResourceName, origin: &Origin| {
            let lines = owners.0.entry(origin.path.clone()).or_default();
            lines.insert(origin.line, ResourceKey { kind, name: name.clone() });
        };
        for (name, target) in &state.targets {
            add(ResourceKind::Target, name, &target.origin);
        }
        for (name, service) in &state.services {
            add(ResourceKind::EcsService, name, &service.resource.origin);
        }
        for (name, secret) in &state.secrets {
            add(ResourceKind::Secret, name, &secret.origin);
        }
        for (name, terraform) in &state.states {
            add(ResourceKind::TerraformState, name, &terraform.origin);
        }
        owners
    }

    fn what<'f>(&self, finding: &'f Finding) -> What<'f> {
        let place = &finding.location;
        let lines = self.0.get(&place.path).filter(|_| place.line > 0);
        let owner = lines.and_then(|lines| lines.range(..=place.line).next_back());
        let owner = owner.map(|(_, key)| key.clone()).ok_or(place.path.as_str());
        (owner, finding.severity, finding.code, &finding.message)
    }
}

impl Compared {
    /// The warnings of a comparison with live that come with the pull request. Where nobody knows what the branch has, none does.
    pub(super) fn brought(&self) -> usize {
        let is_added =
            |key| self.changes.iter().any(|(other, change)| other == key && *change == Change::Added);
        let reports = self.reports.iter().filter_map(|report| {
            let known = self.before.get(&report.resource).map(Vec::as_slice);
            Some((report, known.or_else(|| is_added(&report.resource).then_some(&[][..]))?))
        });
        let brought = reports.map(|(report, known)| {
            let is_new = |warning: &&Warning| is_gits(warning) && !known.iter().any(|old| has(old, warning));
            report.warnings.iter().filter(is_new).count()
        });
        brought.sum()
    }
}

/// Whether git decides it: what live or the time brings about is nobody's pull request.
fn is_gits(warning: &Warning) -> bool {
    match warning {
        Warning::CountAutoscaled { .. } | Warning::CircuitBreakerOff | Warning::ManagedByTerraform { .. } => {
            true
        }
        Warning::ImageDrift { .. } | Warning::SuspensionEnds { .. } => false,
    }
}

/// Whether a warning of the branch is the same one, whatever it says of numbers.
fn has(old: &Warning, new: &Warning) -> bool {
    match (old, new) {
        (
            Warning::ManagedByTerraform { address: old, attributes: before, .. },
            Warning::ManagedByTerraform { address: new, attributes: after, .. },
        ) => old == new && after.iter().all(|attribute| before.contains(attribute)),
        (old, new) => std::mem::discriminant(old) == std::mem::discriminant(new),
    }
}
