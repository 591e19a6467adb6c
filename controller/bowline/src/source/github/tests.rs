//! The adapter against the simulated GitHub, over the wire.

use std::process::Command;
use std::time::Duration;

use bowline_core::preview::Conclusion;
use bowline_core::rollback::machine::{Mergeability, Pull, PullState, TroubleKind};
use bowline_sim::{
    Fault, FaultRule, GitHub as Simulated, GitHubApp, GitHubConfig, Permissions, Protection,
    RepositorySettings,
};

use serde_json::json;

use super::*;
use bowline_core::name::CommitId;

const REPOSITORY: &str = "acme/infra";
const BRANCH: &str = "bowline/rollback/ecsservice-web/0123456789ab-1";
const MERGE: &str = "PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge";

/// A GitHub with `main`, and a branch with one more commit.
struct Site {
    simulated: Simulated,
    folder: std::path::PathBuf,
    token: String,
}

impl Site {
    async fn new() -> Self {
        Self::with(RepositorySettings { mergeability_takes_a_moment: false, ..RepositorySettings::default() })
            .await
    }

    async fn with(settings: RepositorySettings) -> Self {
        Self::of(GitHubConfig::default(), settings).await
    }

    async fn of(config: GitHubConfig, settings: RepositorySettings) -> Self {
        let simulated = Simulated::start(config).await.unwrap();
        let folder = simulated.create_repository(REPOSITORY, settings).unwrap();
        let token = simulated.create_token("bowline", Permissions::controller()).unwrap();
        let site = Self { simulated, folder, token };
        site.commit("main", None, "good");
        site.commit(BRANCH, Some("main"), "revert");
        site
    }

    fn commit(&self, branch: &str, onto: Option<&str>, content: &str) -> CommitId {
        let git = git2::Repository::open_bare(&self.folder).unwrap();
        let parent = onto
            .map(|name| git.find_reference(&format!("refs/heads/{name}")).unwrap().peel_to_commit().unwrap());
        let mut tree = git.treebuilder(None).unwrap();
        tree.insert("web.yaml", git.blob(content.as_bytes()).unwrap(), 0o100_644).unwrap();
        let tree = git.find_tree(tree.write().unwrap()).unwrap();
        let who = git2::Signature::new("Ada", "ada@example.com", &git2::Time::new(1_760_000_000, 0)).unwrap();
        let parents: Vec<_> = parent.iter().collect();
        let id = git.commit(None, &who, &who, content, &tree, &parents).unwrap();
        git.reference(&format!("refs/heads/{branch}"), id, true, "test").unwrap();
        CommitId::parse(&id.to_string()).unwrap()
    }

    fn tip(&self, branch: &str) -> CommitId {
        let git = git2::Repository::open_bare(&self.folder).unwrap();
        let tip = git.refname_to_id(&format!("refs/heads/{branch}")).unwrap();
        CommitId::parse(&tip.to_string()).unwrap()
    }

    fn settings(&self) -> GitHubSettings {
        GitHubSettings {
            base_url: self.simulated.url(),
            repository: RepositoryName::parse(REPOSITORY).unwrap(),
            auth: GitHubAuth::Token(Credential::Value(self.token.clone().into())),
            labels: BTreeSet::from(["rollback".to_owned()]),
            reviewers: BTreeSet::from(["ada".to_owned(), "acme/platform".to_owned()]),
        }
    }

    fn github(&self) -> GitHub {
        GitHub::new(self.settings(), Clock::real())
    }

    async fn opened(&self) -> Pull {
        self.github().open_pull(&new_pull()).await.unwrap()
    }

    /// How often an operation was called.
    fn calls(&self, operation: &str) -> usize {
        self.simulated.calls().iter().filter(|call| call.operation == operation).count()
    }

    async fn strike(&self, fault: Fault) -> GitHubError {
        self.simulated.add_fault(FaultRule::new(fault).service("github").times(1));
        let error = self.github().pull_of(BRANCH).await.unwrap_err();
        self.simulated.clear_faults();
        error
    }
}

