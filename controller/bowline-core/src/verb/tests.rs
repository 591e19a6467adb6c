use std::sync::Arc;

use super::*;
use crate::desired::{
    SourceFile, assemble, parse_manifest, parse_task_definition, referenced_task_definitions,
};
use crate::name::{CommitId, ReasonText};
use crate::plan::{HeldWhy, ResourceReport, SpecHash, Sync};

mod break_glass;
mod explain;
mod rollback;

const WEB: &str = "# Ours\n\
apiVersion: bowline.dev/v1alpha1\nkind: Target\nmetadata: { name: prod }\n\
spec: { accountId: '111122223333', region: eu-central-1, cluster: main }\n---\n\
apiVersion: bowline.dev/v1alpha1\nkind: EcsService\nmetadata: { name: web }\nspec:\n  target: prod\n  service: web\n  \
desiredCount: 2 # enough\n  restart: 2026-11-21T12-00\n  taskDefinition: { file: web.json }\n---\n\
apiVersion: bowline.dev/v1alpha1\nkind: EcsService\nmetadata: { name: api }\nspec: { target: prod, service: api, \
taskDefinition: { revision: 'api:41' } }\n---\n\
apiVersion: bowline.dev/v1alpha1\nkind: EcsService\nmetadata: { name: free }\nspec: { target: prod, service: free }\n---\n\
apiVersion: bowline.dev/v1alpha1\nkind: EcsService\nmetadata: { name: one }\nspec: { target: prod, service: one, \
taskDefinition: { file: shared.json } }\n---\n\
apiVersion: bowline.dev/v1alpha1\nkind: EcsService\nmetadata: { name: two }\nspec: { target: prod, service: two, \
taskDefinition: { file: shared.json } }\n";

const BAD: &str = "apiVersion: bowline.dev/v1alpha1\nkind: EcsService\nmetadata: { name: bad }\n\
spec: { target: prod, service: bad, desiredCount: many }\n";

/// Written as somebody writes who likes it so.
const JSON: &str = "{\n\t\"family\": \"web\",   \"cpu\": \"256\", \"memory\": \"512\",\n\t\"networkMode\": \"awsvpc\",\n\t\"containerDefinitions\": [\n\t\t{ \"name\": \"log\", \"image\": \"log:1\" },\n\
\t\t{ \"image\" : \"web:1\",\n\t\t  \"name\": \"app\" }\n\t]\n}\n";

fn path_of(text: &str) -> RelativePath {
    RelativePath::parse(text).unwrap()
}

fn name(text: &str) -> ResourceName {
    ResourceName::parse(text).unwrap()
}

fn id(digit: u8) -> CommitId {
    CommitId::parse(&digit.to_string().repeat(40)).unwrap()
}

fn now() -> Timestamp {
    "2026-11-21T12:00:07Z".parse().unwrap()
}

fn desired() -> DesiredState {
    state(WEB)
}

/// What a commit with this manifest wants.
fn state(text: &str) -> DesiredState {
    let file = |path: &str, text: &str| SourceFile {
        parsed: Arc::new(parse_manifest(&path_of(path), text.as_bytes())),
        fallback: None,
    };
    let files = [file("env.yaml", text), file("bad.yaml", BAD)];
    let read = |at: RelativePath| (at.clone(), Arc::new(parse_task_definition(&at, JSON.as_bytes())));
    let definitions = referenced_task_definitions(&files).into_iter().map(read).collect();
    assemble(&files, &definitions).state
}

/// The file after the draft, as the lines that are new; and subject, paragraphs and notes.
fn told(draft: &Draft) -> (Vec<String>, String, Vec<String>) {
    let edit = draft.edit.as_ref().unwrap();
    let before = if edit.path().as_str() == "env.yaml" { WEB } else { JSON };
    let after = edit.apply(before).unwrap();
    let new = after.lines().filter(|line| !before.lines().any(|known| known == *line));
    let says = draft.body.iter().chain(&draft.notes).cloned().collect();
    (new.map(str::to_owned).collect(), draft.subject.clone(), says)
}

fn refused(result: Result<Draft, Refusal>) -> (String, bool) {
    let refusal = result.unwrap_err();
    (refusal.to_string(), refusal.is_mistake())
}

