//! Files with errors beside others: what is told, and what is used in their place.

use super::assembly::{document, file, name, no_task_definitions, outcome, parsed, secret, service, target};
use super::*;

#[test]
fn a_broken_file_is_represented_by_its_last_good_form() {
    let good = target("prod", "main", "eu-central-1") + &service("web", ", dependsOn: [gone]");
    let broken = service("web", ", desiredCount: many") + &service("new", "") + &service("moved", "");
    let files = [
        SourceFile { parsed: parsed("a.yaml", &broken), fallback: Some(parsed("a.yaml", &good)) },
        file("b.yaml", &service("moved", "")),
        file("c.yaml", &(document("EcsService", "lost", "oops: 1") + &secret("db", "prod"))),
    ];
    let Assembled { state, findings } = assemble(&files, &no_task_definitions());
    expect(&findings, "\
a.yaml:0:0 Error DanglingReference: `spec.dependsOn[0]`: there is no EcsService named `gone` (in the last form of EcsService/web in which this file had no errors)
  = EcsService resources: there are `lost`, `moved`, `new`
a.yaml:4:50 Error InvalidValue: `spec.desiredCount` is text; it must be a whole number
  | spec: {target: prod, service: web, desiredCount: many}
b.yaml:3:18 Error Duplicate: there is a second EcsService/moved
  | metadata: {name: moved}
  = rename or remove one of the two; until then neither is used
  > a.yaml:13:18 the first one
c.yaml:4:7 Error MissingField: `spec.service` is missing
  | spec: {oops: 1}
  = The service's name at ECS.
c.yaml:4:7 Error MissingField: `spec.target` is missing
  | spec: {oops: 1}
  = The Target that the service lives on.
c.yaml:4:8 Error UnknownField: `spec` has no field `oops`
  | spec: {oops: ...
  = fields: there are `create`, `dependsOn`, `desiredCount`, `healDelay`, `health`, `ignore`, `restart`, `reveal`, `rollback`, `rollout`, `secrets`, `service`, `settings`, `suspend`, `target`, `taskDefinition`
");
    let invalid = [
        "EcsService/lost: its file c.yaml has errors",
        "EcsService/moved: it stands twice: in a.yaml:13 and in b.yaml:3",
        "EcsService/new: its file a.yaml has errors",
        "EcsService/web: it refers to EcsService/gone, which does not exist",
        "Secret/db: its file c.yaml has errors",
    ];
    assert_eq!(outcome(&state), (vec!["Target/prod".to_owned()], invalid.map(str::to_owned).to_vec()));
    assert!(state.targets[&name("prod")].origin.stale);
}

#[test]
fn a_resource_that_moved_out_of_a_broken_file_is_taken_from_where_it_is_now() {
    let fallback =
        parsed("a.yaml", &(target("prod", "main", "eu-central-1") + &service("web", ", desiredCount: 1")));
    let files = [
        SourceFile { parsed: parsed("a.yaml", "a: ["), fallback: Some(fallback) },
        file("b.yaml", &service("web", ", desiredCount: 2")),
    ];
    let Assembled { state, findings } = assemble(&files, &no_task_definitions());
    expect(
        &findings,
        "\
a.yaml:1:4 Error Syntax: this is not YAML: unclosed bracket '['
",
    );
    assert_eq!(state.services[&name("web")].resource.spec.desired_count, Some(2));
    assert!(state.targets[&name("prod")].origin.stale);
}

#[test]
fn one_mistake_in_a_file_does_not_hide_the_others() {
    let files = [
        file(
            "a.yaml",
            &[
                service("web", ", desiredCuont: 2, secrets: [db], dependsOn: [web, gone, gone]"),
                document("EcsService", "api", "target: prodd, service: api, desiredCount: many"),
                service("jobs", ", dependsOn: [web], taskDefinition: {file: jobs.json}"),
                service("jobs", ""),
                target("prod", "main", "eu-central-1"),
            ]
            .concat(),
        ),
        file("b.yaml", &(secret("db", "prod") + &service("api", ""))),
    ];
    let Assembled { state, findings } = assemble(&files, &no_task_definitions());
    expect(
        &findings,
        "\
a.yaml:4:36 Error UnknownField: `spec` has no field `desiredCuont`
  | spec: {target: prod, service: web, desiredCuont: ...
  = did you mean `desiredCount`?
a.yaml:4:80 Error InvalidValue: the service depends on itself
  | spec: {target: prod, service: web, desiredCuont: 2, secrets: [db], dependsOn: [web, gone, gone]}
  = remove it from `spec.dependsOn`
a.yaml:4:85 Error DanglingReference: `spec.dependsOn[1]`: there is no EcsService named `gone`
  | spec: {target: prod, service: web, desiredCuont: 2, secrets: [db], dependsOn: [web, gone, gone]}
  = EcsService resources: there are `api`, `jobs`
a.yaml:9:16 Error DanglingReference: `spec.target`: there is no Target named `prodd`
  | spec: {target: prodd, service: api, desiredCount: many}
  = did you mean `prod`?
a.yaml:9:51 Error InvalidValue: `spec.desiredCount` is text; it must be a whole number
  | spec: {target: prodd, service: api, desiredCount: many}
a.yaml:14:78 Error DanglingReference: `spec.taskDefinition.file`: there is no file jobs.json
  | spec: {target: prod, service: jobs, dependsOn: [web], taskDefinition: {file: jobs.json}}
  = the path is relative to the folder of a.yaml
a.yaml:18:18 Error Duplicate: there is a second EcsService/jobs
  | metadata: {name: jobs}
  = rename or remove one of the two; until then neither is used
  > a.yaml:13:18 the first one
b.yaml:8:18 Error Duplicate: there is a second EcsService/api
  | metadata: {name: api}
  = rename or remove one of the two; until then neither is used
  > a.yaml:8:18 the first one
",
    );
    let invalid = [
        "Target/prod: its file a.yaml has errors",
        "EcsService/api: it stands twice: in a.yaml:8 and in b.yaml:8",
        "EcsService/jobs: it stands twice: in a.yaml:13 and in a.yaml:18",
        "EcsService/web: its file a.yaml has errors",
        "Secret/db: it refers to Target/prod, which cannot be used",
    ];
    assert_eq!(outcome(&state), (Vec::new(), invalid.map(str::to_owned).to_vec()));
}

#[test]
fn what_may_stand_in_a_part_that_cannot_be_read_is_not_called_missing() {
    let files = [
        file("kind.yaml", &document("Traget", "one", "")),
        file("name.yaml", &target("two", "main", "eu-central-1").replace("name: two", "nmae: two")),
        file("text.yaml", "metadata: {name: three}\nspec: [\n"),
        file(
            "services.yaml",
            &["one", "two", "three", "four"]
                .map(|target| {
                    document(
                        "EcsService",
                        &format!("on-{target}"),
                        &format!("target: {target}, service: {target}"),
                    )
                })
                .concat(),
        ),
    ];
    let Assembled { state, findings } = assemble(&files, &no_task_definitions());
    expect(
        &findings,
        "\
kind.yaml:2:7 Error UnknownKind: there is no kind `Traget`
  | kind: Traget
  = did you mean `Target`?
name.yaml:3:11 Error MissingField: `metadata.name` is missing
  | metadata: {nmae: two}
  = Unique among the resources of one kind.
name.yaml:3:12 Error UnknownField: `metadata` has no field `nmae`
  | metadata: {nmae: ...
  = did you mean `name`?
services.yaml:19:16 Error DanglingReference: `spec.target`: there is no Target named `four`
  | spec: {target: four, service: four}
  = there are no Target resources at all
text.yaml:2:7 Error Syntax: this is not YAML: unclosed bracket '['
",
    );
    let invalid = [
        "EcsService/on-four: it refers to Target/four, which does not exist",
        "EcsService/on-one: it refers to Target/one, which cannot be read",
        "EcsService/on-three: it refers to Target/three, which cannot be read",
        "EcsService/on-two: it refers to Target/two, which cannot be read",
    ];
    assert_eq!(outcome(&state), (Vec::new(), invalid.map(str::to_owned).to_vec()));
}

#[test]
fn a_mistake_that_the_last_good_form_has_too_is_told_once() {
    let good = service("web", ", dependsOn: [gone]");
    let broken = good.clone() + &service("api", ", desiredCount: many");
    let files = [
        SourceFile { parsed: parsed("a.yaml", &broken), fallback: Some(parsed("a.yaml", &good)) },
        file("b.yaml", &target("prod", "main", "eu-central-1")),
    ];
    let Assembled { state, findings } = assemble(&files, &no_task_definitions());
    expect(
        &findings,
        "\
a.yaml:4:48 Error DanglingReference: `spec.dependsOn[0]`: there is no EcsService named `gone`
  | spec: {target: prod, service: web, dependsOn: [gone]}
  = EcsService resources: there is only `api`
a.yaml:9:50 Error InvalidValue: `spec.desiredCount` is text; it must be a whole number
  | spec: {target: prod, service: api, desiredCount: many}
",
    );
    let invalid = [
        "EcsService/api: its file a.yaml has errors",
        "EcsService/web: it refers to EcsService/gone, which does not exist",
    ];
    assert_eq!(outcome(&state), (vec!["Target/prod".to_owned()], invalid.map(str::to_owned).to_vec()));
}
