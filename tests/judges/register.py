"""Registers task definitions through boto3, as a client that is not ours.

register.py ENDPOINT REGIONS DEFINITIONS.json [--lenient] > answers.json

Registers a list of task definitions, one after the other in each of the regions (joined by commas) in turn, and prints a list of {"arn": ...} or {"error": ...} in the same order. boto3 checks each
against AWS's service model first; --lenient leaves that out, for definitions that lack a required field on purpose.
"""
import concurrent.futures
import itertools
import json
import sys

import boto3
import botocore.config

# What AWS added after the pinned botocore (source: the model of botocore 1.44.5).
NEWER = {
    "RegisterTaskDefinitionRequest": {"trustedExecutionConfiguration": "TrustedExecutionConfiguration"},
    "TrustedExecutionConfiguration": {"isolationMode": "String", "attestationPolicy": "String"},
    "ResourceRequirement": {"sharingStrategy": "SharingStrategy"},
    "SharingStrategy": {"nvidiaMps": "NvidiaMpsAllocation"},
    "NvidiaMpsAllocation": {"memory": "Integer", "maxComputePercent": "Integer"},
}


def client(endpoint, region, lenient):
    made = boto3.client(
        "ecs",
        region_name=region,
        endpoint_url=endpoint,
        config=botocore.config.Config(parameter_validation=not lenient, max_pool_connections=8),
    )
    shapes = made.meta.service_model._shape_resolver._shape_map
    for shape, members in NEWER.items():
        found = shapes.setdefault(shape, {"type": "structure", "members": {}})
        for name, kind in members.items():
            found["members"].setdefault(name, {"shape": kind})
    # Since a GPU may be shared, a number of them is no longer required.
    shapes["ResourceRequirement"]["required"] = ["type"]
    return made


def register(ecs, definition):
    try:
        return {"arn": ecs.register_task_definition(**definition)["taskDefinition"]["taskDefinitionArn"]}
    except Exception as error:  # What was wrong is the answer.
        return {"error": f"{type(error).__name__}: {error}"}


def main():
    endpoint, regions, path = sys.argv[1:4]
    clients = [client(endpoint, region, "--lenient" in sys.argv) for region in regions.split(",")]
    with open(path, encoding="utf-8") as file:
        definitions = json.load(file)
    turns = itertools.cycle(clients)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        json.dump(list(pool.map(register, turns, definitions)), sys.stdout)


main()
