use std::path::Path;

use super::*;

fn merge(text: &str, layers: &[Layer]) -> Result<Config, String> {
    layers::merge(Some(Path::new("/etc/bowline/bowline.yaml")), text, layers)
        .map_err(|error| error.to_string())
}

fn environment(values: &[(&str, &str)]) -> Layer {
    Layer::environment(|name| {
        values.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned())
    })
}

const FULL: &str = "\
sources:
  - repo: https://git.example.com/acme/desired-state.git
    ref: main
    path: production
    auth: { tokenFile: token }
ceiling:
  mode: enforce
  accounts: ['111122223333']
  capabilities: [ecs:deploy]
  probeHosts: ['*.example.com']
git: { name: Ops, email: ops@example.com, signingKey: signing, delivery: push }
intervals: { git: 30s, live: 20s }
store: state/bowline.db
listen: 127.0.0.1:9000
log: { format: json }
aws: { endpointUrl: 'http://127.0.0.1:4566' }
";

#[test]
fn a_full_file_is_read_and_its_paths_are_taken_from_its_folder() {
    let config = merge(FULL, &[]).unwrap();
    let expected = Config {
        source: Some(SourceSettings {
            repo: "https://git.example.com/acme/desired-state.git".to_owned(),
            reference: Some("main".to_owned()),
            path: "production".to_owned(),
            auth: AuthSettings { token_file: Some("/etc/bowline/token".into()), ..AuthSettings::default() },
        }),
        ceiling: CeilingSettings {
            mode: Some(Mode::Enforce),
            accounts: [AccountId::parse("111122223333").unwrap()].into(),
            roles: BTreeSet::new(),
            capabilities: Some([Capability::EcsDeploy].into()),
            probe_hosts: [HostPattern::parse("*.example.com").unwrap()].into(),
        },
        git: CommitSettings {
            name: "Ops".to_owned(),
            email: "ops@example.com".to_owned(),
            signing_key: Some("/etc/bowline/signing".into()),
            delivery: Delivery::Push,
        },
        intervals: Intervals {
            git: HumanDuration::from_secs(30),
            live: HumanDuration::from_secs(20),
            ..Intervals::default()
        },
        store: Some("/etc/bowline/state/bowline.db".into()),
        listen: "127.0.0.1:9000".parse().unwrap(),
        log_format: LogFormat::Json,
        endpoint_url: Some("http://127.0.0.1:4566".to_owned()),
        file: Some("/etc/bowline/bowline.yaml".into()),
        ..Config::default()
    };
    assert_eq!(config, expected);
}

#[test]
fn a_committer_that_git_cannot_write_down_is_refused() {
    for (text, field) in
        [("git: { name: ' ' }", "git.name"), ("git: { email: 'Ops <ops@example.com>' }", "git.email")]
    {
        assert_eq!(merge(text, &[]), Err(format!("{field}: a commit needs text without < and > here")));
    }
}

#[test]
fn an_empty_file_keeps_the_built_in_values_and_a_store_beside_it() {
    let expected = Config {
        store: Some("/etc/bowline/bowline.db".into()),
        file: Some("/etc/bowline/bowline.yaml".into()),
        ..Config::default()
    };
    assert_eq!(merge("", &[]), Ok(expected.clone()));
    assert_eq!(merge("# nothing yet\n", &[]), Ok(expected));
}

#[test]
fn without_a_file_there_is_no_store_and_no_ceiling_mode() {
    let config = Config::load(None, &[]).unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(config.ceiling.ceiling(Mode::Enforce).mode, Mode::Enforce);
    assert_eq!(config.ceiling.ceiling(Mode::Observe).mode, Mode::Observe);
}

