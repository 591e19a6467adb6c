"""Reads services one by one, as operators without Bowline do, and says what that costs, as one JSON object.

python by_hand.py cli|boto3 CLUSTER SERVICE...

cli: the runbook's way, a process of the aws CLI for each call. boto3: a loop in one process.
"""

import json
import os
import resource
import subprocess
import sys
import time


def cli(cluster, services):
    aws = os.path.join(os.path.dirname(sys.executable), "aws")

    def call(*arguments):
        command = [aws, "ecs", *arguments, "--output", "json"]
        return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)

    for service in services:
        answer = call("describe-services", "--cluster", cluster, "--services", service, "--include", "TAGS")
        call("describe-task-definition", "--task-definition", answer["services"][0]["taskDefinition"])
    return resource.getrusage(resource.RUSAGE_CHILDREN)


def boto3(cluster, services):
    import boto3

    ecs = boto3.client("ecs")
    for service in services:
        answer = ecs.describe_services(cluster=cluster, services=[service], include=["TAGS"])
        ecs.describe_task_definition(taskDefinition=answer["services"][0]["taskDefinition"])
    return resource.getrusage(resource.RUSAGE_SELF)


def main():
    way, cluster, *services = sys.argv[1:]
    begun = time.monotonic()
    used = {"cli": cli, "boto3": boto3}[way](cluster, services)
    print(
        json.dumps(
            {
                "seconds": time.monotonic() - begun,
                "cpuSeconds": used.ru_utime + used.ru_stime,
                "peakMegabytes": used.ru_maxrss * 1.024 / 1000,
            }
        )
    )


main()