#[test]
fn a_restart_is_a_new_token_that_reads_as_a_time() {
    let desired = desired();
    // Git has the token of this minute already.
    let again = restart(&desired, &name("web"), None, now()).unwrap();
    assert_eq!(
        told(&again),
        (
            vec!["  restart: \"2026-11-21T12-00-07\"".to_owned()],
            "Restart web".to_owned(),
            vec!["New tasks are started once, for the token 2026-11-21T12-00-07.".to_owned()]
        )
    );
    let first = restart(&desired, &name("free"), None, now()).unwrap();
    assert_eq!(
        told(&first).0,
        ["spec: { target: prod, service: free, restart: \"2026-11-21T12-00\" }".to_owned()]
    );
    let token = |text| RestartToken::parse(text).ok();
    let named = restart(&desired, &name("web"), token("incident-7"), now()).unwrap();
    assert_eq!(told(&named).0, ["  restart: incident-7"]);
    assert_eq!(
        refused(restart(&desired, &name("web"), token("2026-11-21T12-00"), now())),
        ("nothing to do: git has `restart: 2026-11-21T12-00` of EcsService/web already".to_owned(), false)
    );
}

#[test]
fn a_message_says_what_who_and_for_which_resource() {
    let draft = scale(&desired(), &name("web"), 5).unwrap();
    assert_eq!(
        draft.message("Ada\n\nBowline-Accept: x <ada@example.com>", "bowline scale web 5"),
        "Scale web to 5\n\nIt was 2.\n\nAsked for by Ada Bowline-Accept: x <ada@example.com> with `bowline scale web 5`.\n\n\
         Bowline-Resource: EcsService/web\n"
    );
    assert_eq!(draft.branch(&id(1), 2), "bowline/scale/ecsservice-web/111111111111-2");
}

#[test]
fn a_count_is_set_and_told_when_git_had_none() {
    let desired = desired();
    assert_eq!(
        told(&scale(&desired, &name("web"), 0).unwrap()),
        (
            vec!["  desiredCount: 0 # enough".to_owned()],
            "Scale web to 0".to_owned(),
            vec!["It was 2.".to_owned()]
        )
    );
    let (lines, _, says) = told(&scale(&desired, &name("free"), 3).unwrap());
    assert_eq!(lines, ["spec: { target: prod, service: free, desiredCount: 3 }"]);
    assert!(
        says[0].starts_with("git did not say how many tasks free has, and does from now on;"),
        "{says:?}"
    );
    assert_eq!(
        refused(scale(&desired, &name("web"), 2)).0,
        "nothing to do: git has `desiredCount: 2` of EcsService/web already"
    );
    assert_eq!(
        refused(scale(&desired, &name("wbe"), 2)),
        ("git has no EcsService/wbe; it has: api, free, one, two, web".to_owned(), true)
    );
    let (why, is_mistake) = refused(scale(&desired, &name("bad"), 2));
    assert!(why.starts_with("EcsService/bad cannot be used as git has it:") && !is_mistake, "{why}");
}

#[test]
fn a_release_changes_the_image_or_the_revision_and_nothing_else() {
    let desired = desired();
    let image = |image: &str| Release::Image { container: "app".to_owned(), image: image.to_owned() };
    let to = release(&desired, &name("web"), &image("registry.test/web:2")).unwrap();
    assert_eq!(
        told(&to),
        (
            vec!["\t\t{ \"image\" : \"registry.test/web:2\",".to_owned()],
            "Release web: registry.test/web:2".to_owned(),
            vec!["The container app runs registry.test/web:2.".to_owned()]
        )
    );
    let to = release(&desired, &name("api"), &Release::Revision(42)).unwrap();
    assert_eq!(
        told(&to),
        (
            vec!["spec: { target: prod, service: api, taskDefinition: { revision: 'api:42' } }".to_owned()],
            "Release api: api:42".to_owned(),
            vec!["It was api:41.".to_owned()]
        )
    );
}

