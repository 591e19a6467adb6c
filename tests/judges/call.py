"""Makes calls to ECS through boto3, as a client that is not ours.

call.py ENDPOINT CALLS.json [--lenient] > answers.json

CALLS.json is a list of {"operation": "create_service", "input": {...}}; printed is a list of {"output": {...}} or
{"error": ...} in the same order. boto3 checks each input against AWS's service model first; --lenient leaves that out, for
inputs that lack a required field on purpose.
"""
import concurrent.futures
import json
import sys

import boto3
import botocore.config

# What AWS added after the pinned botocore (source: the model of botocore 1.44.5).
NEWER = {
    "CreateServiceRequest": {"gatewayConnectors": "GatewayConnectors"},
    "UpdateServiceRequest": {"gatewayConnectors": "GatewayConnectors"},
    "ServiceRevision": {"gatewayConnectors": "GatewayConnectors"},
    "GatewayConnector": {
        "portName": "String",
        "healthCheck": "GatewayConnectorHealthCheck",
        "filters": "GatewayConnectorFilters",
        "deregistrationDelay": "GatewayConnectorDeregistrationDelay",
    },
    "GatewayConnectorHealthCheck": {
        "healthCheckProtocol": "String",
        "healthCheckPort": "BoxedInteger",
        "healthCheckPath": "String",
        "healthCheckTimeoutSeconds": "BoxedInteger",
        "healthCheckIntervalSeconds": "BoxedInteger",
        "healthyThresholdCount": "BoxedInteger",
        "unhealthyThresholdCount": "BoxedInteger",
        "matcher": "GatewayConnectorHealthCheckMatcher",
    },
    "GatewayConnectorHealthCheckMatcher": {"httpCode": "String", "grpcCode": "String"},
    "GatewayConnectorFilters": {"accessTypes": "StringList"},
    "GatewayConnectorDeregistrationDelay": {"timeoutSeconds": "BoxedInteger"},
    "ServiceConnectConfiguration": {"containerConfigurations": "ServiceConnectContainerConfigurations"},
    "ServiceConnectContainerConfiguration": {"logLevel": "String"},
}
LISTS = {
    "GatewayConnectors": "GatewayConnector",
    "ServiceConnectContainerConfigurations": "ServiceConnectContainerConfiguration",
}


def client(endpoint, lenient):
    config = botocore.config.Config(parameter_validation=not lenient, max_pool_connections=8)
    made = boto3.client("ecs", endpoint_url=endpoint, config=config)
    shapes = made.meta.service_model._shape_resolver._shape_map
    for shape, members in NEWER.items():
        found = shapes.setdefault(shape, {"type": "structure", "members": {}})
        for name, kind in members.items():
            found["members"].setdefault(name, {"shape": kind})
    for shape, item in LISTS.items():
        shapes.setdefault(shape, {"type": "list", "member": {"shape": item}})
    return made


def call(ecs, one):
    try:
        output = getattr(ecs, one["operation"])(**one["input"])
        output.pop("ResponseMetadata", None)
        return {"output": output}
    except Exception as error:  # What was wrong is the answer.
        return {"error": f"{type(error).__name__}: {error}"}


def main():
    endpoint, path = sys.argv[1:3]
    ecs = client(endpoint, "--lenient" in sys.argv)
    with open(path, encoding="utf-8") as file:
        calls = json.load(file)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        json.dump(list(pool.map(lambda one: call(ecs, one), calls)), sys.stdout, default=str)


main()
