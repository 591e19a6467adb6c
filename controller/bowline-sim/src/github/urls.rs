//! The addresses in answers: they lead back to the simulator, under the base that the caller used.

use git2::Oid;

/// Where the caller found us.
#[derive(Debug, Clone)]
pub(super) struct Urls {
    /// `http://127.0.0.1:4580`
    pub(super) web: String,
    /// The same, or `http://127.0.0.1:4580/api/v3`.
    pub(super) api: String,
    /// The path of this call.
    pub(super) path: String,
}

impl Urls {
    /// The address of a repository in the API.
    pub(super) fn repository(&self, full_name: &str) -> String {
        format!("{}/repos/{full_name}", self.api)
    }

    /// The address of a commit in the API.
    pub(super) fn commit(&self, full_name: &str, id: Oid) -> String {
        format!("{}/repos/{full_name}/commits/{id}", self.api)
    }

    /// The address of a pull request for people.
    pub(super) fn pull(&self, full_name: &str, number: u64) -> String {
        format!("{}/{full_name}/pull/{number}", self.web)
    }

    /// This call's address, asking for another page.
    pub(super) fn page(&self, query: &[(String, String)], page: usize) -> String {
        let kept = query.iter().filter(|(name, _)| name != "page");
        let fields: Vec<String> = kept
            .map(|(name, value)| format!("{name}={}", encode(value)))
            .chain([format!("page={page}")])
            .collect();
        format!("{}{}?{}", self.api, self.path, fields.join("&"))
    }
}

/// Percent-encodes what may not stand in a query or a path segment.
pub(super) fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