#[test]
fn a_release_that_cannot_be_made_says_what_to_do() {
    let desired = desired();
    let image = |image: &str| Release::Image { container: "app".to_owned(), image: image.to_owned() };
    let cases = [
        (
            "api",
            image("web:2"),
            "EcsService/api pins the revision api:41, and an image stands inside of a revision: register one",
        ),
        ("api", Release::Revision(41), "nothing to do: git has EcsService/api on api:41 already"),
        (
            "web",
            Release::Revision(2),
            "the task definition of EcsService/web is the file web.json, so its revisions are made from git",
        ),
        (
            "free",
            image("web:2"),
            "git does not say what EcsService/free runs: its manifest has no `taskDefinition`",
        ),
        (
            "one",
            image("web:2"),
            "shared.json is what EcsService/two runs as well, which would be released, too",
        ),
        ("web", image("web 2"), "`web 2` is no image"),
        ("web", image(""), "`` is no image"),
    ];
    for (service, what, begin) in cases {
        let (why, _) = refused(release(&desired, &name(service), &what));
        assert!(why.starts_with(begin), "{why}");
    }
    let edit = |container: &str, text: &str| {
        let (container, image) = (container.to_owned(), "web:2".to_owned());
        Edit::Image { path: path_of("web.json"), container, image }.apply(text).unwrap_err().to_string()
    };
    assert_eq!(edit("ap", JSON), "web.json has no container `ap` with an image; it has: log, app");
    assert_eq!(edit("app", "{}"), "web.json has no container `app` with an image; it has: none");
    assert_eq!(
        edit("log", &JSON.replace("\"app\"", "\"log\"")),
        "web.json cannot be edited: it has two containers named log; edit it by hand"
    );
    assert!(
        edit("app", "{").starts_with("web.json cannot be edited: it is not the JSON of a task definition")
    );
}

/// What the last pass says of web.
fn report(held: Vec<HeldWhy>) -> ResourceReport {
    let mut report = ResourceReport::new(key(&name("web")), &name("prod"));
    report.sync = Sync::AwaitingGit;
    report.held = held;
    report
}

fn quarantined(hash: &SpecHash, reason: &str) -> HeldWhy {
    HeldWhy::Quarantined { service: name("web"), spec_hash: hash.clone(), reason: reason.to_owned() }
}

#[test]
fn a_retry_names_what_is_in_quarantine() {
    let hash = SpecHash("ab".repeat(32));
    let held = quarantined(&hash, "2 tasks\n\nfailed");
    let draft = retry(&desired(), &name("web"), &report(vec![HeldWhy::ReportOnly, held])).unwrap();
    assert_eq!(
        draft.message("Ada", "bowline retry web"),
        format!(
            "Retry web\n\nSpec abababababab failed: 2 tasks failed. It may be tried once more.\n\n\
             Asked for by Ada with `bowline retry web`.\n\nBowline-Retry: {}\nBowline-Resource: EcsService/web\n",
            hash.0
        )
    );
    assert_eq!(
        refused(retry(&desired(), &name("web"), &report(Vec::new()))),
        ("nothing to do: no spec of EcsService/web is in quarantine (awaiting git)".to_owned(), false)
    );
}

#[test]
fn a_retry_starts_what_is_held_because_another_service_of_its_commit_failed() {
    let hash = SpecHash("cd".repeat(32));
    let held = HeldWhy::CommitFailed {
        commit: "1".repeat(40),
        resource: "EcsService/api".to_owned(),
        held: key(&name("web")),
        spec_hash: Some(hash.clone()),
    };
    let draft = retry(&desired(), &name("web"), &report(vec![held])).unwrap();
    assert_eq!(
        draft.message("Ada", "bowline retry web"),
        format!(
            "Retry web\n\nSpec cdcdcdcdcdcd is held, since EcsService/api failed with commit 11111111. It may be started all the \
             same.\n\nAsked for by Ada with `bowline retry web`.\n\nBowline-Retry: {}\nBowline-Resource: EcsService/web\n",
            hash.0
        )
    );
}

#[test]
fn what_is_refused_is_accepted_and_nothing_that_came_after() {
    let refusal = || Some(Refused { head: id(7), why: "the branch was rewritten".to_owned() });
    let draft = accept(refusal(), &id(7)).unwrap();
    assert_eq!(
        draft.message("Ada", "bowline accept"),
        format!(
            "Accept 77777777\n\nthe branch was rewritten. Commit 77777777 counts as applied from here on.\n\n\
             Asked for by Ada with `bowline accept`.\n\nBowline-Accept: {}\n",
            id(7)
        )
    );
    assert_eq!(draft.branch(&id(7), 1), "bowline/accept/777777777777-1");
    let (why, _) = refused(accept(refusal(), &id(8)));
    assert!(
        why.starts_with("what is refused is commit 77777777, and the branch is at 88888888 by now"),
        "{why}"
    );
    assert_eq!(
        refused(accept(None, &id(8))).0,
        "nothing to do: git is not refused, so there is nothing to accept"
    );
}

fn in_hours(hours: i64) -> Timestamp {
    now() + jiff::SignedDuration::from_hours(hours)
}