/// An open pull request that a required check keeps from being merged, where the server may merge by itself later.
async fn behind_a_check() -> (Site, Pull) {
    let settings = RepositorySettings {
        mergeability_takes_a_moment: false,
        allow_auto_merge: true,
        ..RepositorySettings::default()
    };
    let site = Site::with(settings).await;
    let rules = Protection { required_checks: vec!["ci".to_owned()], ..Protection::default() };
    site.simulated.protect(REPOSITORY, "main", Some(rules)).unwrap();
    let pull = site.opened().await;
    (site, pull)
}

fn new_pull() -> NewPull {
    NewPull {
        title: "Revert \"Release web\"".to_owned(),
        body: "why".to_owned(),
        head: BRANCH.to_owned(),
        base: "main".to_owned(),
    }
}

#[tokio::test]
async fn a_pull_request_is_found_by_its_branch_and_followed_until_it_is_merged() {
    let site = Site::new().await;
    let github = site.github();
    assert_eq!(github.pull_of(BRANCH).await.unwrap(), None);
    let opened = github.open_pull(&new_pull()).await.unwrap();
    let ready = PullState::Open { mergeability: Mergeability::Ready, auto_merge: false };
    let expected = Pull {
        number: 1,
        url: format!("{}/acme/infra/pull/1", site.simulated.url()),
        node_id: opened.node_id.clone(),
        branch: BRANCH.to_owned(),
        base: "main".to_owned(),
        head: site.tip(BRANCH),
        body: "why".to_owned(),
        armed_by_author: false,
        state: ready,
    };
    assert_eq!(opened, expected);
    assert_eq!(github.pull_of(BRANCH).await.unwrap(), Some(expected.clone()));
    github.set_body(1, "why, and more").await.unwrap();
    assert_eq!(github.pull(1).await.unwrap().body, "why, and more");
    github.merge(1, &expected.head, "Revert").await.unwrap();
    assert_eq!(github.pull_of(BRANCH).await.unwrap().unwrap().state, PullState::Merged);
    assert_eq!(github.newest_pulls().await.unwrap().len(), 1);
}

#[tokio::test]
async fn only_the_expected_head_is_merged() {
    let site = Site::new().await;
    let pull = site.opened().await;
    site.commit(BRANCH, Some(BRANCH), "something else");
    let refused = site.github().merge(pull.number, &pull.head, "Revert").await.unwrap_err();
    let GitHubError::Refused { status: 409, .. } = &refused else { panic!("{refused}") };
    assert_eq!(refused.trouble().kind, TroubleKind::Passing);
    let open = PullState::Open { mergeability: Mergeability::Ready, auto_merge: false };
    assert_eq!(site.github().pull(pull.number).await.unwrap().state, open);
}

#[tokio::test]
async fn where_rules_are_in_the_way_github_merges_it_later() {
    let (site, pull) = behind_a_check().await;
    let blocked = |auto_merge| PullState::Open { mergeability: Mergeability::Blocked, auto_merge };
    assert_eq!(pull.state, blocked(false));
    let stranger = CommitId::parse(&"0".repeat(40)).unwrap();
    let refused = site.github().enable_auto_merge(&pull.node_id, &stranger, "Revert").await.unwrap_err();
    assert!(matches!(&refused, GitHubError::Refused { status: 200, .. }), "{refused}");
    site.github().enable_auto_merge(&pull.node_id, &pull.head, "Revert").await.unwrap();
    assert_eq!(site.github().pull(pull.number).await.unwrap().state, blocked(true));
    site.simulated.protect(REPOSITORY, "main", None).unwrap();
    assert_eq!(site.github().pull(pull.number).await.unwrap().state, PullState::Merged);
}

#[tokio::test]
async fn what_was_to_merge_itself_does_not_any_more() {
    let (site, pull) = behind_a_check().await;
    let github = site.github();
    github.enable_auto_merge(&pull.node_id, &pull.head, "Revert").await.unwrap();
    assert!(github.pull(pull.number).await.unwrap().armed_by_author);
    github.disable_auto_merge(&pull.node_id).await.unwrap();
    site.simulated.protect(REPOSITORY, "main", None).unwrap();
    let open = PullState::Open { mergeability: Mergeability::Ready, auto_merge: false };
    let after = github.pull(pull.number).await.unwrap();
    assert_eq!((after.state, after.armed_by_author), (open, false));
    // Somebody else may want it: that is theirs.
    let rules = Protection { required_checks: vec!["ci".to_owned()], ..Protection::default() };
    site.simulated.protect(REPOSITORY, "main", Some(rules)).unwrap();
    let ada = site.simulated.create_token("ada", Permissions::controller()).unwrap();
    let auth = GitHubAuth::Token(Credential::Value(ada.into()));
    let ada = GitHub::new(GitHubSettings { auth, ..site.settings() }, Clock::real());
    ada.enable_auto_merge(&pull.node_id, &pull.head, "Revert").await.unwrap();
    let by_ada = github.pull(pull.number).await.unwrap();
    assert!(matches!(by_ada.state, PullState::Open { auto_merge: true, .. }) && !by_ada.armed_by_author);
}

