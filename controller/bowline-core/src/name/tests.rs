use super::*;

/// What each format accepts, and what it refuses.
const TABLE: &[(&str, &[&str], &[&str])] = &[
    ("resource-name", &["a", "web-1", "0"], &["", "Web", "-a", "a-", "a_b", "a.b", "ä", "a b"]),
    (
        "aws-account-id",
        &["111122223333", "012345678901"],
        &["", "11112222333", "1111222233334", "11112222333x", "١١١١٢٢٢٢٣٣٣٣"],
    ),
    (
        "aws-region",
        &["eu-central-1", "us-gov-west-1", "ap-southeast-5", "us-iso-east-1", "eusc-de-east-1"],
        &[
            "",
            "eu",
            "eu-central",
            "eu-central-",
            "eu--1",
            "EU-central-1",
            "eu-central-1a",
            "eu_central_1",
            "--1",
        ],
    ),
    ("ecs-cluster-name", &["main", "Main_2-b"], &["", "a b", "a/b", "a:b"]),
    ("ecs-service-name", &["web", "Web_2-b"], &["", "a b", "a/b", "a.b"]),
    (
        "ecs-revision",
        &["web:1", "We_b-2:999999999"],
        &[
            "",
            "web",
            "web:",
            "web:0",
            "web:01",
            "web:-1",
            ":1",
            "a:b:1",
            "web:1000000000",
            "web: 1",
            "web:latest",
        ],
    ),
    ("ecs-family", &["web", "We_b-2"], &["", "web:1", "a b"]),
    (
        "ecs-task-definition-arn",
        &[
            "arn:aws:ecs:eu-central-1:111122223333:task-definition/web:3",
            "arn:aws-cn:ecs:cn-north-1:111122223333:task-definition/web:3",
        ],
        &[
            "",
            "web:3",
            "arn:aws:ecs:eu-central-1:111122223333:task-definition/web",
            "arn:aws:ecs::111122223333:task-definition/web:3",
            "arn:aws:ecs:eu-central-1:1:task-definition/web:3",
            "arn:aws:ecs:eu-central-1:111122223333:service/web:3",
        ],
    ),
    (
        "secret-id",
        &["prod/db", "a", "arn:aws:secretsmanager:eu-central-1:111122223333:secret:prod/db-AbCdEf"],
        &[
            "",
            "a b",
            "a:b",
            "arn:aws:secretsmanager:eu-central-1:111122223333:secret:db-AbCdEf:key::",
            "arn:aws:ssm:eu-central-1:111122223333:parameter/db",
            "arn:aws:secretsmanager:eu-central-1:111122223333:secret:",
        ],
    ),
    (
        "secret-version-id",
        &["6f1a3a52-9d1b-4a0e-8a54-2f7f0c4b9d11", "EXAMPLE1-90ab-cdef-fedc-ba987EXAMPLE"],
        &["", "AWSCURRENT", "6f1a3a52", "6f1a3a52-9d1b-4a0e-8a54-2f7f0c4b9d1/"],
    ),
    (
        "iam-role-arn",
        &["arn:aws:iam::111122223333:role/bowline", "arn:aws-us-gov:iam::111122223333:role/path/bowline"],
        &[
            "",
            "bowline",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:iam::111122223333:user/bowline",
            "arn:aws:iam:eu-central-1:111122223333:role/a",
            "arn:aws:iam::11112222333:role/a",
            "arn:gcp:iam::111122223333:role/a",
        ],
    ),
    ("s3-bucket", &["abc", "my.bucket-1"], &["", "ab", "Abc", "-abc", "abc-", ".abc", "a..c", "a_c"]),
    ("s3-key", &["a", "prod/app.tfstate", "ä b"], &[""]),
    ("s3-version-id", &["3HL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY", "null"], &["", "a b", "a\n"]),
    (
        "terraform-lineage",
        &["6f1a3a52-9d1b-4a0e-8a54-2f7f0c4b9d11"],
        &[
            "",
            "6f1a3a529d1b4a0e8a542f7f0c4b9d11",
            "6f1a3a52-9d1b-4a0e-8a54-2f7f0c4b9d1g",
            "6f1a3a52-9d1b-4a0e-8a542-f7f0c4b9d11",
        ],
    ),
    (
        "git-commit",
        &["0123456789abcdef0123456789abcdef01234567"],
        &["", "main", "0123456", "0123456789abcdef0123456789abcdef0123456g"],
    ),
    ("restart-token", &["1", "2026-11-21T10:00:00+01:00", "ticket/42"], &["", "a b", "ä", "a,b"]),
    ("relative-path", &["a.json", "../td/web.json", "./a", "a b/c"], &["", "/a", "a//b", "a/", "a\\b"]),
    (
        "cron",
        &[
            "0 3 1 * *",
            "*/5 * * * *",
            "0 8-18/2 * * mon-fri",
            "0 0 29 2 *",
            "15,45 0 1 JAN,jul *",
            "0 0 * * 0",
            "0 0 * * 7",
            "0  3 * * *",
        ],
        &[
            "",
            "* * * *",
            "0 3 1 * * *",
            "60 * * * *",
            "0 24 * * *",
            "0 0 0 * *",
            "0 0 32 * *",
            "0 0 1 13 *",
            "0 0 * * 8",
            "0 0 30 2 *",
            "@daily",
            "@daily a b c d",
            "every day at three o'clock",
            "0 0 1 mon *",
            "0 sun * * *",
            "0 0 L * *",
            "0 0 * * mond",
            "*/0 * * * *",
            "5-1 * * * *",
            "a b c d e",
            "- - - - -",
            "1-2-3 * * * *",
            ", * * * *",
        ],
    ),
    (
        "time-zone",
        &["Europe/Berlin", "UTC", "America/Argentina/Buenos_Aires"],
        &["", "Berlin", "Europe/Berlyn", "local", "+01:00", "../UTC", "/etc/localtime"],
    ),
    ("field-path", &["desiredCount", "taskDefinition.containerDefinitions[*].image"], &["", "a b"]),
    (
        "duration-text",
        &["90s", "15m", "24h", "7d", "0s", "365d"],
        &["", "s", "15", "15 m", "m15", "-1s", "1.5h", "366d", "99999999s", "1h30m", "15µ", "١s"],
    ),
];

