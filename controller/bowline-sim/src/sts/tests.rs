//! STS as a client sees it: a form in, whole documents out.

use super::*;

fn context(principal_arn: &str) -> CallContext {
    CallContext {
        account: "111122223333".to_owned(),
        region: "eu-west-1".to_owned(),
        now: "2026-11-21T10:00:00.250Z".parse().unwrap(),
        request_id: "r-1".to_owned(),
        principal_arn: principal_arn.to_owned(),
    }
}

fn call(principal_arn: &str, form: &[(&str, &str)]) -> Result<String, ApiError> {
    let form: Vec<(String, String)> =
        form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    handle(&context(principal_arn), &form)
}

const USER: &str = "arn:aws:iam::111122223333:user/a&b";

#[test]
fn a_caller_learns_who_it_is() {
    let answer = call(USER, &[("Action", "GetCallerIdentity")]).unwrap();
    let user_id = unique_id("AIDA", USER);
    assert_eq!(user_id.len(), 21);
    assert_eq!(
        answer,
        format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/a&amp;b</Arn><UserId>{user_id}</UserId>\
             <Account>111122223333</Account></GetCallerIdentityResult><ResponseMetadata>\
             <RequestId>r-1</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
        )
    );
    let role = "arn:aws:sts::111122223333:assumed-role/bowline/session";
    let answer = call(role, &[("Action", "GetCallerIdentity")]).unwrap();
    assert!(answer.contains(&format!("<UserId>{}:session</UserId>", unique_id("AROA", "bowline"))));
}

#[test]
fn an_assumed_role_brings_keys_of_its_account_for_an_hour() {
    let form = [
        ("Action", "AssumeRole"),
        ("RoleArn", "arn:aws:iam::444455556666:role/team/bowline"),
        ("RoleSessionName", "bowline"),
    ];
    let answer = call(USER, &form).unwrap();
    for part in [
        "<AccessKeyId>ASIA444455556666EXAMPLE</AccessKeyId>",
        "<Expiration>2026-11-21T11:00:00Z</Expiration>",
        "<Arn>arn:aws:sts::444455556666:assumed-role/bowline/bowline</Arn>",
    ] {
        assert!(answer.contains(part), "{part} is not in {answer}");
    }
    assert_eq!(call(USER, &form).unwrap(), answer, "the same call brings the same keys");
}

#[test]
fn a_role_that_demands_an_external_id_is_refused_without() {
    let mut form = vec![
        ("Action", "AssumeRole"),
        ("RoleArn", "arn:aws:iam::444455556666:role/needs-external-id"),
        ("RoleSessionName", "bowline"),
    ];
    let denied = call(USER, &form).unwrap_err();
    let message = format!(
        "User: {USER} is not authorized to perform: sts:AssumeRole on resource: \
         arn:aws:iam::444455556666:role/needs-external-id"
    );
    assert_eq!((denied.status, denied.code.as_str(), &denied.message), (403, "AccessDenied", &message));
    assert_eq!(
        error_xml(&denied, "r-1"),
        format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
             <Code>AccessDenied</Code><Message>{}</Message></Error><RequestId>r-1</RequestId></ErrorResponse>",
            message.replace('&', "&amp;")
        )
    );
    form.push(("ExternalId", "agreed"));
    assert!(call(USER, &form).is_ok());
}

#[test]
fn what_is_missing_or_malformed_is_named() {
    let refusal = |form: &[(&str, &str)]| call(USER, form).map_err(|error| error.code).unwrap_err();
    assert_eq!(refusal(&[]), "InvalidAction");
    assert_eq!(refusal(&[("Action", "AssumeRole")]), "ValidationError");
    for arn in ["arn:aws:iam::4444:role/x", "arn:aws:iam::444455556666:user/x", "x"] {
        let form = [("Action", "AssumeRole"), ("RoleArn", arn), ("RoleSessionName", "s")];
        assert_eq!(refusal(&form), "ValidationError", "{arn}");
    }
}