#[tokio::test]
async fn a_branch_behind_its_base_is_brought_up_to_date_from_the_expected_head_only() {
    let site = Site::new().await;
    let rules = Protection { strict: true, required_checks: vec!["ci".to_owned()], ..Protection::default() };
    let pull = site.opened().await;
    let github = site.github();
    site.commit("main", Some("main"), "good");
    site.simulated.protect(REPOSITORY, "main", Some(rules)).unwrap();
    let ci = Check { context: "ci".to_owned(), ..check(Conclusion::Success, "fine") };
    github.report(&pull.head, &ci).await.unwrap();
    let behind = PullState::Open { mergeability: Mergeability::Behind, auto_merge: false };
    assert_eq!(github.pull(pull.number).await.unwrap().state, behind);
    let stranger = CommitId::parse(&"0".repeat(40)).unwrap();
    let refused = github.update_branch(pull.number, &stranger).await.unwrap_err();
    assert_eq!(refused.trouble().kind, TroubleKind::Passing, "{refused}");
    github.update_branch(pull.number, &pull.head).await.unwrap();
    let updated = github.pull(pull.number).await.unwrap();
    let git = git2::Repository::open_bare(&site.folder).unwrap();
    let commit = git.find_commit(git2::Oid::from_str(updated.head.as_str()).unwrap()).unwrap();
    let parents: Vec<String> = commit.parent_ids().map(|id| id.to_string()).collect();
    assert_eq!(parents, [pull.head.as_str(), site.tip("main").as_str()]);
}

#[tokio::test]
async fn a_limit_that_one_call_met_keeps_all_others_from_being_sent() {
    let site = Site::new().await;
    let github = site.github();
    let pulls = OpenPulls::new("main".to_owned());
    site.simulated.add_fault(FaultRule::new(Fault::Throttle).service("github").times(1));
    let met = github.pull_of(BRANCH).await.unwrap_err();
    let before = site.simulated.calls().len();
    let GitHubError::Limited { kind: "secondary", until } = met else { panic!("{met}") };
    // What previews ask, what writes, and GraphQL: the same limit, and nothing on the wire.
    let again = [
        pulls.list(&github).await.unwrap_err(),
        github.close(1).await.unwrap_err(),
        github.disable_auto_merge("PR_1").await.unwrap_err(),
    ];
    for error in again {
        assert_eq!(error, GitHubError::Limited { kind: "secondary", until });
    }
    assert_eq!(site.simulated.calls().len(), before);
}

#[tokio::test]
async fn the_last_call_of_the_hour_is_known_for_the_last_before_github_refuses_one() {
    let config = GitHubConfig { rate_limit: 2, ..GitHubConfig::default() };
    let site = Site::of(config, RepositorySettings::default()).await;
    let github = site.github();
    for _ in 0..2 {
        assert_eq!(github.newest_pulls().await.unwrap(), []);
    }
    let error = github.newest_pulls().await.unwrap_err();
    let GitHubError::Limited { kind: "primary", until } = error else { panic!("{error}") };
    let wait = until.duration_since(jiff::Timestamp::now()).as_secs();
    assert!((3590..=3601).contains(&wait), "{wait}");
    assert_eq!(site.calls("GET /repos/{owner}/{repo}/pulls"), 2, "the third is not sent");
    // GraphQL has a quota of its own.
    let other = github.disable_auto_merge("PR_1").await.unwrap_err();
    assert!(!matches!(other, GitHubError::Limited { .. }), "{other}");
}

