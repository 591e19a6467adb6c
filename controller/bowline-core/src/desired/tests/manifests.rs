//! What the documents of a file say: kinds, fields and values.

use super::*;
use crate::name::ResourceName;

pub(super) const TARGET: &str = "\
apiVersion: bowline.dev/v1alpha1
kind: Target
metadata:
  name: prod
spec:
  accountId: \"111122223333\"
  region: eu-central-1
  cluster: main
";

#[test]
fn a_good_file_has_no_findings_and_one_typed_resource_a_document() {
    let text =
        format!("\u{feff}# production\n{TARGET}---\n# nothing here\n---\n{}", TARGET.replace("prod", "test"));
    let file = manifest(&text);
    expect(&file.findings, "");
    assert!(file.is_usable());
    let keys: Vec<(usize, String)> =
        file.documents.iter().map(|d| (d.line, d.key.as_ref().unwrap().to_string())).collect();
    assert_eq!(keys, [(2, "Target/prod".to_owned()), (13, "Target/test".to_owned())]);
    let Some(ParsedResource::Target(target)) = &file.documents[0].resource else { panic!("not a target") };
    assert_eq!(target.spec.account_id.as_str(), "111122223333");
    assert_eq!(target.origin, Origin { path: "prod/web.yaml".to_owned(), line: 2, stale: false });
}

