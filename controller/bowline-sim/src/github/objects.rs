//! `git/blobs`, `git/trees`, `git/commits`: the object database itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use git2::{Commit, ObjectType, Oid};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::call::{Scope, parse_oid};
use super::git::{Person, message};
use super::numbers::{node_id, stamp};
use super::permission::{READ_CONTENTS, WRITE_CONTENTS};
use super::reply::{Answer, Handled, Refusal};
use super::route::Route;

pub(super) const ROUTES: &[Route] = &[
    Route::post("/repos/{owner}/{repo}/git/blobs", WRITE_CONTENTS, "git/blobs#create-a-blob", create_blob),
    Route::get("/repos/{owner}/{repo}/git/blobs/{file_sha}", READ_CONTENTS, "git/blobs#get-a-blob", get_blob),
    Route::post("/repos/{owner}/{repo}/git/trees", WRITE_CONTENTS, "git/trees#create-a-tree", create_tree),
    Route::get("/repos/{owner}/{repo}/git/trees/{tree_sha}", READ_CONTENTS, "git/trees#get-a-tree", get_tree),
    Route::post(
        "/repos/{owner}/{repo}/git/commits",
        WRITE_CONTENTS,
        "git/commits#create-a-commit",
        create_commit,
    ),
    Route::get(
        "/repos/{owner}/{repo}/git/commits/{commit_sha}",
        READ_CONTENTS,
        "git/commits#get-a-commit-object",
        get_commit,
    ),
];

fn base(scope: &Scope<'_>) -> String {
    format!("{}/git", scope.call.urls.repository(&scope.repository.full_name()))
}

fn create_blob(scope: &mut Scope<'_>) -> Handled {
    let content = scope.call.body.required("content")?;
    let bytes = match scope.call.body.text("encoding")?.unwrap_or("utf-8") {
        "base64" => {
            let joined: String = content.split_whitespace().collect();
            STANDARD.decode(joined).map_err(|_| Refusal::unprocessable("content is not valid Base64"))?
        }
        _ => content.as_bytes().to_vec(),
    };
    let id = scope.repository.git.store.blob(&bytes)?;
    Ok(Answer::created(json!({"sha": id.to_string(), "url": format!("{}/blobs/{id}", base(scope))})))
}

fn get_blob(scope: &mut Scope<'_>) -> Handled {
    let id = Oid::from_str(scope.call.parameter("file_sha")).map_err(|_| Refusal::not_found())?;
    let blob = scope.repository.git.store.find_blob(id).map_err(|_| Refusal::not_found())?;
    let encoded = STANDARD.encode(blob.content());
    let lines: Vec<&str> =
        encoded.as_bytes().chunks(60).filter_map(|line| str::from_utf8(line).ok()).collect();
    Ok(Answer::ok(json!({
        "sha": id.to_string(),
        "node_id": node_id("B", &id.to_string()),
        "size": blob.size(),
        "url": format!("{}/blobs/{id}", base(scope)),
        "content": lines.join("\n") + "\n",
        "encoding": "base64",
    })))
}

/// One change to a tree.
struct Entry {
    path: Vec<String>,
    /// Mode and object; `None` deletes what is there.
    to: Option<(i32, Oid)>,
}

fn create_tree(scope: &mut Scope<'_>) -> Handled {
    let Some(Value::Array(wanted)) = scope.call.body.get("tree") else {
        return Err(Refusal::unprocessable("Invalid tree info"));
    };
    let entries = wanted.iter().map(|entry| read_entry(scope, entry)).collect::<Result<Vec<_>, _>>()?;
    let base_tree = match scope.call.body.text("base_tree")? {
        // GitHub takes a commit here, too.
        Some(text) => {
            let object = scope.repository.git.store.find_object(parse_oid(text)?, None);
            let tree = object.and_then(|object| object.peel_to_tree());
            Some(tree.map_err(|_| Refusal::unprocessable("base_tree is not a valid tree"))?.id())
        }
        None => None,
    };
    let id = write_tree(scope, base_tree, entries)?;
    Ok(Answer::created(render_tree(scope, id, false)?))
}

