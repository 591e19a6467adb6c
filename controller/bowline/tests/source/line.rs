//! The branch's own line: which parent it goes along, and how far.

use std::sync::Arc;

use bowline::source::Line;
use bowline_core::rollback::revert::{Parent, PastCommit};

use crate::work_tree::{WorkTree, id};

impl WorkTree {
    /// So many commits that change nothing.
    fn idle(&self, count: usize) {
        let one = |number| {
            let at = 1_760_000_000 + number;
            let from = if number == 0 { "from refs/heads/main^0\n" } else { "" };
            format!("commit refs/heads/main\ncommitter Ada <ada@example.com> {at} +0000\ndata 1\nx\n{from}\n")
        };
        self.write("../commits", &(0..count).map(one).collect::<String>());
        self.git(&["-c", "alias.import=!git fast-import --quiet < ../commits", "import"]);
    }

    /// The line from the head, as a verb reads it.
    async fn line(&self, toward: Option<&str>) -> Vec<PastCommit> {
        let line =
            Line { head: self.sync().await, acted_from: Vec::new(), toward: toward.map(str::to_owned) };
        let digits = toward.unwrap_or("none").to_owned();
        let enough = move |found: &[PastCommit]| {
            found.last().is_some_and(|commit| commit.id.as_str().starts_with(&digits))
        };
        self.writer().line(line, enough).await.unwrap()
    }

    /// Somebody merges main into a feature with this message, and pushes the result as main; gives what main was at before.
    fn merged_the_wrong_way_round(&self, message: &[&str]) -> String {
        self.git(&["switch", "--quiet", "-c", "feature"]);
        self.replace("env/web.yaml", "web:1", "web:2");
        self.commit("Deploy 2");
        self.git(&["switch", "--quiet", "main"]);
        self.write("README.md", "more");
        let before = self.commit("What main was at");
        self.git(&["switch", "--quiet", "feature"]);
        self.git(&[&["merge", "--quiet", "--no-ff"], message, &["main"]].concat());
        self.git(&["branch", "--force", "main", "feature"]);
        self.git(&["switch", "--quiet", "main"]);
        before
    }
}

#[tokio::test]
async fn a_good_commit_is_found_however_far_back_and_what_is_not_there_is_given_up() {
    let tree = WorkTree::seeded();
    let good = tree.head();
    tree.idle(1_200);
    let past = tree.past(&[], &[&good]).await;
    assert_eq!((past.len(), past.last().unwrap().id.clone()), (1_201, id(&good)));
    let named = tree.line(Some(&good[..9])).await;
    assert_eq!((named.len(), named.last().unwrap().id.clone()), (1_201, id(&good)));
    assert_eq!(named.last().unwrap().state.services.len(), 1);

    let unknown = "0".repeat(40);
    assert_eq!(tree.past(&[], &[&unknown]).await.len(), 500);
    assert_eq!(tree.past(&[], &[&good, &unknown]).await.len(), 1_201);
    assert_eq!(tree.line(None).await.len(), 500);
}

#[tokio::test]
async fn by_hand_too_a_merge_the_wrong_way_round_goes_along_what_the_branch_was_at() {
    // What is gone back to was on the branch, whatever the message says.
    let tree = WorkTree::seeded();
    let before = tree.merged_the_wrong_way_round(&["-m", "Everything"]);
    let parents = |line: &[PastCommit]| line[0].parent.clone();
    assert_eq!(parents(&tree.line(Some(&before)).await), Parent::Merge { mainline: id(&before), number: 2 });
    let past = tree.past(&[], &[&before]).await;
    assert_eq!(parents(&past), Parent::Merge { mainline: id(&before), number: 2 });
    // Where nothing is known, it goes along the first one.
    assert!(matches!(parents(&tree.line(None).await), Parent::Merge { number: 1, .. }));

    let tree = WorkTree::seeded();
    let before = tree.merged_the_wrong_way_round(&["--no-edit"]);
    assert_eq!(parents(&tree.line(None).await), Parent::Merge { mainline: id(&before), number: 2 });
}

#[tokio::test]
async fn a_commit_that_says_nothing_of_what_is_wanted_shares_what_it_wants_with_the_one_before() {
    let tree = WorkTree::seeded();
    let content = |image: &str| {
        format!(
            "{{\"family\": \"web\", \"containerDefinitions\": [{{\"name\": \"app\", \"image\": \"{image}\", \"memory\": 64}}]}}\n"
        )
    };
    tree.write("shared/web.td", &content("web:1"));
    tree.replace("env/web.yaml", "revision: web:1", "file: ../shared/web.td");
    let first = tree.commit("By a file outside of the folder");
    tree.write("README.md", "more");
    tree.commit("Beside it");
    tree.write("shared/web.td", &content("web:2"));
    tree.commit("Another image");
    let past = tree.past(&[], &[&first]).await;
    assert!(Arc::ptr_eq(&past[1].state, &past[2].state));
    assert_ne!(past[0].state, past[1].state);
}
