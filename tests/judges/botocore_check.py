"""Holds every answer of an AWS endpoint against botocore's service models.

usage: botocore_check.py ENDPOINT

Drives the endpoint through the calls below with boto3. Before boto3 parses an answer, the raw body is walked against the
operation's output shape: a field that the model does not have, or one of the wrong type, is a violation. boto3 itself would
drop such a field in silence. Prints one line a violation and a last line with the counts; exits 1 if there was any.
"""
import datetime
import hashlib
import io
import json
import sys
import time
import xml.etree.ElementTree as ElementTree

import boto3
import botocore.exceptions

ENDPOINT = sys.argv[1]
ACCOUNT = "111122223333"
violations, answers, fields = [], 0, 0
session = boto3.session.Session(
    aws_access_key_id=ACCOUNT, aws_secret_access_key="secret", region_name="eu-central-1"
)


def complain(where, text):
    violations.append(f"{where}: {text}")


def check_json(shape, value, where):
    global fields
    fields += 1
    if value is None:
        return
    kind = shape.type_name
    if kind == "structure":
        if not isinstance(value, dict):
            return complain(where, f"is {type(value).__name__}, not a structure")
        for name, inner in value.items():
            if name not in shape.members:
                complain(where, f"has `{name}`, which the model does not know")
            else:
                check_json(shape.members[name], inner, f"{where}.{name}")
        for name in shape.required_members:
            if name not in value:
                complain(where, f"lacks `{name}`, which the model requires")
    elif kind == "list":
        if not isinstance(value, list):
            return complain(where, f"is {type(value).__name__}, not a list")
        for index, inner in enumerate(value):
            check_json(shape.member, inner, f"{where}[{index}]")
    elif kind == "map":
        if not isinstance(value, dict):
            return complain(where, f"is {type(value).__name__}, not a map")
        for name, inner in value.items():
            check_json(shape.value, inner, f"{where}.{name}")
    elif kind == "string":
        if not isinstance(value, str):
            complain(where, f"is {type(value).__name__}, not a string")
        elif getattr(shape, "enum", None) and value not in shape.enum:
            complain(where, f"is `{value}`, not one of {', '.join(shape.enum)}")
    elif kind in ("integer", "long"):
        if isinstance(value, bool) or not isinstance(value, int):
            complain(where, f"is {value!r}, not an integer")
    elif kind in ("float", "double", "timestamp"):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            complain(where, f"is {value!r}, not a number")
    elif kind == "boolean" and not isinstance(value, bool):
        complain(where, f"is {value!r}, not a boolean")


def local(tag):
    return tag.rsplit("}", 1)[-1]


def xml_members(shape):
    """XML element name -> (member shape, flattened list or not), for members that stand in the body."""
    members = {}
    for name, inner in shape.members.items():
        if inner.serialization.get("location") in ("header", "headers", "statusCode"):
            continue
        flat = bool(inner.serialization.get("flattened"))
        wire = inner.serialization.get("name", name)
        if inner.type_name == "list" and flat:
            wire = inner.serialization.get("name") or inner.member.serialization.get("name", name)
        members[wire] = (inner, flat)
    return members


def check_xml(shape, element, where):
    global fields
    fields += 1
    kind = shape.type_name
    text = element.text or ""
    if kind == "structure":
        members = xml_members(shape)
        for child in element:
            name = local(child.tag)
            if name == "ResponseMetadata" or name.startswith("xsi"):
                continue
            if name not in members:
                complain(where, f"has `{name}`, which the model does not know")
                continue
            inner, flat = members[name]
            if inner.type_name == "list" and flat:
                check_xml(inner.member, child, f"{where}.{name}[]")
            else:
                check_xml(inner, child, f"{where}.{name}")
    elif kind == "list":
        for child in element:
            check_xml(shape.member, child, f"{where}[]")
    elif kind == "string":
        if getattr(shape, "enum", None) and text and text not in shape.enum:
            complain(where, f"is `{text}`, not one of {', '.join(shape.enum)}")
    elif kind in ("integer", "long"):
        if not text.lstrip("-").isdigit():
            complain(where, f"is `{text}`, not an integer")
    elif kind == "boolean":
        if text not in ("true", "false"):
            complain(where, f"is `{text}`, not a boolean")
    elif kind == "timestamp":
        try:
            datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
        except ValueError:
            complain(where, f"is `{text}`, not an ISO 8601 time")


