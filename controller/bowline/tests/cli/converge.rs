//! `plan` and `apply` against a simulated AWS.

use bowline_sim::{Fault, FaultRule};
use serde_json::{Value, json};

use crate::place::{Answer, Cloud, Place, TARGET, eventually, service};

/// Everything but what differs from call to call.
fn differences(document: &Value) -> Value {
    let resources = document["resources"].as_array().unwrap();
    let told: Vec<Value> = resources
        .iter()
        .map(|report| {
            json!({
                "resource": report["resource"]["name"],
                "sync": report["sync"],
                "differences": report["differences"],
                "held": report["held"],
            })
        })
        .collect();
    json!(told)
}

async fn bowline(place: &Place, cloud: &Cloud, arguments: &[&str]) -> Answer {
    let mut command = tokio::process::Command::from(place.command(arguments));
    command.env("AWS_ENDPOINT_URL", cloud.simulator.url());
    command.env("BOWLINE_TIME_SCALE", crate::place::TIME_SCALE.to_string());
    place.answer(&command.output().await.unwrap())
}

async fn settled(cloud: &Cloud, name: &str) {
    eventually("the service to settle", || async { cloud.service(name).await.2.then_some(()) }).await;
}

#[tokio::test]
async fn a_plan_shows_what_differs_and_apply_converges() {
    let (place, cloud) = (Place::new(), Cloud::start().await);
    cloud.register("web", "acme/web:1").await;
    cloud.register("web", "acme/web:2").await;
    cloud.create("web", "web:1", 2).await;
    settled(&cloud, "web").await;
    place.commit("Deploy web:2", &[("target.yaml", TARGET), ("web.yaml", &service("web", "web:2", 3))]);
    cloud.simulator.clear_calls();

    let planned = bowline(&place, &cloud, &["plan", "--repo", "repo", "-o", "json"]).await;
    assert_eq!(planned.code, 1, "{planned:?}");
    let changed = |path: &str, found: &str, wanted: &str| {
        json!({
            "path": path, "reason": "changed", "note": null,
            "wanted": { "text": wanted }, "found": { "text": found },
        })
    };
    assert_eq!(
        differences(&planned.json()),
        json!([
            { "resource": "production", "sync": "in-sync", "differences": [], "held": [] },
            {
                "resource": "web", "sync": "drifted", "held": [],
                "differences": [
                    changed("taskDefinition", "web:1", "web:2"),
                    changed("taskDefinition.containerDefinitions[name=app].image", "acme/web:1", "acme/web:2"),
                    changed("desiredCount", "2", "3"),
                ],
            },
        ])
    );
    assert_eq!(cloud.writes(), Vec::<String>::new(), "plan writes nothing");

    let applied = bowline(&place, &cloud, &["apply", "--repo", "repo", "--yes"]).await;
    assert_eq!(applied.code, 0, "{applied:?}");
    assert_eq!(cloud.service("web").await, ("web:2".to_owned(), 3, true));
    assert_eq!(cloud.count("UpdateService"), 1);

    let again = bowline(&place, &cloud, &["plan", "--repo", "repo"]).await;
    assert_eq!(again.code, 0, "{again:?}");
    assert!(again.out.ends_with("0 resources differ, 2 in sync\n"), "{again:?}");
    let nothing = bowline(&place, &cloud, &["apply", "--repo", "repo", "--yes"]).await;
    assert_eq!(nothing.code, 0, "{nothing:?}");
    assert_eq!(cloud.count("UpdateService"), 1, "what is converged is left alone");
}

#[tokio::test]
async fn a_service_that_does_not_exist_is_a_difference_that_nothing_is_done_about() {
    let (place, cloud) = (Place::new(), Cloud::start().await);
    cloud.register("web", "acme/web:1").await;
    cloud.create("web", "web:1", 1).await;
    settled(&cloud, "web").await;
    place.commit(
        "Two",
        &[
            ("target.yaml", TARGET),
            ("web.yaml", &service("web", "web:1", 1)),
            ("ghost.yaml", &service("ghost", "web:1", 1)),
        ],
    );
    let answer = bowline(&place, &cloud, &["plan", "--repo", "repo"]).await;
    assert_eq!(answer.code, 1, "{answer:?}");
    assert!(answer.out.contains("+ EcsService/ghost on production: missing\n"), "{answer:?}");
    assert!(answer.out.contains("ECS knows no such service"), "{answer:?}");
    let answer = bowline(&place, &cloud, &["plan", "--repo", "repo", "--service", "web"]).await;
    assert_eq!(answer.code, 0, "{answer:?}");
    let answer = bowline(&place, &cloud, &["plan", "--repo", "repo", "--service", "wbe"]).await;
    assert_eq!(
        (answer.code, answer.err.as_str()),
        (2, "error: there is no EcsService `wbe` in this desired state; it has: ghost, web\n")
    );
}