#[test]
fn each_format_accepts_and_refuses_what_the_table_says() {
    for (format, accepted, refused) in TABLE {
        for text in *accepted {
            assert_eq!(check(format, text), Ok(()), "{format}");
        }
        for text in *refused {
            let expected = expected(format).unwrap();
            let error = NameError { found: (*text).to_owned(), expected };
            assert_eq!(check(format, text), Err(error), "{format}");
        }
    }
}

#[test]
fn lengths_have_limits() {
    for (format, most) in [
        ("resource-name", 63),
        ("ecs-cluster-name", 255),
        ("ecs-service-name", 255),
        ("ecs-family", 255),
        ("restart-token", 64),
        ("s3-key", 1024),
        ("secret-id", 512),
    ] {
        assert_eq!(check(format, &"a".repeat(most)), Ok(()), "{format}");
        assert!(check(format, &"a".repeat(most + 1)).is_err(), "{format}");
    }
}

#[test]
fn a_format_that_is_not_ours_accepts_everything() {
    assert_eq!(check("uri", "anything"), Ok(()));
    assert_eq!(expected("uri"), None);
}

#[test]
fn a_revision_has_a_family_and_a_number() {
    assert_eq!(RevisionRef::parse("web:42").unwrap().parts(), ("web", 42));
    let arn =
        TaskDefinitionArn::parse("arn:aws:ecs:eu-central-1:111122223333:task-definition/web:42").unwrap();
    assert_eq!(arn.revision(), RevisionRef::parse("web:42").unwrap());
}

#[test]
fn arns_tell_their_place() {
    assert_eq!(RoleArn::parse("arn:aws:iam::111122223333:role/a").unwrap().account(), "111122223333");
    let secret = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:db-AbCdEf";
    assert_eq!(SecretId::parse(secret).unwrap().place(), Some(("111122223333", "eu-central-1")));
    assert_eq!(SecretId::parse("db").unwrap().place(), None);
}

#[test]
fn a_duration_is_written_in_its_largest_unit() {
    for (text, shown) in
        [("90s", "90s"), ("120s", "2m"), ("60m", "1h"), ("48h", "2d"), ("0s", "0s"), ("1d", "1d")]
    {
        assert_eq!(HumanDuration::parse(text).unwrap().to_string(), shown);
    }
}

#[test]
fn what_is_not_a_name_says_what_one_is() {
    let error = ServiceName::parse("a b").unwrap_err();
    assert_eq!(
        error.to_string(),
        "`a b` is not an ECS service name (1 to 255 letters, digits, hyphens, underscores)"
    );
    let error = serde_json::from_str::<AccountId>("\"1\"").unwrap_err();
    assert_eq!(error.to_string(), "`1` is not a 12-digit AWS account id");
}
