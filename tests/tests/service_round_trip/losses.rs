//! What a server is known to lose of a service, and which of that it did lose.

use std::collections::BTreeSet;

use bowline_tests::generate::place::{field, within};
use bowline_tests::known_differences::{LOST_SETTINGS, LostBy, LostSetting};

use super::cases::Case;

pub(super) struct Losses {
    rows: Vec<&'static LostSetting>,
    seen: BTreeSet<&'static str>,
}

impl Losses {
    pub(super) fn of(server: &str) -> Self {
        let rows = LOST_SETTINGS.iter().filter(|row| row.server == server).collect();
        Self { rows, seen: BTreeSet::new() }
    }

    /// The paths without those that are known to be lost on the way that the service went.
    pub(super) fn leave(&mut self, case: &Case, paths: Vec<String>) -> Vec<String> {
        let mut left = Vec::new();
        for path in paths {
            let lost = self.rows.iter().find(|row| is_lost(row, case) && within(&field(&path), row.path));
            match lost {
                Some(row) => drop(self.seen.insert(row.path)),
                None => left.push(path),
            }
        }
        left
    }

    /// Whether the change of this case is not seen, as is known.
    pub(super) fn hide(&mut self, case: &Case, paths: &[String]) -> bool {
        let mut lost = self.rows.iter().filter(|row| is_lost(row, case));
        let known = lost.find(|row| within(case.field, row.path) || within(row.path, case.field));
        let known = known.filter(|_| !case.field.is_empty());
        self.seen.extend(known.filter(|_| !case.reported.is(paths)).map(|row| row.path));
        known.is_some()
    }

    /// Every row is needed, and there are as many as are known.
    pub(super) fn are(self, known: usize) {
        let rows: BTreeSet<&str> = self.rows.iter().map(|row| row.path).collect();
        assert_eq!(self.seen, rows, "rows that are not needed any more go out of the table");
        assert_eq!(rows.len(), known);
        assert!(self.rows.iter().all(|row| row.why.len() > 20), "every row says why");
    }
}

fn is_lost(row: &LostSetting, case: &Case) -> bool {
    match row.by {
        LostBy::Both => true,
        LostBy::Creating => !case.is_restated(),
        LostBy::Updating => case.updated.is_some(),
    }
}
