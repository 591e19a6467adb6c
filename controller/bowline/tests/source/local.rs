//! Repositories on this machine: reading, caching, falling back, refusing, recovering.

use std::fs;
use std::io::Write as _;

use bowline::source::{GitSettings, GitSource, Snapshot, SourceError};
use bowline_core::desired::FindingCode;
use bowline_core::policy::GitStanding;
use git2::{ObjectType, Signature, Time};

use crate::repo::{BROKEN, Change, Repo, TARGET, applied, at, codes, service, write};

/// Name, desired count, and whether it comes from an earlier commit.
fn services(snapshot: &Snapshot) -> Vec<(&str, Option<u32>, bool)> {
    let each = snapshot.state.services.iter();
    each.map(|(name, service)| {
        (name.as_str(), service.resource.spec.desired_count, service.resource.origin.stale)
    })
    .collect()
}

#[tokio::test]
async fn a_commit_is_read_and_a_new_one_costs_what_it_changed() {
    let repo = Repo::seeded();
    let mut source = repo.source();
    let first = source.sync(at(0), &applied(&[])).await.unwrap();
    assert_eq!(services(&first), [("web", Some(1), false)]);
    assert_eq!(codes(&first.findings), []);
    assert_eq!((first.parsed_files, &first.standing), (2, &GitStanding::Fresh));
    assert_eq!((first.subject.as_str(), first.author.as_str()), ("first", "Ada <ada@example.com>"));
    assert_eq!((first.committed_at.as_second(), first.read_at), (1_760_000_000, at(0)));

    let again = source.sync(at(1), &applied(&[&first.commit])).await.unwrap();
    assert_eq!((again.parsed_files, again.commit == first.commit, again.read_at), (0, true, at(1)));

    let head =
        repo.commit("more", &[write("env/web.yml", &service("web", 2)), write("other/x.yaml", BROKEN)]);
    let second = source.sync(at(2), &applied(&[&first.commit])).await.unwrap();
    assert_eq!(
        (second.parsed_files, second.commit.as_str(), &second.standing),
        (1, head.as_str(), &GitStanding::Fresh)
    );
    assert_eq!(services(&second), [("web", Some(2), false)]);
    assert_eq!(source.head().await.unwrap(), head);
}

#[tokio::test]
async fn branch_tag_full_name_and_head_are_understood_in_a_file_address_and_a_path() {
    let repo = Repo::seeded();
    let head = repo.git.revparse_single("refs/heads/main").unwrap();
    let who = Signature::new("Ada", "ada@example.com", &Time::new(0, 0)).unwrap();
    repo.git.tag("v1", &head, &who, "annotated", false).unwrap();
    repo.git.tag_lightweight("v2", &head, false).unwrap();
    let file = format!("file://{}", repo.path().display());
    for address in [file, repo.path().display().to_string()] {
        for reference in ["main", "refs/heads/main", "HEAD", "v1", "v2", "refs/tags/v1"] {
            let mirror = tempfile::tempdir_in(repo.root.path()).unwrap();
            let settings = GitSettings {
                repo: address.clone(),
                reference: reference.to_owned(),
                path: "./env/".to_owned(),
                mirror: mirror.path().to_owned(),
                ..repo.settings()
            };
            let mut source = GitSource::new(settings);
            let snapshot = source.sync(at(0), &applied(&[])).await.unwrap();
            assert_eq!(snapshot.commit, head.id().to_string(), "{reference}");
            assert_eq!(source.head().await.unwrap(), snapshot.commit, "{reference}");
            assert_eq!(source.sync(at(1), &applied(&[])).await.unwrap().parsed_files, 0);
        }
    }
}

#[tokio::test]
async fn a_broken_file_keeps_its_last_good_form_also_after_a_restart() {
    let repo = Repo::seeded();
    let mut source = repo.source();
    source.sync(at(0), &applied(&[])).await.unwrap();
    repo.commit("better", &[write("env/web.yml", &service("web", 3))]);
    repo.commit("broken", &[write("env/web.yml", BROKEN), write("env/api.yaml", &service("api", 1))]);
    repo.commit("still broken", &[write("env/web.yml", &format!("{BROKEN}{BROKEN}"))]);

    let snapshot = source.sync(at(1), &applied(&[])).await.unwrap();
    let wanted = [("api", Some(1), false), ("web", Some(3), true)];
    assert_eq!(services(&snapshot), wanted);
    assert_eq!(codes(&snapshot.findings), [("env/web.yml", FindingCode::Syntax)]);
    let restarted = repo.source().sync(at(2), &applied(&[])).await.unwrap();
    assert_eq!(services(&restarted), wanted);

    repo.commit("mended", &[write("env/web.yml", &service("web", 4))]);
    let mended = source.sync(at(3), &applied(&[])).await.unwrap();
    assert_eq!((mended.parsed_files, mended.findings.len()), (1, 0));
    assert_eq!(services(&mended), [("api", Some(1), false), ("web", Some(4), false)]);
}

