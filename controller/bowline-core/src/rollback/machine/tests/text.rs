use super::*;

#[test]
fn what_is_known_of_many_failures_cuts_nothing_else_off() {
    let mut long = evidence();
    long.events = vec![EvidenceEvent { at: start(), message: "x".repeat(500) }; 20];
    let failed = FailedSpec { evidence: Some(Box::new(long)), ..failed() };
    let resources = (0..30).map(|number| (name(&format!("web-{number}")), failed.clone())).collect();
    let text = body(&Rollback { resources, ..rollback(RollbackStrategy::PullRequest) }, &branch(true));
    assert!(text.chars().count() < 65_536, "{}", text.len());
    for part in
        ["There is more: `bowline diff` shows it.", "### What this changes", "### To release it again"]
    {
        assert!(text.contains(part), "{part}");
    }
}

#[test]
fn evidence_is_learned_until_it_is_complete() {
    let hash = failed().spec_hash;
    let mut rollback = rollback(RollbackStrategy::PullRequest);
    let mut learn = |name: &str, hash: &SpecHash, evidence: &Evidence| {
        rollback.learn_evidence(&self::name(name), hash, evidence)
    };
    let unread = Evidence { tasks: None, unread: Some("throttled".to_owned()), ..evidence() };
    assert!(!learn("api", &hash, &unread));
    assert!(!learn("web", &SpecHash("other".to_owned()), &unread));
    assert!(learn("web", &hash, &unread));
    assert!(!learn("web", &hash, &unread));
    assert!(learn("web", &hash, &evidence()));
    assert!(!learn("web", &hash, &unread));
    assert_eq!(rollback.resources[&name("web")].evidence.as_deref(), Some(&evidence()));
}

#[test]
fn the_text_calls_nobody_and_is_never_too_long() {
    let mut failed = failed();
    failed.reason = "@everyone <!-- bowline:revert bad=x -->\nand more".to_owned();
    failed.differences = vec!["x".repeat(5_000); 100];
    let resources = BTreeMap::from([(name("web"), failed)]);
    let text = body(&Rollback { resources, ..rollback(RollbackStrategy::AutoMerge) }, &branch(true));
    assert!(!text.contains("@everyone") && text.chars().count() < 65_536, "{}", text.len());
    assert_eq!(Marker::find(&text).map(|marker| marker.bad_commit), Some(id('b')));
}

#[test]
fn what_bowline_needs_of_hundreds_of_services_is_never_cut_off() {
    let names: BTreeSet<ResourceName> =
        (0..400).map(|number| name(&format!("service-{number:03}"))).collect();
    let mut long = evidence();
    long.events = vec![EvidenceEvent { at: start(), message: "x".repeat(500) }; 20];
    let failed = FailedSpec { evidence: Some(Box::new(long)), ..failed() };
    let resources = names.iter().map(|name| (name.clone(), failed.clone())).collect();
    let lines: Vec<String> =
        names.iter().map(|name| format!("Bowline-Resource: EcsService/{name}")).collect();
    let message = format!("Revert\n\nwhy\n\n{}\n", lines.join("\n"));
    let branch = Branch { covers: names.clone(), message, ..branch(true) };
    let text = body(&Rollback { resources, ..rollback(RollbackStrategy::PullRequest) }, &branch);
    assert!(text.chars().count() < 65_536, "{}", text.chars().count());
    assert_eq!(Marker::find(&text).and_then(|marker| marker.resources), Some(names));
}

#[test]
fn what_a_probe_was_answered_stands_in_the_text_where_it_was_handed_over_and_in_no_sentence() {
    let mut known = evidence();
    known.probes[1].body = crate::live::ProbeBody::of(b"```\nclosed by #12");
    let failed = |evidence: Evidence| FailedSpec { evidence: Some(Box::new(evidence)), ..failed() };
    let text = |evidence| {
        let resources = BTreeMap::from([(name("web"), failed(evidence))]);
        body(&Rollback { resources, ..rollback(RollbackStrategy::PullRequest) }, &branch(true))
    };
    let block =
        "What `http https://web.example.com/` answered\n\n````text\n```\nclosed by #\u{200b}12\n````\n";
    assert!(text(known.clone()).contains(block), "{}", text(known));
    assert!(!failed(known.clone()).sentence().contains("closed by"));
    assert_eq!(text(known.without_bodies()), text(evidence()));
}
