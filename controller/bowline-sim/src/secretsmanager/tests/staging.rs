use super::*;

fn moving(stage: &str, from: Option<String>, to: Option<String>) -> Value {
    let mut body = json!({"SecretId": "app/db", "VersionStage": stage});
    if let Some(from) = from {
        body["RemoveFromVersionId"] = from.into();
    }
    if let Some(to) = to {
        body["MoveToVersionId"] = to.into();
    }
    body
}

#[test]
fn a_new_value_becomes_current_and_leaves_the_old_one_previous() {
    let mut manager = with_secret();
    let arn = arn(&mut manager);
    let body = json!({"SecretId": "app/db", "ClientRequestToken": id(2), "SecretString": "two"});
    let put = call(&mut manager, "PutSecretValue", body);
    let expected = json!({"ARN": arn, "Name": "app/db", "VersionId": id(2), "VersionStages": ["AWSCURRENT"]});
    assert_eq!(put, expected);
    assert_eq!(stages(&mut manager), json!({id(1): ["AWSPREVIOUS"], id(2): ["AWSCURRENT"]}));
    let body = json!({"SecretId": "app/db", "ClientRequestToken": id(3), "SecretString": "three"});
    let updated = call(&mut manager, "UpdateSecret", body);
    assert_eq!(updated, json!({"ARN": arn, "Name": "app/db", "VersionId": id(3)}));
    assert_eq!(stages(&mut manager), json!({id(2): ["AWSPREVIOUS"], id(3): ["AWSCURRENT"]}));
}

#[test]
fn a_value_with_labels_of_its_own_does_not_become_current() {
    let mut manager = with_secret();
    let body = json!({
        "SecretId": "app/db", "ClientRequestToken": id(2), "SecretString": "two", "VersionStages": ["git-abc"],
    });
    assert_eq!(call(&mut manager, "PutSecretValue", body)["VersionStages"], json!(["git-abc"]));
    assert_eq!(stages(&mut manager), json!({id(1): ["AWSCURRENT"], id(2): ["git-abc"]}));
    call(&mut manager, "CreateSecret", json!({"Name": "empty"}));
    let first = json!({"SecretId": "empty", "SecretString": "one", "VersionStages": ["git-abc"]});
    let stages = call(&mut manager, "PutSecretValue", first)["VersionStages"].clone();
    assert_eq!(stages, json!(["AWSCURRENT", "git-abc"]), "the first version is always current");
}

#[test]
fn the_token_is_the_version_and_a_version_never_changes() {
    let mut manager = with_versions(3);
    let before = stages(&mut manager);
    let arn = arn(&mut manager);
    let same = json!({"SecretId": "app/db", "ClientRequestToken": id(2), "SecretString": "2"});
    assert_eq!(call(&mut manager, "PutSecretValue", same.clone())["VersionStages"], json!(["AWSPREVIOUS"]));
    assert_eq!(stages(&mut manager), before, "the same value again does nothing");
    let used = format!(
        "You can't use ClientRequestToken {} because that value is already in use for a version of secret {arn}.",
        id(2)
    );
    let used = error("ResourceExistsException", &used);
    let other = json!({"SecretId": "app/db", "ClientRequestToken": id(2), "SecretString": "other"});
    assert_eq!(refused(&mut manager, "PutSecretValue", other), used);
    assert_eq!(refused(&mut manager, "UpdateSecret", same), used, "even for the same value");
    assert_eq!(stages(&mut manager), before);
}

