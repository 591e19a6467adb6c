// Drives the simulated GitHub with GitHub's own client, through Prism with GitHub's own description of its API:
// node --input-type=module - PRISM SIMULATOR < contract.mjs
//
// It is started in the folder that holds node_modules, and read from there because modules are looked for beside the importer.
// PRISM is `prism proxy openapi.json SIMULATOR`. Every request and every answer that is not what the description says is printed,
// and so is each operation of the simulator that was not called. Ends with a summary, and with 1 if there was anything to print.

import { generateKeyPairSync } from "node:crypto";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { createAppAuth } from "@octokit/auth-app";
import { schema, validate } from "@octokit/graphql-schema";
import { Octokit } from "@octokit/rest";
import { verify } from "@octokit/webhooks-methods";
import { buildSchema, graphql } from "graphql";

const [prism, simulator] = process.argv.slice(2);
const examples = createRequire(join(process.cwd(), "package.json"))("@octokit/webhooks-examples");

const problems = [];
let answers = 0;

const owner = "acme";
const repo = "infra";
const full = `${owner}/${repo}`;
const here = { owner, repo };

/** The simulator's control API: what a person does on GitHub's pages. */
async function control(what, body = {}) {
  const response = await fetch(`${simulator}/_sim/github/${what}`, { method: "POST", body: JSON.stringify(body) });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${what}: ${answer.error}`);
  return answer;
}

/** Holds what Prism found against the call. */
function judge(options, response) {
  answers += 1;
  const call = `${options.method} ${options.url}`;
  const headers = response.headers;
  if (String(headers["content-type"]).includes("problem+json")) problems.push(`${call}: ${JSON.stringify(response.data)}`);
  for (const violation of JSON.parse(headers["sl-violations"] ?? "[]")) {
    problems.push(`${call} ${response.status} ${violation.location.join(".")}: ${violation.message}`);
  }
  for (const name of ["limit", "remaining", "reset", "used", "resource"]) {
    if (!headers[`x-ratelimit-${name}`]) problems.push(`${call}: no x-ratelimit-${name}`);
  }
}

function client(options) {
  const octokit = new Octokit({ baseUrl: prism, log: { debug() {}, info() {}, warn() {}, error() {} }, ...options });
  octokit.hook.after("request", (response, options) => judge(options, response));
  octokit.hook.error("request", (error, options) => {
    if (!error.response) throw error;
    judge(options, error.response);
    throw error;
  });
  return octokit;
}

function expect(what, found, wanted) {
  if (!isDeepStrictEqual(found, wanted)) problems.push(`${what}: ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
}

/** A call that must be refused with this status. */
async function refused(status, call) {
  try {
    await call;
    problems.push(`a call that should be refused with ${status} was not`);
  } catch (error) {
    if (error.status !== status) problems.push(`refused with ${error.status}, not ${status}: ${error.message}`);
    const { message, documentation_url } = error.response?.data ?? {};
    if (!message || !documentation_url) problems.push(`the refusal ${status} has no message or documentation_url`);
  }
}

// A person's clone, and the webhook's receiver.

const { path } = await control("repositories", { repository: full });
const { token: owned } = await control("tokens", {
  login: owner,
  permissions: Object.fromEntries(
    ["administration", "contents", "pull_requests", "issues", "statuses"].map((name) => [name, "write"]),
  ),
});
const clone = mkdtempSync(join(tmpdir(), "contract-"));
process.on("exit", () => rmSync(clone, { recursive: true }));
const git = (...words) => {
  const who = ["-c", "user.name=Ada", "-c", "user.email=1+ada@users.noreply.github.com"];
  return execFileSync("git", ["-C", clone, ...who, ...words], { encoding: "utf8", env: { PATH: process.env.PATH, HOME: clone } }).trim();
};
const remote = `${simulator.replace("http://", `http://x-access-token:${owned}@`)}/${full}.git`;
const commit = (branch, onto, file, content) => {
  if (onto) git("checkout", "-q", "-B", branch, onto);
  writeFileSync(join(clone, file), content);
  git("add", ".");
  git("commit", "-qm", `Change ${file}`);
  git("push", "-q", remote, `HEAD:refs/heads/${branch}`);
  return git("rev-parse", "HEAD");
};
git("init", "-q", "-b", "main");
const first = commit("main", undefined, "a.txt", "one\ntwo\nthree\n");

