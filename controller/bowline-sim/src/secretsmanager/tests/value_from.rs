use super::*;

#[test]
fn a_task_can_read_what_the_agent_could_resolve() {
    let mut manager = with_secret();
    let arn = arn(&mut manager);
    let can_read = |value_from: &str| manager.can_read(ACCOUNT, REGION, value_from);
    let partial = arn.rsplit_once('-').unwrap().0;
    for readable in [
        "app/db".to_owned(),
        "app/db:password::".to_owned(),
        arn.clone(),
        partial.to_owned(),
        format!("{arn}:password::"),
        format!("{arn}:port:AWSCURRENT:"),
        format!("{arn}:::{}", id(1)),
        format!("{arn}:::"),
    ] {
        assert!(can_read(&readable), "{readable}");
    }
    for unreadable in [
        "other".to_owned(),
        format!("{arn}:password"),
        format!("{arn}:password:"),
        format!("{arn}:password:::"),
        format!("{arn}:missing::"),
        format!("{arn}::AWSPREVIOUS:"),
        format!("{arn}:::{}", id(2)),
        format!("{arn}::AWSCURRENT:{}", id(1)),
        arn.replace(ACCOUNT, "999988887777"),
        arn.replace(REGION, "us-east-1"),
    ] {
        assert!(!can_read(&unreadable), "{unreadable}");
    }
}

#[test]
fn a_task_cannot_read_what_is_deleted_or_binary() {
    let mut manager = with_secret();
    call(&mut manager, "DeleteSecret", json!({"SecretId": "app/db"}));
    assert!(!manager.can_read(ACCOUNT, REGION, "app/db"));
    call(&mut manager, "RestoreSecret", json!({"SecretId": "app/db"}));
    assert!(manager.can_read(ACCOUNT, REGION, "app/db"));
    call(&mut manager, "PutSecretValue", json!({"SecretId": "app/db", "SecretBinary": "AAEC"}));
    assert!(!manager.can_read(ACCOUNT, REGION, "app/db"));
}
