//! The git source: asks the remote, keeps the mirror, reads the commit; the last good commit when the remote is down.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bowline_core::desired::{DesiredState, Finding, NotAcceptable};
use bowline_core::policy::{Accepted, GitStanding};
use git2::Oid;
use jiff::Timestamp;
use tokio::task::{AbortHandle, spawn_blocking};
use tokio::time::timeout;

use super::accept;
use super::address::Address;
use super::auth::GitAuth;
use super::commit::{Content, Reader};
use super::error::SourceError;
use super::mirror::{Mark, Mirror, parse_id};
use super::relay::{Limits, Purpose};
use super::remote::{Route, Tip};

/// For a read that may fetch. A first fetch of a large repository takes minutes.
pub(super) const SYNC: Limits =
    Limits { connect: Duration::from_secs(10), idle: Duration::from_mins(1), total: Duration::from_mins(10) };
/// For a question that moves a few kilobytes.
const ASK: Limits = Limits {
    connect: Duration::from_secs(10),
    idle: Duration::from_secs(20),
    total: Duration::from_secs(30),
};
/// How much longer than its relay a read may take: it waits for the mirror's lock, and reads from the disk.
pub(super) const GRACE: Duration = Duration::from_secs(90);

/// Which repository, which head of it, which folder, and how.
#[derive(Debug, Clone)]
pub struct GitSettings {
    /// `https://`, `ssh://`, `git@host:path`, `file://`, a local path, or `http://` to this machine.
    pub repo: String,
    /// A branch, a tag, a full ref name, or `HEAD`.
    pub reference: String,
    /// The folder that holds the manifests, from the repository's root; "" is the root.
    pub path: String,
    /// Who we are.
    pub auth: GitAuth,
    /// The directory of the bare mirror; made when missing, one for each repository and reference.
    pub mirror: PathBuf,
}

/// The desired state as one commit has it.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The commit's full id.
    pub commit: String,
    /// The first line of its message.
    pub subject: String,
    /// `Name <address>` of its author.
    pub author: String,
    /// When it was committed, by the committer's clock.
    pub committed_at: Timestamp,
    /// When the remote last confirmed that this is the head.
    pub read_at: Timestamp,
    /// Whether it may be acted from.
    pub standing: GitStanding,
    /// What should be.
    pub state: Arc<DesiredState>,
    /// What a person has to look at, file by file.
    pub findings: Arc<Vec<Finding>>,
    /// The commits that were acted from, as far as they were known when this was read: the standing and `accepted` speak
    /// of no others.
    pub judged: BTreeSet<String>,
    /// Per commit that was acted from: the commit that the branch declares as applied in its place.
    pub accepted: BTreeMap<String, Accepted>,
    /// How many files were parsed anew for this snapshot.
    pub parsed_files: usize,
}

impl Snapshot {
    /// The sentence of [`GitStanding::Stale`] for this commit, if the remote cannot be asked `now` because of `why`.
    pub fn stale(&self, now: Timestamp, why: &str) -> String {
        stale(&self.commit, self.read_at, now, why)
    }

    /// True if its standing is about all of `applied`, so that it can be acted from. One that is stale is about none, and is
    /// never acted from.
    pub fn speaks_of(&self, applied: &BTreeSet<String>) -> bool {
        matches!(self.standing, GitStanding::Stale(_))
            || applied.iter().all(|commit| *commit == self.commit || self.judged.contains(commit))
    }
}

/// One git repository as the source of desired state.
#[derive(Debug)]
pub struct GitSource {
    settings: Arc<GitSettings>,
    blocking: Blocking,
    reader: Reader,
    compared: Compared,
    /// The last answer, for the time in which there is no new one.
    last: Option<Snapshot>,
}

/// Asks the remote for its head, beside a read that is under way.
#[derive(Debug)]
pub struct HeadReader {
    settings: Arc<GitSettings>,
    blocking: Blocking,
}

/// Work that may block, one after the other.
#[derive(Debug, Default)]
pub(super) struct Blocking {
    /// Work that was given up and whose thread has not returned: no other is started beside it.
    given_up: Mutex<Option<AbortHandle>>,
}

impl GitSource {
    /// A source that has read nothing yet. Nothing is opened before the first [`GitSource::sync`].
    pub fn new(settings: GitSettings) -> Self {
        Self {
            settings: Arc::new(settings),
            blocking: Blocking::default(),
            reader: Reader::default(),
            compared: None,
            last: None,
        }
    }