#[tokio::test]
async fn a_file_that_was_removed_in_between_has_no_earlier_form() {
    let repo = Repo::seeded();
    let mut source = repo.source();
    source.sync(at(0), &applied(&[])).await.unwrap();
    repo.commit("away", &[Change::Remove("env/web.yml")]);
    repo.commit("back", &[write("env/web.yml", BROKEN)]);
    for mut source in [source, repo.source()] {
        let snapshot = source.sync(at(1), &applied(&[])).await.unwrap();
        assert_eq!(services(&snapshot), []);
        assert_eq!(codes(&snapshot.findings), [("env/web.yml", FindingCode::Syntax)]);
    }
}

#[tokio::test]
async fn broken_for_longer_than_history_is_searched_the_memory_still_knows() {
    let repo = Repo::seeded();
    let mut source = repo.source();
    source.sync(at(0), &applied(&[])).await.unwrap();
    for count in 0..60 {
        repo.commit("broken", &[write("env/web.yml", &format!("{BROKEN}# {count}"))]);
    }
    let snapshot = source.sync(at(1), &applied(&[])).await.unwrap();
    assert_eq!(services(&snapshot), [("web", Some(1), true)]);
    let restarted = repo.source().sync(at(1), &applied(&[])).await.unwrap();
    assert_eq!(services(&restarted), []);
}

#[tokio::test]
async fn what_is_no_plain_file_of_a_sane_size_is_a_finding_for_that_file_only() {
    let repo = Repo::seeded();
    let mut writer_odb = repo.git.odb().unwrap();
    let huge = zeros(&mut writer_odb, 100 << 20);
    repo.commit(
        "odd things",
        &[
            Change::Link("env/link.yaml", "/etc/passwd"),
            Change::Link("env/folder-link", "../other"),
            Change::Link("env/task.json", "elsewhere.json"),
            Change::Submodule("env/module"),
            Change::Blob("env/huge.yaml", huge),
            Change::Blob("env/huge.bin", huge),
            write("env/latin1.yaml", b"name: \xe9\n"),
            write("env/.github/workflow.yaml", BROKEN),
            write("env/README.md", "text"),
        ],
    );
    let snapshot = repo.source().sync(at(0), &applied(&[])).await.unwrap();
    assert_eq!(services(&snapshot), [("web", Some(1), false)]);
    let mut found = codes(&snapshot.findings);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("env/folder-link", FindingCode::NotAFile),
            ("env/huge.yaml", FindingCode::TooLarge),
            ("env/latin1.yaml", FindingCode::Encoding),
            ("env/link.yaml", FindingCode::NotAFile),
            ("env/module", FindingCode::NotAFile),
        ]
    );
}

/// Writes a blob of zeros without holding it in memory.
fn zeros(odb: &mut git2::Odb<'_>, size: usize) -> git2::Oid {
    let mut writer = odb.writer(size, ObjectType::Blob).unwrap();
    let chunk = vec![0; 1 << 20];
    for _ in 0..size / chunk.len() {
        writer.write_all(&chunk).unwrap();
    }
    writer.finalize().unwrap()
}

#[tokio::test]
async fn a_file_that_became_a_symlink_keeps_its_last_good_form() {
    let repo = Repo::seeded();
    repo.commit("link", &[Change::Link("env/web.yml", "target.yaml")]);
    let snapshot = repo.source().sync(at(0), &applied(&[])).await.unwrap();
    assert_eq!(services(&snapshot), [("web", Some(1), true)]);
    assert_eq!(codes(&snapshot.findings), [("env/web.yml", FindingCode::NotAFile)]);
}

#[tokio::test]
async fn a_task_definition_is_read_when_referenced_also_from_outside_the_path() {
    let repo = Repo::seeded();
    let task =
        r#"{"family": "web", "containerDefinitions": [{"name": "web", "image": "nginx:1", "memory": 128}]}"#;
    let manifest = "apiVersion: bowline.dev/v1alpha1\nkind: EcsService\nmetadata: {name: web}\nspec: {target: prod, service: web, taskDefinition: {file: ../tasks/web.json}}\n";
    repo.commit(
        "task",
        &[
            write("env/web.yml", manifest),
            write("tasks/web.json", task),
            write("env/not-referenced.json", "{"),
        ],
    );
    let mut source = repo.source();
    let snapshot = source.sync(at(0), &applied(&[])).await.unwrap();
    assert_eq!(codes(&snapshot.findings), []);
    assert_eq!(snapshot.parsed_files, 3);
    let web = snapshot.state.services.values().next().unwrap();
    assert!(web.task_definition.is_some());

    repo.commit("task changed", &[write("tasks/web.json", &task.replace("nginx:1", "nginx:2"))]);
    let changed = source.sync(at(1), &applied(&[])).await.unwrap();
    assert_eq!(changed.parsed_files, 1);

    repo.commit("task broken", &[write("tasks/web.json", "{")]);
    for mut source in [source, repo.source()] {
        let snapshot = source.sync(at(2), &applied(&[])).await.unwrap();
        assert_eq!(codes(&snapshot.findings), [("tasks/web.json", FindingCode::Syntax)]);
        assert_eq!(snapshot.state, changed.state);
    }
}

