use std::collections::BTreeSet;

use super::*;
use crate::desired::ResourceKind;
use crate::name::ResourceName;

mod properties;

fn path() -> RelativePath {
    RelativePath::parse("env/web.yaml").unwrap()
}

fn service(name: &str) -> ResourceKey {
    ResourceKey { kind: ResourceKind::EcsService, name: ResourceName::parse(name).unwrap() }
}

/// A document of a service in which `spec` has these lines below `target` and `service`.
fn written(name: &str, lines: &str) -> String {
    format!(
        "apiVersion: bowline.dev/v1alpha1\nkind: EcsService\nmetadata:\n  name: {name} # the name\nspec:\n  target: prod\n  service: {name}\n{lines}"
    )
}

fn text(value: &str) -> Scalar {
    Scalar::Text(value.to_owned())
}

fn web(file: &str, edits: &[FieldEdit]) -> String {
    edit(&path(), file, &service("web"), edits).unwrap()
}

#[test]
fn a_field_is_set_wherever_and_however_it_is_written() {
    let count = |count| FieldEdit::set("spec.desiredCount", Scalar::Number(count));
    let revision = FieldEdit::set("spec.taskDefinition.revision", text("web:43"));
    let restart = |token: &str| FieldEdit::set("spec.restart", text(token));
    let suspend = FieldEdit::annotate("bowline.dev/suspend", "until: never");
    let cases = [
        ("  desiredCount: 2 # two\n", count(3), "  desiredCount: 3 # two\n"),
        ("  desiredCount: # two\n", count(3), "  desiredCount: 3 # two\n"),
        ("", count(3), "  desiredCount: 3\n"),
        ("  # no count yet\n", count(3), "  desiredCount: 3\n  # no count yet\n"),
        (
            "  taskDefinition:\n    # pinned\n    revision: web:42 # it\n",
            revision.clone(),
            "  taskDefinition:\n    # pinned\n    revision: web:43 # it\n",
        ),
        (
            "  taskDefinition: { revision: 'web:42' }\n",
            revision.clone(),
            "  taskDefinition: { revision: 'web:43' }\n",
        ),
        (
            "  taskDefinition: {revision: \"web:42\"} # x\n",
            revision.clone(),
            "  taskDefinition: {revision: \"web:43\"} # x\n",
        ),
        ("", revision, "  taskDefinition:\n    revision: web:43\n"),
        (
            "  restart: |\n    abc\n\n  # c\n  desiredCount: 1\n",
            restart("d"),
            "  restart: d\n  # c\n  desiredCount: 1\n",
        ),
        (
            "  restart: long\n    text\n  desiredCount: 1\n",
            restart("1"),
            "  restart: \"1\"\n  desiredCount: 1\n",
        ),
        (
            "  reveal: [A,\n    B] # end\n",
            restart("yes"),
            "  reveal: [A,\n    B] # end\n  restart: \"yes\"\n",
        ),
        ("  reveal:\n  - A\n  - B # b\n", restart("x:y"), "  reveal:\n  - A\n  - B # b\n  restart: x:y\n"),
    ];
    for (before, edit, after) in cases {
        assert_eq!(web(&written("web", before), &[edit]), written("web", after), "{before}");
    }
    let annotated = web(&written("web", ""), std::slice::from_ref(&suspend));
    let wanted = written("web", "")
        .replace("# the name\n", "# the name\n  annotations:\n    bowline.dev/suspend: \"until: never\"\n");
    assert_eq!(annotated, wanted);
    assert_eq!(web(&annotated, &[suspend]), wanted);
}

#[test]
fn a_document_between_braces_and_one_that_ends_without_a_newline_are_edited() {
    let flow = "{apiVersion: bowline.dev/v1alpha1, kind: EcsService, metadata: {name: web}, spec: {target: prod, service: web}}";
    let edits = [
        FieldEdit::set("spec.desiredCount", Scalar::Number(0)),
        FieldEdit::set("spec.taskDefinition.revision", text("web:1")),
        FieldEdit::annotate("a.b/c", "d"),
    ];
    let wanted = "{apiVersion: bowline.dev/v1alpha1, kind: EcsService, metadata: {name: web, annotations: {a.b/c: d}}, spec: {target: prod, service: web, desiredCount: 0, taskDefinition: {revision: web:1}}}";
    assert_eq!(web(flow, &edits), wanted);
    let bare = written("web", "  desiredCount: 1");
    let wanted = written("web", "  desiredCount: 1\n  restart: x");
    assert_eq!(web(&bare, &[FieldEdit::set("spec.restart", text("x"))]), wanted);
}

