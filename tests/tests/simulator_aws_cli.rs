//! The simulator, driven with the aws CLI as a person would drive AWS.

use std::fs;

use bowline_sim::{Simulator, SimulatorConfig};
use bowline_tests::aws::Cli;
use bowline_tests::servers::{ACCOUNT, REGION};
use serde_json::{Value, json};
use tempfile::TempDir;

async fn simulator() -> (Simulator, String, TempDir) {
    // Fast enough that `wait services-stable`, which asks every 15 s, is content with its first answer or two.
    let config = SimulatorConfig { time_scale: 600.0, ..SimulatorConfig::default() };
    let simulator = Simulator::start(config).await.unwrap();
    let url = simulator.url();
    (simulator, url, tempfile::tempdir().unwrap())
}

fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}")
}

/// The fields of `value` at these JSON pointers.
fn pick(value: &Value, pointers: &[&str]) -> Value {
    pointers.iter().map(|pointer| value.pointer(pointer).cloned().unwrap_or_default()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_created_rolled_and_listed() {
    let (_simulator, url, home) = simulator().await;
    let aws = Cli::new(&url, ACCOUNT, home.path());
    let cluster = aws.run("ecs create-cluster --cluster-name main").await;
    assert_eq!(cluster["cluster"]["clusterArn"], arn("ecs", "cluster/main"));

    for image in ["registry.test/web:1", "registry.test/web:2"] {
        let definition = json!({
            "family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
            "containerDefinitions": [{"name": "web", "image": image, "portMappings": [{"containerPort": 80}]}],
        });
        fs::write(home.path().join("web.json"), definition.to_string()).unwrap();
        aws.run("ecs register-task-definition --cli-input-json file://web.json").await;
    }
    aws.run(
        "ecs create-service --cluster main --service-name web --task-definition web:1 --desired-count 2 --launch-type FARGATE \
         --network-configuration awsvpcConfiguration={subnets=[subnet-1],securityGroups=[sg-1]} --tags key=team,value=core",
    )
    .await;
    aws.run("ecs wait services-stable --cluster main --services web").await;
    aws.run("ecs update-service --cluster main --service web --task-definition web:2 --desired-count 3")
        .await;
    aws.run("ecs wait services-stable --cluster main --services web").await;

    let described =
        aws.run("ecs describe-services --cluster main --services web absent --include TAGS").await;
    assert_eq!(
        pick(
            &described["services"][0],
            &[
                "/serviceName",
                "/status",
                "/taskDefinition",
                "/desiredCount",
                "/runningCount",
                "/pendingCount",
                "/tags"
            ]
        ),
        json!(["web", "ACTIVE", arn("ecs", "task-definition/web:2"), 3, 3, 0, [{"key": "team", "value": "core"}]])
    );
    assert_eq!(
        pick(
            &described["services"][0]["deployments"],
            &["/0/status", "/0/rolloutState", "/0/failedTasks", "/1"]
        ),
        json!(["PRIMARY", "COMPLETED", 0, null])
    );
    assert_eq!(
        described["failures"],
        json!([{"arn": arn("ecs", "service/main/absent"), "reason": "MISSING"}])
    );
    let eleven = "ecs describe-services --cluster main --services a b c d e f g h i j k";
    assert_eq!(aws.refused(eleven).await, "InvalidParameterException");
}

#[tokio::test(flavor = "multi_thread")]
async fn services_are_listed_ten_a_page() {
    let (simulator, url, home) = simulator().await;
    let aws = Cli::new(&url, ACCOUNT, home.path());
    let clients = bowline_tests::aws::Clients::new(&url, ACCOUNT);
    clients.ecs.create_cluster().cluster_name("main").send().await.unwrap();
    let container = aws_sdk_ecs::types::ContainerDefinition::builder()
        .name("web")
        .image("registry.test/web:1")
        .memory(128)
        .build();
    clients
        .ecs
        .register_task_definition()
        .family("web")
        .container_definitions(container)
        .send()
        .await
        .unwrap();
    for number in 0..12 {
        let create = clients.ecs.create_service().cluster("main").service_name(format!("s{number:02}"));
        create.task_definition("web").desired_count(0).send().await.unwrap();
    }
    simulator.clear_calls();
    let all = aws.run("ecs list-services --cluster main").await;
    let mut found: Vec<&str> =
        all["serviceArns"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    found.sort_unstable();
    let wanted: Vec<String> =
        (0..12).map(|number| arn("ecs", &format!("service/main/s{number:02}"))).collect();
    assert_eq!(found, wanted);
    let pages: Vec<String> = simulator.calls().into_iter().map(|call| call.operation).collect();
    assert_eq!(pages, ["ListServices", "ListServices"]);

    let first = aws.run("ecs list-services --cluster main --max-items 5").await;
    assert_eq!(first["serviceArns"].as_array().unwrap().len(), 5);
    assert!(first["NextToken"].is_string(), "{first}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_created_changed_and_promoted() {
    let (_simulator, url, home) = simulator().await;
    let aws = Cli::new(&url, ACCOUNT, home.path());
    let (one, two) = ("1".repeat(32), "2".repeat(32));
    aws.run(&format!(
        "secretsmanager create-secret --name app/db --secret-string a --client-request-token {one}"
    ))
    .await;
    aws.run(&format!(
        "secretsmanager put-secret-value --secret-id app/db --secret-string b --client-request-token {two} --version-stages AWSPENDING"
    ))
    .await;
    let stages = |described: &Value| described["VersionIdsToStages"].clone();
    let described = aws.run("secretsmanager describe-secret --secret-id app/db").await;
    assert_eq!(stages(&described), json!({&one: ["AWSCURRENT"], &two: ["AWSPENDING"]}));
    assert!(described["ARN"].as_str().unwrap().starts_with(&arn("secretsmanager", "secret:app/db-")));

    let swap = format!(
        "secretsmanager update-secret-version-stage --secret-id app/db --version-stage AWSCURRENT --move-to-version-id {two}"
    );
    assert_eq!(aws.refused(&swap).await, "InvalidParameterException");
    aws.run(&format!("{swap} --remove-from-version-id {one}")).await;
    let described = aws.run("secretsmanager describe-secret --secret-id app/db").await;
    let mut found = stages(&described);
    found[&two].as_array_mut().unwrap().sort_by_key(ToString::to_string);
    assert_eq!(found, json!({&one: ["AWSPREVIOUS"], &two: ["AWSCURRENT", "AWSPENDING"]}));
    let value = aws.run("secretsmanager get-secret-value --secret-id app/db").await;
    assert_eq!(pick(&value, &["/VersionId", "/SecretString"]), json!([two, "b"]));
    assert_eq!(
        aws.refused("secretsmanager describe-secret --secret-id absent").await,
        "ResourceNotFoundException"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_has_versions_and_conditions() {
    let (_simulator, url, home) = simulator().await;
    let aws = Cli::new(&url, ACCOUNT, home.path());
    aws.run_words(&[
        "s3api",
        "create-bucket",
        "--bucket",
        "states",
        "--create-bucket-configuration",
        "LocationConstraint=eu-central-1",
    ])
    .await;
    aws.run("s3api put-bucket-versioning --bucket states --versioning-configuration Status=Enabled").await;
    let mut versions = Vec::new();
    for serial in 1..=2 {
        fs::write(home.path().join("state.json"), format!(r#"{{"version":4,"serial":{serial}}}"#)).unwrap();
        versions
            .push(aws.run("s3api put-object --bucket states --key prod/app.tfstate --body state.json").await);
    }
    let put = "s3api put-object --bucket states --key prod/app.tfstate --body state.json";
    assert_eq!(aws.refused(&format!("{put} --if-none-match *")).await, "PreconditionFailed");
    let old = versions[0]["ETag"].as_str().unwrap();
    assert_eq!(aws.refused(&format!("{put} --if-match {old}")).await, "PreconditionFailed");

    let listed = aws.run("s3api list-object-versions --bucket states --prefix prod/").await;
    let found: Vec<Value> = listed["Versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|version| pick(version, &["/VersionId", "/ETag", "/IsLatest"]))
        .collect();
    let wanted = |index: usize| json!([versions[index]["VersionId"], versions[index]["ETag"], index == 1]);
    assert_eq!(found, [wanted(1), wanted(0)]);

    let first = versions[0]["VersionId"].as_str().unwrap();
    aws.run(&format!(
        "s3api get-object --bucket states --key prod/app.tfstate --version-id {first} got.json"
    ))
    .await;
    assert_eq!(fs::read_to_string(home.path().join("got.json")).unwrap(), r#"{"version":4,"serial":1}"#);
    assert_eq!(aws.refused("s3api get-object --bucket states --key absent got.json").await, "NoSuchKey");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assumed_role_calls_as_its_own_account() {
    let (_simulator, url, home) = simulator().await;
    let aws = Cli::new(&url, ACCOUNT, home.path());
    assert_eq!(aws.run("sts get-caller-identity").await["Account"], ACCOUNT);
    let profile = "[profile other]\nrole_arn = arn:aws:iam::444455556666:role/bowline\nrole_session_name = person\n\
                   external_id = from-a-contract\ncredential_source = Environment\n";
    fs::create_dir(home.path().join(".aws")).unwrap();
    fs::write(home.path().join(".aws/config"), profile).unwrap();
    let identity = aws.run("sts get-caller-identity --profile other").await;
    assert_eq!(
        pick(&identity, &["/Account", "/Arn"]),
        json!(["444455556666", "arn:aws:sts::444455556666:assumed-role/bowline/person"])
    );
}