#[tokio::test]
async fn what_holds_nothing_is_refused_with_a_sentence() {
    let empty = Repo::new();
    let error = empty.source().sync(at(0), &applied(&[])).await.unwrap_err();
    assert!(error.to_string().ends_with("is empty: it has no branch and no tag"), "{error}");
    assert_eq!(error.category(), "empty");

    let repo = Repo::seeded();
    repo.commit(
        "more",
        &[write("docs/README.md", "text"), write("k8s/pod.yaml", "apiVersion: v1\nkind: Pod\n")],
    );
    let cases = [
        ("mian", "env", "ref-missing", "has no branch or tag `mian` (it has main)"),
        ("main", "envv", "path-missing", "there is no folder `envv` in commit"),
        ("main", "env/web.yml", "path-missing", "there is no folder `env/web.yml` in commit"),
        ("main", "../env", "path-missing", "there is no folder `../env` in commit"),
        (
            "main",
            "docs",
            "empty",
            "holds no manifests: no *.yaml file there has a Target, EcsService, Secret or TerraformState",
        ),
        ("main", "k8s", "empty", "or TerraformState (1 document has another apiVersion)"),
    ];
    for (reference, path, category, sentence) in cases {
        let settings =
            GitSettings { reference: reference.to_owned(), path: path.to_owned(), ..repo.settings() };
        let error = GitSource::new(settings).sync(at(0), &applied(&[])).await.unwrap_err();
        assert_eq!(error.category(), category, "{path}");
        assert!(error.to_string().contains(sentence), "{error}");
        assert!(!error.hint().is_empty());
    }
}

#[tokio::test]
async fn a_rewritten_branch_is_a_standing_and_a_finding_until_it_is_applied() {
    let repo = Repo::seeded();
    let mut source = repo.source();
    let first = source.sync(at(0), &applied(&[])).await.unwrap();
    let second = repo.commit("second", &[write("env/web.yml", &service("web", 2))]);
    source.sync(at(1), &applied(&[&first.commit])).await.unwrap();
    let parent = git2::Oid::from_str(&first.commit).unwrap();
    let rewritten = repo.commit_on(Some(parent), "instead", &[write("env/web.yml", &service("web", 5))]);

    for mut source in [source, repo.source()] {
        let snapshot = source.sync(at(2), &applied(&[&second])).await.unwrap();
        assert_eq!(
            (snapshot.commit.as_str(), &snapshot.standing),
            (rewritten.as_str(), &GitStanding::ForcePushed { head: rewritten.clone() })
        );
        assert_eq!(codes(&snapshot.findings), [("", FindingCode::ForcePush)]);
        let accepted = source.sync(at(3), &applied(&[&rewritten])).await.unwrap();
        assert_eq!((&accepted.standing, accepted.findings.len()), (&GitStanding::Fresh, 0));
        let unknown =
            source.sync(at(3), &applied(&["0123456789012345678901234567890123456789"])).await.unwrap();
        assert_eq!(unknown.standing, GitStanding::ForcePushed { head: rewritten.clone() });
    }
}

#[tokio::test]
async fn when_the_remote_is_down_the_last_good_commit_stands_and_says_how_old_it_is() {
    let repo = Repo::seeded();
    let mut source = repo.source();
    let never = Repo::new();
    never.hide();
    assert_eq!(never.source().sync(at(0), &applied(&[])).await.unwrap_err().category(), "not-found");

    let good = source.sync(at(0), &applied(&[])).await.unwrap();
    repo.hide();
    for mut source in [source, repo.source()] {
        let snapshot = source.sync(at(12), &applied(&[])).await.unwrap();
        assert_eq!((&snapshot.commit, snapshot.read_at), (&good.commit, at(0)));
        assert_eq!(snapshot.state, good.state);
        let GitStanding::Stale(sentence) = &snapshot.standing else { panic!("{:?}", snapshot.standing) };
        let start = format!(
            "the repository cannot be read; the last good commit {} was last read 12m ago: there is no git repository at",
            &good.commit[..8]
        );
        assert!(sentence.starts_with(&start), "{sentence}");
        assert_eq!(source.head().await.unwrap_err().category(), "not-found");
    }

    fs::rename(repo.root.path().join("hidden.git"), repo.path()).unwrap();
    let back = repo.source().sync(at(13), &applied(&[])).await.unwrap();
    assert_eq!((back.standing, back.read_at), (GitStanding::Fresh, at(13)));
}