fn what(text: &str) -> Suspendable {
    Suspendable::parse(text).unwrap()
}

#[test]
fn a_suspension_is_a_block_with_an_end_and_a_reason() {
    let desired = desired();
    let reason = ReasonText::parse("moving the database: \"main\"").unwrap();
    let draft = suspend(&desired, &what("web"), in_hours(4), &reason, now()).unwrap();
    assert_eq!(
        told(&draft),
        (
            vec![
                "  suspend:".to_owned(),
                "    until: \"2026-11-21T16:00:07Z\"".to_owned(),
                "    reason: \"moving the database: \\\"main\\\"\"".to_owned(),
            ],
            "Suspend web until 2026-11-21T16:00:07Z".to_owned(),
            vec![
                "moving the database: \"main\"".to_owned(),
                "Until then it is looked at and reported, and nothing is done to it.".to_owned()
            ]
        )
    );
    // Git has it then; taken out again, the file is as before.
    let after = draft.edit.unwrap().apply(WEB).unwrap();
    let suspended = state(&after);
    let again = refused(suspend(&suspended, &what("EcsService/web"), in_hours(4), &reason, now()));
    assert_eq!(
        again.0,
        "nothing to do: git has the suspension of EcsService/web until 2026-11-21T16:00:07Z already"
    );
    for (then, ended) in [(now(), "It was suspended until"), (in_hours(5), "Its suspension had ended at")] {
        let resumed = resume(&suspended, &what("web"), then).unwrap();
        assert_eq!(
            (resumed.subject, resumed.body),
            (
                "Resume web".to_owned(),
                vec![format!("{ended} 2026-11-21T16:00:07Z: moving the database: \"main\"")]
            )
        );
        assert_eq!(resumed.edit.unwrap().apply(&after).unwrap(), WEB);
    }
}

#[test]
fn what_cannot_be_suspended_is_told() {
    let desired = desired();
    let reason = ReasonText::parse("x").unwrap();
    let told = |text: &str, until: Timestamp| refused(suspend(&desired, &what(text), until, &reason, now()));
    assert_eq!(
        told("web", now()).0,
        "2026-11-21T12:00:07Z has passed already: name a time to come, or a duration such as 4h"
    );
    assert!(told("Target/prod", in_hours(1)).0.starts_with("a Target is not suspended:"));
    assert_eq!(
        told("wbe", in_hours(1)),
        (
            "git has no EcsService/wbe; it has: EcsService/api, EcsService/free, EcsService/one, EcsService/two, EcsService/web".to_owned(),
            true
        )
    );
    assert_eq!(
        refused(resume(&desired, &what("web"), now())),
        ("nothing to do: EcsService/web is not suspended".to_owned(), false)
    );
    assert_eq!(
        Suspendable::parse("Pod/web"),
        Err("`Pod` is no kind; write EcsService/web or Secret/web".to_owned())
    );
}

#[test]
fn a_state_is_explained_with_what_a_person_can_do() {
    let mut suspended =
        report(vec![HeldWhy::Suspended { until: in_hours(1), reason: "migration".to_owned() }]);
    suspended.sync = Sync::Drifted;
    assert_eq!(
        explain(&suspended, None),
        Explanation {
            resource: "EcsService/web".to_owned(),
            sync: Sync::Drifted,
            means: "live is not as git says",
            because: vec![
                "suspended until 2026-11-21T13:00:07Z, so nothing is done to it: migration".to_owned()
            ],
            rollback: None,
            answers: Vec::new(),
            waits_for: None,
            can_do: vec!["to end it now: bowline resume EcsService/web".to_owned()],
        }
    );
    let failed = quarantined(&SpecHash("ab".repeat(32)), "it crashed");
    let quarantined = explain(&report(vec![failed.clone()]), None).can_do;
    for command in ["bowline history web", "bowline rollback web", "bowline retry web"] {
        assert!(quarantined.iter().any(|one| one.contains(command)), "{quarantined:?}");
    }
    let mut calm = report(Vec::new());
    calm.sync = Sync::InSync;
    assert_eq!(
        explain(&calm, None),
        Explanation {
            resource: "EcsService/web".to_owned(),
            sync: Sync::InSync,
            means: "live is as git says",
            because: Vec::new(),
            rollback: None,
            answers: Vec::new(),
            waits_for: None,
            can_do: Vec::new(),
        }
    );
}