#[tokio::test]
async fn why_no_pull_request_was_opened_is_told_apart() {
    let site = Site::new().await;
    let github = &site.github();
    let refused = |new: NewPull| async move { github.open_pull(&new).await.unwrap_err() };
    let in_base = refused(NewPull { head: "main".to_owned(), ..new_pull() }).await;
    assert_eq!(NotOpened::from(&in_base), Some(NotOpened::NothingInIt), "{in_base}");
    let no_base = refused(NewPull { base: "gone".to_owned(), ..new_pull() }).await;
    assert_eq!(NotOpened::from(&no_base), Some(NotOpened::NoBase), "{no_base}");
    let no_head = refused(NewPull { head: "gone".to_owned(), ..new_pull() }).await;
    assert_eq!(
        (NotOpened::from(&no_head), no_head.trouble().kind),
        (None, TroubleKind::Passing),
        "{no_head}"
    );
    github.open_pull(&new_pull()).await.unwrap();
    let second = refused(new_pull()).await;
    assert_eq!((NotOpened::from(&second), second.trouble().kind), (None, TroubleKind::Passing), "{second}");
    let untitled = refused(NewPull { title: String::new(), ..new_pull() }).await;
    assert_eq!(
        (NotOpened::from(&untitled), untitled.trouble().kind),
        (None, TroubleKind::Person),
        "{untitled}"
    );
}

#[tokio::test]
async fn what_is_told_twice_is_there_once() {
    let site = Site::new().await;
    let github = site.github();
    let pull = site.opened().await;
    let verdict = |summary: &str| Verdict {
        context: "bowline/rollback".to_owned(),
        summary: summary.to_owned(),
        url: Some(pull.url.clone()),
    };
    let bad = site.tip("main");
    for text in ["<!-- x -->\none", "<!-- x -->\none", "<!-- x -->\ntwo"] {
        github.decorate(pull.number).await.unwrap();
        github.comment(pull.number, "<!-- x -->", text).await.unwrap();
        github.convict(&bad, &verdict(text.lines().last().unwrap())).await.unwrap();
    }
    assert_eq!(site.calls("POST /repos/{owner}/{repo}/issues/{issue_number}/comments"), 1);
    assert_eq!(site.calls("PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}"), 1);
    assert_eq!(site.calls("POST /repos/{owner}/{repo}/statuses/{sha}"), 2, "one for each text");
    assert_eq!(site.calls("POST /repos/{owner}/{repo}/check-runs"), 0, "a token may not");
}

#[tokio::test]
async fn a_check_is_a_status_for_a_token_and_written_once() {
    let site = Site::new().await;
    let github = site.github();
    let head = site.tip(BRANCH);
    let said = [
        (Conclusion::Neutral, "cannot tell", "success"),
        (Conclusion::Success, "fine", "success"),
        (Conclusion::Failure, "bad", "failure"),
    ];
    for (conclusion, summary, state) in said {
        for _ in 0..2 {
            github.report(&head, &check(conclusion, summary)).await.unwrap();
        }
        let path = format!("/commits/{head}/statuses");
        let found: serde_json::Value = github.call("look", http::Method::GET, &path, None).await.unwrap();
        let newest = &found[0];
        assert_eq!((&newest["state"], &newest["description"]), (&json!(state), &json!(summary)));
    }
    assert_eq!(site.calls("POST /repos/{owner}/{repo}/statuses/{sha}"), 3);
}

fn check(conclusion: Conclusion, summary: &str) -> Check {
    let (context, title) = ("bowline/preview".to_owned(), "Against live".to_owned());
    Check { context, conclusion, title, summary: summary.to_owned(), url: None }
}

#[tokio::test]
async fn open_pull_requests_are_asked_for_again_for_nothing() {
    let site = Site::new().await;
    let pulls = OpenPulls::new("main".to_owned());
    let github = site.github();
    assert_eq!(pulls.list(&github).await.unwrap(), []);
    let pull = site.opened().await;
    let expected = OpenPull { number: pull.number, head: pull.head.clone(), from_fork: false };
    assert_eq!(pulls.list(&github).await.unwrap(), std::slice::from_ref(&expected));
    let statuses = || {
        let calls = site.simulated.calls();
        calls
            .iter()
            .filter(|call| call.operation == "GET /repos/{owner}/{repo}/pulls")
            .map(|call| call.status)
            .collect::<Vec<_>>()
    };
    assert_eq!(pulls.list(&github).await.unwrap(), std::slice::from_ref(&expected));
    assert_eq!(statuses(), [200, 200, 304]);
    for (reference, found) in [("HEAD", 1), ("refs/heads/main", 1), ("release", 0), ("refs/tags/main", 0)] {
        let pulls = OpenPulls::new(reference.to_owned());
        assert_eq!(pulls.list(&github).await.unwrap().len(), found, "{reference}");
    }
    site.simulated.move_to_fork(REPOSITORY, pull.number, "mallory").unwrap();
    assert_eq!(pulls.list(&github).await.unwrap(), [OpenPull { from_fork: true, ..expected }]);
    github.close(pull.number).await.unwrap();
    assert_eq!(pulls.list(&github).await.unwrap(), []);
}

