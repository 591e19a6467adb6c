//! What GitHub refuses, and GitHub away: a rollback tells what is in its way and what to do about it, loses nothing, and
//! finishes by itself once the cause is gone.

use std::collections::BTreeSet;
use std::time::Duration;

use bowline_sim::{CallRecord, Fault, FaultRule, Permissions, Protection, RepositorySettings};
use bowline_tests::process::Process;
use bowline_tests::until::until;
use bowline_tests::world::{service, task_definition};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{REPOSITORY, SetUp, Site, put, status};

const MERGE: &str = "PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge";
const PULLS: &str = "GET /repos/{owner}/{repo}/pulls";

impl Site {
    /// Gives Bowline another token, as a person does who exchanges the file.
    fn give_token(&self, permissions: Permissions) {
        let token = self.github.create_token("bowline", permissions).unwrap();
        std::fs::write(self.bowline.home().join("token"), token).unwrap();
    }

    /// Waits until the one rollback is in this state and tells this.
    async fn tells(&self, process: &Process, state: &str, why: &str) -> Value {
        until(format!("the state {state} with: {why}"), || async {
            let rollbacks = self.rollbacks(process).await;
            let [only] = rollbacks.as_slice() else { return None };
            (only["state"] == state && only["why"] == why).then(|| only.clone())
        })
        .await
    }

    /// Waits until the status says that the repository cannot be read, with this in the reason.
    async fn cannot_read_git(&self, process: &Process, part: &str) {
        until(format!("git that cannot be read: {part}"), || async {
            let git = status(process).await["git"].clone();
            (git["standing"] == "stale" && git["reason"].as_str()?.contains(part)).then_some(())
        })
        .await;
    }

    /// Waits until the history has this.
    async fn remembers(&self, process: &Process, text: &str) {
        until(format!("in the history: {text}"), || async {
            self.history(process).await.contains(text).then_some(())
        })
        .await;
    }

    /// It went on by itself, with one revert and one pull request.
    async fn finishes(&self, process: &Process, case: &str) {
        self.reaches(process, "verified").await;
        self.is_equal(case).await;
        assert_eq!(self.branches().len(), 1, "{case}: {:?}", self.branches());
    }