def check(operation_model, response_dict, **_):
    global answers
    answers += 1
    service, operation = operation_model.service_model.service_name, operation_model.name
    where, shape, body = f"{service}.{operation}", operation_model.output_shape, response_dict["body"]
    if "x-amzn-requestid" not in {k.lower() for k in response_dict["headers"]} and service in ("ecs", "secretsmanager", "application-autoscaling"):
        complain(where, "has no x-amzn-RequestId header")
    if response_dict["status_code"] >= 300:
        if service in ("ecs", "secretsmanager", "application-autoscaling"):
            error = json.loads(body)
            known = {s.error_code for s in operation_model.error_shapes} | {
                "ThrottlingException", "ValidationException", "AccessDeniedException", "SerializationException"}
            code = error.get("__type", "").rsplit("#", 1)[-1]
            if code not in known:
                complain(where, f"fails with `{code}`, which the model does not list for it")
        return
    if shape is None or not body:
        return
    if shape.serialization.get("payload") or getattr(shape, "payload", None) or operation_model.has_streaming_output:
        return
    if operation_model.service_model.protocol == "json":
        check_json(shape, json.loads(body), where)
    else:
        root = ElementTree.fromstring(body)
        if operation_model.service_model.protocol == "query":
            root = next((c for c in root if local(c.tag) == shape.serialization.get("resultWrapper", operation + "Result")), root)
        if local(root.tag) == "LocationConstraint" or operation in ("GetBucketLocation",):
            return
        check_xml(shape, root, where)


def client(name):
    made = session.client(name, endpoint_url=ENDPOINT)
    made.meta.events.register(f"before-parse.{name}.*", check)
    return made


ecs, secrets, s3, sts = client("ecs"), client("secretsmanager"), client("s3"), client("sts")
scaling, elb = client("application-autoscaling"), client("elbv2")


def fails(code, call, **arguments):
    try:
        call(**arguments)
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != code:
            complain(call.__name__, f"fails with {error.response['Error']['Code']}, not {code}")
        return
    complain(call.__name__, f"succeeds, although AWS answers {code}")


TASK = dict(
    family="checked", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="0.25 vCPU", memory="0.5 GB",
    executionRoleArn=f"arn:aws:iam::{ACCOUNT}:role/execution",
    volumes=[{"name": "scratch"}],
    containerDefinitions=[
        {"name": "web", "image": "registry.test/web:1", "portMappings": [{"containerPort": 8080}],
         "environment": [{"name": "LEVEL", "value": "info"}], "healthCheck": {"command": ["CMD", "true"]},
         "mountPoints": [{"sourceVolume": "scratch", "containerPath": "/scratch"}],
         "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/checked"}}},
        {"name": "side", "image": "registry.test/side:1", "essential": False, "dependsOn": [{"containerName": "web", "condition": "START"}]},
    ],
)
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}}


def wait(condition, what):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    complain("wait", f"{what} did not happen within 30 s")


def service(name):
    return ecs.describe_services(cluster="checked", services=[name], include=["TAGS"])["services"][0]


def completed(name):
    return lambda: (lambda s: len(s["deployments"]) == 1 and s["deployments"][0]["rolloutState"] == "COMPLETED")(service(name))