#[tokio::test]
async fn nothing_is_sent_twice() {
    for fault in
        [Fault::ServerError500, Fault::ServiceUnavailable503, Fault::Reset, Fault::LostReply, Fault::HalfBody]
    {
        let site = Site::new().await;
        let operation = "POST /repos/{owner}/{repo}/pulls";
        site.simulated.add_fault(FaultRule::new(fault.clone()).operation(operation).times(1));
        let error = site.github().open_pull(&new_pull()).await.unwrap_err();
        assert!(matches!(error, GitHubError::Down { .. }), "{fault:?}: {error}");
        assert_eq!(error.trouble().kind, TroubleKind::Passing);
        assert_eq!(site.calls(operation), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_in_words() {
    let site = Site::new().await;
    let said = |error: GitHubError| (error.to_string(), error.category(), error.trouble().kind);
    assert_eq!(
        said(site.strike(Fault::ExpiredToken).await),
        (
            "GitHub does not accept the token for acme/infra: it is wrong, expired or revoked (Bad credentials)"
                .to_owned(),
            "auth",
            TroubleKind::Person
        )
    );
    let limited = site.strike(Fault::Throttle).await;
    let GitHubError::Limited { kind: "secondary", until } = limited else { panic!("{limited}") };
    let wait = until.duration_since(jiff::Timestamp::now()).as_secs();
    assert!((55..=61).contains(&wait), "{wait}");
    let exhausted = site.strike(Fault::QuotaExhausted).await;
    assert!(matches!(exhausted, GitHubError::Limited { kind: "primary", .. }), "{exhausted}");
    let refuse = Fault::Refuse { status: 405, message: "Base branch was modified.".to_owned() };
    assert_eq!(said(site.strike(refuse).await).2, TroubleKind::Passing);

    let reader = Permissions::default().read("metadata").read("contents").read("pull_requests");
    let token = site.simulated.create_token("reader", reader).unwrap();
    let auth = GitHubAuth::Token(Credential::Value(token.into()));
    let reading = GitHub::new(GitHubSettings { auth, ..site.settings() }, Clock::real());
    let refused = reading.open_pull(&new_pull()).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "GitHub does not let Bowline open a pull request in acme/infra (it needs pull_requests=write): Resource not \
         accessible by personal access token"
    );
    assert_eq!(
        refused.hint(),
        "give the token or the App all that rollbacks need: contents=write, pull_requests=write and statuses=write, an App also \
         checks=write; accept it where the App is installed"
    );
    site.simulated.revoke_token(&site.token);
    let revoked = site.github().pull(1).await.unwrap_err();
    assert!(matches!(revoked, GitHubError::NotAuthenticated { what: "token", .. }), "{revoked}");
    let address = site.simulated.url();
    let github = site.github();
    site.simulated.stop().await;
    let down = github.pull(1).await.unwrap_err();
    assert!(matches!(&down, GitHubError::Down { url, .. } if *url == address), "{down}");
}

#[tokio::test]
async fn a_renamed_repository_is_followed_also_by_what_writes() {
    let site = Site::new().await;
    let github = site.github();
    site.simulated.rename(REPOSITORY, "platform").unwrap();
    assert_eq!(github.open_pull(&new_pull()).await.unwrap().number, 1);
    assert_eq!(github.repository().to_string(), "acme/platform");
    assert_eq!(github.pull_of(BRANCH).await.unwrap().map(|pull| pull.number), Some(1));
}

#[tokio::test]
async fn a_github_app_gets_its_token_and_another_one_when_that_is_taken_back() {
    let site = Site::new().await;
    let folder = tempfile::tempdir().unwrap();
    let private_key = folder.path().join("app.pem");
    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let path = private_key.display().to_string();
    openssl(&["genrsa", "-traditional", "-out", &path, "2048"]);
    let public_key = openssl(&["rsa", "-in", &path, "-pubout"]);
    let app = GitHubApp {
        id: 7,
        slug: "bowline".to_owned(),
        owner: "acme".to_owned(),
        public_key,
        permissions: Permissions::controller(),
    };
    site.simulated.register_app(app).unwrap();
    let installation = site.simulated.install_app(7, "acme", &[REPOSITORY]).unwrap();
    let with = |installation| {
        let auth = GitHubAuth::App { id: 7, installation, private_key: private_key.clone() };
        GitHub::new(GitHubSettings { auth, reviewers: BTreeSet::new(), ..site.settings() }, Clock::real())
    };
    let github = with(None);
    let pull = github.open_pull(&new_pull()).await.unwrap();
    let verdict = |summary: &str| Verdict {
        context: "bowline/rollback".to_owned(),
        summary: summary.to_owned(),
        url: None,
    };
    let bad = site.tip("main");
    for summary in ["one", "one", "two"] {
        github.convict(&bad, &verdict(summary)).await.unwrap();
    }
    assert_eq!(site.calls("POST /repos/{owner}/{repo}/check-runs"), 1);
    assert_eq!(site.calls("PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}"), 1);
    github.report(&pull.head, &check(Conclusion::Neutral, "cannot tell")).await.unwrap();
    let path = format!("/commits/{}/check-runs", pull.head);
    let found: serde_json::Value = github.call("look", http::Method::GET, &path, None).await.unwrap();
    let run = &found["check_runs"][0];
    assert_eq!((&run["name"], &run["conclusion"]), (&json!("bowline/preview"), &json!("neutral")));
    let tokens = "POST /app/installations/{installation_id}/access_tokens";
    assert_eq!(site.calls(tokens), 1, "it is kept");
    // 401 in the middle: another token, and the call once more.
    site.simulated.add_fault(FaultRule::new(Fault::ExpiredToken).operation(MERGE).times(1));
    github.merge(pull.number, &pull.head, "Revert").await.unwrap();
    assert_eq!(site.calls(tokens), 2);
    assert_eq!(with(Some(installation)).pull(pull.number).await.unwrap().state, PullState::Merged);
    site.simulated.uninstall_app(installation);
    let gone = with(Some(installation)).pull(pull.number).await.unwrap_err();
    assert!(matches!(gone, GitHubError::NotFound { .. }), "{gone}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_given_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let settings = GitHubSettings {
        base_url: url,
        repository: RepositoryName::parse(REPOSITORY).unwrap(),
        auth: GitHubAuth::Token(Credential::Value("t0ken".to_owned().into())),
        labels: BTreeSet::new(),
        reviewers: BTreeSet::new(),
    };
    let begun = tokio::time::Instant::now();
    let error = GitHub::new(settings, Clock::real()).pull(1).await.unwrap_err();
    assert!(matches!(error, GitHubError::Down { .. }), "{error}");
    assert!(begun.elapsed() <= Duration::from_secs(31));
}

#[test]
fn a_repository_is_known_by_its_address() {
    let of = |repo| RepositoryName::of_address(repo).map(|name| name.to_string());
    let acme = Some("acme/infra".to_owned());
    assert_eq!(of("https://github.com/acme/infra.git"), acme);
    assert_eq!(of("git@github.com:acme/infra.git"), acme);
    assert_eq!(of("ssh://git@github.example.com:2222/acme/infra"), acme);
    assert_eq!(of("/srv/git/infra.git"), None);
    assert_eq!(of("https://gitlab.example.com/group/sub/infra.git"), None);
}

#[test]
fn a_token_goes_over_https_or_to_this_machine_only() {
    let problem = |url: &str| call::Base::parse(url).err().map(|error| error.category());
    assert_eq!(problem("https://api.github.com"), None);
    assert_eq!(problem("https://github.example.com/api/v3/"), None);
    assert_eq!(problem("http://127.0.0.1:8080"), None);
    assert_eq!(problem("http://github.example.com"), Some("configuration"));
    assert_eq!(problem("https://ada:secret@github.example.com"), Some("configuration"));
    assert_eq!(problem("github.com"), Some("configuration"));
}