#[test]
fn a_field_is_removed_with_its_line_and_nothing_else() {
    let cases = [
        ("  restart: a # why\n  desiredCount: 1\n", "spec.restart", "  desiredCount: 1\n"),
        (
            "  # kept\n  restart: |\n    a\n\n  desiredCount: 1\n",
            "spec.restart",
            "  # kept\n  desiredCount: 1\n",
        ),
        (
            "  desiredCount: 1\n  taskDefinition:\n    revision: web:1\n",
            "spec.taskDefinition",
            "  desiredCount: 1\n",
        ),
        (
            "  settings: {platformVersion: '1.4.0', propagateTags: SERVICE}\n",
            "spec.settings.platformVersion",
            "  settings: {propagateTags: SERVICE}\n",
        ),
        (
            "  settings: {platformVersion: '1.4.0', propagateTags: SERVICE}\n",
            "spec.settings.propagateTags",
            "  settings: {platformVersion: '1.4.0'}\n",
        ),
        ("  settings: {propagateTags: SERVICE}\n", "spec.settings.propagateTags", "  settings: {}\n"),
        (
            "  settings:\n    propagateTags: SERVICE # x\n",
            "spec.settings.propagateTags",
            "  settings:\n    {} # x\n",
        ),
        ("  desiredCount: 1\n", "spec.restart", "  desiredCount: 1\n"),
        ("  desiredCount: 1\n", "metadata.annotations.x", "  desiredCount: 1\n"),
    ];
    for (before, field, after) in cases {
        let edits = [FieldEdit::remove(field)];
        assert_eq!(web(&written("web", before), &edits), written("web", after), "{before}");
    }
}

#[test]
fn a_file_reference_becomes_a_pin_in_one_edit() {
    let edits = [
        FieldEdit::set("spec.taskDefinition.revision", text("web:7")),
        FieldEdit::remove("spec.taskDefinition.file"),
    ];
    for (before, after) in [
        ("  taskDefinition:\n    file: web.json\n", "  taskDefinition:\n    revision: web:7\n"),
        ("  taskDefinition: {file: web.json}\n", "  taskDefinition: {revision: web:7}\n"),
    ] {
        assert_eq!(web(&written("web", before), &edits), written("web", after));
    }
}

#[test]
fn only_the_named_document_of_a_file_changes_whatever_stands_around_it() {
    let file = format!(
        "\u{feff}# first\n{}# tail\n--- # other program\napiVersion: v1\nkind: ConfigMap\ndata:\n  x: |\n    ----\n...\n# between\n---\n{}\n# the end",
        written("api", "  desiredCount: 1\n"),
        written("web", "  desiredCount: 1\n"),
    );
    let edits = [FieldEdit::set("spec.desiredCount", Scalar::Number(9))];
    for file in [file.clone(), file.replace('\n', "\r\n")] {
        let at = file.rfind("desiredCount: 1").unwrap();
        let wanted = format!("{}desiredCount: 9{}", &file[..at], &file[at + 15..]);
        assert_eq!(web(&file, &edits), wanted);
        let at = file.find("desiredCount: 1").unwrap();
        let wanted = format!("{}desiredCount: 9{}", &file[..at], &file[at + 15..]);
        assert_eq!(edit(&path(), &file, &service("api"), &edits), Ok(wanted));
    }
}

#[test]
fn what_cannot_be_edited_safely_is_refused_in_words() {
    let count = [FieldEdit::set("spec.desiredCount", Scalar::Number(3))];
    let refuse = |file: &str, edits: &[FieldEdit]| {
        edit(&path(), file, &service("web"), edits).unwrap_err().to_string()
    };
    let cases = [
        (written("api", ""), &count, "env/web.yaml has 0 documents for EcsService/web, and one is needed"),
        (
            [written("web", ""), written("web", "")].join("---\n"),
            &count,
            "env/web.yaml has 2 documents for EcsService/web, and one is needed",
        ),
        (
            written("web", "  desiredCount: &n 1\n  ignore: [*n]\n"),
            &count,
            "EcsService/web in env/web.yaml was not changed: the file would not say afterwards what was meant (another field would change); edit it by hand",
        ),
        (
            written("web", "  restart: [\n"),
            &count,
            "env/web.yaml has 0 documents for EcsService/web, and one is needed",
        ),
    ];
    for (file, edits, wanted) in cases {
        assert_eq!(refuse(&file, edits), wanted, "{file}");
    }
    let below = [FieldEdit::set("spec.service.name", text("x"))];
    assert_eq!(
        refuse(&written("web", ""), &below),
        "`spec.service.name` of EcsService/web in env/web.yaml cannot be edited: what it stands in is not a mapping; edit it by hand"
    );
    let wrong = [FieldEdit::set("spec.desiredCount", text("many"))];
    assert_eq!(
        refuse(&written("web", ""), &wrong),
        "EcsService/web in env/web.yaml was not changed: the file would not say afterwards what was meant (the document would have an error); edit it by hand"
    );
}