def drive_ecs():
    ecs.create_cluster(clusterName="checked")
    ecs.describe_clusters(clusters=["checked", "absent"])
    ecs.list_clusters()
    first = ecs.register_task_definition(tags=[{"key": "team", "value": "a"}], **TASK)["taskDefinition"]["taskDefinitionArn"]
    ecs.describe_task_definition(taskDefinition="checked", include=["TAGS"])
    ecs.describe_task_definition(taskDefinition=first)
    ecs.create_service(
        cluster="checked", serviceName="web", taskDefinition="checked", desiredCount=2, launchType="FARGATE",
        networkConfiguration=NETWORK, tags=[{"key": "team", "value": "a"}],
        deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": True}})
    service("web")
    wait(completed("web"), "the first deployment's completion")
    tasks = ecs.list_tasks(cluster="checked", serviceName="web")["taskArns"]
    ecs.describe_tasks(cluster="checked", tasks=tasks + ["absent"], include=["TAGS"])
    crash = json.loads(json.dumps(TASK))
    crash["containerDefinitions"][0]["image"] = "registry.test/crash:1"
    ecs.register_task_definition(**crash)
    ecs.update_service(cluster="checked", service="web", taskDefinition="checked:2")
    wait(lambda: service("web")["taskDefinition"].endswith(":1"), "the circuit breaker's rollback")
    wait(completed("web"), "the rollback's completion")
    stopped = ecs.list_tasks(cluster="checked", serviceName="web", desiredStatus="STOPPED")["taskArns"]
    if stopped:
        ecs.describe_tasks(cluster="checked", tasks=stopped[:100])
    listed = ecs.list_service_deployments(cluster="checked", service="web")["serviceDeployments"]
    ecs.describe_service_deployments(serviceDeploymentArns=[d["serviceDeploymentArn"] for d in listed][:20])
    ecs.describe_service_revisions(serviceRevisionArns=[d["targetServiceRevisionArn"] for d in listed][:20])
    ecs.tag_resource(resourceArn=service("web")["serviceArn"], tags=[{"key": "bowline:restart", "value": "a@-"}])
    ecs.list_tags_for_resource(resourceArn=service("web")["serviceArn"])
    ecs.untag_resource(resourceArn=service("web")["serviceArn"], tagKeys=["team"])
    ecs.list_services(cluster="checked")
    ecs.list_task_definitions(familyPrefix="checked", sort="DESC")
    ecs.deregister_task_definition(taskDefinition="checked:2")
    ecs.update_service(cluster="checked", service="web", desiredCount=0)
    ecs.describe_services(cluster="checked", services=["web", "absent"])
    fails("InvalidParameterException", ecs.describe_services, cluster="checked", services=[f"s{i}" for i in range(11)])
    fails("ClusterNotFoundException", ecs.describe_services, cluster="absent", services=["web"])
    fails("ServiceNotFoundException", ecs.update_service, cluster="checked", service="absent", desiredCount=1)
    fails("ClientException", ecs.describe_task_definition, taskDefinition="absent")
    drive_scaling()
    ecs.delete_service(cluster="checked", service="web", force=True)
    service("web")


def drive_pauses():
    group = f"arn:aws:elasticloadbalancing:eu-central-1:{ACCOUNT}:targetgroup/web/0123456789abcdef"
    hook = {"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"]}
    ecs.create_cluster(clusterName="checked")
    ecs.register_task_definition(**TASK)
    ecs.create_service(
        cluster="checked", serviceName="paused", taskDefinition="checked", desiredCount=1, launchType="FARGATE",
        networkConfiguration=NETWORK, deploymentConfiguration={"lifecycleHooks": [hook], "bakeTimeInMinutes": 1},
        loadBalancers=[{"targetGroupArn": group, "containerName": "web", "containerPort": 8080}])

    def described():
        listed = ecs.list_service_deployments(cluster="checked", service="paused")["serviceDeployments"]
        arns = [d["serviceDeploymentArn"] for d in listed][:20]
        return ecs.describe_service_deployments(serviceDeploymentArns=arns)["serviceDeployments"][0]

    wait(lambda: described().get("lifecycleHookDetails"), "the pause")
    elb.describe_target_health(TargetGroupArn=group)
    fails("TargetGroupNotFound", elb.describe_target_health, TargetGroupArn=group + "0")
    arn, waiting = described()["serviceDeploymentArn"], described()["lifecycleHookDetails"][0]
    ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=waiting["hookId"], action="CONTINUE")
    fails("InvalidParameterException", ecs.continue_service_deployment, serviceDeploymentArn=arn, hookId=waiting["hookId"])
    wait(lambda: described().get("lifecycleStage") == "BAKE_TIME", "the bake time")
    ecs.stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")
    fails("ConflictException", ecs.stop_service_deployment, serviceDeploymentArn=arn, stopType="ROLLBACK")
    ecs.delete_service(cluster="checked", service="paused", force=True)