const received = [];
const receiver = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString();
  received.push({ event: request.headers["x-github-event"], body, signature: request.headers["x-hub-signature-256"] });
  response.writeHead(204).end();
});
await new Promise((ready) => receiver.listen(0, "127.0.0.1", ready));
const url = `http://127.0.0.1:${receiver.address().port}/webhooks/github`;
await control("webhooks", { repository: full, webhook: { url, secret: "hush", events: ["*"] } });

// The app, with a key that was never seen before.

const { publicKey, privateKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});
const granted = ["contents", "pull_requests", "issues", "statuses", "checks"].map((name) => [name, "write"]);
const permissions = Object.fromEntries([...granted, ["administration", "read"], ["metadata", "read"]]);
await control("apps", { id: 7, slug: "bowline", owner, public_key: publicKey, permissions });
const { id: installationId } = await control("installations", { app: 7, account: owner, repositories: [full] });
const asApp = client({ authStrategy: createAppAuth, auth: { appId: 7, privateKey } });
const bot = client({ authStrategy: createAppAuth, auth: { appId: 7, privateKey, installationId } });
const person = client({ auth: owned });

expect("the app", (await asApp.rest.apps.getAuthenticated()).data.slug, "bowline");
expect("its installations", (await asApp.rest.apps.listInstallations()).data.length, 1);
await asApp.rest.apps.getInstallation({ installation_id: installationId });
expect("the installation", (await asApp.rest.apps.getRepoInstallation(here)).data.id, installationId);
const narrowed = await asApp.rest.apps.createInstallationAccessToken({
  installation_id: installationId,
  repositories: [repo],
  permissions: { contents: "read" },
});
const reader = client({ auth: narrowed.data.token });
await refused(403, reader.rest.pulls.create({ ...here, title: "x", head: "x", base: "main" }));
await refused(401, client({ auth: "ghs_wrong", baseUrl: simulator }).rest.repos.get(here));
const forged = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" });
const forger = client({ authStrategy: createAppAuth, auth: { appId: 7, privateKey: forged }, baseUrl: simulator });
await refused(401, forger.rest.apps.getAuthenticated());

expect("the bot's repositories", (await bot.rest.apps.listReposAccessibleToInstallation()).data.total_count, 1);
expect("the person", (await person.rest.users.getAuthenticated()).data.login, owner);
expect("the limit", (await bot.rest.rateLimit.get()).data.rate.limit, 5000);
expect("the default branch", (await bot.rest.repos.get(here)).data.default_branch, "main");
await person.rest.repos.update({ ...here, allow_auto_merge: true });
await refused(404, bot.rest.repos.get({ owner, repo: "other" }));

// Objects and refs: a commit without a clone.

const { data: blob } = await bot.rest.git.createBlob({ ...here, content: "b\n", encoding: "utf-8" });
expect("a blob", Buffer.from((await bot.rest.git.getBlob({ ...here, file_sha: blob.sha })).data.content, "base64").toString(), "b\n");
const { data: tree } = await bot.rest.git.createTree({
  ...here,
  base_tree: first,
  tree: [{ path: "dir/b.txt", mode: "100644", type: "blob", sha: blob.sha }],
});
const { data: listed } = await bot.rest.git.getTree({ ...here, tree_sha: tree.sha, recursive: "1" });
expect("a tree", listed.tree.map((entry) => entry.path), ["a.txt", "dir", "dir/b.txt"]);
const { data: made } = await bot.rest.git.createCommit({ ...here, message: "Add b", tree: tree.sha, parents: [first] });
await bot.rest.git.getCommit({ ...here, commit_sha: made.sha });
await bot.rest.git.createRef({ ...here, ref: "refs/heads/bowline/web", sha: first });
await refused(422, bot.rest.git.createRef({ ...here, ref: "refs/heads/bowline/web", sha: first }));
await bot.rest.git.updateRef({ ...here, ref: "heads/bowline/web", sha: made.sha });
expect("a ref", (await bot.rest.git.getRef({ ...here, ref: "heads/bowline/web" })).data.object.sha, made.sha);
expect("refs", (await bot.rest.git.listMatchingRefs({ ...here, ref: "heads/bow" })).data.length, 1);
expect("branches", (await bot.rest.repos.listBranches(here)).data.length, 2);
expect("a branch", (await bot.rest.repos.getBranch({ ...here, branch: "bowline/web" })).data.commit.sha, made.sha);
const { data: compared } = await bot.rest.repos.compareCommitsWithBasehead({ ...here, basehead: "main...bowline/web" });
expect("a comparison", [compared.status, compared.ahead_by, compared.files[0].filename], ["ahead", 1, "dir/b.txt"]);
expect("history", (await bot.rest.repos.listCommits({ ...here, sha: "bowline/web" })).data.map((one) => one.sha), [made.sha, first]);
expect("a commit", (await bot.rest.repos.getCommit({ ...here, ref: "bowline/web" })).data.files.length, 1);

