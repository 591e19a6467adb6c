//! Health conditions as written: what is read, and what is refused.

use super::*;
use crate::desired::kind::{HealthCheck, HealthCondition, HttpCheck, McpCheck, TargetGroupCheck, TcpCheck};
use crate::name::{HostName, HumanDuration, ProbeUrl, StatusCodes};

fn service(health: &str) -> String {
    format!(
        "apiVersion: bowline.dev/v1alpha1\nkind: EcsService\nmetadata: {{name: web}}\nspec:\n  target: prod\n  service: \
         web\n  health:\n{health}"
    )
}

fn seconds(count: u64) -> HumanDuration {
    HumanDuration::from_secs(count)
}

#[test]
fn each_kind_of_condition_is_read_with_its_defaults() {
    let file = manifest(&service(
        r#"    - http: {url: https://web.example.com/healthz}
    - http: {url: 'http://[2001:db8::1]:8080/?deep=1', status: "204", contains: ready}
      interval: 30s
      timeout: 2s
      successes: 1
    - tcp: {host: db.example.com, port: 5432}
    - targetGroup: {}
    - mcp: {url: https://mcp.example.com/mcp, tools: [search]}
"#,
    ));
    expect(&file.findings, "");
    let Some(ParsedResource::EcsService(web)) = &file.documents[0].resource else { panic!("no service") };
    let usual = |check| HealthCondition { check, interval: seconds(10), timeout: seconds(5), successes: 3 };
    let url = |text| ProbeUrl::parse(text).unwrap();
    let expected = [
        usual(HealthCheck::Http(HttpCheck {
            url: url("https://web.example.com/healthz"),
            status: StatusCodes::parse("200-299").unwrap(),
            contains: None,
        })),
        HealthCondition {
            check: HealthCheck::Http(HttpCheck {
                url: url("http://[2001:db8::1]:8080/?deep=1"),
                status: StatusCodes::parse("204").unwrap(),
                contains: Some("ready".to_owned()),
            }),
            interval: seconds(30),
            timeout: seconds(2),
            successes: 1,
        },
        usual(HealthCheck::Tcp(TcpCheck { host: HostName::parse("db.example.com").unwrap(), port: 5432 })),
        usual(HealthCheck::TargetGroup(TargetGroupCheck { arn: None })),
        usual(HealthCheck::Mcp(McpCheck {
            url: url("https://mcp.example.com/mcp"),
            tools: vec!["search".to_owned()],
            protocol_version: "2025-06-18".to_owned(),
        })),
    ];
    assert_eq!(web.spec.health, expected);
    let hosts: Vec<_> = web.spec.health.iter().map(|condition| condition.check.host()).collect();
    let host = Some;
    assert_eq!(
        hosts,
        [host("web.example.com"), host("2001:db8::1"), host("db.example.com"), None, host("mcp.example.com")]
    );
}

#[test]
fn what_cannot_be_asked_is_a_finding_at_its_place() {
    let file = manifest(&service(
        r"    - interval: 10s
    - {http: {url: 'https://a.example.com'}, tcp: {host: a, port: 1}}
    - http: {url: 'ftp://a.example.com', status: 200}
    - tcp: {host: '127.1', port: 0}
      interval: 0s
      successes: 0
    - http: {url: 'https://user@a.example.com/', contains: ''}
    - targetGroup: {}
    - targetGroup: {}
    - mcp: {url: https://a.example.com, tool: x}
",
    ));
    expect(
        &file.findings,
        r#"prod/web.yaml:8:7 Error MissingField: `spec.health[0]` does not say what to ask
  |     - interval: 10s
  = a condition has exactly one of `http`, `tcp`, `targetGroup`, `mcp`
prod/web.yaml:9:7 Error InvalidValue: `spec.health[1]` has http and tcp at once
  |     - {http: {url: 'https://a.example.com'}, tcp: {host: a, port: 1}}
  = a condition has exactly one of `http`, `tcp`, `targetGroup`, `mcp`
prod/web.yaml:10:19 Error InvalidValue: `spec.health[2].http.url`: `ftp://a.example.com` is not an http or https URL without user name and fragment, such as https://web.example.com/healthz
  |     - http: {url: 'ftp://a.example.com', status: 200}
prod/web.yaml:10:50 Error InvalidValue: `spec.health[2].http.status` is a number; it must be text
  |     - http: {url: 'ftp://a.example.com', status: 200}
  = write it in quotes: "200"
prod/web.yaml:11:19 Error InvalidValue: `spec.health[3].tcp.host`: `127.1` is not a host's name, or an IP address in full
  |     - tcp: {host: '127.1', port: 0}
prod/web.yaml:11:34 Error InvalidValue: `spec.health[3].tcp.port` is 0
  |     - tcp: {host: '127.1', port: 0}
  = it must be from 1 to 65535
prod/web.yaml:12:17 Error InvalidValue: `spec.health[3].interval` is zero, so that everything would fail at once
  |       interval: 0s
  = a duration such as 90s, 15m or 24h
prod/web.yaml:13:18 Error InvalidValue: `spec.health[3].successes` is 0
  |       successes: 0
  = it must be from 1 to 100
prod/web.yaml:14:19 Error InvalidValue: `spec.health[4].http.url`: `https://user@a.example.com/` is not an http or https URL without user name and fragment, such as https://web.example.com/healthz
  |     - http: {url: 'https://user@a.example.com/', contains: ''}
prod/web.yaml:14:60 Error InvalidValue: `spec.health[4].http.contains` has no text, or more than 1024 bytes
  |     - http: {url: 'https://user@a.example.com/', contains: ''}
  = name a short text that only a right answer has
prod/web.yaml:16:7 Error Duplicate: `spec.health[6]` asks the same as another condition: targetGroup
  |     - targetGroup: {}
  = remove one of the two
prod/web.yaml:17:41 Error UnknownField: `spec.health[7].mcp` has no field `tool`
  |     - mcp: {url: https://a.example.com, tool: ...
  = did you mean `tools`?
"#,
    );
}