    /// Waits until this much time has passed at GitHub.
    async fn passes(&self, time: SignedDuration) {
        let end = self.github.now() + time;
        until(format!("{time:#}"), || async { (self.github.now() >= end).then_some(()) }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_revoked_halfway_is_told_and_another_one_goes_on() {
    let site = Site::new(SetUp::default()).await;
    let process = site.run();
    site.reaches(&process, "pull-request").await;
    site.github.revoke_token(&site.token);
    let why = "GitHub does not accept the token for acme/infra: it is wrong, expired or revoked (Bad credentials) (make a new \
               token with contents, pull requests and commit statuses to write, and put it in the file that \
               `github.tokenFile` names)";
    site.tells(&process, "pull-request", why).await;
    site.cannot_read_git(&process, "refused the token").await;
    let pull = site.pull().await;
    site.ada.merge(pull.number, &pull.head, "").await.unwrap();
    site.give_token(Permissions::controller());
    site.finishes(&process, "revoked").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_revoked_before_the_verdict_is_told_and_the_rollback_begins_with_another_one() {
    let site = Site::new(SetUp::auto_merge()).await;
    // The answer comes late, so that the token is gone before there can be a verdict.
    let late = FaultRule::new(Fault::LateReply(Duration::from_secs(1))).operation("UpdateService").times(1);
    site.github.add_fault(late);
    let process = site.run();
    are_deploying(&site, 1).await;
    site.github.revoke_token(&site.token);
    site.remembers(&process, "rolled-back-by-ecs").await;
    site.cannot_read_git(&process, "refused the token").await;
    assert_eq!(site.branches(), Vec::<String>::new());
    site.give_token(Permissions::controller());
    site.finishes(&process, "revoked before the verdict").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_that_is_missing_is_named_and_goes_on_once_it_is_given() {
    let read = |name: &str| Permissions::controller().read(name);
    let cases = [
        (
            Permissions::controller().without("pull_requests"),
            "detected",
            "GitHub does not let Bowline look for pull requests in acme/infra (it needs pull_requests=read): Resource not \
             accessible by personal access token (give the token or the App all that rollbacks need: contents=write, pull_requests=write and statuses=write, an App also checks=write; accept it where the App is installed)",
        ),
        (
            read("contents"),
            "detected",
            "GITHUB/acme/infra.git refused a push with the token (give the token or key the right to write contents (at GitHub rollbacks need contents=write, pull_requests=write and statuses=write, an App also checks=write; a deploy key: write access))",
        ),
        (
            read("pull_requests"),
            "branch",
            "GitHub does not let Bowline open a pull request in acme/infra (it needs pull_requests=write): Resource not \
             accessible by personal access token (give the token or the App all that rollbacks need: contents=write, pull_requests=write and statuses=write, an App also checks=write; accept it where the App is installed)",
        ),
    ];
    for (permissions, state, why) in cases {
        let site = Site::new(SetUp::auto_merge()).await;
        site.give_token(permissions);
        let process = site.run();
        let why = why.replace("GITHUB", &site.github.url());
        let told = site.tells(&process, state, &why).await;
        let late = format!("is at \"{state}\" since");
        site.remembers(&process, &late).await;
        let history = site.history(&process).await;
        let event = history.lines().find(|line| line.contains(&late)).unwrap();
        assert!(event.contains("rollback-needs-person"), "{event}");
        site.give_token(Permissions::controller());
        site.finishes(&process, &format!("{told}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_lacks_a_permission_goes_on_once_it_is_accepted() {
    let site = Site::new(SetUp::auto_merge()).await;
    site.be_an_app(Permissions::controller().read("pull_requests"));
    let process = site.run();
    let why = "GitHub does not let Bowline open a pull request in acme/infra (it needs pull_requests=write): Resource not \
               accessible by integration (give the token or the App all that rollbacks need: contents=write, pull_requests=write and statuses=write, an App also checks=write; accept it where the App is installed)";
    site.tells(&process, "branch", why).await;
    site.allow_the_app(Permissions::controller());
    site.finishes(&process, "an App without a permission").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_that_may_not_be_pushed_are_told_and_pushed_once_they_may() {
    let site = Site::new(SetUp::auto_merge()).await;
    let branch = format!("bowline/rollback/ecsservice-web/{:.12}-1", site.bad_commit);
    let rules = Protection { required_approvals: 1, ..Protection::default() };
    site.github.protect(REPOSITORY, &branch, Some(rules)).unwrap();
    let process = site.run();
    let url = site.github.git_url(REPOSITORY);
    let why = format!(
        "{url} refused the branch {branch}: hook declined: error: GH006: Protected branch update failed for refs/heads/{branch}; \
         error: Changes must be made through a pull request; error: hook declined to update refs/heads/{branch} (allow Bowline to create branches below `bowline/`, or \
         look at the server's rules and hooks)"
    );
    site.tells(&process, "detected", &why).await;
    site.remembers(&process, "is at \"detected\" since").await;
    assert_eq!(site.branches(), Vec::<String>::new());
    site.github.protect(REPOSITORY, &branch, None).unwrap();
    site.finishes(&process, "the branch was protected").await;
    assert_eq!(site.branches(), [branch]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_that_the_rules_of_the_branch_refuse_is_told_and_done_once_they_allow_it() {
    // The server cannot merge it later by itself either.
    let rules = Protection { required_approvals: 1, ..Protection::default() };
    let site = Site::new(SetUp { protection: Some(rules), ..SetUp::auto_merge() }).await;
    let settings = RepositorySettings { allow_auto_merge: false, ..RepositorySettings::default() };
    site.github.set_settings(REPOSITORY, settings).unwrap();
    let process = site.run();
    let why = "GitHub refused to let the pull request merge itself in acme/infra: Pull request Auto merge is not allowed for this repository \
               (allow auto-merge in the repository's settings, or merge it by hand: look at the pull request and at the rules of the branch)";
    site.tells(&process, "pull-request", why).await;
    site.github.protect(REPOSITORY, "main", None).unwrap();
    site.finishes(&process, "approvals were required").await;

    // The rules are noticed only as it merges.
    let site = Site::new(SetUp::auto_merge()).await;
    let message = "At least 1 approving review is required by reviewers with write access.".to_owned();
    site.github.add_fault(FaultRule::new(Fault::Refuse { status: 405, message }).operation(MERGE));
    let process = site.run();
    let why = "GitHub refused to merge the pull request in acme/infra: At least 1 approving review is required by reviewers with \
               write access. (look at the pull request and at the rules of the branch)";
    site.tells(&process, "pull-request", why).await;
    site.github.clear_faults();
    site.finishes(&process, "405").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_is_renamed_halfway_is_followed_and_told() {
    let site = Site::new(SetUp::default()).await;
    let process = site.run();
    let pull = site.pull().await;
    site.reaches(&process, "pull-request").await;
    site.github.rename(REPOSITORY, "platform").unwrap();
    site.ada.merge(pull.number, &pull.head, "").await.unwrap();
    site.finishes(&process, "renamed").await;
    let told = "the repository was renamed at GitHub: change `sources` and `github.repository` old=acme/infra new=acme/platform";
    assert!(process.output().contains(told), "{}", process.output());
    // It is a finding of the status, and told once in the history, also after a restart.
    let is_found = |status: &Value| {
        let findings = status["findings"].as_array().cloned().unwrap_or_default();
        findings.iter().any(|finding| finding["code"] == "repository-renamed")
    };
    until("the finding", || async { is_found(&status(&process).await).then_some(()) }).await;
    drop(process);
    let process = site.run();
    until("the finding again", || async { is_found(&status(&process).await).then_some(()) }).await;
    let history = site.history(&process).await;
    let sentence = "the repository acme/infra is called acme/platform at GitHub by now; Bowline follows it";
    assert_eq!(history.matches(sentence).count(), 1, "{history}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_that_is_exhausted_is_waited_out() {
    let site = Site::new(SetUp::auto_merge()).await;
    site.github.exhaust(&site.token).unwrap();
    let process = site.run();
    let told = until("the limit", || async {
        let rollbacks = site.rollbacks(&process).await;
        rollbacks.first().and_then(|only| only["why"].as_str().map(str::to_owned))
    })
    .await;
    let (before, rest) = told.split_once(" until ").unwrap();
    let (until, hint) = rest.split_once(' ').unwrap();
    assert_eq!(before, "GitHub's primary rate limit is exhausted");
    assert_eq!(hint, "(nothing: it goes on by itself then)");
    let until: Timestamp = until.parse().unwrap();
    assert!(
        until > site.github.now() && until <= site.github.now() + SignedDuration::from_hours(1),
        "{until}"
    );
    site.finishes(&process, "the limit was exhausted").await;
    let refused =
        site.github.calls().into_iter().filter(|call| call.operation == PULLS && call.status == 403);
    // The rollback, and the previews, which share nothing with it but the limit.
    assert!((1..=2).contains(&refused.count()), "GitHub was asked again before the limit ended");
}

/// GitHub does not answer for an hour, neither its API nor git, right after the operation `since`.
/// Where nobody has seen that yet, a bad verdict may still begin a rollback, which then gets no further.
async fn down_for_an_hour(since: &str, state: &str) {
    let site = Site::new(SetUp::auto_merge()).await;
    let down = FaultRule::new(Fault::ServiceUnavailable503).service("github");
    site.github.add_fault(down.after(since));
    let process = site.run();
    until(since, || async { (site.github.struck() > 0).then_some(()) }).await;
    site.passes(SignedDuration::from_hours(1)).await;
    let is_refused = |call: &CallRecord| call.status == 503 && call.operation.contains("/repos/");
    let asked = site.github.calls().iter().filter(|call| is_refused(call)).count();
    let rollbacks = site.rollbacks(&process).await;
    let told: Vec<_> = rollbacks.iter().map(|one| (one["state"].as_str(), one["why"].as_str())).collect();
    let why = format!(
        "GitHub cannot be reached at {}: HTTP 503 (nothing if GitHub is down \
         (https://www.githubstatus.com): it goes on by itself; else check `github.baseUrl` and the network)",
        site.github.url()
    );
    site.cannot_read_git(&process, "503").await;
    if state != "detected" || !told.is_empty() {
        assert_eq!(told, [(Some(state), Some(why.as_str()))], "{since}");
        let late = format!("is at \"{}\" since", state.replace('-', " "));
        site.remembers(&process, &late).await;
        let history = site.history(&process).await;
        let event = history.lines().find(|line| line.contains(&late)).unwrap();
        assert!(event.contains("rollback-needs-person") && event.contains("HTTP 503"), "{event}");
        // Once a minute, after the first few; fewer where the machine is slow.
        assert!((3..=80).contains(&asked), "{since}: {asked} calls in an hour");
    }
    assert_eq!(site.branches().len(), usize::from(state != "detected"), "{since}");
    site.github.clear_faults();
    site.finishes(&process, since).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn github_down_for_an_hour_from_before_the_verdict() {
    down_for_an_hour("UpdateService", "detected").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn github_down_for_an_hour_after_the_branch_was_pushed() {
    down_for_an_hour("POST /{owner}/{repo}.git/git-receive-pack", "branch").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn github_down_for_an_hour_after_the_pull_request_was_opened() {
    down_for_an_hour("POST /repos/{owner}/{repo}/pulls", "pull-request").await;
}

/// The services that many commits break.
const MANY: [&str; 4] = ["web", "one", "two", "three"];

/// What is told of that.
const STORM: &str = "rollbacks are held: 4 commits were found bad within 10 minutes, so that something they share may be down; it is \
                     about one, three, two, web; look for a shared cause, or take one back all the same: `bowline rollback SERVICE`";

/// Four services that are as git wants them, and a commit for each that does not get healthy.
async fn many() -> Site {
    let site = Site::new(SetUp { time_scale: 100.0, ..SetUp::default() }).await;
    let mut files = Vec::new();
    for name in MANY {
        if name != "web" {
            let revision = site.world.revision(name, "registry.test/web:1").await;
            site.world.service(name, &revision, 1).await;
        }
        let spec = json!({"taskDefinition": {"file": format!("{name}.json")}});
        files.push((format!("{name}.yaml"), service(name, spec)));
        files.push((format!("{name}.json"), task_definition(name, "registry.test/web:1")));
    }
    let files: Vec<(&str, String)> = files.iter().map(|(path, text)| (&**path, text.clone())).collect();
    put(&site.path, "As they are", &files);
    site.bowline.apply().await.with_code(0);
    site.github.clear_calls();
    site
}

/// Releases what does not get healthy: it fails after three tasks, for each of which that takes three minutes.
fn break_with_a_commit(site: &Site, name: &str) {
    let mut bad: Value = serde_json::from_str(&task_definition(name, "registry.test/unhealthy:2")).unwrap();
    bad["containerDefinitions"][0]["healthCheck"] =
        json!({"command": ["CMD", "true"], "interval": 90, "retries": 2});
    put(&site.path, &format!("Release {name} 2"), &[(&*format!("{name}.json"), bad.to_string())]);
}

async fn are_deploying(site: &Site, count: usize) {
    until(format!("{count} deployments"), || async {
        let calls = site.github.calls().into_iter().filter(|call| call.operation == "UpdateService");
        (calls.count() == count).then_some(())
    })
    .await;
}

/// When all of them are read next, AWS answers so late that all have failed.
fn answer_late(site: &Site) {
    let late = FaultRule::new(Fault::Delay(Duration::from_secs(8))).operation("DescribeServices");
    site.github.add_fault(late.resource_contains(r#"["one","three","two","web"]"#).times(1));
}

/// Once it is no storm any more, there is a pull request for each commit, and what is merged is verified.
async fn all_are_rolled_back(site: &Site, process: &Process) {
    let all = async |state: &str| {
        until(format!("four rollbacks at {state}"), || async {
            let rollbacks = site.rollbacks(process).await;
            let at = |one: &Value| one["state"] == state;
            (rollbacks.len() == 4 && rollbacks.iter().all(at)).then_some(rollbacks)
        })
        .await
    };
    all("pull-request").await;
    for pull in site.pulls().await {
        site.ada.merge(pull.number, &pull.head, "").await.unwrap();
    }
    all("verified").await;
    let mut subjects = site.log();
    subjects.truncate(4);
    subjects.sort();
    let mut wanted = MANY.map(|name| format!("Revert \"Release {name} 2\""));
    wanted.sort();
    assert_eq!(subjects, wanted);
    assert_eq!(site.branches().len(), 4);
    let plan = site.bowline.plan().await;
    assert_eq!(plan.code, 0, "{plan}");
}

/// The time of a storm lies between the first events of the history that have these in them.
async fn lies_between(site: &Site, process: &Process, before: &str, after: &str) {
    let history = site.history(process).await;
    let first = |part: &str| {
        let line =
            history.lines().rfind(|line| line.contains(part)).unwrap_or_else(|| panic!("{part}: {history}"));
        format!("{}Z", line.split(' ').next().unwrap()).parse::<Timestamp>().unwrap()
    };
    let waited = first(after).duration_since(first(before));
    // 10 minutes, less what passes between an event and its time.
    assert!(waited >= SignedDuration::from_secs(590), "{waited:#}: {history}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_many_commits_fail_one_after_the_other_nothing_is_rolled_back_and_afterwards_all_are() {
    let site = many().await;
    let process = site.run();
    for (index, name) in MANY.iter().enumerate() {
        break_with_a_commit(&site, name);
        are_deploying(&site, index + 1).await;
    }
    answer_late(&site);
    site.remembers(&process, STORM).await;
    assert_eq!((site.rollbacks(&process).await, site.branches()), (Vec::new(), Vec::new()));
    all_are_rolled_back(&site, &process).await;
    lies_between(&site, &process, STORM, "rollback-begun").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_many_commits_of_one_push_fail_nothing_is_rolled_back_and_afterwards_all_are() {
    let site = many().await;
    for name in MANY {
        break_with_a_commit(&site, name);
    }
    let process = site.run();
    are_deploying(&site, MANY.len()).await;
    answer_late(&site);
    let held = until("four rollbacks", || async {
        let rollbacks = site.rollbacks(&process).await;
        (rollbacks.len() == 4).then_some(rollbacks)
    })
    .await;
    let why = "held: more than 3 commits were found bad within 10 minutes, so that something they share may be down";
    for one in &held {
        assert_eq!((&one["state"], &one["why"]), (&json!("detected"), &json!(why)), "{one}");
    }
    assert_eq!(site.branches(), Vec::<String>::new());
    site.remembers(&process, STORM).await;
    let said = until("what is said of the bad commits", || async {
        let calls = site.github.calls().into_iter();
        let said = calls.filter(|call| call.operation == "POST /repos/{owner}/{repo}/statuses/{sha}");
        let said: Vec<String> = said.filter_map(|call| call.resource).collect();
        (said.len() >= MANY.len()).then_some(said)
    })
    .await;
    assert_eq!(said.iter().collect::<BTreeSet<_>>().len(), MANY.len(), "{said:?}");
    all_are_rolled_back(&site, &process).await;
    lies_between(&site, &process, "rollback-begun", "the revert is on the branch").await;
    let history = site.history(&process).await;
    assert_eq!(history.matches("rollbacks are held").count(), 1, "{history}");
    assert!(!history.contains("rollback-needs-person"), "{history}");
}