fn read_entry(scope: &Scope<'_>, entry: &Value) -> Result<Entry, Refusal> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    let path: Vec<String> = text("path").unwrap_or_default().split('/').map(str::to_owned).collect();
    if path.iter().any(|part| part.is_empty() || part == "." || part == ".." || part == ".git") {
        return Err(Refusal::unprocessable("tree.path contains a malformed path component"));
    }
    if entry.get("sha").is_some_and(Value::is_null) {
        return Ok(Entry { path, to: None });
    }
    let mode = match text("mode") {
        Some("100755") => 0o100_755,
        Some("120000") => 0o120_000,
        Some("040000") => 0o040_000,
        Some("160000") => 0o160_000,
        Some("100644") => 0o100_644,
        _ => return Err(Refusal::unprocessable("Must supply a valid tree.mode")),
    };
    let id = match (text("sha"), text("content")) {
        (Some(sha), None) => parse_oid(sha)?,
        (None, Some(content)) => scope.repository.git.store.blob(content.as_bytes())?,
        _ => return Err(Refusal::unprocessable("Must supply either tree.sha or tree.content")),
    };
    // A submodule's commit lies elsewhere.
    if mode != 0o160_000 && scope.repository.git.store.find_object(id, None).is_err() {
        return Err(Refusal::unprocessable(format!("tree.sha {id} is not a valid object")));
    }
    Ok(Entry { path, to: Some((mode, id)) })
}

/// Applies the entries to one level, and goes down into folders.
fn write_tree(scope: &Scope<'_>, onto: Option<Oid>, entries: Vec<Entry>) -> Result<Oid, Refusal> {
    let store = &scope.repository.git.store;
    let old = onto.map(|id| store.find_tree(id)).transpose()?;
    let mut builder = store.treebuilder(old.as_ref())?;
    let mut folders: Vec<(String, Vec<Entry>)> = Vec::new();
    for mut entry in entries {
        let name = entry.path.remove(0);
        if !entry.path.is_empty() {
            match folders.iter_mut().find(|(folder, _)| *folder == name) {
                Some((_, inside)) => inside.push(entry),
                None => folders.push((name, vec![entry])),
            }
        } else if let Some((mode, id)) = entry.to {
            builder.insert(&name, id, mode)?;
        } else {
            builder.remove(&name).map_err(|_| Refusal::bad_object())?;
        }
    }
    for (name, inside) in folders {
        let known = builder.get(&name)?.filter(|entry| entry.kind() == Some(ObjectType::Tree));
        let folder = write_tree(scope, known.map(|entry| entry.id()), inside)?;
        if store.find_tree(folder)?.is_empty() {
            // Git has no empty folders.
            builder.remove(&name)?;
        } else {
            builder.insert(&name, folder, 0o040_000)?;
        }
    }
    Ok(builder.write()?)
}

fn get_tree(scope: &mut Scope<'_>) -> Handled {
    let text = scope.call.parameter("tree_sha");
    let git = &scope.repository.git;
    let id = git.resolve(text).or_else(|| Oid::from_str(text).ok()).ok_or_else(Refusal::not_found)?;
    let tree = git.store.find_object(id, None).and_then(|object| object.peel_to_tree());
    let id = tree.map_err(|_| Refusal::not_found())?.id();
    Ok(Answer::ok(render_tree(scope, id, scope.call.asked("recursive").is_some())?))
}

fn render_tree(scope: &Scope<'_>, id: Oid, recursive: bool) -> Result<Value, Refusal> {
    let store = &scope.repository.git.store;
    let mut entries = Vec::new();
    store.find_tree(id)?.walk(git2::TreeWalkMode::PreOrder, |folder, entry| {
        let kind = entry.kind().unwrap_or(ObjectType::Commit);
        let mut shown = json!({
            "path": format!("{folder}{}", String::from_utf8_lossy(entry.name_bytes())),
            "mode": format!("{:06o}", entry.filemode()),
            "type": kind.str(),
            "sha": entry.id().to_string(),
        });
        if kind != ObjectType::Commit {
            shown["url"] = format!("{}/{}s/{}", base(scope), kind.str(), entry.id()).into();
        }
        if let Ok(blob) = store.find_blob(entry.id()) {
            shown["size"] = blob.size().into();
        }
        entries.push(shown);
        i32::from(!recursive && kind == ObjectType::Tree)
    })?;
    Ok(json!({
        "sha": id.to_string(),
        "url": format!("{}/trees/{id}", base(scope)),
        "tree": entries,
        "truncated": false,
    }))
}