// A pull request from its opening to its merge.

const { data: opened } = await bot.rest.pulls.create({ ...here, title: "Add b", head: "bowline/web", base: "main", body: "Because." });
const pull_number = opened.number;
const issue_number = opened.number;
await refused(422, bot.rest.pulls.create({ ...here, title: "Add b", head: "bowline/web", base: "main" }));
expect("a list", (await bot.rest.pulls.list({ ...here, head: `${owner}:bowline/web`, state: "open" })).data.length, 1);
await bot.rest.pulls.update({ ...here, pull_number, title: "Add b.txt" });
expect("files", (await bot.rest.pulls.listFiles({ ...here, pull_number })).data[0].status, "added");
expect("commits", (await bot.rest.pulls.listCommits({ ...here, pull_number })).data.length, 1);
expect("of a commit", (await bot.rest.repos.listPullRequestsAssociatedWithCommit({ ...here, commit_sha: made.sha })).data[0].number, 1);
await bot.rest.issues.createLabel({ ...here, name: "rollback", color: "ff0000", description: "Made by a rollback" });
await bot.rest.issues.getLabel({ ...here, name: "rollback" });
expect("labels", (await bot.rest.issues.listLabelsForRepo(here)).data.length, 1);
expect("added", (await bot.rest.issues.addLabels({ ...here, issue_number, labels: ["rollback", "now"] })).data.length, 2);
expect("its labels", (await bot.rest.issues.listLabelsOnIssue({ ...here, issue_number })).data.length, 2);
expect("removed", (await bot.rest.issues.removeLabel({ ...here, issue_number, name: "now" })).data.length, 1);
const { data: comment } = await bot.rest.issues.createComment({ ...here, issue_number, body: "Evidence" });
await bot.rest.issues.updateComment({ ...here, comment_id: comment.id, body: "More evidence" });
expect("comments", (await bot.rest.issues.listComments({ ...here, issue_number })).data[0].body, "More evidence");
await bot.rest.issues.getComment({ ...here, comment_id: comment.id });
await bot.rest.issues.deleteComment({ ...here, comment_id: comment.id });
await bot.rest.pulls.requestReviewers({ ...here, pull_number, reviewers: ["grace", "linus"], team_reviewers: ["platform"] });
await bot.rest.pulls.removeRequestedReviewers({ ...here, pull_number, reviewers: ["linus"] });
expect("reviewers", (await bot.rest.pulls.listRequestedReviewers({ ...here, pull_number })).data.users[0].login, "grace");
await person.rest.pulls.createReview({ ...here, pull_number, event: "APPROVE" });
expect("reviews", (await bot.rest.pulls.listReviews({ ...here, pull_number })).data[0].state, "APPROVED");

const rules = { required_checks: ["ci", "bowline"], strict: true, required_approvals: 1, enforce_admins: true };
await control("protection", { repository: full, branch: "main", rules });
const { data: protection } = await bot.rest.repos.getBranchProtection({ ...here, branch: "main" });
expect("protection", protection.required_status_checks.contexts, ["ci", "bowline"]);
await bot.rest.repos.getStatusChecksProtection({ ...here, branch: "main" });
await bot.rest.repos.getBranchRules({ ...here, branch: "main" });
await refused(405, bot.rest.pulls.merge({ ...here, pull_number, sha: made.sha }));
await refused(409, bot.rest.pulls.merge({ ...here, pull_number, sha: first }));
await bot.rest.repos.createCommitStatus({ ...here, sha: made.sha, state: "success", context: "ci", description: "ok" });
expect("statuses", (await bot.rest.repos.listCommitStatusesForRef({ ...here, ref: "bowline/web" })).data.length, 1);
expect("together", (await bot.rest.repos.getCombinedStatusForRef({ ...here, ref: made.sha })).data.state, "success");
const { data: run } = await bot.rest.checks.create({ ...here, name: "bowline", head_sha: made.sha, status: "in_progress" });
const output = { title: "Plan", summary: "1 change" };
await bot.rest.checks.update({ ...here, check_run_id: run.id, conclusion: "success", output });
await bot.rest.checks.get({ ...here, check_run_id: run.id });
expect("runs", (await bot.rest.checks.listForRef({ ...here, ref: "bowline/web" })).data.check_runs[0].conclusion, "success");
await refused(403, client({ auth: owned, baseUrl: simulator }).rest.checks.create({ ...here, name: "x", head_sha: made.sha }));

