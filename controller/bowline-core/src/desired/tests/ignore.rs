//! `ignore` of an EcsService: a pattern that can match no field is found, with what was probably meant.

use super::*;

fn findings(patterns: &[&str]) -> String {
    let text = format!(
        "apiVersion: bowline.dev/v1alpha1\nkind: EcsService\nmetadata:\n  name: web\nspec:\n  target: prod\n  service: web\n  ignore: {}\n",
        serde_json::to_string(patterns).unwrap()
    );
    show(&manifest(&text).findings)
}

#[test]
fn a_pattern_that_a_field_can_match_is_taken() {
    let patterns = [
        "desiredCount",
        "restart",
        "taskDefinition",
        "taskDefinition.containerDefinitions[*].image",
        "containerDefinitions[name=web].environment[name=BUILD]",
        "containerDefinitions[*].environment[*].value",
        "taskDefinition.*[*].image",
        "*[*].image",
        "containerDefinitions[*].dockerLabels.build.commit",
        "containerDefinitions[name=web].systemControls[namespace=net.core.somaxconn].value",
        "requiresCompatibilities[EC2]",
        "containerDefinitions[*].logConfiguration.options.splunk-token",
        "settings.*",
        "settings.loadBalancers",
        "settings.networkConfiguration.awsvpcConfiguration.securityGroups[sg-1]",
        "settings.loadBalancers[targetGroupArn=arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/web/1].containerPort",
        "settings.deploymentConfiguration.*",
        "create.launchType",
        "create.desiredCount",
    ];
    assert_eq!(findings(&patterns), "");
}

#[test]
fn one_that_nothing_can_match_is_refused_with_what_was_meant() {
    let cases = [
        (
            "containerDefinitions[*",
            "its brackets do not belong together",
            "each `[` needs its `]`, as in containerDefinitions[*].image",
        ),
        (
            "containerDefinitions]*[",
            "its brackets do not belong together",
            "each `[` needs its `]`, as in containerDefinitions[*].image",
        ),
        (
            "environment[name=BUILD]",
            "there is no field `environment`",
            "did you mean `containerDefinitions[*].environment`?",
        ),
        (
            "containerDefinitions[*].environment[name=BUILD_*]",
            "`*` stands for a whole part, not for some letters of `[name=BUILD_*]`",
            "write [*], or list each name",
        ),
        (
            "settings.netwrkConfiguration",
            "`settings` has no `netwrkConfiguration`",
            "did you mean `networkConfiguration`?",
        ),
        (
            "networkConfiguration",
            "there is no field `networkConfiguration`",
            "did you mean `settings.networkConfiguration`?",
        ),
        (
            "containerDefinitions.image",
            "`containerDefinitions` is a list",
            "write containerDefinitions[*] for all of them, or containerDefinitions[name=...] for one",
        ),
        (
            "containerDefinitions[image=web:1]",
            "`containerDefinitions` is a list",
            "write containerDefinitions[*] for all of them, or containerDefinitions[name=...] for one",
        ),
        (
            "containerDefinitions[*].command[0]",
            "`containerDefinitions[*].command` has no `[0]`",
            "write containerDefinitions[*].command: it is compared as a whole",
        ),
        (
            "settings.placementStrategy.field",
            "`settings.placementStrategy` has no `field`",
            "write settings.placementStrategy: it is compared as a whole",
        ),
        ("desiredcount", "there is no field `desiredcount`", "did you mean `desiredCount`?"),
        ("desiredCount.max", "`desiredCount` has no `max`", "write desiredCount: it is compared as a whole"),
    ];
    for (pattern, why, hint) in cases {
        let found = findings(&[pattern]);
        let expected = format!(
            "prod/web.yaml:8:12 Error InvalidValue: `spec.ignore`: `{pattern}` can match no field: {why}\n  |   ignore: [\"{pattern}\"]\n  = {hint}\n"
        );
        assert!(found == expected, "found:\n{found}\nexpected:\n{expected}");
    }
}

#[test]
fn everything_is_a_lot() {
    assert_eq!(
        findings(&["*"]),
        "prod/web.yaml:8:12 Warning InvalidValue: `spec.ignore`: `*` covers every field, so nothing of this service is ever repaired\n  |   ignore: [\"*\"]\n  = name the fields that somebody else owns\n"
    );
}

#[test]
fn a_pattern_inside_of_a_pinned_revision_is_told_to_do_nothing() {
    let finding = |pattern: &str, source: &str| {
        let text = format!(
            "apiVersion: bowline.dev/v1alpha1\nkind: EcsService\nmetadata:\n  name: web\nspec:\n  target: prod\n  service: web\n  taskDefinition: {source}\n  ignore: [\"{pattern}\"]\n"
        );
        show(&manifest(&text).findings)
    };
    let inside = [
        "containerDefinitions[*].image",
        "taskDefinition.containerDefinitions[name=web].image",
        "taskDefinition.*",
        "taskDefinition.tags[key=team]",
        "*[*].image",
    ];
    for pattern in inside {
        let expected = format!(
            "prod/web.yaml:9:12 Warning InvalidValue: `spec.ignore`: `{pattern}` does nothing: `spec.taskDefinition.revision` takes a revision with all that is in it\n  |   ignore: [\"{pattern}\"]\n  = ignore taskDefinition as a whole, or give its content with `spec.taskDefinition.file`\n"
        );
        assert_eq!(finding(pattern, "{revision: 'web:42'}"), expected);
        assert_eq!(finding(pattern, "{file: web.json}"), "", "{pattern}");
    }
    for pattern in ["taskDefinition", "desiredCount", "settings.loadBalancers", "*.loadBalancers", "create.*"]
    {
        assert_eq!(finding(pattern, "{revision: 'web:42'}"), "", "{pattern}");
    }
}
