//! The verbs that are commits, against a git server that asks for a token. AWS is not asked.

use serde_json::{Value, json};

use crate::place::{Answer, TARGET, service};
use crate::remote::Remote;

const TASK: &str = "{\n    \"family\": \"api\",\n    \"cpu\": \"256\", \"memory\": \"512\",\n    \"networkMode\": \"awsvpc\",\n    \"containerDefinitions\": [\n        {\"name\": \"app\",   \"image\": \"registry.test/api:1\"}\n    ]\n}\n";

const API: &str = "# Ours since 2024\n\
apiVersion: bowline.dev/v1alpha1\nkind: EcsService\nmetadata: { name: api }\nspec:\n  target: production\n  service: api\n  \
taskDefinition: { file: api.json }\n";

fn remote() -> Remote {
    with("")
}

fn with(more: &str) -> Remote {
    let web = service("web", "web:1", 2);
    Remote::new(&[("target.yaml", TARGET), ("web.yaml", &web), ("api.yaml", API), ("api.json", TASK)], more)
}

/// What was printed, with `COMMIT` for each id of a commit, short or long.
fn without_ids(text: &str) -> String {
    let is_id = |word: &str| {
        [8, 12, 40].contains(&word.len())
            && word.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
    };
    let mut shown = String::new();
    let mut word = String::new();
    for character in text.chars().chain(['\0']) {
        if character.is_ascii_alphanumeric() {
            word.push(character);
            continue;
        }
        shown.push_str(if is_id(&word) { "COMMIT" } else { &word });
        word.clear();
        if character != '\0' {
            shown.push(character);
        }
    }
    // The lines of a diff that name blobs.
    shown.lines().filter(|line| !line.starts_with("index ")).map(|line| line.to_owned() + "\n").collect()
}

fn told(answer: &Answer) -> String {
    without_ids(&format!("exit {}\n{}{}", answer.code, answer.out, answer.err))
}

#[test]
fn a_dry_run_shows_the_commit_and_pushes_nothing() {
    let remote = remote();
    let before = remote.branches();
    insta::assert_snapshot!(
        "commit-dry-run",
        told(&remote.bowline(&["restart", "web", "--token", "t-1", "--dry-run", "--push"]))
    );
    assert_eq!(remote.branches(), before);
}

#[test]
fn without_more_a_verb_is_a_branch_of_its_own_with_the_same_name_each_time() {
    let remote = remote();
    let head = remote.git("rev-parse main");
    let first = remote.bowline(&["scale", "web", "5"]);
    insta::assert_snapshot!("commit-branch", told(&first));
    let branch = format!("bowline/scale/ecsservice-web/{}-1", &head[..12]);
    assert_eq!(remote.file(&branch, "web.yaml"), service("web", "web:1", 5));
    assert_eq!(remote.git("rev-parse main"), head);
    let before = remote.branches();
    let again = remote.bowline(&["scale", "web", "5", "-o", "json"]).json();
    assert_eq!((&again["branch"], &again["base"]), (&json!(branch), &json!("main")));
    assert_eq!(remote.branches(), before);
}

#[test]
fn with_push_it_is_on_the_branch_that_is_read_with_a_message_that_says_who() {
    let remote = with("git: { name: Ops, email: ops@example.com }\n");
    let head = remote.git("rev-parse main");
    let answer = remote.bowline(&["scale", "web", "5", "--push", "-o", "json"]);
    let commit = remote.git("rev-parse main");
    assert_eq!(remote.git("log -1 --format=%an/%ae/%P"), format!("Ops/ops@example.com/{head}"));
    let message = "Scale web to 5\n\nIt was 2.\n\nAsked for by Ada <ada@example.com> with `bowline scale web 5`.\n\n\
                   Bowline-Resource: EcsService/web\n";
    assert_eq!(remote.git("log -1 --format=%B main") + "\n", message);
    let mut document = answer.json();
    let patch = document["commit"]["patch"].take();
    assert!(patch.as_str().unwrap().contains("\n-  desiredCount: 2\n+  desiredCount: 5\n"), "{patch}");
    assert_eq!(
        (answer.code, document),
        (
            0,
            json!({
                "result": "pushed", "branch": "main", "notes": [], "exitCode": 0,
                "commit": { "id": commit, "parent": head, "message": message, "patch": Value::Null },
            })
        )
    );
    assert_eq!(remote.file("main", "web.yaml"), service("web", "web:1", 5));
}

