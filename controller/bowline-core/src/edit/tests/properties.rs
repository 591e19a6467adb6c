//! Whatever a file looks like: an edit changes the one resource, keeps every other byte, and changes nothing a second time.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::{path, service, text};
use crate::desired::{ResourceKey, document_value};
use crate::edit::{FieldEdit, Reversal, Scalar, document, edit, take_back};

/// Lines that `spec` may have in any order, each field in several ways of writing.
const FIELDS: [&[&str]; 5] = [
    &[
        "  desiredCount: 1\n",
        "  desiredCount: 0x02 # hex\n",
        "  \"desiredCount\": 3\n",
        "  desiredCount:\n    4\n",
    ],
    &["  restart: a\n", "  restart: 'b' # c\n", "  restart: >-\n    folded\n\n", "  restart:\n    below\n"],
    &[
        "  taskDefinition: {revision: 'web:1'}\n",
        "  taskDefinition:\n    revision: web:1 # pinned\n",
        "  taskDefinition:\n    # a file\n    file: web.json\n",
        "  taskDefinition: {\n    file: web.json, # why\n  }\n",
    ],
    &["  reveal: [A, 'B']\n", "  reveal:\n  - A\n  - B # last\n", "  reveal:\n    - A\n\n    # end\n"],
    &["  # a comment\n", "\n", "  settings: {}\n", "  settings:\n    propagateTags: SERVICE\n"],
];
const NAMES: [&str; 3] = ["api", "web", "zoo"];

/// The lines of `spec` below target and service.
fn lines() -> impl Strategy<Value = String> {
    let field = |options: &'static [&'static str]| prop::option::of(prop::sample::select(options));
    let fields: Vec<_> = FIELDS.iter().map(|options| field(options)).collect();
    (fields, any::<prop::sample::Index>()).prop_map(|(fields, from)| {
        let mut fields: Vec<&str> = fields.into_iter().flatten().collect();
        if !fields.is_empty() {
            let middle = from.index(fields.len());
            fields.rotate_left(middle);
        }
        fields.concat()
    })
}

fn metadata() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "metadata: {name: NAME}\n",
        "metadata:\n  name: NAME # n\n",
        "metadata:\n  annotations:\n  name: NAME\n",
        "metadata:\n  name: NAME\n  annotations: {old: x}\n",
        "metadata:\n  annotations:\n    old: 'x'\n    # c\n  name: NAME\n",
    ])
}

/// A file in which each of [`NAMES`] is one document, with other things between them.
fn file() -> impl Strategy<Value = String> {
    let between = prop::sample::select(vec![
        "---\n",
        "--- # c\n",
        "---\na: {b: [1]}\n---\n",
        "...\n---\n",
        "\n# comment\n---\n",
        "---\nx: |\n  text\n---\n",
    ]);
    let document = (metadata(), lines());
    let start = prop::sample::select(vec!["", "---\n", "# top\n", "\u{feff}", "\u{feff}---\n"]);
    (start, vec((document, between), NAMES.len()), any::<bool>(), any::<bool>()).prop_map(
        |(start, documents, carriage, bare)| {
            let mut file = start.to_owned();
            for (index, (name, ((metadata, lines), between))) in NAMES.iter().zip(documents).enumerate() {
                let separator = if index == 0 { "" } else { between };
                file.extend([separator, "apiVersion: bowline.dev/v1alpha1\nkind: EcsService\n"]);
                file += &metadata.replace("NAME", name);
                file.extend(["spec:\n  target: prod\n  service: ", name, "\n", &lines]);
            }
            let file = if bare { file.trim_end().to_owned() } else { file };
            if carriage { file.replace('\n', "\r\n") } else { file }
        },
    )
}

fn change() -> impl Strategy<Value = FieldEdit> {
    let token = "[a-z0-9][A-Za-z0-9._:/=+-]{0,12}";
    prop_oneof![
        (0..5_000_u64).prop_map(|count| FieldEdit::set("spec.desiredCount", Scalar::Number(count))),
        token.prop_map(|token| FieldEdit::set("spec.restart", text(&token))),
        "[^\u{0}-\u{8}]{0,12}".prop_map(|value| FieldEdit::annotate("bowline.dev/why", &value)),
        Just(FieldEdit::remove("spec.desiredCount")),
        Just(FieldEdit::remove("spec.restart")),
        Just(FieldEdit::remove("spec.settings.propagateTags")),
        Just(FieldEdit::remove("metadata.annotations.old")),
    ]
}

fn resource() -> impl Strategy<Value = ResourceKey> {
    prop::sample::select(NAMES.to_vec()).prop_map(service)
}

/// The texts of the other resources' documents.
fn others<'a>(file: &'a str, resource: &ResourceKey) -> Vec<&'a str> {
    let keys = NAMES.iter().map(|name| service(name)).filter(|key| key != resource);
    keys.map(|key| document(&path(), file, &key).unwrap()).collect()
}

proptest! {
    #[test]
    fn an_edit_changes_its_resource_and_no_other_byte(file in file(), resource in resource(), change in change()) {
        let after = edit(&path(), &file, &resource, std::slice::from_ref(&change)).unwrap();
        prop_assert_eq!(others(&after, &resource), others(&file, &resource));
        let here = document(&path(), &file, &resource).unwrap();
        let begin = here.as_ptr() as usize - file.as_ptr() as usize;
        let rest = file.len() - begin - here.len();
        prop_assert_eq!(&after[..begin], &file[..begin]);
        prop_assert_eq!(&after[after.len() - rest..], &file[file.len() - rest..]);
        prop_assert_eq!(edit(&path(), &after, &resource, &[change]).unwrap(), after);
    }

    #[test]
    fn a_pin_replaces_whatever_the_task_definition_was(file in file(), resource in resource()) {
        let edits = [
            FieldEdit::set("spec.taskDefinition.revision", text("web:77")),
            FieldEdit::remove("spec.taskDefinition.file"),
        ];
        let after = edit(&path(), &file, &resource, &edits).unwrap();
        let value = document_value(document(&path(), &after, &resource).unwrap()).unwrap();
        prop_assert_eq!(&value["spec"]["taskDefinition"], &json!({"revision": "web:77"}));
        prop_assert_eq!(edit(&path(), &after, &resource, &edits).unwrap(), after);
    }

    #[test]
    fn what_is_replaced_has_the_good_spec_and_the_others_every_byte(
        file in file(), good in file(), resource in resource(),
    ) {
        let good = document(&path(), &good, &resource).unwrap();
        let conflict = |_: &str, _: &str, _: &str| None;
        let taken = take_back(&path(), &file, &resource, "", good, good, conflict).unwrap();
        prop_assert_eq!(others(&taken.text, &resource), others(&file, &resource));
        let spec = |text: &str| document_value(text).unwrap()["spec"].clone();
        prop_assert_eq!(spec(document(&path(), &taken.text, &resource).unwrap()), spec(good));
        let again = take_back(&path(), &taken.text, &resource, "", good, good, conflict).unwrap();
        prop_assert_eq!((again.text, again.reversal), (taken.text, Reversal::AlreadyThere));
    }
}
