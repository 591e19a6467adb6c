use serde_json::{Value, json};

use super::Lab;

fn many(count: usize) -> Lab {
    let mut lab = Lab::new();
    lab.create("demo/web:1", &json!({"desiredCount": 0}));
    for index in 0..count {
        lab.call(
            "CreateService",
            json!({"cluster": "main", "serviceName": format!("s{index:02}"), "taskDefinition": "web", "desiredCount": 0,
                "launchType": "FARGATE",
                "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}}),
        );
    }
    lab
}

#[test]
fn services_are_listed_ten_to_a_page_by_default() {
    let mut lab = many(24);
    let mut sizes = Vec::new();
    let mut all = Vec::new();
    let mut token = Value::Null;
    loop {
        let page = lab.call("ListServices", json!({"cluster": "main", "nextToken": token}));
        let arns = page["serviceArns"].as_array().unwrap();
        sizes.push(arns.len());
        all.extend(arns.clone());
        token = page["nextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(sizes, [10, 10, 5]);
    let mut unique = all.clone();
    unique.dedup();
    assert_eq!(unique.len(), 25);
    let page = lab.call("ListServices", json!({"cluster": "main", "maxResults": 100}));
    assert_eq!(page["serviceArns"], Value::from(all));
    assert_eq!(
        lab.refused("ListServices", json!({"cluster": "main", "maxResults": 101})).0,
        "InvalidParameterException"
    );
    assert_eq!(
        lab.refused("ListServices", json!({"cluster": "main", "nextToken": "x"})).0,
        "InvalidParameterException"
    );
}

#[test]
fn ten_services_are_described_and_eleven_are_refused() {
    let mut lab = many(11);
    let names = |count: usize| (0..count).map(|index| format!("s{index:02}")).collect::<Vec<_>>();
    let reply = lab.call("DescribeServices", json!({"cluster": "main", "services": names(10)}));
    assert_eq!(reply["services"].as_array().unwrap().len(), 10);
    assert_eq!(
        lab.refused("DescribeServices", json!({"cluster": "main", "services": names(11)})),
        ("InvalidParameterException".to_owned(), "Services cannot have more than 10 elements.".to_owned())
    );
}

#[test]
fn a_missing_service_is_a_failure_beside_the_others() {
    let mut lab = many(1);
    let reply = lab.call("DescribeServices", json!({"cluster": "main", "services": ["nope", "s00"]}));
    assert_eq!(reply["services"].as_array().unwrap().len(), 1);
    let arn = "arn:aws:ecs:us-east-1:111122223333:service/main/nope";
    assert_eq!(reply["failures"], json!([{"arn": arn, "reason": "MISSING"}]));
}

#[test]
fn a_service_is_found_by_its_arn_in_its_own_cluster_only() {
    let mut lab = many(1);
    let mut count = |arn: &str| {
        let reply = lab.call("DescribeServices", json!({"cluster": "main", "services": [arn]}));
        reply["services"].as_array().unwrap().len()
    };
    assert_eq!(count("arn:aws:ecs:us-east-1:111122223333:service/main/s00"), 1);
    assert_eq!(count("arn:aws:ecs:us-east-1:111122223333:service/other/s00"), 0);
}

#[test]
fn task_definitions_are_listed_by_family_status_and_order() {
    let mut lab = Lab::new();
    for image in ["demo/web:1", "demo/web:2", "demo/web:3"] {
        lab.register(image);
    }
    lab.call("DeregisterTaskDefinition", json!({"taskDefinition": "web:2"}));
    let mut revisions = |body: Value| -> Vec<String> {
        let reply = lab.call("ListTaskDefinitions", body);
        let arns = reply["taskDefinitionArns"].as_array().unwrap();
        arns.iter().map(|arn| arn.as_str().unwrap().rsplit('/').next().unwrap().to_owned()).collect()
    };
    assert_eq!(revisions(json!({"familyPrefix": "web", "sort": "DESC"})), ["web:3", "web:1"]);
    assert_eq!(revisions(json!({"familyPrefix": "web", "status": "INACTIVE"})), ["web:2"]);
    assert_eq!(revisions(json!({"familyPrefix": "we"})), Vec::<String>::new());
    assert_eq!(revisions(json!({"maxResults": 1})), ["web:1"]);
}

#[test]
fn tasks_are_listed_by_service_status_and_starter() {
    let mut lab = Lab::new();
    lab.create("demo/web:1", &json!({}));
    lab.wait(60);
    lab.update(&json!({"desiredCount": 1}));
    lab.wait(60);
    let id = lab.service()["deployments"][0]["id"].clone();
    let mut count = |mut body: Value| {
        body["cluster"] = json!("main");
        lab.call("ListTasks", body)["taskArns"].as_array().unwrap().len()
    };
    assert_eq!(count(json!({})), 1);
    assert_eq!(count(json!({"desiredStatus": "STOPPED", "serviceName": "web"})), 1);
    assert_eq!(count(json!({"startedBy": id})), 1);
    assert_eq!(count(json!({"startedBy": "somebody"})), 0);
    assert_eq!(count(json!({"family": "web"})), 1);
}

#[test]
fn service_deployments_are_found_by_time_and_status() {
    let mut lab = Lab::new();
    lab.create("demo/web:1", &json!({}));
    lab.wait(60);
    let between = lab.now.as_second();
    lab.wait(60);
    let service = lab.update(&json!({"forceNewDeployment": true}));
    let number = service["deployments"][0]["id"].as_str().unwrap().trim_start_matches("ecs-svc/").to_owned();
    let mut list = |mut body: Value| {
        body["service"] = json!("arn:aws:ecs:us-east-1:111122223333:service/main/web");
        lab.call("ListServiceDeployments", body)["serviceDeployments"].as_array().unwrap().clone()
    };
    assert_eq!(list(json!({})).len(), 2);
    let newer = list(json!({"createdAt": {"after": between}}));
    assert_eq!(newer.len(), 1);
    assert_eq!(newer[0]["status"], "PENDING");
    assert!(newer[0]["targetServiceRevisionArn"].as_str().unwrap().ends_with(&number));
    assert_eq!(list(json!({"createdAt": {"before": between}})).len(), 1);
    assert_eq!(list(json!({"status": ["SUCCESSFUL"]})).len(), 1);
}

#[test]
fn a_service_revision_tells_image_digests() {
    let mut lab = Lab::new();
    lab.create("demo/web:1", &json!({}));
    let arn = lab.service()["currentServiceRevisions"][0]["arn"].clone();
    let reply = lab.call("DescribeServiceRevisions", json!({"serviceRevisionArns": [arn, "arn:x"]}));
    let revision = &reply["serviceRevisions"][0];
    assert_eq!(revision["platformVersion"], "1.4.0");
    assert!(revision["containerImages"][0]["imageDigest"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!(reply["failures"], json!([{"arn": "arn:x", "reason": "MISSING"}]));
}