await control("protection", { repository: full, branch: "main", rules: null });
const second = commit("main", "main", "d.txt", "d\n");
await control("protection", { repository: full, branch: "main", rules: { ...rules, required_checks: [] } });
await refused(405, bot.rest.pulls.merge({ ...here, pull_number }));
await bot.rest.pulls.updateBranch({ ...here, pull_number, expected_head_sha: made.sha });
await refused(404, bot.rest.pulls.checkIfMerged({ ...here, pull_number }));
const { data: current } = await bot.rest.pulls.get({ ...here, pull_number });
const { data: merged } = await bot.rest.pulls.merge({ ...here, pull_number, sha: current.head.sha, merge_method: "squash" });
await bot.rest.pulls.checkIfMerged({ ...here, pull_number });
await bot.rest.git.deleteRef({ ...here, ref: "heads/bowline/web" });
git("fetch", "-q", remote, "main");
expect("git's word on the merge", [git("rev-parse", "FETCH_HEAD"), git("rev-parse", "FETCH_HEAD^")], [merged.sha, second]);
expect("and on the repository's path", execFileSync("git", ["-C", path, "rev-parse", "main"], { encoding: "utf8" }).trim(), merged.sha);

// Auto-merge, by GraphQL; documents and answers are held against GitHub's schema.

// The package publishes it with two fields twice.
const types = buildSchema(schema.idl, { assumeValidSDL: true });
async function ask(source, variableValues) {
  for (const error of validate(source)) problems.push(`GraphQL: ${error.message}`);
  const octokit = client({ auth: owned, baseUrl: simulator });
  const data = await octokit.graphql(source, variableValues);
  answers += 1;
  // A value that the schema does not allow in its place is an error here, and a field that is missing is null.
  const checked = await graphql({ schema: types, source, rootValue: data, variableValues });
  for (const error of checked.errors ?? []) problems.push(`GraphQL: ${error.message} at ${error.path?.join(".")}`);
  expect("GraphQL", JSON.parse(JSON.stringify(checked.data)), data);
  return data;
}
const ACTOR = "{ __typename login url }";
const PULL = `{ __typename id fullDatabaseId number title body url state closed closedAt merged mergedAt isDraft mergeable
  mergeStateStatus reviewDecision headRefName headRefOid baseRefName baseRefOid createdAt updatedAt author ${ACTOR}
  mergedBy ${ACTOR} mergeCommit { oid url } autoMergeRequest { enabledAt enabledBy ${ACTOR} mergeMethod commitHeadline commitBody } }`;

await control("protection", { repository: full, branch: "main", rules: { required_checks: ["ci"] } });
const change = commit("auto", "FETCH_HEAD", "auto.txt", "1\n");
const auto = (await bot.rest.pulls.create({ ...here, title: "Auto", head: "auto", base: "main" })).data;
const query = `query($owner: String!, $name: String!, $number: Int!) { repository(owner: $owner, name: $name) { id name
  nameWithOwner url autoMergeAllowed mergeCommitAllowed squashMergeAllowed rebaseMergeAllowed deleteBranchOnMerge
  pullRequest(number: $number) ${PULL} } viewer { login url } rateLimit { limit remaining used resetAt cost } }`;
const found = await ask(query, { owner, name: repo, number: auto.number });
const id = found.repository.pullRequest.id;
expect("one id in both APIs", id, auto.node_id);
const enable = `mutation($id: ID!, $head: GitObjectID) { enablePullRequestAutoMerge(input: { pullRequestId: $id,
  expectedHeadOid: $head, mergeMethod: MERGE, clientMutationId: "1" }) { clientMutationId actor ${ACTOR} pullRequest ${PULL} } }`;
