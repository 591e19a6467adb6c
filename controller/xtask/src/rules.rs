//! ARCHITECTURE.md says which test holds which rule: do these tests exist?

use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, io};

use crate::steps::root;

/// The tests that the table of rules names: words of at least three parts between backticks, in its last column.
fn named(text: &str) -> BTreeSet<String> {
    let rules =
        text.lines().filter(|line| line.starts_with("| ")).filter_map(|line| line.rsplit(" | ").next());
    let words = rules.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    words.filter(|word| is_test_name(word)).map(str::to_owned).collect()
}

fn is_test_name(word: &str) -> bool {
    word.split('_').count() >= 3 && word.chars().all(|one| one == '_' || one.is_ascii_alphanumeric())
}

/// All Rust sources below a folder, as one text.
fn sources(folder: &Path, into: &mut String) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, into)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&fs::read_to_string(path)?);
        }
    }
    Ok(())
}

#[test]
fn every_test_that_the_rules_name_exists() {
    let text = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).expect("it is there");
    let (mut code, named) = (String::new(), named(&text));
    for folder in ["controller", "tests"] {
        sources(&root().join(folder), &mut code).expect("the sources can be read");
    }
    let gone: Vec<&String> = named.iter().filter(|name| !code.contains(&format!("fn {name}("))).collect();
    assert_eq!(gone, Vec::<&String>::new());
    assert!(named.len() > 30, "the table is read: {named:?}");
}