#[test]
fn every_mistake_of_a_file_is_reported_at_once_and_at_its_place() {
    let file = manifest(
        "\
apiVersion: bowline.dev/v1alpha1
kind: Target
metadata:
  name: prod
spec:
  accountId: 111122223333
  region: eu-central
  cluster: main
  mode: enforced
  capabilities: [ecs:deploy, ecs:scal, ecs:deploy]
  constraints: {timeout: 0s, concurrency: 0, maxChangesPerPass: 1.5}
  assumeRole:
    arn: bowline
---
apiVersion: bowline.dev/v1alpha1
kind: EcsService
metadata: {name: Web, lables: {a: 1}, labels: {a: 1}}
spec:
  desiredCuont: 3
  desiredCount: many
  service:
  service: web
  taskDefinition: {}
  rollout: 20m
  secrets: db
  dependsOn: [Web]
  <<: {a: b}
---
apiVersion: bowline.dev/v1alpha1
kind: EcsService
metadata: {name: api}
spec:
  target: prod
  service: api
  desiredCount: 6000
  taskDefinition: {revision: api:0, file: ../../../api.json}
  healDelay: 15 minutes
  ignore: [\"a b\"]
---
apiVersion: bowline.dev/v1alpha1
kind: EcsService
metadata: {name: api}
spec: {target: prod, service: api, taskDefinition: {file: ../../api.json}, replicas: 3}
",
    );
    expect(&file.findings, "\
prod/web.yaml:6:14 Error InvalidValue: `spec.accountId` is a number; it must be text
  |   accountId: 111122223333
  = write it in quotes: \"111122223333\"
prod/web.yaml:7:11 Error InvalidValue: `spec.region`: `eu-central` is not an AWS region such as eu-central-1
  |   region: eu-central
prod/web.yaml:9:9 Error InvalidValue: `spec.mode` is `enforced`, not one of the values that it may have
  |   mode: enforced
  = did you mean `enforce`?
prod/web.yaml:10:30 Error InvalidValue: `spec.capabilities[1]` is `ecs:scal`, not one of the values that it may have
  |   capabilities: [ecs:deploy, ecs:scal, ecs:deploy]
  = did you mean `ecs:scale`?
prod/web.yaml:10:40 Error Duplicate: `spec.capabilities` lists `ecs:deploy` a second time
  |   capabilities: [ecs:deploy, ecs:scal, ecs:deploy]
  = remove one of the two
prod/web.yaml:11:26 Error InvalidValue: `spec.constraints.timeout` is zero, so that everything would fail at once
  |   constraints: {timeout: 0s, concurrency: 0, maxChangesPerPass: 1.5}
  = a duration such as 90s, 15m or 24h
prod/web.yaml:11:43 Error InvalidValue: `spec.constraints.concurrency` is 0
  |   constraints: {timeout: 0s, concurrency: 0, maxChangesPerPass: 1.5}
  = it must be from 1 to 100
prod/web.yaml:11:65 Error InvalidValue: `spec.constraints.maxChangesPerPass` is a fraction; it must be a whole number
  |   constraints: {timeout: 0s, concurrency: 0, maxChangesPerPass: 1.5}
prod/web.yaml:13:10 Error InvalidValue: `spec.assumeRole.arn`: `bowline` is not an IAM role ARN such as arn:aws:iam::111122223333:role/bowline
  |     arn: bowline
prod/web.yaml:17:18 Error InvalidValue: `metadata.name`: `Web` is not a name of 1 to 63 lower-case letters, digits and inner hyphens
  | metadata: {name: Web, lables: {a: 1}, labels: {a: 1}}
prod/web.yaml:17:23 Error UnknownField: `metadata` has no field `lables`
  | metadata: {name: Web, lables: ...
  = did you mean `labels`?
prod/web.yaml:17:51 Error InvalidValue: `metadata.labels.a` is a number; it must be text
  | metadata: {name: Web, lables: {a: 1}, labels: {a: 1}}
  = write it in quotes: \"1\"
prod/web.yaml:19:3 Error UnknownField: `spec` has no field `desiredCuont`
  |   desiredCuont: ...
  = did you mean `desiredCount`?
prod/web.yaml:19:3 Error MissingField: `spec.target` is missing
  |   desiredCuont: 3
  = The Target that the service lives on.
prod/web.yaml:20:17 Error InvalidValue: `spec.desiredCount` is text; it must be a whole number
  |   desiredCount: many
prod/web.yaml:21:10 Error InvalidValue: `spec.service` has no value; it must be text
  |   service:
  = give it a value; a field that is not required may be left out
prod/web.yaml:22:3 Error Duplicate: the field `service` stands here a second time
  |   service: ...
  = remove one of the two
  > prod/web.yaml:21:3 the first one
prod/web.yaml:23:19 Error MissingField: `spec.taskDefinition` has neither `revision` nor `file`
  |   taskDefinition: {}
  = give one of them, or remove `taskDefinition` if a pipeline owns it
prod/web.yaml:24:12 Error InvalidValue: `spec.rollout` is text; it must be a mapping
  |   rollout: 20m
prod/web.yaml:25:12 Error InvalidValue: `spec.secrets` is text; it must be a list
  |   secrets: db
prod/web.yaml:26:15 Error InvalidValue: `spec.dependsOn[0]`: `Web` is not a name of 1 to 63 lower-case letters, digits and inner hyphens
  |   dependsOn: [Web]
prod/web.yaml:26:15 Error InvalidValue: the service depends on itself
  |   dependsOn: [Web]
  = remove it from `spec.dependsOn`
prod/web.yaml:27:3 Error UnknownField: `spec` has no field `<<`
  |   <<: ...
  = YAML merge keys are not supported: repeat the fields, or use an alias for a whole value
prod/web.yaml:35:17 Error InvalidValue: `spec.desiredCount` is 6000
  |   desiredCount: 6000
  = it must be from 0 to 5000
prod/web.yaml:36:30 Error InvalidValue: `spec.taskDefinition.revision`: `api:0` is not a task definition revision such as family:42
  |   taskDefinition: {revision: api:0, file: ../../../api.json}
prod/web.yaml:36:43 Error InvalidValue: `spec.taskDefinition` has both `revision` and `file`
  |   taskDefinition: {revision: api:0, file: ../../../api.json}
  = keep the one that says what should run
prod/web.yaml:37:14 Error InvalidValue: `spec.healDelay`: `15 minutes` is not a duration such as 90s, 15m, 24h or 7d (at most 365d)
  |   healDelay: 15 minutes
prod/web.yaml:38:12 Error InvalidValue: `spec.ignore[0]`: `a b` is not a field path such as taskDefinition.containerDefinitions[*].image
  |   ignore: [\"a b\"]
prod/web.yaml:43:59 Error InvalidValue: `spec.taskDefinition.file`: `../../api.json` leads out of the repository
  | spec: {target: prod, service: api, taskDefinition: {file: ../../api.json}, replicas: 3}
  = the path is relative to the folder of prod/web.yaml
prod/web.yaml:43:76 Error UnknownField: `spec` has no field `replicas`
  | spec: {target: prod, service: api, taskDefinition: {file: ../../api.json}, replicas: ...
  = fields: there are `create`, `dependsOn`, `desiredCount`, `healDelay`, `health`, `ignore`, `restart`, `reveal`, `rollback`, `rollout`, `secrets`, `service`, `settings`, `suspend`, `target`, `taskDefinition`
");
}

#[test]
fn kinds_and_versions() {
    let version = "apiVersion: bowline.dev/v1alpha1\n";
    let table = [
        (
            format!("{version}kind: EcsServise\n"),
            "\
prod/web.yaml:2:7 Error UnknownKind: there is no kind `EcsServise`
  | kind: EcsServise
  = did you mean `EcsService`?
",
        ),
        (
            format!("{version}kind: Deployment\n"),
            "\
prod/web.yaml:2:7 Error UnknownKind: there is no kind `Deployment`
  | kind: Deployment
  = kinds: there are `AlertRoute`, `EcsService`, `Policy`, `Secret`, `Target`, `TerraformState`
",
        ),
        (
            format!("{version}kind: [Target]\n"),
            "\
prod/web.yaml:2:7 Error UnknownKind: `kind` is a list; it must be text
  | kind: [Target]
  = kinds: there are `AlertRoute`, `EcsService`, `Policy`, `Secret`, `Target`, `TerraformState`
",
        ),
        (
            format!("{version}spec: {{}}\n"),
            "\
prod/web.yaml:1:1 Error MissingField: `kind` is missing
  | apiVersion: bowline.dev/v1alpha1
  = kinds: there are `AlertRoute`, `EcsService`, `Policy`, `Secret`, `Target`, `TerraformState`
",
        ),
        (
            "kind: Target\n".to_owned(),
            "\
prod/web.yaml:1:1 Error MissingField: `apiVersion` is missing
  | kind: Target
  = write `apiVersion: bowline.dev/v1alpha1`
",
        ),
        (
            "apiVerison: bowline.dev/v1alpha1\nkind: Target\n".to_owned(),
            "\
prod/web.yaml:1:1 Error MissingField: the document has no field `apiVerison`
  | apiVerison: bowline.dev/v1alpha1
  = write `apiVersion: bowline.dev/v1alpha1`
",
        ),
        (
            "apiVersion: bowline.dev/v1\nkind: Target\n".to_owned(),
            "\
prod/web.yaml:1:13 Warning NotActedOn: the document is skipped: its `apiVersion` is `bowline.dev/v1`
  | apiVersion: bowline.dev/v1
  = this version of Bowline reads only `bowline.dev/v1alpha1`
",
        ),
        (
            "- a\n- b\n".to_owned(),
            "\
prod/web.yaml:1:1 Error InvalidValue: a document must be a mapping; this is a list
  | - a
",
        ),
        (
            "just text\n".to_owned(),
            "\
prod/web.yaml:1:1 Error InvalidValue: a document must be a mapping; this is text
  | just text
",
        ),
        (
            format!("{version}kind: Target\n"),
            "\
prod/web.yaml:1:1 Error MissingField: `metadata` is missing
  | apiVersion: bowline.dev/v1alpha1
  = `metadata` of a resource.
prod/web.yaml:1:1 Error MissingField: `spec` is missing
  | apiVersion: bowline.dev/v1alpha1
  = An ECS cluster in one account and region, and what Bowline may do there.
",
        ),
        (
            format!("{version}kind: Target\nmetadata:\nspec:\n"),
            "\
prod/web.yaml:3:9 Error InvalidValue: `metadata` has no value; it must be a mapping
  | metadata:
  = give it a value; a field that is not required may be left out
prod/web.yaml:4:5 Error InvalidValue: `spec` has no value; it must be a mapping
  | spec:
  = give it a value; a field that is not required may be left out
",
        ),
    ];
    for (text, expected) in table {
        expect(&manifest(&text).findings, expected);
    }
}

#[test]
fn documents_of_others_are_skipped_and_counted() {
    let file = manifest(&format!(
        "apiVersion: apps/v1\nkind: Deployment\nwhatever: [1]\n---\nservices: {{web: {{}}}}\n---\n{TARGET}"
    ));
    expect(&file.findings, "");
    assert_eq!((file.skipped, file.documents.len()), (2, 1));
}

#[test]
fn what_is_checked_but_not_acted_on_is_a_warning() {
    let file = manifest(
        "\
apiVersion: bowline.dev/v1alpha1
kind: Policy
metadata: {name: office-hours}
spec: {windows: [{allow: \"0 8 * * 1-5\"}]}
---
apiVersion: bowline.dev/v1alpha1
kind: AlertRoute
metadata: {name: Slack}
spec: {}
---
apiVersion: bowline.dev/v1alpha1
kind: Secret
metadata: {name: db}
spec:
  target: prod
  secretId: prod/db
  versionId: 6f1a3a52-9d1b-4a0e-8a54-2f7f0c4b9d11
  requiredKeys: [password]
  rotation: {schedule: 0 3 1 * * *, timeZone: Europe/Berlyn}
---
apiVersion: bowline.dev/v1alpha1
kind: TerraformState
metadata: {name: network}
spec:
  target: prod
  bucket: states
  key: network.tfstate
  lock: {s3: yes}
  version: {id: abc, serial: -1}
  code: {repository: https://example.com/infra, commit: main}
  resources: {aws_ecs_service.web: web}
",
    );
    expect(&file.findings, "\
prod/web.yaml:2:7 Warning NotActedOn: this version checks the envelope of kind Policy but does not act on it
  | kind: Policy
prod/web.yaml:7:7 Warning NotActedOn: this version checks the envelope of kind AlertRoute but does not act on it
  | kind: AlertRoute
prod/web.yaml:8:18 Error InvalidValue: `metadata.name`: `Slack` is not a name of 1 to 63 lower-case letters, digits and inner hyphens
  | metadata: {name: Slack}
prod/web.yaml:18:3 Warning NotActedOn: this version checks `spec.requiredKeys` but does not act on it
  |   requiredKeys: [password]
prod/web.yaml:19:3 Warning NotActedOn: this version checks `spec.rotation` but does not act on it
  |   rotation: {schedule: 0 3 1 * * *, timeZone: Europe/Berlyn}
prod/web.yaml:19:24 Error InvalidValue: `spec.rotation.schedule`: `0 3 1 * * *` is not a cron expression of five fields, such as `0 3 1 * *`
  |   rotation: {schedule: 0 3 1 * * *, timeZone: Europe/Berlyn}
prod/web.yaml:19:47 Error InvalidValue: `spec.rotation.timeZone`: `Europe/Berlyn` is not an IANA time zone such as Europe/Berlin
  |   rotation: {schedule: 0 3 1 * * *, timeZone: Europe/Berlyn}
prod/web.yaml:28:3 Warning NotActedOn: this version checks `spec.lock` but does not act on it
  |   lock: {s3: yes}
prod/web.yaml:28:14 Error InvalidValue: `spec.lock.s3` is text; it must be true or false
  |   lock: {s3: yes}
prod/web.yaml:29:30 Error InvalidValue: `spec.version.serial` is -1
  |   version: {id: abc, serial: -1}
  = it must be at least 0
prod/web.yaml:30:3 Warning NotActedOn: this version checks `spec.code` but does not act on it
  |   code: {repository: https://example.com/infra, commit: main}
prod/web.yaml:30:57 Error InvalidValue: `spec.code.commit`: `main` is not a full git commit id (40 hexadecimal digits)
  |   code: {repository: https://example.com/infra, commit: main}
");
}

#[test]
fn a_value_of_an_unknown_field_is_never_shown() {
    let file = manifest(&format!("{TARGET}  password: hunter2\n  token: [hunter2]\n"));
    assert_eq!(file.findings.len(), 2);
    assert!(!show(&file.findings).contains("hunter2"), "{}", show(&file.findings));
}

#[test]
fn what_could_be_read_of_a_broken_document_is_kept() {
    let file = manifest(&format!("{TARGET}  mod: observe\n"));
    let document = &file.documents[0];
    let name = ResourceName::parse("prod").unwrap();
    assert_eq!(document.key, Some(ResourceKey { kind: ResourceKind::Target, name }));
    assert_eq!(document.resource, None);
}

#[test]
fn a_role_of_another_account_could_never_be_used() {
    let file =
        manifest(&format!("{TARGET}  assumeRole: {{arn: \"arn:aws:iam::444455556666:role/bowline\"}}\n"));
    expect(&file.findings, "\
prod/web.yaml:9:21 Error InvalidValue: `spec.assumeRole.arn` is a role of 444455556666, but `spec.accountId` is 111122223333
  |   assumeRole: {arn: \"arn:aws:iam::444455556666:role/bowline\"}
  = the role must be of the account that the Target describes
");
}

#[test]
fn a_declaration_of_ignore_changes_that_has_no_effect_is_an_error() {
    let file = manifest(
        "\
apiVersion: bowline.dev/v1alpha1
kind: TerraformState
metadata: {name: app}
spec:
  target: prod
  bucket: states
  key: app.tfstate
  resources: {aws_ecs_service.web: web}
  ignoreChanges:
    aws_ecs_service.wep: [desired_count]
    aws_ecs_service.web: [desired_count, task_defintion, all, tags, Tags]
",
    );
    expect(&file.findings, "\
prod/web.yaml:10:5 Error DanglingReference: `spec.ignoreChanges` names `aws_ecs_service.wep`, which is not in `spec.resources`
  |     aws_ecs_service.wep: [desired_count]
  = did you mean `aws_ecs_service.web`?
prod/web.yaml:11:42 Error InvalidValue: `task_defintion` is no argument of aws_ecs_service
  |     aws_ecs_service.web: [desired_count, task_defintion, all, tags, Tags]
  = did you mean `task_definition`?
prod/web.yaml:11:69 Error InvalidValue: `spec.ignoreChanges.aws_ecs_service.web[4]`: `Tags` is not an argument as `ignore_changes` names it, such as desired_count, or all
  |     aws_ecs_service.web: [desired_count, task_defintion, all, tags, Tags]
");
}