#[test]
fn how_it_is_delivered_stands_in_the_configuration() {
    let remote = with("git: { delivery: push }\n");
    insta::assert_snapshot!("commit-push", told(&remote.bowline(&["scale", "web", "5"])));
    assert_eq!(remote.file("main", "web.yaml"), service("web", "web:1", 5));
    let nothing = remote.bowline(&["scale", "web", "5"]);
    assert_eq!(
        told(&nothing),
        "exit 1\nnothing to do: git has `desiredCount: 5` of EcsService/web already\n"
    );
    assert_eq!(
        remote.bowline(&["scale", "web", "5", "-o", "json"]).json(),
        json!({
            "result": "refused", "notes": [], "exitCode": 1,
            "reason": "nothing to do: git has `desiredCount: 5` of EcsService/web already",
        })
    );
}

#[test]
fn a_release_changes_the_image_and_keeps_the_file_or_the_pinned_revision() {
    let remote = remote();
    let released = remote.bowline(&["release", "api", "--image", "app=registry.test/api:2", "--push"]);
    insta::assert_snapshot!("commit-release", told(&released));
    assert_eq!(remote.file("main", "api.json"), TASK.replace("api:1", "api:2"));
    assert_eq!(remote.bowline(&["release", "web", "--revision", "7", "--push"]).code, 0);
    assert_eq!(remote.file("main", "web.yaml"), service("web", "web:7", 2));
    assert_eq!(remote.file("main", "api.yaml"), API);
}

#[test]
fn what_cannot_be_released_is_told_with_what_to_do() {
    let remote = remote();
    let told: Vec<String> = [
        &["release", "web", "--image", "app=registry.test/web:2"][..],
        &["release", "api", "--revision", "2"],
        &["release", "api", "--image", "ap=registry.test/api:2"],
        &["release", "api", "--image", "app=registry.test/api:1"],
        &["release", "api", "--image", "app"],
        &["release", "api"],
        &["restart", "wbe"],
    ]
    .into_iter()
    .map(|arguments| format!("$ bowline {}\n{}", arguments.join(" "), told(&remote.bowline(arguments))))
    .collect();
    insta::assert_snapshot!("commit-refused", told.join("\n"));
    assert_eq!(remote.git("rev-list --all --count"), "1");
}

