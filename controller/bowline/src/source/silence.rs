//! How long libgit2 waits for a server that says nothing: a setting of the whole process.
//!
//! For https it is the only limit there is; elsewhere the relay's comes first, and says more.

use std::sync::Once;
use std::time::Duration;

use super::git::SYNC;

/// How much longer than the relay's limit: of two that pass at once, the relay's has the better words.
const AFTER_RELAY: Duration = Duration::from_secs(5);

/// Sets the limits, once in the life of the process. To be called before anything is asked of a server.
pub(super) fn limit() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| set(SYNC.connect, SYNC.idle + AFTER_RELAY));
}

#[expect(unsafe_code, reason = "libgit2's time limits are C globals; no safe call sets them")]
fn set(connect: Duration, silence: Duration) {
    let milliseconds = |limit: Duration| i32::try_from(limit.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the two globals are read where libgit2 connects to a server, which only a `GitSource` makes it do, and each
    // waits for `limit` when it is made. So nobody reads them yet, and nobody else writes them.
    let set = unsafe {
        git2::opts::set_server_connect_timeout_in_milliseconds(milliseconds(connect))
            .and_then(|()| git2::opts::set_server_timeout_in_milliseconds(milliseconds(silence)))
    };
    if let Err(error) = set {
        tracing::warn!(
            error = error.message(),
            "libgit2 takes no time limits; a silent server is waited for longer"
        );
    }
}

#[cfg(test)]
mod tests {
    use bowline_core::policy::GitStanding;
    use git2::{Repository, Signature};
    use jiff::Timestamp;
    use tokio::net::TcpListener;

    use super::*;
    use crate::source::{GitAuth, GitSettings, GitSource};

    const TARGET: &[u8] = b"\
apiVersion: bowline.dev/v1alpha1
kind: Target
metadata: { name: production }
spec: { accountId: '111122223333', region: eu-central-1, cluster: main }
";

    /// A repository with one commit of one Target.
    fn seed(path: &std::path::Path) -> String {
        let repository = Repository::init_bare(path).unwrap();
        let blob = repository.blob(TARGET).unwrap();
        let mut tree = repository.treebuilder(None).unwrap();
        tree.insert("target.yaml", blob, 0o100_644).unwrap();
        let tree = repository.find_tree(tree.write().unwrap()).unwrap();
        let author = Signature::now("Ada", "ada@example.com").unwrap();
        repository.commit(Some("HEAD"), &author, &author, "One", &tree, &[]).unwrap().to_string()
    }

    /// A server that accepts connections and says nothing; gives its port.
    async fn mute() -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                kept.push(stream);
            }
        });
        port
    }

    #[tokio::test]
    async fn an_https_server_that_accepts_and_says_nothing_is_given_up_and_the_last_good_commit_stays() {
        let folder = tempfile::tempdir().unwrap();
        let repo = folder.path().join("repo.git").display().to_string();
        let commit = seed(folder.path().join("repo.git").as_path());
        let mirror = folder.path().join("mirror");
        let settings = |repo: String| GitSettings {
            repo,
            reference: "HEAD".to_owned(),
            path: String::new(),
            auth: GitAuth::None,
            mirror: mirror.clone(),
        };
        GitSource::new(settings(repo.clone())).sync(Timestamp::UNIX_EPOCH, None).await.unwrap();
        // The same mirror, as if it had been read over https.
        let address = format!("https://localhost:{}/repo.git", mute().await);
        let note = mirror.join("last-read.json");
        let text = std::fs::read_to_string(&note).unwrap().replace(&repo, &address);
        std::fs::write(&note, text).unwrap();

        let mut source = GitSource::new(settings(address.clone()));
        set(SYNC.connect, Duration::from_millis(200));
        let snapshot = source.sync(Timestamp::from_second(60).unwrap(), None).await.unwrap();
        assert_eq!(snapshot.commit, commit);
        let GitStanding::Stale(why) = snapshot.standing else { panic!("{:?}", snapshot.standing) };
        let told = format!(
            "the repository cannot be read; the last good commit {commit:.8} was last read 1m ago: {address} cannot be \
             reached: it accepted the connection and then sent nothing for too long; "
        );
        assert!(why.starts_with(&told), "{why}");
        assert_eq!(source.head().await.unwrap_err().category(), "unreachable", "its thread is free again");
    }
}