#[test]
fn the_environment_wins_over_the_file_and_flags_over_both() {
    let variables = environment(&[
        ("BOWLINE_LISTEN", "127.0.0.1:1"),
        ("BOWLINE_MODE", "observe"),
        ("BOWLINE_REF", "123"),
        ("BOWLINE_STORE", ""),
        ("BOWLINE_TIME_SCALE", "20"),
    ]);
    let flags = Layer::default().with("listen", "--listen", Some("127.0.0.1:2".to_owned()));
    let config = merge(FULL, &[variables, flags]).unwrap();
    assert_eq!(config.listen, "127.0.0.1:2".parse().unwrap());
    assert_eq!(config.ceiling.mode, Some(Mode::Observe));
    assert_eq!(config.source.unwrap().reference.as_deref(), Some("123"));
    assert_eq!(config.store, Some("/etc/bowline/state/bowline.db".into()));
    assert!((config.time_scale - 20.0).abs() < f64::EPSILON);
}

#[test]
fn another_repository_does_not_inherit_credentials_branch_or_folder() {
    let flags = Layer::default().with("repo", "--repo", Some("https://other.example.com/x.git".to_owned()));
    assert_eq!(
        merge(FULL, &[flags]).unwrap().source,
        Some(SourceSettings {
            repo: "https://other.example.com/x.git".to_owned(),
            ..SourceSettings::default()
        })
    );
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let two = "sources:\n  - repo: a:b\n  - repo: c:d\n";
    let auth = "sources:\n  - repo: a:b\n    auth: { tokenFile: x, tokenEnv: Y }\n";
    let nobody = "sources:\n  - repo: a:b\n    auth: { github: true }\n";
    let cases = [
        ("lisen: 127.0.0.1:1\n", "/etc/bowline/bowline.yaml:1:1: "),
        ("intervals:\n  git: soon\n", "/etc/bowline/bowline.yaml:2:8: `soon` is not a duration"),
        ("ceiling:\n  mode: yolo\n", "/etc/bowline/bowline.yaml:2:9: "),
        ("sources: [\n", "/etc/bowline/bowline.yaml:"),
        (two, "/etc/bowline/bowline.yaml: `sources` has 2 entries; this version reads exactly one"),
        (auth, "/etc/bowline/bowline.yaml: `auth` has tokenFile and tokenEnv: keep one of them"),
        (
            "github: { tokenEnv: T, webhook: { listen: '0.0.0.0:1' } }\n",
            "/etc/bowline/bowline.yaml: `github.webhook` needs `secretFile` or `secretEnv`",
        ),
        (
            "github: { tokenEnv: T, webhook: { secretFile: x, secretEnv: Y } }\n",
            "/etc/bowline/bowline.yaml: `github.webhook` has secretFile and secretEnv: keep one of them",
        ),
        (
            "github: { tokenEnv: T, webhook: { secretEnv: Y, listen: '0.0.0.0:7474' } }\n",
            "/etc/bowline/bowline.yaml: `github.webhook.listen` 0.0.0.0:7474 and `listen` 127.0.0.1:7474 are the same port",
        ),
        (nobody, "/etc/bowline/bowline.yaml: `auth.github` takes the token of the section `github`: add it"),
        ("timeScale: 0\n", "timeScale: 0 is not a factor above 0"),
    ];
    for (text, expected) in cases {
        let message = merge(text, &[]).unwrap_err();
        assert!(message.starts_with(expected), "{text:?} gave {message:?}, not {expected:?}");
    }
}

#[test]
fn a_bad_variable_or_flag_is_named() {
    let message = merge("", &[environment(&[("BOWLINE_INTERVAL_GIT", "soon")])]).unwrap_err();
    assert!(message.starts_with("BOWLINE_INTERVAL_GIT: `soon` is not a duration"), "{message}");
    let message =
        merge("", &[Layer::default().with("listen", "--listen", Some("x".to_owned()))]).unwrap_err();
    assert!(message.starts_with("--listen: "), "{message}");
}

#[test]
fn a_file_that_is_not_there_is_an_error_that_names_it() {
    let error = Config::load(Some(Path::new("/nowhere/bowline.yaml")), &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "/nowhere/bowline.yaml: cannot be read; check --config, or the file's permissions"
    );
}

#[test]
fn the_example_that_is_shipped_is_valid() {
    let text = include_str!("../../../../deploy/bowline.yaml");
    let config = merge(text, &[]).unwrap();
    assert_eq!(config.listen, Config::default().listen);
    assert_eq!(config.intervals, Intervals::default());
    assert_eq!(config.ceiling.mode, Some(Mode::Observe));
}
