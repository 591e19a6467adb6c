//! `validate PATH`: the rules of a commit, on a folder and on one file.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use bowline::source::folder;
use bowline_core::desired::FindingCode;
use tempfile::TempDir;

use crate::repo::{BROKEN, TARGET, codes, service};

fn put(root: &Path, path: &str, text: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn a_folder_is_read_by_the_rules_of_a_commit() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    put(root, "target.yaml", TARGET);
    put(root, "services/web.yml", service("web", 1));
    put(root, "services/broken.yaml", BROKEN);
    put(root, ".github/workflows/ci.yaml", BROKEN);
    put(root, "module/.git", "gitdir: elsewhere");
    put(root, "module/inside.yaml", BROKEN);
    put(root, "huge.yaml", vec![b'#'; (1 << 20) + 1]);
    symlink("services", root.join("link")).unwrap();
    symlink(".", root.join("loop")).unwrap();
    let (state, findings) = folder::read(root).unwrap();
    assert_eq!(state.services.len(), 1);
    let mut found = codes(&findings);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("huge.yaml", FindingCode::TooLarge),
            ("link", FindingCode::NotAFile),
            ("loop", FindingCode::NotAFile),
            ("module", FindingCode::NotAFile),
            ("services/broken.yaml", FindingCode::Syntax),
        ]
    );
}

#[test]
fn paths_count_from_the_repository_and_references_reach_into_it() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    fs::create_dir(root.join(".git")).unwrap();
    let manifest = "apiVersion: bowline.dev/v1alpha1\nkind: EcsService\nmetadata: {name: web}\nspec: {target: prod, service: web, taskDefinition: {file: ../tasks/web.json}}\n";
    put(root, "env/all.yaml", format!("{TARGET}---\n{manifest}"));
    put(root, "env/broken.yaml", BROKEN);
    let task =
        r#"{"family": "web", "containerDefinitions": [{"name": "web", "image": "nginx:1", "memory": 128}]}"#;
    put(root, "tasks/web.json", task);
    let (state, findings) = folder::read(&root.join("env")).unwrap();
    assert_eq!(codes(&findings), [("env/broken.yaml", FindingCode::Syntax)]);
    assert!(state.services.values().all(|service| service.task_definition.is_some()));

    let (state, findings) = folder::read(&root.join("env/all.yaml")).unwrap();
    assert_eq!((state.services.len(), findings), (1, vec![]));
}

#[test]
fn nothing_to_read_is_an_error() {
    let folder = TempDir::new().unwrap();
    assert_eq!(folder::read(folder.path()).unwrap_err().category(), "empty");
    let missing = folder::read(&folder.path().join("missing")).unwrap_err();
    assert_eq!(missing.category(), "path-missing");
    assert!(missing.to_string().ends_with("missing`"), "{missing}");
}
