use super::*;

#[test]
fn a_value_is_read_by_version_by_label_or_as_it_is_now() {
    let mut manager = with_versions(3);
    let arn = arn(&mut manager);
    let two = json!({
        "ARN": arn, "Name": "app/db", "VersionId": id(2), "VersionStages": ["AWSPREVIOUS"], "CreatedDate": NOW,
        "SecretString": "2",
    });
    let mut read = |more: Value| {
        let mut body = json!({"SecretId": "app/db"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        try_call(&mut manager, "GetSecretValue", &body).map_err(|error| (error.code, error.message))
    };
    assert_eq!(read(json!({"VersionId": id(2)})), Ok(two.clone()));
    assert_eq!(read(json!({"VersionStage": "AWSPREVIOUS"})), Ok(two.clone()));
    assert_eq!(read(json!({"VersionId": id(2), "VersionStage": "AWSPREVIOUS"})), Ok(two));
    assert_eq!(read(json!({})).unwrap()["VersionId"], json!(id(3)));
    let apart = "You provided a VersionStage that is not associated to the provided VersionId.";
    let apart = error("InvalidRequestException", apart);
    assert_eq!(read(json!({"VersionId": id(2), "VersionStage": "AWSCURRENT"})), Err(apart));
    let not_found = |what: &str| {
        let message = format!("Secrets Manager can't find the specified secret value for {what}");
        Err(error("ResourceNotFoundException", &message))
    };
    assert_eq!(read(json!({"VersionId": id(9)})), not_found(&format!("VersionId: {}", id(9))));
    assert_eq!(read(json!({"VersionStage": "x"})), not_found("staging label: x"));
    let described = call(&mut manager, "DescribeSecret", json!({"SecretId": "app/db"}));
    assert_eq!(described["LastAccessedDate"], json!(1_795_219_200.0), "the day, not the time");
}

#[test]
fn binary_values_come_back_as_they_went_in() {
    let mut manager = with_secret();
    call(&mut manager, "PutSecretValue", json!({"SecretId": "app/db", "SecretBinary": "AAEC"}));
    let read = call(&mut manager, "GetSecretValue", json!({"SecretId": "app/db"}));
    assert_eq!((&read["SecretBinary"], &read["SecretString"]), (&json!("AAEC"), &Value::Null));
}

#[test]
fn versions_are_listed_with_and_without_the_deprecated() {
    let mut manager = with_versions(3);
    let arn = arn(&mut manager);
    let entry = |number: u8, stages: &[&str]| {
        let mut entry =
            json!({"VersionId": id(number), "CreatedDate": NOW, "KmsKeyIds": ["DefaultEncryptionKey"]});
        if !stages.is_empty() {
            entry["VersionStages"] = json!(stages);
        }
        entry
    };
    let labelled = call(&mut manager, "ListSecretVersionIds", json!({"SecretId": "app/db"}));
    let expected = json!({
        "ARN": arn, "Name": "app/db", "Versions": [entry(3, &["AWSCURRENT"]), entry(2, &["AWSPREVIOUS"])],
    });
    assert_eq!(labelled, expected);
    let mut body = json!({"SecretId": "app/db", "IncludeDeprecated": true, "MaxResults": 2});
    let page = call(&mut manager, "ListSecretVersionIds", body.clone());
    assert_eq!(page["Versions"].as_array().unwrap().len(), 2);
    body["NextToken"] = page["NextToken"].clone();
    let page = call(&mut manager, "ListSecretVersionIds", body.clone());
    assert_eq!(page, json!({"ARN": arn, "Name": "app/db", "Versions": [entry(1, &[])]}));
    body["NextToken"] = "bm9uc2Vuc2U".into();
    let invalid = error("InvalidNextTokenException", "The NextToken value is invalid.");
    assert_eq!(refused(&mut manager, "ListSecretVersionIds", body), invalid);
}

#[test]
fn secrets_are_listed_filtered_sorted_and_in_pages() {
    let mut manager = with_secret();
    for name in ["app/api", "web"] {
        let body =
            json!({"Name": name, "Description": "Of The Web", "Tags": [{"Key": "team", "Value": name}]});
        call(&mut manager, "CreateSecret", body);
    }
    let mut names = |mut body: Value| {
        body["SortBy"] = "name".into();
        body["SortOrder"] = "asc".into();
        let page = call(&mut manager, "ListSecrets", body);
        let names: Vec<String> = page["SecretList"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["Name"].as_str().unwrap().to_owned())
            .collect();
        (names.join(" "), page["NextToken"].clone())
    };
    let (first, next) = names(json!({"MaxResults": 2}));
    assert_eq!(first, "app/api app/db");
    assert_eq!(names(json!({"MaxResults": 2, "NextToken": next})), ("web".to_owned(), Value::Null));
    let mut filtered =
        |key: &str, value: &str| names(json!({"Filters": [{"Key": key, "Values": [value]}]})).0;
    assert_eq!(filtered("name", "app/"), "app/api app/db");
    assert_eq!(filtered("name", "!app/"), "web");
    assert_eq!(filtered("description", "of the"), "app/api web");
    assert_eq!(filtered("tag-key", "team"), "app/api web");
    assert_eq!(filtered("tag-value", "web"), "web");
    assert_eq!(filtered("all", "db"), "app/db");
    assert_eq!(filtered("owning-service", "rds"), "");
    let one = call(&mut manager, "ListSecrets", json!({"Filters": [{"Key": "name", "Values": ["app/db"]}]}));
    assert_eq!(one["SecretList"][0]["SecretVersionsToStages"], json!({id(1): ["AWSCURRENT"]}));
}
