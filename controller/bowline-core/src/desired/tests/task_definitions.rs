use serde_json::json;

use super::*;

fn parse(text: &str) -> ParsedTaskDefinition {
    parse_task_definition(&path("prod/web.json"), text.as_bytes())
}

#[test]
fn a_good_file_becomes_content_as_it_is() {
    let parsed = parse(
        r#"{
  "family": "web",
  "cpu": "256",
  "executionRoleArn": "arn:aws:iam::111122223333:role/execution",
  "containerDefinitions": [
    {
      "name": "web", "image": "nginx\u0041:1 \ud83d\ude00", "essential": true, "memory": 512, "memoryReservation": 512,
      "environment": [{ "name": "A", "value": "1\/2" }],
      "secrets": [
        { "name": "B", "valueFrom": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:db-AbCdEf" },
        { "name": "C", "valueFrom": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:db-AbCdEf:key::" },
        { "name": "D", "valueFrom": "arn:aws:ssm:eu-central-1:111122223333:parameter/db" },
        { "name": "E", "valueFrom": "db" }
      ]
    }
  ]
}"#,
    );
    expect(&parsed.findings, "");
    assert_eq!(parsed.family.as_deref(), Some("web"));
    let content = parsed.content.unwrap();
    let content = content.value();
    assert_eq!(content["cpu"], json!("256"));
    assert_eq!(content["containerDefinitions"][0]["image"], json!("nginxA:1 \u{1f600}"));
    assert_eq!(content["containerDefinitions"][0]["environment"], json!([{ "name": "A", "value": "1/2" }]));
}

#[test]
fn everything_that_aws_would_refuse_is_reported_at_once() {
    let parsed = parse(
        r#"{
  "taskDefinitionArn": "arn:aws:ecs:eu-central-1:111122223333:task-definition/web:3",
  "revision": 3,
  "family": "web app",
  "cpu": 256,
  "tags": [],
  "networkMode": "vpc",
  "requiresCompatibilities": ["Fargate"],
  "executionRoleArn": "execution",
  "volumes": [{ "name": "data", "efsVolumeConfiguration": {} }],
  "containerDefinitions": [
    {
      "name": "web",
      "imgae": "nginx",
      "memory": 128,
      "memoryReservation": 256,
      "essential": "true",
      "environment": [
        { "name": "A", "value": "hunter2" },
        { "name": "A", "value": 5 },
        { "name": "B", "vlaue": "hunter2" }
      ],
      "secrets": [
        { "name": "B", "valueFrom": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:db-AbCdEf:key" }
      ],
      "portMappings": [{ "containerPort": 80.5 }]
    },
    { "name": "web", "image": "nginx", "memory": 64 },
    7
  ]
}"#,
    );
    expect(&parsed.findings, "\
prod/web.json:2:3 Warning InvalidTaskDefinition: `taskDefinitionArn` is set by AWS and not registered: it is left out
  |   \"taskDefinitionArn\": \"arn:aws:ecs:eu-central-1:111122223333:task-definition/web:3\",
  = remove it from the file
prod/web.json:3:3 Warning InvalidTaskDefinition: `revision` is set by AWS and not registered: it is left out
  |   \"revision\": 3,
  = remove it from the file
prod/web.json:4:13 Error InvalidTaskDefinition: `family`: `web app` is not a task definition family (1 to 255 letters, digits, hyphens, underscores)
  |   \"family\": \"web app\",
  = rename the family
prod/web.json:5:10 Error InvalidValue: `cpu` is a number; it must be text
  |   \"cpu\": 256,
  = write it in quotes: \"256\"
prod/web.json:6:11 Error InvalidTaskDefinition: `tags` is an empty list, which AWS refuses
  |   \"tags\": [],
  = remove the field
prod/web.json:7:18 Warning InvalidValue: `networkMode` is `vpc`, not one of the values that it may have
  |   \"networkMode\": \"vpc\",
  = values: there are `awsvpc`, `bridge`, `host`, `none`
prod/web.json:8:31 Warning InvalidValue: `requiresCompatibilities[0]` is `Fargate`, not one of the values that it may have
  |   \"requiresCompatibilities\": [\"Fargate\"],
  = did you mean `FARGATE`?
prod/web.json:10:59 Error MissingField: `volumes[0].efsVolumeConfiguration.fileSystemId` is missing
  |   \"volumes\": [{ \"name\": \"data\", \"efsVolumeConfiguration\": {} }],
prod/web.json:12:5 Error InvalidTaskDefinition: `containerDefinitions[0].image` is missing
  |     {
  = every container needs `name` and `image`
prod/web.json:14:7 Error UnknownField: `containerDefinitions[0]` has no field `imgae`
  = did you mean `image`?
prod/web.json:15:17 Error InvalidTaskDefinition: `containerDefinitions[0].memory` (128) is less than `memoryReservation` (256)
  |       \"memory\": 128,
  = memory is the hard limit, memoryReservation the soft one: raise memory
prod/web.json:17:20 Error InvalidValue: `containerDefinitions[0].essential` is text; it must be true or false
  |       \"essential\": \"true\",
  = write it without quotes
prod/web.json:20:19 Error InvalidTaskDefinition: `containerDefinitions[0].environment[1].name`: `A` is already the name of `containerDefinitions[0].environment[0]`
  = names of variables are unique
prod/web.json:20:33 Error InvalidValue: `containerDefinitions[0].environment[1].value` is a number; it must be text
  = write it in quotes
prod/web.json:21:24 Error UnknownField: `containerDefinitions[0].environment[2]` has no field `vlaue`
  = did you mean `value`?
prod/web.json:24:19 Error InvalidTaskDefinition: `containerDefinitions[0].secrets[0].name`: `B` is already the name of `containerDefinitions[0].environment[2]`
  = names of variables are unique
prod/web.json:24:37 Error InvalidTaskDefinition: `containerDefinitions[0].secrets[0].valueFrom` has 3 parts after the account id; ECS takes 2 or 5
  = write `...:secret:name-AbCdEf` or `...:secret:name-AbCdEf:json-key:version-stage:version-id`; parts may be empty, colons may not be left out
prod/web.json:26:43 Error InvalidValue: `containerDefinitions[0].portMappings[0].containerPort` is a fraction; it must be a whole number
  |       \"portMappings\": [{ \"containerPort\": 80.5 }]
prod/web.json:28:15 Error InvalidTaskDefinition: `containerDefinitions[1].name`: `web` is already the name of `containerDefinitions[0]`
  |     { \"name\": \"web\", \"image\": \"nginx\", \"memory\": 64 },
  = names of containers are unique
prod/web.json:29:5 Error InvalidValue: `containerDefinitions[2]` is a number; it must be a mapping
  |     7
");
    assert_eq!(parsed.content, None);
    assert!(!show(&parsed.findings).contains("hunter2"));
}

#[test]
fn the_small_print() {
    let table = [
        ("", "\
prod/web.json:1:1 Error Syntax: this is not JSON: EOF while parsing a value
"),
        ("{\n  \"family\": \"é\",,\n}", "\
prod/web.json:2:17 Error Syntax: this is not JSON: key must be a string
"),
        ("{\"family\": 'web'}", "\
prod/web.json:1:12 Error Syntax: this is not JSON: expected value
"),
        ("[1]", "\
prod/web.json:1:1 Error InvalidValue: the task definition is a list; it must be a mapping
  | [1]
"),
        (r#"{"taskDefinition": {"family": "web"}, "tags": [{"key": "a", "value": "b"}]}"#, "\
prod/web.json:1:2 Error InvalidTaskDefinition: this is the whole output of describe-task-definition
  = keep only what is inside `taskDefinition`
"),
        (r#"{"family": "web", "containerDefinitions": []}"#, "\
prod/web.json:1:43 Error InvalidTaskDefinition: `containerDefinitions` is empty: a task needs at least one container
  | {\"family\": \"web\", \"containerDefinitions\": []}
  = add a container with `name` and `image`
"),
        (
            r#"{"family": "web", "family": "api", "memory": "64", "containerDefinitions": [{"name": "a", "image": "b"}]}"#,
            "\
prod/web.json:1:19 Error Duplicate: the field `family` stands here a second time
  | {\"family\": \"web\", \"family\": ...
  = remove one of the two
  > prod/web.json:1:2 the first one
",
        ),
        (
            r#"{"family": null, "containerDefinitions": [{"name": "a", "image": "b", "memory": 9, "dockerLabels": {"x": 1}}]}"#,
            "\
prod/web.json:1:12 Error InvalidValue: `family` has no value; it must be text
  = give it a value; a field that is not required may be left out
prod/web.json:1:106 Error InvalidValue: `containerDefinitions[0].dockerLabels.x` is a number; it must be text
  = write it in quotes
",
        ),
    ];
    for (text, expected) in table {
        expect(&parse(text).findings, expected);
    }
    let deep = format!("{{\"family\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    expect(
        &parse(&deep).findings,
        "\
prod/web.json:1:138 Error Syntax: this is not JSON: recursion limit exceeded
",
    );
    let parsed = parse_task_definition(&path("a.json"), b"{\"family\": \"\xff\"}");
    assert_eq!(parsed.findings[0].code, FindingCode::Encoding);
}

#[test]
fn a_file_copied_from_describe_task_definition_is_usable_without_what_aws_added() {
    let parsed = parse(
        r#"{"family": "web", "revision": 3, "status": "ACTIVE", "memory": "64", "containerDefinitions": [{"name": "a", "image": "b"}]}"#,
    );
    expect(&parsed.findings, "\
prod/web.json:1:19 Warning InvalidTaskDefinition: `revision` is set by AWS and not registered: it is left out
  | {\"family\": \"web\", \"revision\": 3, \"status\": \"ACTIVE\", \"memory\": \"64\", \"containerDefinitions\": [{\"name\": \"a\", \"image\": \"b\"}]}
  = remove it from the file
prod/web.json:1:34 Warning InvalidTaskDefinition: `status` is set by AWS and not registered: it is left out
  | {\"family\": \"web\", \"revision\": 3, \"status\": \"ACTIVE\", \"memory\": \"64\", \"containerDefinitions\": [{\"name\": \"a\", \"image\": \"b\"}]}
  = remove it from the file
");
    let content =
        json!({"family": "web", "memory": "64", "containerDefinitions": [{"name": "a", "image": "b"}]});
    assert_eq!(parsed.content.unwrap().value(), content);
}

#[test]
fn a_confidential_value_is_not_shown_even_if_the_file_is_one_line() {
    let parsed = parse(
        r#"{"famly": "web", "containerDefinitions": [{"name": "web", "enviroment": [{"name": "A", "value": "hunter2"}], "dockerLabels": {"a": "hunter2"}, "memory": "hunter2", "command": "hunter2"}]}"#,
    );
    assert!(parsed.findings.len() > 4);
    assert!(!show(&parsed.findings).contains("hunter2"), "{}", show(&parsed.findings));
}
