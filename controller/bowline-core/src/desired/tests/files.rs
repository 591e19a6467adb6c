//! A file as a text: encoding, size, syntax, and the limits against hostile ones.

use super::manifests::TARGET;
use super::*;

#[test]
fn broken_yaml_is_one_finding_and_does_not_hide_the_other_documents() {
    let file = manifest(&format!("a: [1, 2\n---\n{TARGET}  mod: observe\n---\n\"open\n"));
    expect(
        &file.findings,
        "\
prod/web.yaml:1:4 Error Syntax: this is not YAML: unclosed bracket '['
prod/web.yaml:11:3 Error UnknownField: `spec` has no field `mod`
  |   mod: ...
  = did you mean `mode`?
prod/web.yaml:13:1 Error Syntax: this is not YAML: unclosed quote
",
    );
    assert!(!file.is_usable());
    assert_eq!(file.documents.len(), 1);
}

#[test]
fn a_file_that_is_not_utf_8_is_refused_where_it_stops_to_be() {
    let file = parse_manifest(&path("a.yaml"), b"name: caf\xc3\xa9\nb: \xc3\xa9\xff\n");
    expect(
        &file.findings,
        "\
a.yaml:2:5 Error Encoding: the file is not UTF-8 from here on
  = save it as UTF-8
",
    );
}

#[test]
fn a_file_that_is_too_large_is_refused_before_it_is_parsed() {
    let file = parse_manifest(&path("a.yaml"), &vec![b'['; MAX_MANIFEST_BYTES + 1]);
    expect(
        &file.findings,
        "\
a.yaml:0:0 Error TooLarge: the file has 1048577 bytes; Bowline reads manifests of at most 1024 KiB
  = split it, or move it out of the folder that Bowline reads
",
    );
}

#[test]
fn aliases_work_and_a_bomb_of_them_does_not() {
    let file = manifest(&format!(
        "{}  constraints: &limits {{concurrency: 0}}\n---\n{}  constraints: *limits\n",
        TARGET,
        TARGET.replace("prod", "test")
    ));
    expect(
        &file.findings,
        "\
prod/web.yaml:9:38 Error InvalidValue: `spec.constraints.concurrency` is 0
  |   constraints: &limits {concurrency: 0}
  = it must be from 1 to 100
prod/web.yaml:19:16 Error Syntax: this is not YAML: while parsing node, found unknown anchor
",
    );

    let reused = TARGET
        .replace("region: eu-central-1", "region: &here eu-central-1")
        .replace("cluster: main", "cluster: *here");
    let file = manifest(&reused);
    expect(&file.findings, "");
    let Some(ParsedResource::Target(target)) = &file.documents[0].resource else { panic!("not a target") };
    assert_eq!(target.spec.cluster.as_str(), "eu-central-1");

    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..30 {
        let before = format!("*a{}", level - 1);
        writeln!(bomb, "a{level}: &a{level} [{}]", [before.as_str(); 9].join(", ")).unwrap();
    }
    expect(
        &manifest(&bomb).findings,
        "\
prod/web.yaml:5:10 Error Syntax: the anchors and aliases of this file stand for more than 20000 values
  = write the values out, or split the file
",
    );
    expect(
        &manifest("a: &a [*a]\n").findings,
        "\
prod/web.yaml:1:8 Error Syntax: this alias stands inside the value that it refers to
",
    );
}

#[test]
fn nesting_documents_and_values_are_bounded() {
    for text in [
        format!("a: {}", "[".repeat(100_000)),
        "- ".repeat(100_000),
        format!("a: {}", "{a: ".repeat(100_000)),
    ] {
        let file = manifest(&text);
        assert_eq!(file.findings.len(), 1, "{}", show(&file.findings));
        assert_eq!(file.findings[0].code, FindingCode::Syntax);
    }
    let mut deep = String::new();
    for depth in 0..200 {
        writeln!(deep, "{}a:", " ".repeat(depth)).unwrap();
    }
    expect(
        &manifest(&deep).findings,
        "\
prod/web.yaml:65:65 Error Syntax: values are nested more than 64 deep
",
    );
    expect(
        &manifest(&"a: 1\n---\n".repeat(2_000)).findings,
        "\
prod/web.yaml:2001:1 Error Syntax: the file has more than 1000 documents
  = split it into several files
",
    );
}