type Damage = fn(&Repo);

#[tokio::test]
async fn a_damaged_mirror_is_made_anew() {
    let repo = Repo::seeded();
    let damages: [(&str, Damage); 6] = [
        ("no head file", |repo| fs::remove_file(repo.root.path().join("mirror/repo.git/HEAD")).unwrap()),
        ("cut packs", |repo| {
            for file in repo.mirror_files("objects/pack") {
                fs::remove_file(&file).unwrap();
                fs::write(&file, b"PACK").unwrap();
            }
        }),
        ("no objects", |repo| fs::remove_dir_all(repo.root.path().join("mirror/repo.git/objects")).unwrap()),
        ("a broken ref", |repo| {
            fs::write(repo.root.path().join("mirror/repo.git/refs/bowline/head"), "nonsense").unwrap();
        }),
        ("a lock that a killed process left", |repo| {
            fs::write(repo.root.path().join("mirror/repo.git/refs/bowline/head.lock"), "").unwrap();
        }),
        ("no note of the last read", |repo| {
            fs::write(repo.root.path().join("mirror/last-read.json"), "{").unwrap();
        }),
    ];
    for (count, (what, damage)) in (2..).zip(damages) {
        repo.source().sync(at(0), &applied(&[])).await.unwrap();
        damage(&repo);
        let same = repo.source().sync(at(1), &applied(&[])).await;
        assert_eq!(same.unwrap().standing, GitStanding::Fresh, "{what}, same commit");
        damage(&repo);
        repo.commit("more", &[write("env/web.yml", &service("web", count))]);
        let snapshot = repo.source().sync(at(1), &applied(&[])).await.unwrap();
        assert_eq!(
            (services(&snapshot), &snapshot.standing),
            (vec![("web", Some(count), false)], &GitStanding::Fresh),
            "{what}, new commit"
        );
    }
}

#[tokio::test]
async fn a_mirror_of_many_packs_is_fetched_anew_in_one() {
    let repo = Repo::seeded();
    let mut source = repo.source();
    let packs = || {
        repo.mirror_files("objects/pack")
            .iter()
            .filter(|file| file.extension().is_some_and(|ending| ending == "pack"))
            .count()
    };
    let mut counts = Vec::new();
    for count in 0..70 {
        repo.commit("more", &[write("env/web.yml", &service("web", count))]);
        source.sync(at(0), &applied(&[])).await.unwrap();
        counts.push(packs());
    }
    assert_eq!((counts.iter().max(), counts.last()), (Some(&65), Some(&5)));
}

#[tokio::test]
async fn a_mirror_of_another_repository_is_not_mixed_up() {
    let (one, two) = (Repo::seeded(), Repo::new());
    two.commit("other", &[write("env/target.yaml", TARGET), write("env/api.yaml", &service("api", 7))]);
    one.source().sync(at(0), &applied(&[])).await.unwrap();
    let settings = GitSettings { mirror: one.settings().mirror, ..two.settings() };
    let mut source = GitSource::new(settings);
    let snapshot = source.sync(at(1), &applied(&[])).await.unwrap();
    assert_eq!(services(&snapshot), [("api", Some(7), false)]);
    one.hide();
    assert_eq!(one.source().sync(at(2), &applied(&[])).await.unwrap_err().category(), "not-found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_readers_share_a_mirror() {
    let repo = Repo::seeded();
    let reads: Vec<_> = (0..8)
        .map(|_| {
            let mut source = repo.source();
            tokio::spawn(async move { source.sync(at(0), &applied(&[])).await })
        })
        .collect();
    for read in reads {
        assert_eq!(services(&read.await.unwrap().unwrap()), [("web", Some(1), false)]);
    }
}

#[tokio::test]
async fn an_address_that_is_wrong_is_an_error_and_not_a_panic() {
    let repo = Repo::seeded();
    for address in ["", "https://me:hunter2@host/x", "http://git.example/x", "gopher://x/y"] {
        let settings = GitSettings { repo: address.to_owned(), ..repo.settings() };
        let error = GitSource::new(settings).sync(at(0), &applied(&[])).await.unwrap_err();
        assert!(matches!(error, SourceError::Address { .. }), "{address}: {error}");
        assert!(!error.sentence().contains("hunter2"));
    }
}