#[tokio::test]
async fn apply_of_a_task_definition_that_crashes_is_rolled_back_and_not_tried_again() {
    let (place, cloud) = (Place::new(), Cloud::start().await);
    cloud.register("web", "acme/web:1").await;
    cloud.register("web", "acme/crash:1").await;
    cloud.create("web", "web:1", 1).await;
    settled(&cloud, "web").await;
    place.commit("Bad", &[("target.yaml", TARGET), ("web.yaml", &service("web", "web:2", 1))]);
    for attempt in ["first", "second"] {
        let answer = bowline(&place, &cloud, &["apply", "--repo", "repo", "--yes"]).await;
        assert_eq!(answer.code, 1, "{attempt}: {answer:?}");
        assert!(
            answer.out.contains("! EcsService/web on production: awaiting git\n"),
            "{attempt}: {answer:?}"
        );
        // Nothing is remembered without a store: the second time it is read from ECS's own history.
        assert_eq!(cloud.count("UpdateService"), 1, "{attempt}");
    }
}

/// Starts `apply --yes` with `more` arguments, and makes one more commit while it looks at AWS.
async fn overtaken(
    place: &Place,
    cloud: &Cloud,
    more: &[&str],
    files: &[(&str, &str)],
) -> (Answer, [String; 2]) {
    cloud.register("web", "acme/web:1").await;
    cloud.create("web", "web:1", 1).await;
    settled(cloud, "web").await;
    let first = place.commit("Two", &[("target.yaml", TARGET), ("web.yaml", &service("web", "web:1", 2))]);
    let slow = Fault::Delay(std::time::Duration::from_secs(2));
    cloud.simulator.add_fault(FaultRule::new(slow).operation("DescribeServices").times(1));
    let before = cloud.count("GetCallerIdentity");
    let arguments = [&["apply", "--repo", "repo", "--yes"], more].concat();
    let applying = bowline(place, cloud, &arguments);
    let moving = async {
        eventually("the look at AWS", || async { (cloud.count("GetCallerIdentity") > before).then_some(()) })
            .await;
        place.commit("Then this", files)
    };
    let (answer, second) = tokio::join!(applying, moving);
    (answer, [first, second].map(|commit| commit[..8].to_owned()))
}

#[tokio::test]
async fn apply_follows_the_branch_and_says_so_beside_json_too() {
    for more in [&[] as &[&str], &["-o", "json"]] {
        let (place, cloud) = (Place::new(), Cloud::start().await);
        let three = [("target.yaml", TARGET), ("web.yaml", &*service("web", "web:1", 3))];
        let (answer, [first, second]) = overtaken(&place, &cloud, more, &three).await;
        assert_eq!(answer.code, 0, "{answer:?}");
        let told = format!("the branch moved on from {first} to {second} (Then this): applying that\n");
        assert!(answer.err.contains(&told), "{answer:?}");
        assert_eq!(cloud.service("web").await, ("web:1".to_owned(), 3, true));
        assert_eq!(cloud.count("UpdateService"), 1, "nothing of the first commit was done");
        if !more.is_empty() {
            assert_eq!(answer.err, told, "the document holds everything else");
            assert_eq!(answer.json()["git"]["commit"]["subject"], "Then this");
        }
    }
}

#[tokio::test]
async fn apply_gives_up_on_a_new_commit_that_cannot_be_read() {
    let (place, cloud) = (Place::new(), Cloud::start().await);
    let (answer, [first, second]) = overtaken(&place, &cloud, &[], &[("README.md", "moved away\n")]).await;
    assert_eq!((answer.code, answer.out.as_str()), (2, ""), "{answer:?}");
    let told = format!(
        "error: the branch moved on from {first} to {second}, which cannot be read, so nothing more is done: "
    );
    assert!(answer.err.contains(&told), "{answer:?}");
    assert!(cloud.count("DescribeServices") < 20, "it looks a few times, with pauses");
    assert_eq!(cloud.count("UpdateService"), 0);
}

#[tokio::test]
async fn a_repository_that_goes_away_while_apply_looks_holds_everything_and_its_age_is_told() {
    let (place, cloud) = (Place::new(), Cloud::start().await);
    cloud.register("web", "acme/web:1").await;
    cloud.create("web", "web:1", 1).await;
    settled(&cloud, "web").await;
    let commit = place.commit("Two", &[("target.yaml", TARGET), ("web.yaml", &service("web", "web:1", 2))]);
    let slow = Fault::Delay(std::time::Duration::from_secs(2));
    cloud.simulator.add_fault(FaultRule::new(slow).operation("DescribeServices").times(1));
    let before = cloud.count("GetCallerIdentity");
    let applying = bowline(&place, &cloud, &["apply", "--repo", "repo", "--yes", "-o", "json"]);
    let leaving = async {
        eventually("the look at AWS", || async { (cloud.count("GetCallerIdentity") > before).then_some(()) })
            .await;
        std::fs::rename(place.path().join("repo"), place.path().join("away")).unwrap();
    };
    let (answer, ()) = tokio::join!(applying, leaving);
    assert_eq!(answer.code, 2, "{answer:?}");
    assert_eq!(cloud.count("UpdateService"), 0);
    let reason = answer.json()["git"]["reason"].as_str().unwrap().to_owned();
    let told = format!("the repository cannot be read; the last good commit {commit:.8} was last read ");
    assert!(reason.starts_with(&told), "{reason}");
}