    /// Reads the head of the configured reference.
    ///
    /// Expected flow: ask the remote for its head, fetch what is missing into the mirror, read the manifests that
    /// changed. When the remote cannot be asked, the last good commit is given with [`GitStanding::Stale`]; when the head
    /// does not descend from all of `applied`, the commits that were acted from, and the branch does not accept that, it is
    /// given with [`GitStanding::ForcePushed`] and a finding.
    ///
    /// Guarantees: never an empty desired state in place of an error; ends within 12 minutes, which only a first fetch
    /// and a disk that does not answer take. A silent server is given up after a minute.
    ///
    /// Dropping the future is safe: the next call parses again what was in memory.
    pub async fn sync(
        &mut self,
        now: Timestamp,
        applied: &BTreeSet<String>,
    ) -> Result<Snapshot, SourceError> {
        let address = Address::parse(&self.settings.repo)?;
        let repo = address.display();
        let route = Route::open(address, SYNC, Purpose::Fetch).await;
        let job = Sync { settings: Arc::clone(&self.settings), route, now, applied: applied.clone() };
        let (mut reader, mut compared) = (mem::take(&mut self.reader), self.compared.take());
        let work = move || {
            let result = job.run(&mut reader, &mut compared);
            (reader, compared, result)
        };
        match self.blocking.within(SYNC.total + GRACE, repo, work).await {
            Ok((reader, compared, result)) => {
                (self.reader, self.compared) = (reader, compared);
                let snapshot = result?;
                self.last = Some(snapshot.clone());
                Ok(snapshot)
            }
            Err(error) => match &self.last {
                Some(last) => {
                    let standing = GitStanding::Stale(last.stale(now, &error.sentence()));
                    Ok(Snapshot { standing, parsed_files: 0, ..last.clone() })
                }
                None => Err(error),
            },
        }
    }

    /// Asks the same remote for its head only.
    pub fn head_reader(&self) -> HeadReader {
        HeadReader { settings: Arc::clone(&self.settings), blocking: Blocking::default() }
    }
}

impl HeadReader {
    /// The id of the commit that the remote has under the configured reference. Asks the remote, changes nothing here, and
    /// ends within a minute.
    pub async fn head(&self) -> Result<String, SourceError> {
        let address = Address::parse(&self.settings.repo)?;
        let repo = address.display();
        let route = Route::open(address, ASK, Purpose::Fetch).await;
        let settings = Arc::clone(&self.settings);
        let work = move || route.tip(&settings.auth, &settings.reference);
        let tip = self.blocking.within(ASK.total + ASK.connect, repo, work).await??;
        Ok(tip.commit.to_string())
    }
}

impl Blocking {
    /// Runs `work` on a thread that may block, and waits for it within a limit. What the relay cannot end (a disk that
    /// does not answer) is given up; until its thread has returned, asking again fails at once.
    pub(super) async fn within<T: Send + 'static>(
        &self,
        limit: Duration,
        repo: String,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, SourceError> {
        let given_up = || self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        if given_up().as_ref().is_some_and(|thread| !thread.is_finished()) {
            return Err(SourceError::TimedOut { repo, limit });
        }
        let thread = spawn_blocking(work);
        let handle = thread.abort_handle();
        match timeout(limit, thread).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(source)) => Err(SourceError::Worker { repo, source }),
            Err(_) => {
                *given_up() = Some(handle);
                Err(SourceError::TimedOut { repo, limit })
            }
        }
    }
}

/// One read, on a thread that may block.
struct Sync {
    settings: Arc<GitSettings>,
    route: Route,
    now: Timestamp,
    applied: BTreeSet<String>,
}

/// The commit of the branch's past that was compared with last, and what it wants.
type Compared = Option<(Oid, Arc<DesiredState>)>;

/// What the branch says of the commits that were acted from.
#[derive(Default)]
struct Verdict {
    /// It does not descend from one of them, and accepts nothing in its place.
    rewritten: bool,
    accepted: BTreeMap<String, Accepted>,
    findings: Vec<Finding>,
}

