//! A commit that is to be: its change, its message, the name of its branch.

use std::collections::BTreeSet;

use crate::desired::ResourceKey;
use crate::edit::Edit;
use crate::name::CommitId;
use crate::rollback::revert::{RESOURCE_TRAILER, branch_name};

/// One commit that a verb asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The verb, for the branch's name: `scale`.
    pub verb: &'static str,
    /// The resource that it is about; none for a commit that is about the branch.
    pub about: Option<ResourceKey>,
    /// The change; none for a commit that only says something.
    pub edit: Option<Edit>,
    /// The first line of the message.
    pub subject: String,
    /// Paragraphs that say what and why.
    pub body: Vec<String>,
    /// Name and value of each trailer besides the resource's.
    pub trailers: Vec<(&'static str, String)>,
    /// What the person who asks should know; not part of the message.
    pub notes: Vec<String>,
}

impl Draft {
    pub(super) fn about(verb: &'static str, resource: ResourceKey, edit: Option<Edit>) -> Self {
        Self { about: Some(resource), ..Self::of_branch(verb, edit) }
    }

    pub(super) fn of_branch(verb: &'static str, edit: Option<Edit>) -> Self {
        Self {
            verb,
            about: None,
            edit,
            subject: String::new(),
            body: Vec::new(),
            trailers: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The whole message. `who` asks, and `command` is what was typed.
    pub fn message(&self, who: &str, command: &str) -> String {
        let resource = self.about.iter().map(|resource| (RESOURCE_TRAILER, resource.to_string()));
        let trailers = self.trailers.iter().cloned().chain(resource);
        let trailers: Vec<String> = trailers.map(|(name, value)| format!("{name}: {value}\n")).collect();
        let mut paragraphs = vec![self.subject.clone()];
        paragraphs.extend(self.body.iter().cloned());
        paragraphs.extend([asked(who, command), trailers.concat()]);
        paragraphs.join("\n\n")
    }

    /// The resources that the commit may change.
    pub fn meant(&self) -> BTreeSet<ResourceKey> {
        self.about.iter().cloned().collect()
    }

    /// The name of its branch: the same for the same verb, resource, head and attempt.
    pub fn branch(&self, head: &CommitId, attempt: u32) -> String {
        match &self.about {
            Some(resource) => branch_name(self.verb, resource, head, attempt),
            None => format!("bowline/{}/{head:.12}-{attempt}", self.verb),
        }
    }
}

/// Who asked, and by which command. Both are put on one line: what follows an empty line could be taken for a trailer.
pub(super) fn asked(who: &str, command: &str) -> String {
    format!("Asked for by {} with `{}`.", one_line(who), one_line(command))
}

/// The text without line breaks and other control characters.
pub(super) fn one_line(text: &str) -> String {
    let words = text.split(|character: char| character.is_whitespace() || character.is_control());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}
