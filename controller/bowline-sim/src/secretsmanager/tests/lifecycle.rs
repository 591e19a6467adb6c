use super::*;

#[test]
fn a_created_secret_is_described_in_full() {
    let mut manager = SecretsManager::default();
    let body = json!({
        "Name": "app/db", "ClientRequestToken": id(1), "SecretString": "one", "Description": "the database",
        "KmsKeyId": "alias/app", "Tags": [{"Key": "team", "Value": "a"}],
    });
    let created = call(&mut manager, "CreateSecret", body.clone());
    let arn = created["ARN"].as_str().unwrap().to_owned();
    let (prefix, suffix) = arn.rsplit_once('-').unwrap();
    assert_eq!(prefix, "arn:aws:secretsmanager:eu-west-1:111122223333:secret:app/db");
    assert!(suffix.len() == 6 && suffix.bytes().all(|letter| letter.is_ascii_alphanumeric()));
    assert_eq!(created, json!({"ARN": arn, "Name": "app/db", "VersionId": id(1)}));
    let described = json!({
        "ARN": arn, "Name": "app/db", "Description": "the database", "KmsKeyId": "alias/app",
        "CreatedDate": NOW, "LastChangedDate": NOW, "Tags": [{"Key": "team", "Value": "a"}],
        "VersionIdsToStages": {id(1): ["AWSCURRENT"]},
    });
    for secret_id in ["app/db", arn.as_str(), prefix] {
        assert_eq!(call(&mut manager, "DescribeSecret", json!({"SecretId": secret_id})), described);
    }
    assert_eq!(call(&mut manager, "CreateSecret", body), created, "the very same call once more");
    let other = json!({"Name": "app/db", "ClientRequestToken": id(2), "SecretString": "one"});
    let exists =
        error("ResourceExistsException", "The operation failed because the secret app/db already exists.");
    assert_eq!(refused(&mut manager, "CreateSecret", other), exists);
}