impl Sync {
    fn run(&self, reader: &mut Reader, compared: &mut Compared) -> Result<Snapshot, SourceError> {
        let GitSettings { reference, auth, mirror, .. } = &*self.settings;
        let mirror = Mirror::lock(mirror, self.route.address.display(), reference)?;
        let before = mirror.mark();
        match mirror.update(&self.route, auth, self.now) {
            Ok(tip) => self.fresh(reader, compared, &mirror, &tip),
            Err(error) if error.is_remote_down() => match before {
                Some(mark) => self.stale(reader, &mirror, &mark, error),
                None => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    fn fresh(
        &self,
        reader: &mut Reader,
        compared: &mut Compared,
        mirror: &Mirror,
        tip: &Tip,
    ) -> Result<Snapshot, SourceError> {
        let read = match self.read(reader, mirror, tip.commit) {
            // Part of the mirror is damaged: one more try with a new one.
            Err(SourceError::Mirror { .. }) => {
                mirror.renew(&self.route, &self.settings.auth)?;
                self.read(reader, mirror, tip.commit)
            }
            other => other,
        };
        let (content, parsed_files) = read?;
        let mut snapshot = snapshot(&content, parsed_files, self.now, GitStanding::Fresh);
        let verdict = self.judge(compared, mirror, tip.commit)?;
        if verdict.rewritten {
            snapshot.standing = GitStanding::ForcePushed { head: snapshot.commit.clone() };
        }
        if !verdict.findings.is_empty() {
            snapshot.findings = Arc::new([content.findings.to_vec(), verdict.findings].concat());
        }
        snapshot.judged.clone_from(&self.applied);
        snapshot.accepted = verdict.accepted;
        Ok(snapshot)
    }

    fn stale(
        &self,
        reader: &mut Reader,
        mirror: &Mirror,
        mark: &Mark,
        why: SourceError,
    ) -> Result<Snapshot, SourceError> {
        // The mirror may be gone or damaged; then what matters is still why the remote cannot be read.
        let read = parse_id(&mark.commit).and_then(|commit| self.read(reader, mirror, commit).ok());
        let Some((content, parsed_files)) = read else { return Err(why) };
        let sentence = stale(&mark.commit, mark.read_at, self.now, &why.sentence());
        Ok(snapshot(&content, parsed_files, mark.read_at, GitStanding::Stale(sentence)))
    }

    fn read(
        &self,
        reader: &mut Reader,
        mirror: &Mirror,
        commit: Oid,
    ) -> Result<(Arc<Content>, usize), SourceError> {
        reader.read(mirror, commit, &self.settings.path, &self.settings.reference)
    }

    /// Holds the head against every commit that was acted from. A mirror holds the head's whole history, so a commit that it
    /// does not have is not part of it.
    fn judge(&self, compared: &mut Compared, mirror: &Mirror, head: Oid) -> Result<Verdict, SourceError> {
        let mut verdict = Verdict::default();
        if self.applied.iter().all(|applied| *applied == head.to_string()) {
            return Ok(verdict);
        }
        let repository = mirror.open()?;
        for applied in &self.applied {
            let judged = accept::judge(&repository, head, applied)
                .map_err(|source| mirror.git("compare the head with the last applied commit", source))?;
            verdict.findings.extend(judged.findings);
            let accepted = match judged.accepted {
                Some((commit, by)) => match self.state_at(compared, mirror, commit) {
                    Ok(state) => Some(Accepted { commit: commit.to_string(), state }),
                    Err(error @ SourceError::Mirror { .. }) => return Err(error),
                    Err(error) => {
                        let why = NotAcceptable::Unreadable(error.to_string());
                        let finding = Finding::not_acceptable(&by.to_string(), &commit.to_string(), &why);
                        verdict.findings.push(finding);
                        None
                    }
                },
                None => None,
            };
            if !judged.descends && accepted.is_none() {
                verdict.rewritten = true;
                verdict.findings.push(Finding::force_push(applied, &head.to_string()));
            }
            verdict.accepted.extend(accepted.map(|accepted| (applied.clone(), accepted)));
        }
        // One trailer may be judged for several commits.
        verdict.findings.sort();
        verdict.findings.dedup();
        Ok(verdict)
    }

    /// What a commit of the branch's past wants. It is read aside, so that what is cached of the head stays.
    fn state_at(
        &self,
        compared: &mut Compared,
        mirror: &Mirror,
        commit: Oid,
    ) -> Result<Arc<DesiredState>, SourceError> {
        if let Some((_, state)) = compared.as_ref().filter(|(known, _)| *known == commit) {
            return Ok(Arc::clone(state));
        }
        let (content, _) = self.read(&mut Reader::default(), mirror, commit)?;
        *compared = Some((commit, Arc::clone(&content.state)));
        Ok(Arc::clone(&content.state))
    }
}

fn snapshot(content: &Content, parsed_files: usize, read_at: Timestamp, standing: GitStanding) -> Snapshot {
    Snapshot {
        commit: content.commit.to_string(),
        subject: content.subject.clone(),
        author: content.author.clone(),
        committed_at: content.committed_at,
        read_at,
        standing,
        state: Arc::clone(&content.state),
        findings: Arc::clone(&content.findings),
        judged: BTreeSet::new(),
        accepted: BTreeMap::new(),
        parsed_files,
    }
}

/// Why an earlier commit is given, for [`GitStanding::Stale`].
fn stale(commit: &str, read_at: Timestamp, now: Timestamp, why: &str) -> String {
    let age = age(read_at, now);
    format!("the repository cannot be read; the last good commit {commit:.8} was last read {age} ago: {why}")
}

/// `45s`, `12m`, `5h`, `3d`: one unit, rounded down.
fn age(since: Timestamp, now: Timestamp) -> String {
    match now.duration_since(since).as_secs().max(0) {
        seconds @ ..60 => format!("{seconds}s"),
        seconds @ ..3_600 => format!("{}m", seconds / 60),
        seconds @ ..172_800 => format!("{}h", seconds / 3_600),
        seconds => format!("{}d", seconds / 86_400),
    }
}