/// Merges as git does where one side changed nothing, and conflicts otherwise.
fn coarse(base: &str, ours: &str, theirs: &str) -> Option<String> {
    match () {
        () if base == ours => Some(theirs.to_owned()),
        () if base == theirs || ours == theirs => Some(ours.to_owned()),
        () => None,
    }
}

fn back(file: &str, bad: &str, good: &str) -> TakenBack {
    take_back(&path(), file, &service("web"), bad, good, good, coarse).unwrap()
}

#[test]
fn a_document_is_taken_back_between_others_and_a_conflict_replaces_only_its_spec() {
    let good = written("web", "  desiredCount: 1\n  restart: a\n");
    let bad = written("web", "  desiredCount: 2\n  restart: b\n");
    let api = written("api", "");
    let between = |web: &str| format!("{api}---\n{web}---\n{}", written("zoo", ""));
    let clean = back(&between(&bad), &format!("\n{bad}"), &good);
    assert_eq!(clean, TakenBack { text: between(&good), reversal: Reversal::Merged });
    let again = back(&between(&good), &bad, &good);
    assert_eq!(again, TakenBack { text: between(&good), reversal: Reversal::AlreadyThere });

    let later = bad.replace("restart: b", "restart: c # later").replace("# the name", "# named later");
    let replaced = back(&between(&later), &bad, &good);
    let wanted = good.replace("# the name", "# named later");
    assert_eq!(replaced, TakenBack { text: between(&wanted), reversal: Reversal::Replaced });

    // Written between braces, the whole document is replaced.
    let flow = "{apiVersion: bowline.dev/v1alpha1, kind: EcsService, metadata: {name: web}, spec: {target: prod, service: web, desiredCount: 5}}\n";
    let replaced = back(&between(flow), &bad, good.trim_end());
    assert_eq!(replaced, TakenBack { text: between(&good), reversal: Reversal::Replaced });
    let (beside, below) = (between(flow).replacen("---\n", "--- ", 1), between(&good));
    assert_eq!(back(&beside, &bad, &good), TakenBack { text: below, reversal: Reversal::Replaced });
    // A comment that the good text would swallow goes with its `spec`, those beside the marker and elsewhere stay.
    let folded = good.replace("restart: a\n", "restart: >-\n    a\n");
    let commented = bad.replace("restart: b\n", "restart: c\n\n    # end\n");
    let beside =
        |web: &str| between(&web.replace("the name", "named later")).replacen("---\n", "--- # web\n", 1);
    let replaced = back(&beside(&commented), &bad, &folded);
    assert_eq!(replaced, TakenBack { text: beside(&folded), reversal: Reversal::Replaced });
}

#[test]
fn lines_that_merge_into_something_else_are_a_conflict() {
    let good = written("web", "  desiredCount: 1\n");
    let bad = written("web", "  desiredCount: 2\n");
    let ours = written("web", "  restart: x\n  desiredCount: 2\n");
    let twice = |_: &str, _: &str, _: &str| Some(written("web", "  desiredCount: 1\n  desiredCount: 1\n"));
    let taken = take_back(&path(), &ours, &service("web"), &bad, &good, &good, twice).unwrap();
    assert_eq!(taken, TakenBack { text: good, reversal: Reversal::Replaced });
}

#[test]
fn what_a_change_touched_is_told_by_resource() {
    let other = "apiVersion: v1\nkind: ConfigMap\n";
    let file = |documents: &[&str]| documents.join("---\n");
    let (api, web, more) = (written("api", ""), written("web", ""), written("web", "  desiredCount: 1\n"));
    let told = |before: Option<&str>, after: Option<&str>| {
        let found = touched(&path(), before.map(str::as_bytes), after.map(str::as_bytes));
        let resources: BTreeSet<String> = found.resources.iter().map(ToString::to_string).collect();
        (resources.into_iter().collect::<Vec<_>>().join(" "), found.other)
    };
    let all = file(&[&api, other, &web]);
    assert_eq!(told(Some(&all), Some(&file(&[&api, other, &more]))), ("EcsService/web".to_owned(), false));
    // A document before it, and its place, are no change of it.
    assert_eq!(told(Some(&web), Some(&file(&[&api, &web]))), ("EcsService/api".to_owned(), false));
    assert_eq!(told(Some(&all), Some(&file(&[&api, "a: 1\n", &web]))), (String::new(), true));
    assert_eq!(told(None, Some(&web)), ("EcsService/web".to_owned(), false));
    assert_eq!(told(Some(&all), None), ("EcsService/api EcsService/web".to_owned(), true));
    assert_eq!(told(Some("text"), Some("other text")), (String::new(), true));
    assert_eq!(touched(&path(), Some(b"\xff"), Some(b"a: 1")), Touched { other: true, ..Touched::default() });
}