#[test]
fn nothing_is_shown_of_text_that_is_not_yaml() {
    for text in [
        "password: \"hunter2\n",
        "password: [hunter2\n",
        "password: !hunter2\n",
        "password: !hunter2 x\n",
        "a: *hunter2\n",
    ] {
        let file = manifest(text);
        assert_eq!(file.findings.len(), 1, "{text}");
        assert!(!format!("{:?}", file.findings).contains("hunter2"), "{:?}", file.findings);
    }
}

#[test]
fn tags_and_odd_keys_are_refused() {
    expect(
        &manifest("a: !!binary aGk=\n").findings,
        "\
prod/web.yaml:1:13 Error Syntax: this YAML tag is not supported
  = remove the tag; quote the value if it is text
",
    );
    expect(
        &manifest("? [a, b]\n: c\n").findings,
        "\
prod/web.yaml:1:3 Error Syntax: a list or mapping cannot be the name of a field
  = text with `{{ }}` or starting with `[` or `{` needs quotes
",
    );
    expect(
        &manifest("a: 1\na: 2\nkind: Target\n").findings,
        "\
prod/web.yaml:1:1 Error MissingField: `apiVersion` is missing
  | a: 1
  = write `apiVersion: bowline.dev/v1alpha1`
",
    );
    expect(
        &manifest(&format!("{TARGET}kind: Target\n  ")).findings,
        "\
prod/web.yaml:9:1 Error Duplicate: the field `kind` stands here a second time
  | kind: ...
  = remove one of the two
  > prod/web.yaml:2:1 the first one
",
    );
    let tagged = TARGET.replace("\"111122223333\"", "!!str 111122223333");
    expect(&manifest(&tagged).findings, "");
}

#[test]
fn no_document_of_a_file_is_left_out_silently() {
    let file = manifest(&format!("{}{TARGET}", "---\n".repeat(2_000)));
    assert_eq!(file.findings.len(), 1, "{}", show(&file.findings));
    let file = manifest(&"[\n---\n".repeat(2_000));
    assert_eq!(file.findings.len(), 1_002);
}

#[test]
fn findings_about_a_file_as_a_whole() {
    let findings = [
        Finding::too_large("big.yaml", 104_857_600),
        Finding::symlink("link.yaml"),
        Finding::submodule("vendor"),
        Finding::empty("prod", "the folder `prod`"),
        Finding::force_push("aaaa", "bbbb"),
        Finding::not_acceptable("cccccccccc", "HEAD", &NotAcceptable::NoCommitId),
        Finding::not_acceptable("cccccccccc", "dddd", &NotAcceptable::NotOnTheBranch),
        Finding::not_acceptable(
            "cccccccccc",
            "dddd",
            &NotAcceptable::Unreadable("there is no folder".to_owned()),
        ),
    ];
    expect(
        &findings,
        "\
big.yaml:0:0 Error TooLarge: the file has 104857600 bytes; Bowline reads manifests of at most 1024 KiB
  = split it, or move it out of the folder that Bowline reads
link.yaml:0:0 Error NotAFile: this is a symbolic link; Bowline does not follow links
  = put the file itself here
vendor:0:0 Error NotAFile: this is a submodule; Bowline reads one repository only
  = put the files into this repository, or give Bowline a second source
prod:0:0 Error Empty: the folder `prod` holds no desired state, so nothing is touched
  = check `ref` and `path` of the source
:0:0 Error ForcePush: the branch was rewritten: bbbb does not descend from aaaa, the last applied commit
  = all actions are held: push a branch that contains the last applied commit, or if this was meant, run `git commit --allow-empty -m \"Accept bbbb\" --trailer \"Bowline-Accept: bbbb\"` on the branch, and push or merge it
:0:0 Error NotAcceptable: the trailer `Bowline-Accept: HEAD` of commit cccccccc accepts nothing: `HEAD` is not a full commit id of 40 hexadecimal digits
  = make another commit whose trailer names a commit that the branch contains; `git rev-parse HEAD` prints the id of the newest
:0:0 Error NotAcceptable: the trailer `Bowline-Accept: dddd` of commit cccccccc accepts nothing: `dddd` is not in the history of this branch
  = make another commit whose trailer names a commit that the branch contains; `git rev-parse HEAD` prints the id of the newest
:0:0 Error NotAcceptable: the trailer `Bowline-Accept: dddd` of commit cccccccc accepts nothing: `dddd` cannot be read: there is no folder
  = make another commit whose trailer names a commit that the branch contains; `git rev-parse HEAD` prints the id of the newest
",
    );
}
