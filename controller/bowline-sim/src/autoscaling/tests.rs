//! Scalable targets as a client sees them.

use serde_json::{Value, json};

use super::{Autoscaling, DIMENSION};
use crate::context::{ApiError, CallContext};

fn try_call(scaling: &mut Autoscaling, operation: &str, body: Value) -> Result<Value, ApiError> {
    let context = CallContext {
        account: "111122223333".to_owned(),
        region: "eu-west-1".to_owned(),
        now: "2026-11-21T10:00:00Z".parse().unwrap(),
        request_id: "11111111-2222-3333-4444-555555555555".to_owned(),
        principal_arn: "arn:aws:iam::111122223333:user/test".to_owned(),
    };
    let mut body = body;
    body["ServiceNamespace"] = json!("ecs");
    body["ScalableDimension"] = json!(DIMENSION);
    scaling.handle(&context, operation, &body, |cluster, service| cluster == "main" && service != "absent")
}

fn refused(scaling: &mut Autoscaling, operation: &str, body: Value) -> String {
    let error = try_call(scaling, operation, body).unwrap_err();
    assert_eq!(error.status, 400);
    error.code
}

#[test]
fn a_target_is_registered_changed_and_taken_away() {
    let mut scaling = Autoscaling::default();
    let web = |more: Value| {
        let mut body = json!({"ResourceId": "service/main/web"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let arn = "arn:aws:application-autoscaling:eu-west-1:111122223333:scalable-target/11111111222233334444555555555555";
    let reply =
        try_call(&mut scaling, "RegisterScalableTarget", web(json!({"MinCapacity": 2, "MaxCapacity": 10})));
    assert_eq!(reply.unwrap(), json!({"ScalableTargetARN": arn}));
    let suspended = json!({"DynamicScalingInSuspended": true});
    let change = web(json!({"MaxCapacity": 20, "SuspendedState": suspended}));
    try_call(&mut scaling, "RegisterScalableTarget", change).unwrap();
    let described =
        try_call(&mut scaling, "DescribeScalableTargets", json!({"ResourceIds": ["service/main/web"]}));
    assert_eq!(
        described.unwrap(),
        json!({"ScalableTargets": [{
            "ServiceNamespace": "ecs", "ResourceId": "service/main/web", "ScalableDimension": DIMENSION,
            "MinCapacity": 2, "MaxCapacity": 20, "CreationTime": 1_795_255_200.0, "ScalableTargetARN": arn,
            "RoleARN": "arn:aws:iam::111122223333:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService",
            "SuspendedState": {"DynamicScalingInSuspended": true, "DynamicScalingOutSuspended": false, "ScheduledScalingSuspended": false},
        }]})
    );
    try_call(&mut scaling, "DeregisterScalableTarget", web(json!({}))).unwrap();
    assert_eq!(
        try_call(&mut scaling, "DescribeScalableTargets", json!({})).unwrap(),
        json!({"ScalableTargets": []})
    );
    assert_eq!(refused(&mut scaling, "DeregisterScalableTarget", web(json!({}))), "ObjectNotFoundException");
}

#[test]
fn what_cannot_be_a_target_is_refused() {
    let mut scaling = Autoscaling::default();
    for body in [
        json!({"ResourceId": "service/main/absent", "MinCapacity": 1, "MaxCapacity": 2}),
        json!({"ResourceId": "service/main/web", "MinCapacity": 1}),
        json!({"ResourceId": "service/main/web", "MinCapacity": 3, "MaxCapacity": 2}),
        json!({"ResourceId": "table/web", "MinCapacity": 1, "MaxCapacity": 2}),
        json!({"MinCapacity": 1, "MaxCapacity": 2}),
    ] {
        assert_eq!(
            refused(&mut scaling, "RegisterScalableTarget", body.clone()),
            "ValidationException",
            "{body}"
        );
    }
    let many: Vec<String> = (0..51).map(|number| format!("service/main/{number}")).collect();
    assert_eq!(
        refused(&mut scaling, "DescribeScalableTargets", json!({"ResourceIds": many})),
        "ValidationException"
    );
}

#[test]
fn pages_follow_each_other() {
    let mut scaling = Autoscaling::default();
    for number in 0..5 {
        let body =
            json!({"ResourceId": format!("service/main/s{number}"), "MinCapacity": 1, "MaxCapacity": 2});
        try_call(&mut scaling, "RegisterScalableTarget", body).unwrap();
    }
    let (mut sizes, mut token) = (Vec::new(), Value::Null);
    loop {
        let mut page =
            try_call(&mut scaling, "DescribeScalableTargets", json!({"MaxResults": 2, "NextToken": token}))
                .unwrap();
        sizes.push(page["ScalableTargets"].as_array().unwrap().len());
        token = page["NextToken"].take();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(sizes, [2, 2, 1]);
}
