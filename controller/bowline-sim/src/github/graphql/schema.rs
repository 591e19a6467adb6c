//! The types and fields that the simulator knows of GitHub's schema.

/// Type, field, and the type of the field where it has fields itself.
const FIELDS: &[(&str, &str, Option<&str>)] = &[
    ("Query", "repository", Some("Repository")),
    ("Query", "node", Some("Node")),
    ("Query", "viewer", Some("User")),
    ("Query", "rateLimit", Some("RateLimit")),
    ("Mutation", "enablePullRequestAutoMerge", Some("EnablePullRequestAutoMergePayload")),
    ("Mutation", "disablePullRequestAutoMerge", Some("DisablePullRequestAutoMergePayload")),
    ("EnablePullRequestAutoMergePayload", "actor", Some("Actor")),
    ("EnablePullRequestAutoMergePayload", "clientMutationId", None),
    ("EnablePullRequestAutoMergePayload", "pullRequest", Some("PullRequest")),
    ("DisablePullRequestAutoMergePayload", "actor", Some("Actor")),
    ("DisablePullRequestAutoMergePayload", "clientMutationId", None),
    ("DisablePullRequestAutoMergePayload", "pullRequest", Some("PullRequest")),
    ("RateLimit", "limit", None),
    ("RateLimit", "remaining", None),
    ("RateLimit", "used", None),
    ("RateLimit", "resetAt", None),
    ("RateLimit", "cost", None),
    ("Actor", "login", None),
    ("Actor", "url", None),
    ("User", "login", None),
    ("User", "url", None),
    ("Bot", "login", None),
    ("Bot", "url", None),
    ("Repository", "id", None),
    ("Repository", "name", None),
    ("Repository", "nameWithOwner", None),
    ("Repository", "url", None),
    ("Repository", "autoMergeAllowed", None),
    ("Repository", "mergeCommitAllowed", None),
    ("Repository", "squashMergeAllowed", None),
    ("Repository", "rebaseMergeAllowed", None),
    ("Repository", "deleteBranchOnMerge", None),
    ("Repository", "pullRequest", Some("PullRequest")),
    ("PullRequest", "id", None),
    ("PullRequest", "fullDatabaseId", None),
    ("PullRequest", "number", None),
    ("PullRequest", "title", None),
    ("PullRequest", "body", None),
    ("PullRequest", "url", None),
    ("PullRequest", "state", None),
    ("PullRequest", "closed", None),
    ("PullRequest", "closedAt", None),
    ("PullRequest", "merged", None),
    ("PullRequest", "mergedAt", None),
    ("PullRequest", "isDraft", None),
    ("PullRequest", "mergeable", None),
    ("PullRequest", "mergeStateStatus", None),
    ("PullRequest", "reviewDecision", None),
    ("PullRequest", "headRefName", None),
    ("PullRequest", "headRefOid", None),
    ("PullRequest", "baseRefName", None),
    ("PullRequest", "baseRefOid", None),
    ("PullRequest", "createdAt", None),
    ("PullRequest", "updatedAt", None),
    ("PullRequest", "author", Some("Actor")),
    ("PullRequest", "mergedBy", Some("Actor")),
    ("PullRequest", "mergeCommit", Some("Commit")),
    ("PullRequest", "autoMergeRequest", Some("AutoMergeRequest")),
    ("Commit", "oid", None),
    ("Commit", "url", None),
    ("AutoMergeRequest", "enabledAt", None),
    ("AutoMergeRequest", "enabledBy", Some("Actor")),
    ("AutoMergeRequest", "mergeMethod", None),
    ("AutoMergeRequest", "commitHeadline", None),
    ("AutoMergeRequest", "commitBody", None),
];

/// A field of a type.
pub(super) enum Known {
    /// There is none of this name.
    No,
    /// It has a value.
    Scalar,
    /// It has fields of this type.
    Object(&'static str),
}

/// Looks a field up.
pub(super) fn field(kind: &str, name: &str) -> Known {
    if name == "__typename" {
        return Known::Scalar;
    }
    let found = FIELDS.iter().find(|(of, field, _)| (*of, *field) == (kind, name));
    found.map_or(Known::No, |(_, _, inner)| inner.map_or(Known::Scalar, Known::Object))
}

/// Whether a fragment `on` a type or interface applies to an object.
pub(super) fn applies(on: &str, kind: &str) -> bool {
    let actor = matches!(kind, "User" | "Bot" | "Actor");
    on == kind || (on == "Actor" && actor) || (on == "Node" && matches!(kind, "PullRequest" | "Repository"))
}