def drive_scaling():
    web = dict(ServiceNamespace="ecs", ResourceId="service/checked/web", ScalableDimension="ecs:service:DesiredCount")
    scaling.register_scalable_target(MinCapacity=1, MaxCapacity=4, **web)
    scaling.register_scalable_target(SuspendedState={"ScheduledScalingSuspended": True}, **web)
    found = scaling.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=["service/checked/web", "service/checked/no"])
    if [(one["MinCapacity"], one["MaxCapacity"]) for one in found["ScalableTargets"]] != [(1, 4)]:
        complain("application-autoscaling", f"describes {found['ScalableTargets']}")
    fails("ValidationException", scaling.register_scalable_target, MinCapacity=1, MaxCapacity=4, ServiceNamespace="ecs",
          ResourceId="service/checked/absent", ScalableDimension="ecs:service:DesiredCount")
    scaling.deregister_scalable_target(**web)
    fails("ObjectNotFoundException", scaling.deregister_scalable_target, **web)


def drive_secrets():
    old, new = "a" * 32, "b" * 32
    secrets.create_secret(Name="checked/one", SecretString='{"KEY":"x"}', ClientRequestToken=old, Tags=[{"Key": "team", "Value": "a"}])
    secrets.put_secret_value(SecretId="checked/one", SecretString='{"KEY":"y"}', ClientRequestToken=new, VersionStages=["AWSPENDING"])
    secrets.describe_secret(SecretId="checked/one")
    secrets.update_secret_version_stage(SecretId="checked/one", VersionStage="AWSCURRENT", MoveToVersionId=new, RemoveFromVersionId=old)
    secrets.list_secret_version_ids(SecretId="checked/one", IncludeDeprecated=True)
    secrets.get_secret_value(SecretId="checked/one")
    secrets.list_secrets()
    fails("InvalidParameterException", secrets.update_secret_version_stage, SecretId="checked/one", VersionStage="AWSCURRENT",
          MoveToVersionId=old, RemoveFromVersionId=old)
    fails("ResourceNotFoundException", secrets.describe_secret, SecretId="checked/absent")
    fails("ResourceExistsException", secrets.create_secret, Name="checked/one", SecretString="z")
    secrets.delete_secret(SecretId="checked/one", RecoveryWindowInDays=7)
    fails("InvalidRequestException", secrets.get_secret_value, SecretId="checked/one")


def drive_s3():
    s3.create_bucket(Bucket="checked", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_bucket_versioning(Bucket="checked", VersioningConfiguration={"Status": "Enabled"})
    s3.get_bucket_versioning(Bucket="checked")
    one = s3.put_object(Bucket="checked", Key="a/state.tfstate", Body=b'{"version":4}')
    s3.put_object(Bucket="checked", Key="a/state.tfstate", Body=io.BytesIO(b'{"version":4,"serial":2}'), IfMatch=one["ETag"])
    fails("PreconditionFailed", s3.put_object, Bucket="checked", Key="a/state.tfstate", Body=b"x", IfMatch=one["ETag"])
    fails("PreconditionFailed", s3.put_object, Bucket="checked", Key="a/state.tfstate", Body=b"x", IfNoneMatch="*")
    s3.head_object(Bucket="checked", Key="a/state.tfstate")
    got = s3.get_object(Bucket="checked", Key="a/state.tfstate", VersionId=one["VersionId"])["Body"].read()
    if hashlib.md5(got).hexdigest() != one["ETag"].strip('"'):
        complain("s3.GetObject", "does not return the version that was asked for")
    s3.list_objects_v2(Bucket="checked", Prefix="a/")
    s3.delete_object(Bucket="checked", Key="a/state.tfstate")
    s3.list_object_versions(Bucket="checked")
    s3.list_buckets()
    fails("NoSuchKey", s3.get_object, Bucket="checked", Key="absent")
    fails("NoSuchBucket", s3.list_objects_v2, Bucket="absent")


def drive_sts():
    identity = sts.get_caller_identity()
    if identity["Account"] != ACCOUNT:
        complain("sts.GetCallerIdentity", f"says account {identity['Account']}, not {ACCOUNT}")
    sts.assume_role(RoleArn="arn:aws:iam::444455556666:role/bowline", RoleSessionName="check")


for drive in (drive_ecs, drive_pauses, drive_secrets, drive_s3, drive_sts):
    try:
        drive()
    except (botocore.exceptions.ClientError, LookupError) as error:
        complain(drive.__name__, f"stopped at: {error}")
for violation in violations:
    print(violation)
print(f"{answers} answers, {fields} fields, {len(violations)} violations")
sys.exit(1 if violations else 0)