#[tokio::test]
async fn what_is_held_is_told_and_not_done() {
    let (place, cloud) = (Place::new(), Cloud::start().await);
    cloud.register("web", "acme/web:1").await;
    cloud.create("web", "web:1", 2).await;
    settled(&cloud, "web").await;
    let web = service("web", "web:1", 3);
    let cases = [
        (TARGET.replace("enforce", "observe"), "", "mode observe (set by the Target): nothing is changed"),
        (
            TARGET.replace("ecs:scale, ", ""),
            "",
            "Operation not permitted for target production: the Target does not grant ecs:scale",
        ),
        (
            TARGET.to_owned(),
            "sources: [{ repo: repo }]\nstore: ':memory:'\n",
            "mode observe (set by bowline.yaml): nothing is changed",
        ),
    ];
    for (target, configuration, told) in cases {
        place.commit("Held", &[("target.yaml", &target), ("web.yaml", &web)]);
        place.write("held.yaml", configuration);
        let mut arguments = vec!["apply", "--yes", "--repo", "repo"];
        if !configuration.is_empty() {
            arguments = vec!["--config", "held.yaml", "apply", "--yes"];
        }
        let answer = bowline(&place, &cloud, &arguments).await;
        assert_eq!(answer.code, 1, "{told}: {answer:?}");
        assert!(answer.out.contains(told), "{told}: {answer:?}");
        assert_eq!(cloud.count("UpdateService"), 0, "{told}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_unknown_and_nothing_is_done() {
    let (place, cloud) = (Place::new(), Cloud::start().await);
    cloud.register("web", "acme/web:1").await;
    cloud.create("web", "web:1", 2).await;
    settled(&cloud, "web").await;
    place.commit("Scale", &[("target.yaml", TARGET), ("web.yaml", &service("web", "web:1", 3))]);
    cloud.simulator.add_fault(FaultRule::new(Fault::AccessDenied).operation("DescribeServices"));
    for verb in [&["plan", "--repo", "repo"] as &[&str], &["apply", "--yes", "--repo", "repo"]] {
        let answer = bowline(&place, &cloud, verb).await;
        assert_eq!(answer.code, 2, "{answer:?}");
        assert!(answer.out.contains("? EcsService/web on production: unknown\n"), "{answer:?}");
        assert!(answer.out.contains("AccessDeniedException"), "{answer:?}");
        assert_eq!(cloud.count("UpdateService"), 0);
    }
    cloud.simulator.clear_faults();
    assert_eq!(bowline(&place, &cloud, &["apply", "--yes", "--repo", "repo"]).await.code, 0);
}

#[tokio::test]
async fn credentials_of_another_account_read_nothing() {
    let (place, cloud) = (Place::new(), Cloud::start().await);
    let elsewhere = TARGET.replace("111122223333", "999988887777");
    place.commit("Elsewhere", &[("target.yaml", &elsewhere), ("web.yaml", &service("web", "web:1", 1))]);
    let answer = bowline(&place, &cloud, &["plan", "--repo", "repo", "-o", "json"]).await;
    assert_eq!(answer.code, 2, "{answer:?}");
    assert_eq!(answer.json()["totals"], json!({ "unknown": 2 }));
    let asked: Vec<String> = cloud.simulator.calls().iter().map(|call| call.operation.clone()).collect();
    assert!(!asked.is_empty() && asked.iter().all(|name| name == "GetCallerIdentity"), "{asked:?}");
}

#[tokio::test]
async fn a_pass_over_a_thousand_unchanged_services_makes_a_hundred_calls() {
    let (place, cloud) = (Place::new(), Cloud::start().await);
    cloud.register("web", "acme/web:1").await;
    let mut manifests = String::new();
    for number in 0..1000 {
        let name = format!("web-{number}");
        // Without tasks nothing has to start, and all of them are settled at once.
        cloud.create(&name, "web:1", 0).await;
        manifests = format!("{manifests}---\n{}", service(&name, "web:1", 0));
    }
    settled(&cloud, "web-999").await;
    place.commit("A thousand", &[("target.yaml", TARGET), ("services.yaml", &manifests)]);
    cloud.simulator.clear_calls();
    let answer = bowline(&place, &cloud, &["plan", "--repo", "repo"]).await;
    assert_eq!((answer.code, answer.err.as_str()), (0, ""), "{answer:?}");
    assert!(answer.out.ends_with("0 resources differ, 1001 in sync\n"), "{answer:?}");
    // What is left over and scalable targets: a plan asks for them, the controller once an hour.
    let expected = [
        ("DescribeScalableTargets", 20),
        ("DescribeServices", 100),
        ("GetCallerIdentity", 1),
        ("ListServices", 10),
    ];
    let expected = expected.map(|(operation, count)| (operation.to_owned(), count));
    assert_eq!(cloud.simulator.call_counts(None), expected.into());
}