fn create_commit(scope: &mut Scope<'_>) -> Handled {
    let body = &scope.call.body;
    let text = body.required("message")?.to_owned();
    let git = &scope.repository.git;
    let tree = git.store.find_tree(body.oid("tree")?);
    let tree = tree.map_err(|_| Refusal::unprocessable("Tree SHA does not exist"))?;
    let parents: Vec<Commit<'_>> = body
        .texts("parents")?
        .iter()
        .map(|text| {
            let found = git.store.find_commit(parse_oid(text)?);
            found.map_err(|_| Refusal::unprocessable("Parent SHA does not exist or is not a commit object"))
        })
        .collect::<Result<_, _>>()?;
    let caller = Person::account(&scope.call.caller.login, scope.call.now);
    let author = person(body.get("author"), scope.call.now)?.unwrap_or(caller);
    let committer = person(body.get("committer"), scope.call.now)?.unwrap_or_else(|| author.clone());
    let parents: Vec<&Commit<'_>> = parents.iter().collect();
    let (author, committer) = (author.signature()?, committer.signature()?);
    let content = git.store.commit_create_buffer(&author, &committer, &text, &tree, &parents)?;
    let content = str::from_utf8(&content).map_err(|_| Refusal::bad_object())?;
    let id = match body.text("signature")? {
        Some(signature) => git.store.commit_signed(content, signature, None)?,
        None => git.store.odb()?.write(ObjectType::Commit, content.as_bytes())?,
    };
    Ok(Answer::created(render_commit(scope, &git.store.find_commit(id)?)))
}

/// Somebody whom the caller names: name and email are needed, the date is not.
fn person(given: Option<&Value>, now: Timestamp) -> Result<Option<Person>, Refusal> {
    let Some(given) = given else { return Ok(None) };
    let text = |name: &str| given.get(name).and_then(Value::as_str);
    let (Some(name), Some(email)) = (text("name"), text("email")) else {
        return Err(Refusal::unprocessable("Invalid request.\n\n\"name\", \"email\" weren't supplied."));
    };
    let at = match text("date") {
        Some(date) => date.parse().map_err(|_| {
            Refusal::unprocessable(format!("Invalid request.\n\n{date} is not a valid date-time."))
        })?,
        None => now,
    };
    Ok(Some(Person { name: name.to_owned(), email: email.to_owned(), at }))
}

fn get_commit(scope: &mut Scope<'_>) -> Handled {
    let id = Oid::from_str(scope.call.parameter("commit_sha")).map_err(|_| Refusal::not_found())?;
    let commit = scope.repository.git.store.find_commit(id).map_err(|_| Refusal::not_found())?;
    Ok(Answer::ok(render_commit(scope, &commit)))
}

fn render_commit(scope: &Scope<'_>, commit: &Commit<'_>) -> Value {
    let web = format!("{}/{}/commit", scope.call.urls.web, scope.repository.full_name());
    let who = |person: Person| json!({"name": person.name, "email": person.email, "date": stamp(person.at)});
    let parents: Vec<Value> = commit
        .parent_ids()
        .map(|id| {
            json!({
                "sha": id.to_string(),
                "url": format!("{}/commits/{id}", base(scope)),
                "html_url": format!("{web}/{id}"),
            })
        })
        .collect();
    json!({
        "sha": commit.id().to_string(),
        "node_id": node_id("C", &commit.id().to_string()),
        "url": format!("{}/commits/{}", base(scope), commit.id()),
        "html_url": format!("{web}/{}", commit.id()),
        "author": who(Person::of(&commit.author())),
        "committer": who(Person::of(&commit.committer())),
        "message": message(commit),
        "tree": {
            "sha": commit.tree_id().to_string(),
            "url": format!("{}/trees/{}", base(scope), commit.tree_id()),
        },
        "parents": parents,
        "verification": super::commits::verification(scope.repository, commit),
    })
}