const disable = `mutation($id: ID!) { disablePullRequestAutoMerge(input: { pullRequestId: $id }) { clientMutationId
  actor ${ACTOR} pullRequest ${PULL} } }`;
await ask(enable, { id, head: change });
await ask(disable, { id });
await ask(enable, { id, head: change });
await ask(`query($id: ID!) { node(id: $id) { __typename ... on PullRequest { number autoMergeRequest { mergeMethod } } } }`, { id });
await bot.rest.pulls.get({ ...here, pull_number: auto.number });
await bot.rest.repos.createCommitStatus({ ...here, sha: change, state: "success", context: "ci" });
const done = (await ask(query, { owner, name: repo, number: auto.number })).repository.pullRequest;
expect("merged by itself", [done.state, done.mergedBy.login], ["MERGED", owner]);
git("fetch", "-q", remote, "main");
expect("git's word", git("log", "-1", "--format=%H %P", "FETCH_HEAD"), `${done.mergeCommit.oid} ${merged.sha} ${change}`);
expect("its merge base", git("merge-base", "FETCH_HEAD", change), change);

// A name that is no longer its name: GitHub's client follows.

await control("rename", { repository: full, name: "desired-state" });
expect("a redirect", (await client({ auth: owned, baseUrl: simulator }).rest.repos.get(here)).data.name, "desired-state");

// What the hooks were told.

const known = new Map();
for (const { name, examples: own } of examples) {
  for (const example of own) {
    const key = `${name} ${example.action ?? ""}`;
    known.set(key, [...(known.get(key) ?? []), example]);
  }
}
const kind = (value) => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value);

/** What all examples of an event have and ours has not, or of another kind. */
function compare(ours, theirs, place) {
  const objects = theirs.filter((value) => kind(value) === "object");
  if (kind(ours) === "array") {
    const items = theirs.filter(Array.isArray).flat();
    if (ours.length > 0 && items.length > 0) compare(ours[0], items, `${place}[0]`);
    return;
  }
  if (kind(ours) !== "object" || objects.length === 0) {
    const kinds = theirs.map(kind);
    const fits = kind(ours) === "null" || kinds.includes(kind(ours)) || kinds.every((other) => other === "null");
    if (!fits) problems.push(`${place} is ${kind(ours)}, not ${[...new Set(kinds)].join(" or ")}`);
    return;
  }
  // Hooks of an app and of an organization have these, and a team is asked instead of a person.
  const others = ["installation", "organization", ...(ours.requested_team ? ["requested_reviewer"] : [])];
  for (const field of Object.keys(objects[0]).filter((field) => !others.includes(field))) {
    const values = objects.map((value) => value[field]);
    if (values.includes(undefined)) continue;
    if (ours[field] === undefined) problems.push(`${place} has no ${field}`);
    else compare(ours[field], values, `${place}.${field}`);
  }
}

const { deliveries } = await control("deliveries", { repository: `${owner}/desired-state` });
const events = new Set();
for (const sent of deliveries) {
  while (received.length === 0) await new Promise((again) => setImmediate(again));
  const { event, body, signature } = received.shift();
  if (event !== sent.event || body !== sent.payload) problems.push(`${sent.event} ${sent.guid} came as ${event}`);
  if (!(await verify("hush", body, signature))) problems.push(`${event}: the signature is wrong`);
  if (await verify("hush", `${body} `, signature)) problems.push(`${event}: any signature will do`);
  const key = `${event} ${sent.action ?? ""}`;
  events.add(key);
  if (known.has(key)) compare(JSON.parse(body), known.get(key), key.trim());
}
receiver.close();

const { operations } = await control("operations");
const { calls } = await (await fetch(`${simulator}/_sim/calls`)).json();
const succeeded = new Set(calls.filter((call) => call.status >= 200 && call.status < 300).map((call) => call.operation));
for (const operation of operations) if (!succeeded.has(operation)) problems.push(`${operation} was not called`);

const distinct = new Set(problems);
for (const problem of distinct) console.log(problem);
console.log(`${answers} answers, ${operations.length} operations, ${events.size} kinds of events, ${distinct.size} problems`);
process.exit(distinct.size === 0 ? 0 : 1);