#[test]
fn what_cannot_be_a_secret_is_refused() {
    let mut manager = with_secret();
    let both = json!({"Name": "x", "SecretString": "a", "SecretBinary": "YQ=="});
    assert_eq!(refused(&mut manager, "CreateSecret", both).0, "InvalidParameterException");
    let name = json!({"Name": "a:b", "SecretString": "a"});
    assert_eq!(refused(&mut manager, "CreateSecret", name).0, "ValidationException");
    let token = json!({"SecretId": "app/db", "ClientRequestToken": "short", "SecretString": "a"});
    let short = error("InvalidParameterException", "ClientRequestToken must be 32-64 characters long.");
    assert_eq!(refused(&mut manager, "PutSecretValue", token), short);
    let long = json!({"SecretId": "app/db", "SecretString": "a".repeat(65_537)});
    assert_eq!(refused(&mut manager, "PutSecretValue", long).0, "ValidationException");
    let nothing = error("InvalidRequestException", "You must provide either SecretString or SecretBinary.");
    assert_eq!(refused(&mut manager, "PutSecretValue", json!({"SecretId": "app/db"})), nothing);
    assert_eq!(refused(&mut manager, "DescribeSecret", json!({})).0, "ValidationException");
    assert_eq!(refused(&mut manager, "Nonsense", json!({})).0, "UnknownOperationException");
    let missing = error("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
    assert_eq!(refused(&mut manager, "DescribeSecret", json!({"SecretId": "other"})), missing);
    let elsewhere = arn(&mut manager).replace("eu-west-1", "us-east-1");
    assert_eq!(refused(&mut manager, "DescribeSecret", json!({"SecretId": elsewhere})), missing);
    let foreign = arn(&mut manager).replace(ACCOUNT, "999988887777");
    assert_eq!(
        refused(&mut manager, "DescribeSecret", json!({"SecretId": foreign})).0,
        "AccessDeniedException"
    );
}

#[test]
fn a_deleted_secret_can_be_restored_until_its_window_ends() {
    let mut manager = with_secret();
    let arn = arn(&mut manager);
    let outside = json!({"SecretId": "app/db", "RecoveryWindowInDays": 6});
    assert_eq!(refused(&mut manager, "DeleteSecret", outside).0, "InvalidParameterException");
    let body = json!({"SecretId": "app/db", "RecoveryWindowInDays": 7});
    let deleted = call(&mut manager, "DeleteSecret", body.clone());
    assert_eq!(deleted, json!({"ARN": arn, "Name": "app/db", "DeletionDate": NOW + 7.0 * DAY}));
    let marked = error(
        "InvalidRequestException",
        "You can't perform this operation on the secret because it was marked for deletion.",
    );
    for operation in ["GetSecretValue", "PutSecretValue", "UpdateSecret", "RotateSecret", "DeleteSecret"] {
        assert_eq!(refused(&mut manager, operation, json!({"SecretId": "app/db"})), marked, "{operation}");
    }
    let again = json!({"Name": "app/db", "SecretString": "x"});
    assert_eq!(refused(&mut manager, "CreateSecret", again).0, "InvalidRequestException");
    let described = call(&mut manager, "DescribeSecret", json!({"SecretId": "app/db"}));
    assert_eq!(described["DeletedDate"], json!(NOW + 7.0 * DAY));
    assert_eq!(call(&mut manager, "ListSecrets", json!({}))["SecretList"], json!([]));
    let planned = call(&mut manager, "ListSecrets", json!({"IncludePlannedDeletion": true}));
    assert_eq!(planned["SecretList"][0]["Name"], "app/db");
    let restored = call(&mut manager, "RestoreSecret", json!({"SecretId": "app/db"}));
    assert_eq!(restored, json!({"ARN": arn, "Name": "app/db"}));
    assert_eq!(
        call(&mut manager, "GetSecretValue", json!({"SecretId": "app/db"}))["VersionId"],
        json!(id(1))
    );
    call(&mut manager, "DeleteSecret", body);
    let later = manager.handle(&context_at(7), "DescribeSecret", &json!({"SecretId": "app/db"}));
    assert_eq!(later.unwrap_err().code, "ResourceNotFoundException");
}

#[test]
fn a_secret_deleted_by_force_makes_room_for_another_with_another_arn() {
    let mut manager = with_secret();
    let before = arn(&mut manager);
    let both = json!({"SecretId": "app/db", "ForceDeleteWithoutRecovery": true, "RecoveryWindowInDays": 7});
    assert_eq!(refused(&mut manager, "DeleteSecret", both).0, "InvalidParameterException");
    let body = json!({"SecretId": "app/db", "ForceDeleteWithoutRecovery": true});
    let deleted = call(&mut manager, "DeleteSecret", body.clone());
    assert_eq!(deleted, json!({"ARN": before, "Name": "app/db", "DeletionDate": NOW}));
    assert_eq!(call(&mut manager, "DeleteSecret", body)["Name"], "app/db", "forcing twice is no error");
    call(&mut manager, "CreateSecret", json!({"Name": "app/db", "SecretString": "x"}));
    assert_ne!(arn(&mut manager), before);
}

#[test]
fn tags_are_replaced_and_removed() {
    let mut manager = with_secret();
    let body =
        json!({"SecretId": "app/db", "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]});
    assert_eq!(call(&mut manager, "TagResource", body), json!({}));
    let body = json!({"SecretId": "app/db", "Tags": [{"Key": "a", "Value": "3"}]});
    call(&mut manager, "TagResource", body);
    call(&mut manager, "UntagResource", json!({"SecretId": "app/db", "TagKeys": ["b"]}));
    let described = call(&mut manager, "DescribeSecret", json!({"SecretId": "app/db"}));
    assert_eq!(described["Tags"], json!([{"Key": "a", "Value": "3"}]));
}

#[test]
fn a_rotation_announces_a_version_that_its_function_fills() {
    let mut manager = with_secret();
    let no_function =
        error("InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.");
    assert_eq!(refused(&mut manager, "RotateSecret", json!({"SecretId": "app/db"})), no_function);
    let lambda = "arn:aws:lambda:eu-west-1:111122223333:function:rotate";
    let body = json!({
        "SecretId": "app/db", "ClientRequestToken": id(2), "RotationLambdaARN": lambda,
        "RotationRules": {"AutomaticallyAfterDays": 30},
    });
    assert_eq!(call(&mut manager, "RotateSecret", body.clone())["VersionId"], json!(id(2)));
    let described = call(&mut manager, "DescribeSecret", json!({"SecretId": "app/db"}));
    assert_eq!(described["RotationEnabled"], true);
    assert_eq!(described["RotationLambdaARN"], lambda);
    assert_eq!(described["RotationRules"], json!({"AutomaticallyAfterDays": 30}));
    assert_eq!(stages(&mut manager), json!({id(1): ["AWSCURRENT"], id(2): ["AWSPENDING"]}));
    let pending = json!({"SecretId": "app/db", "VersionStage": "AWSPENDING"});
    assert_eq!(refused(&mut manager, "GetSecretValue", pending.clone()).0, "ResourceNotFoundException");
    assert_eq!(refused(&mut manager, "RotateSecret", body).0, "InvalidRequestException", "still in progress");
    let value = json!({
        "SecretId": "app/db", "ClientRequestToken": id(2), "SecretString": "new", "VersionStages": ["AWSPENDING"],
    });
    call(&mut manager, "PutSecretValue", value);
    assert_eq!(call(&mut manager, "GetSecretValue", pending)["SecretString"], "new");
    let cancelled = call(&mut manager, "CancelRotateSecret", json!({"SecretId": "app/db"}));
    assert_eq!(cancelled["VersionId"], json!(id(2)));
    let described = call(&mut manager, "DescribeSecret", json!({"SecretId": "app/db"}));
    assert_eq!(described["RotationEnabled"], false);
}