#[test]
fn current_moves_only_for_who_knows_where_it_is() {
    let mut manager = with_versions(3);
    let arn = arn(&mut manager);
    let blind = error(
        "InvalidParameterException",
        &format!(
            "The parameter RemoveFromVersionId can't be empty. Staging label AWSCURRENT is currently attached to \
             version {}, so you must explicitly reference that version in RemoveFromVersionId.",
            id(3)
        ),
    );
    let body = moving("AWSCURRENT", None, Some(id(1)));
    assert_eq!(refused(&mut manager, "UpdateSecretVersionStage", body), blind);
    let stale = error(
        "InvalidParameterException",
        &format!("Staging label AWSCURRENT is not currently attached to version {}.", id(2)),
    );
    let body = moving("AWSCURRENT", Some(id(2)), Some(id(1)));
    assert_eq!(refused(&mut manager, "UpdateSecretVersionStage", body), stale);
    let unknown = error("InvalidParameterException", &format!("Not a valid version: {}", id(9)));
    let body = moving("AWSCURRENT", Some(id(3)), Some(id(9)));
    assert_eq!(refused(&mut manager, "UpdateSecretVersionStage", body), unknown);
    let body = moving("AWSCURRENT", Some(id(3)), Some(id(1)));
    let moved = call(&mut manager, "UpdateSecretVersionStage", body);
    assert_eq!(moved, json!({"ARN": arn, "Name": "app/db"}));
    assert_eq!(stages(&mut manager), json!({id(1): ["AWSCURRENT"], id(3): ["AWSPREVIOUS"]}));
    // Going to AWSPREVIOUS a second time toggles forward.
    let body = moving("AWSCURRENT", Some(id(1)), Some(id(3)));
    call(&mut manager, "UpdateSecretVersionStage", body);
    assert_eq!(stages(&mut manager), json!({id(1): ["AWSPREVIOUS"], id(3): ["AWSCURRENT"]}));
}

#[test]
fn current_never_disappears_and_other_labels_come_and_go() {
    let mut manager = with_versions(2);
    let gone = moving("AWSCURRENT", Some(id(2)), None);
    let message = "You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed.";
    let kept = error("InvalidParameterException", message);
    assert_eq!(refused(&mut manager, "UpdateSecretVersionStage", gone), kept);
    call(&mut manager, "UpdateSecretVersionStage", moving("git-abc", None, Some(id(1))));
    assert_eq!(stages(&mut manager), json!({id(1): ["AWSPREVIOUS", "git-abc"], id(2): ["AWSCURRENT"]}));
    call(&mut manager, "UpdateSecretVersionStage", moving("git-abc", Some(id(1)), None));
    call(&mut manager, "UpdateSecretVersionStage", moving("AWSPREVIOUS", Some(id(1)), None));
    assert_eq!(stages(&mut manager), json!({id(2): ["AWSCURRENT"]}), "version 1 is deprecated");
    let absent = moving("git-abc", Some(id(1)), None);
    assert_eq!(refused(&mut manager, "UpdateSecretVersionStage", absent).0, "InvalidParameterException");
    let nothing = moving("git-new", None, None);
    assert_eq!(refused(&mut manager, "UpdateSecretVersionStage", nothing).0, "InvalidParameterException");
    let onto_itself = moving("AWSCURRENT", None, Some(id(2)));
    call(&mut manager, "UpdateSecretVersionStage", onto_itself);
    assert_eq!(stages(&mut manager), json!({id(2): ["AWSCURRENT"]}));
}

#[test]
fn deprecated_versions_are_dropped_beyond_a_hundred_and_a_day() {
    let mut manager = with_versions(103);
    let all = json!({"SecretId": "app/db", "IncludeDeprecated": true, "MaxResults": 100});
    let page = call(&mut manager, "ListSecretVersionIds", all.clone());
    assert!(page["NextToken"].is_string(), "none is a day old yet");
    let put = json!({"SecretId": "app/db", "ClientRequestToken": id(104), "SecretString": "104"});
    manager.handle(&context_at(1), "PutSecretValue", &put).unwrap();
    let page = call(&mut manager, "ListSecretVersionIds", all);
    assert_eq!(page["Versions"].as_array().unwrap().len(), 100);
    assert_eq!((&page["NextToken"], &page["Versions"][99]["VersionId"]), (&Value::Null, &json!(id(5))));
}
