//! `compare/{base}...{head}`: what one commit has that another has not.

use serde_json::json;

use super::call::Scope;
use super::changes::Changes;
use super::commits::commit;
use super::permission::READ_CONTENTS;
use super::reply::{Answer, Handled, Refusal};
use super::route::Route;

pub(super) const ROUTES: &[Route] = &[Route::get(
    "/repos/{owner}/{repo}/compare/{basehead}",
    READ_CONTENTS,
    "commits/commits#compare-two-commits",
    compare,
)];

fn compare(scope: &mut Scope<'_>) -> Handled {
    let (repository, urls) = (&*scope.repository, &scope.call.urls);
    let git = &repository.git;
    let asked = scope.call.parameter("basehead");
    let (base, head) = asked.split_once("...").ok_or_else(Refusal::not_found)?;
    // `owner:branch` is how GitHub names the branches of forks; ours has none.
    let own = |text: &str| text.rsplit(':').next().and_then(|name| git.resolve(name));
    let (Some(from), Some(to)) = (own(base), own(head)) else { return Err(Refusal::not_found()) };
    let merge_base = git.store.merge_base(from, to).map_err(|_| {
        let message = format!("No common ancestor between {base} and {head}.");
        Refusal::new(http::StatusCode::NOT_FOUND, message)
    })?;
    let (ahead, behind) = (git.between(Some(from), to)?, git.between(Some(to), from)?);
    let status = match (ahead.is_empty(), behind.is_empty()) {
        (true, true) => "identical",
        (false, true) => "ahead",
        (true, false) => "behind",
        (false, false) => "diverged",
    };
    let total = ahead.len();
    let (shown, link) = scope.call.cut(ahead.clone());
    let commits = shown.into_iter().map(|id| commit(urls, repository, id)).collect::<Result<Vec<_>, _>>()?;
    let full_name = repository.full_name();
    let web = format!("{}/{full_name}/compare", urls.web);
    let url = format!("{}/compare/{asked}", urls.repository(&full_name));
    let mut answer = Answer::ok(json!({
        "url": url,
        "html_url": format!("{web}/{asked}"),
        "permalink_url": format!("{web}/{from}...{to}"),
        "diff_url": format!("{web}/{asked}.diff"),
        "patch_url": format!("{web}/{asked}.patch"),
        "base_commit": commit(urls, repository, from)?,
        "merge_base_commit": commit(urls, repository, merge_base)?,
        "status": status,
        "ahead_by": total,
        "behind_by": behind.len(),
        "total_commits": total,
        "commits": commits,
        "files": Changes::between(git, Some(merge_base), to)?.render(urls, &full_name, to),
    }));
    answer.headers.extend(link.map(|link| ("link", link)));
    Ok(answer)
}
