// Cuts GitHub's own OpenAPI description down to what a controller calls: openapi.mjs FOLDER
//
// FOLDER holds node_modules; openapi.json is written there. Prism matches `{ref}` against one path segment only, but refs and
// branches have slashes: such paths are there several times, with one parameter for each segment.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2];
const source = join(folder, "node_modules/@octokit/openapi/generated/api.github.com.json");
const whole = JSON.parse(readFileSync(source, "utf8"));

const repository = `
  /installation /branches /branches/{branch} /branches/{branch}/protection
  /branches/{branch}/protection/required_status_checks /rules/branches/{branch}
  /git/ref/{ref} /git/matching-refs/{ref} /git/refs /git/refs/{ref} /git/commits /git/commits/{commit_sha} /git/trees
  /git/trees/{tree_sha} /git/blobs /git/blobs/{file_sha}
  /commits /commits/{ref} /commits/{commit_sha}/pulls /compare/{basehead}
  /pulls /pulls/{pull_number} /pulls/{pull_number}/files /pulls/{pull_number}/commits /pulls/{pull_number}/merge
  /pulls/{pull_number}/update-branch /pulls/{pull_number}/requested_reviewers /pulls/{pull_number}/reviews
  /issues/{issue_number}/comments /issues/comments/{comment_id} /issues/{issue_number}/labels
  /issues/{issue_number}/labels/{name} /labels /labels/{name}
  /statuses/{sha} /commits/{ref}/statuses /commits/{ref}/status
  /check-runs /check-runs/{check_run_id} /commits/{ref}/check-runs`;
const others = `/app /app/installations /app/installations/{installation_id}
  /app/installations/{installation_id}/access_tokens /installation/repositories /user /rate_limit /repos/{owner}/{repo}`;
const words = (text) => text.split(/\s+/).filter(Boolean);
const kept = [...words(others), ...words(repository).map((path) => `/repos/{owner}/{repo}${path}`)];

const paths = {};
for (const path of kept) {
  if (!whole.paths[path]) throw new Error(`GitHub's description has no ${path}`);
  paths[path] = structuredClone(whole.paths[path]);
}

// Of the account of a listed installation it asks to be a user and an enterprise at once; alone it may be either.
const listed = paths["/app/installations"].get.responses["200"].content["application/json"].schema;
listed.items = { $ref: "#/components/schemas/installation" };

const SEGMENTS = { ref: 4, branch: 3, basehead: 3 };
for (const path of kept) {
  for (const [name, most] of Object.entries(SEGMENTS)) {
    if (path.includes(`{${name}}`)) for (let count = 2; count <= most; count++) widen(path, name, count);
  }
}

function widen(path, name, count) {
  const names = Array.from({ length: count }, (_, index) => `${name}${index}`);
  const item = structuredClone(paths[path]);
  for (const operation of Object.values(item)) {
    if (operation.operationId) operation.operationId += `/${count}`;
    operation.parameters = (operation.parameters ?? []).flatMap((parameter) => {
      const known = parameter.$ref ? whole.components.parameters[parameter.$ref.split("/").at(-1)] : parameter;
      if (known.in !== "path" || known.name !== name) return [parameter];
      return names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } }));
    });
  }
  paths[path.replace(`{${name}}`, names.map((name) => `{${name}}`).join("/"))] = item;
}

// Only the components that can be reached from there: Prism reads all of them as it starts.
const components = {};
const found = [paths];
while (found.length > 0) {
  const value = found.pop();
  if (value === null || typeof value !== "object") continue;
  for (const [key, inner] of Object.entries(value)) {
    const reference = key === "$ref" && typeof inner === "string" && inner.startsWith("#/components/");
    if (!reference) {
      found.push(inner);
      continue;
    }
    const [kind, name] = inner.split("/").slice(2);
    components[kind] ??= {};
    if (components[kind][name]) continue;
    components[kind][name] = whole.components[kind][name];
    found.push(components[kind][name]);
  }
}

const { openapi, info } = whole;
const cut = { openapi, info, servers: [{ url: "/" }], paths, components };
writeFileSync(join(folder, "openapi.json"), JSON.stringify(cut));