#[test]
fn a_branch_that_moves_meanwhile_is_read_again_and_nothing_is_lost() {
    let remote = remote();
    let theirs = remote.commit("theirs", "Run web:2", &[("web.yaml", &service("web", "web:2", 2))]);
    // Somebody is faster, once.
    remote.hook(
        "update",
        &format!("[ -e moved ] && exit 0; touch moved; git update-ref refs/heads/main {theirs}; exit 1"),
    );
    let answer = remote.bowline(&["scale", "web", "5", "--push"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    assert_eq!(remote.git("log -1 --format=%P main"), theirs);
    assert_eq!(remote.file("main", "web.yaml"), service("web", "web:2", 5));
}

#[test]
fn a_branch_that_always_moves_is_given_up() {
    let remote = remote();
    remote.hook(
        "update",
        "new=$(git commit-tree -p refs/heads/main -m More refs/heads/main^{tree}); git update-ref refs/heads/main $new; exit 1",
    );
    let who = "[user]\n\tname = Ben\n\temail = ben@example.com\n";
    let config = remote.path().join("config");
    let known = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, known + who).unwrap();
    assert_eq!(
        told(&remote.bowline(&["scale", "web", "5", "--push"])),
        "exit 2\nerror: the branch moved 5 times while the commit was made: nothing was pushed; try again\n"
    );
    assert_eq!(remote.file("main", "web.yaml"), service("web", "web:1", 2));
}

#[test]
fn a_hook_that_refuses_the_branch_is_told_and_a_branch_of_its_own_goes_through() {
    let remote = remote();
    let head = remote.git("rev-parse main");
    remote.hook("update", "[ \"$1\" != refs/heads/main ] || { echo 'reviews first' >&2; exit 1; }");
    insta::assert_snapshot!("commit-hook", told(&remote.bowline(&["scale", "web", "5", "--push"])));
    assert_eq!(remote.git("rev-parse main"), head);
    assert_eq!(remote.bowline(&["scale", "web", "5"]).code, 0);
    remote.hook("update", "exit 1");
    insta::assert_snapshot!("commit-hook-branch", told(&remote.bowline(&["scale", "web", "6"])));
}

#[test]
fn wrong_credentials_and_a_server_that_is_away_are_told() {
    let remote = remote();
    remote.place.write("secrets/token", "wr0ng");
    let refused = remote.bowline(&["restart", "web", "--push"]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.starts_with("error: REMOTE refused the token"), "{refused:?}");
    assert!(!refused.err.contains("wr0ng"));
    remote.place.write("secrets/token", "s3cret");
    assert_eq!(remote.bowline(&["restart", "web", "--dry-run"]).code, 0);
    std::fs::rename(remote.path(), remote.path().with_extension("away")).unwrap();
    let away = remote.bowline(&["restart", "web", "--push"]);
    assert_eq!(away.code, 2, "{away:?}");
}

#[test]
fn a_rollback_reverts_what_changed_the_service_and_keeps_the_rest() {
    let remote = remote();
    // With lines between, as git needs them to keep what came later.
    let web = |revision: &str, count: u32| {
        let between = "  healDelay: 10m\n  rollout: { deadline: 15m }\n  dependsOn: [api]\n  desiredCount";
        service("web", revision, count).replace("  desiredCount", between)
    };
    remote.commit("main", "Lay it out", &[("web.yaml", &web("web:1", 2))]);
    remote.commit("main", "Run web:2", &[("web.yaml", &web("web:2", 2))]);
    let bad = remote.git("rev-parse main");
    remote.commit("main", "Scale", &[("web.yaml", &web("web:2", 3))]);
    let answer = remote.bowline(&["rollback", "web", "--push", "--reason", "500s since 12:00"]);
    insta::assert_snapshot!("commit-rollback", told(&answer));
    assert_eq!(remote.file("main", "web.yaml"), web("web:1", 3));
    insta::assert_snapshot!("commit-rollback-message", without_ids(&remote.git("log -1 --format=%B main")));
    assert!(remote.git("log -1 --format=%B main").contains(&format!("Bowline-Reverts: {bad}\n")));
    // A second time it would go back to what was bad.
    insta::assert_snapshot!("commit-rollback-again", told(&remote.bowline(&["rollback", "web", "--push"])));
    let named = remote.bowline(&["rollback", "web", "--to", &bad[..8], "--push"]);
    assert_eq!(named.code, 0, "{named:?}");
    assert_eq!(remote.file("main", "web.yaml"), web("web:2", 3));
}

#[test]
fn a_rollback_in_conflict_is_never_pushed_onto_the_branch() {
    let remote = remote();
    remote.commit("main", "Run web:2", &[("web.yaml", &service("web", "web:2", 2))]);
    let text = service("web", "web:2", 2).replace("{ revision: 'web:2' }", "{ revision: 'web:2' } # keep!");
    let head = remote.commit("main", "Say why", &[("web.yaml", &text)]);
    let answer = remote.bowline(&["rollback", "web", "--push"]);
    insta::assert_snapshot!("commit-rollback-conflict", told(&answer));
    assert_eq!(remote.git("rev-parse main"), head);
}

#[test]
fn without_a_controller_or_a_store_nobody_knows_what_is_refused() {
    let remote = with("listen: 127.0.0.1:1\n");
    insta::assert_snapshot!("commit-accept-unknown", told(&remote.bowline(&["accept"])));
}

#[test]
fn a_suspension_is_written_and_taken_out_again() {
    let remote = remote();
    let web = remote.file("main", "web.yaml");
    let until = "2126-11-22T08:00:00Z";
    let suspend = ["suspend", "web", "--until", until, "--reason", "moving the database", "--push"];
    insta::assert_snapshot!("commit-suspend", told(&remote.bowline(&suspend)));
    assert_eq!(
        remote.file("main", "web.yaml"),
        format!("{web}  suspend:\n    until: \"{until}\"\n    reason: \"moving the database\"\n")
    );
    insta::assert_snapshot!("commit-resume", told(&remote.bowline(&["resume", "EcsService/web", "--push"])));
    assert_eq!(remote.file("main", "web.yaml"), web);
    assert_eq!(remote.bowline(&["resume", "web", "--push"]).code, 1);
    let told: Vec<String> = [
        &["suspend", "web", "--until", "4h"][..],
        &["suspend", "web", "--until", "tomorrow", "--reason", "x"],
        &["suspend", "web", "--until", "2020-01-01T00:00:00Z", "--reason", "x"],
        &["suspend", "Target/production", "--until", "4h", "--reason", "x"],
        &["suspend", "Pod/web", "--until", "4h", "--reason", "x"],
    ]
    .into_iter()
    .map(|arguments| format!("$ bowline {}\n{}", arguments.join(" "), told(&remote.bowline(arguments))))
    .collect();
    insta::assert_snapshot!("commit-suspend-refused", told.join("\n"));
}
