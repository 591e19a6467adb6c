//! The merge: built-in values, the file, then each layer of texts.

use std::collections::BTreeMap;
use std::path::Path;

use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::file::{Settings, SourceSettings};
use super::{Config, ConfigError, Place};

/// The environment variables that are read, with the field that each one sets.
pub const VARIABLES: &[(&str, &str)] = &[
    ("BOWLINE_REPO", "repo"),
    ("BOWLINE_REF", "ref"),
    ("BOWLINE_PATH", "path"),
    ("BOWLINE_INSTANCE", "instance"),
    ("BOWLINE_MODE", "ceiling.mode"),
    ("BOWLINE_GIT_DELIVERY", "git.delivery"),
    ("BOWLINE_STORE", "store"),
    ("BOWLINE_LISTEN", "listen"),
    ("BOWLINE_LOG_FORMAT", "log.format"),
    ("BOWLINE_ENDPOINT_URL", "aws.endpointUrl"),
    ("BOWLINE_INTERVAL_GIT", "intervals.git"),
    ("BOWLINE_INTERVAL_LIVE", "intervals.live"),
    ("BOWLINE_INTERVAL_SECRETS", "intervals.secrets"),
    ("BOWLINE_INTERVAL_STATES", "intervals.states"),
    ("BOWLINE_TIME_SCALE", "timeScale"),
];

/// The three fields that belong to the one source and have no path of their own in the file.
const OF_SOURCE: [&str; 3] = ["repo", "ref", "path"];

/// Texts that override the file, by field: one layer is the environment, another the flags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layer {
    values: BTreeMap<&'static str, (String, String)>,
}

impl Layer {
    /// The layer of the environment; `get` looks a variable up. An empty variable counts as not set.
    pub fn environment(get: impl Fn(&str) -> Option<String>) -> Self {
        let mut layer = Self::default();
        for (variable, field) in VARIABLES {
            layer = layer.with(field, variable, get(variable).filter(|value| !value.is_empty()));
        }
        layer
    }

    /// Sets `field` (a path as in [`VARIABLES`]) if there is a value; `origin` names it in errors.
    #[must_use]
    pub fn with(mut self, field: &'static str, origin: &str, value: Option<String>) -> Self {
        if let Some(value) = value {
            self.values.insert(field, (origin.to_owned(), value));
        }
        self
    }

    fn text(&self, field: &str) -> Option<&str> {
        self.values.get(field).map(|(_, value)| value.as_str())
    }
}

/// One text as a figment provider, so that an error names the variable or flag it came from.
struct Text<'a> {
    field: &'a str,
    origin: &'a str,
    value: &'a str,
}

impl Provider for Text<'_> {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.to_owned())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        // Only the scale is a number; everything else is text, so that a branch named `123` stays one.
        let value = match (self.field, self.value.parse::<f64>()) {
            ("timeScale", Ok(number)) => Value::from(number),
            _ => Value::from(self.value),
        };
        let nested = figment::util::nest(self.field, value);
        Ok(Profile::Default.collect(nested.into_dict().unwrap_or_default()))
    }
}

pub(super) fn merge(path: Option<&Path>, text: &str, layers: &[Layer]) -> Result<Config, ConfigError> {
    let written = read(path, text)?;
    let mut figment = Figment::from(figment::providers::Serialized::defaults(Settings::default()));
    figment = figment.merge(figment::providers::Serialized::defaults(written));
    for layer in layers {
        for (field, (origin, value)) in &layer.values {
            if !OF_SOURCE.contains(field) {
                figment = figment.merge(Text { field, origin, value });
            }
        }
    }
    let settings: Settings = figment.extract().map_err(|error| value_error(&error))?;
    if !(settings.time_scale.is_finite() && settings.time_scale > 0.0) {
        return Err(ConfigError::Value {
            origin: "timeScale".to_owned(),
            message: format!("{} is not a factor above 0", settings.time_scale),
        });
    }
    for (origin, text) in [("git.name", &settings.git.name), ("git.email", &settings.git.email)] {
        if text.trim().is_empty() || text.contains(|c: char| c.is_control() || matches!(c, '<' | '>')) {
            let message = "a commit needs text without < and > here".to_owned();
            return Err(ConfigError::Value { origin: origin.to_owned(), message });
        }
    }
    if let Some(message) = settings.github.as_ref().and_then(|github| github.problem(settings.listen)) {
        let path = path.unwrap_or(Path::new("bowline.yaml")).to_owned();
        return Err(ConfigError::Conflict { path, message });
    }
    let source = source(settings.sources, path, layers)?;
    if settings.github.is_none() && source.as_ref().is_some_and(|source| source.auth.github) {
        let message = "`auth.github` takes the token of the section `github`: add it".to_owned();
        return Err(ConfigError::Conflict {
            path: path.unwrap_or(Path::new("bowline.yaml")).to_owned(),
            message,
        });
    }
    Ok(Config {
        instance: settings.instance,
        source,
        ceiling: settings.ceiling,
        git: settings.git,
        github: settings.github,
        intervals: settings.intervals,
        store: settings.store.filter(|store| store.as_os_str() != ":memory:"),
        listen: settings.listen,
        log_format: settings.log.format,
        endpoint_url: settings.aws.endpoint_url,
        time_scale: settings.time_scale,
        file: path.map(Path::to_owned),
    })
}

/// Parses the file strictly: an unknown field or a wrong value is an error with its place.
fn read(path: Option<&Path>, text: &str) -> Result<Settings, ConfigError> {
    let Some(path) = path else { return Ok(Settings::default()) };
    let mut settings = match serde_saphyr::from_str::<Option<Settings>>(text) {
        Ok(settings) => settings.unwrap_or_default(),
        Err(error) => return Err(file_error(path, &error)),
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let store = settings.store.take().unwrap_or_else(|| super::DEFAULT_STORE.into());
    settings.store = Some(if store.as_os_str() == ":memory:" { store } else { folder.join(store) });
    settings.git.signing_key.iter_mut().for_each(|key| *key = folder.join(&*key));
    settings.github.iter_mut().for_each(|github| github.relative_to(folder));
    for source in &mut settings.sources {
        source.auth.relative_to(folder);
        if !source.repo.contains(':') {
            source.repo = folder.join(&source.repo).to_string_lossy().into_owned();
        }
    }
    Ok(settings)
}

fn file_error(path: &Path, error: &serde_saphyr::Error) -> ConfigError {
    let at = error.location().map(|location| (location.line(), location.column()));
    let message = error.without_snippet().render_with_formatter(&serde_saphyr::UserMessageFormatter);
    // The place stands before the message, so its own copy of it goes.
    let message = message.split(" at line ").next().unwrap_or_default().trim();
    let message = explained(message.strip_prefix("error: ").unwrap_or(message).to_owned());
    ConfigError::File { place: Place { path: path.to_owned(), at }, message }
}

fn value_error(error: &figment::Error) -> ConfigError {
    let origin = error.metadata.as_ref().map_or("configuration", |metadata| &*metadata.name).to_owned();
    ConfigError::Value { origin, message: explained(error.kind.to_string()) }
}

/// The standard library's words for an address do not say what one looks like.
fn explained(message: String) -> String {
    if message.contains("invalid socket address") {
        return "an address and a port are needed, such as 127.0.0.1:7474".to_owned();
    }
    message
}

/// The one source: that of the file, with `repo`, `ref` and `path` of the layers over it.
fn source(
    written: Vec<SourceSettings>,
    path: Option<&Path>,
    layers: &[Layer],
) -> Result<Option<SourceSettings>, ConfigError> {
    let conflict = |message: String| ConfigError::Conflict {
        path: path.unwrap_or(Path::new("flags")).to_owned(),
        message,
    };
    if written.len() > 1 {
        return Err(conflict(format!(
            "`sources` has {} entries; this version reads exactly one repository: keep one, and run one Bowline for each",
            written.len()
        )));
    }
    let mut source = written.into_iter().next();
    for layer in layers {
        if let Some(repo) = layer.text("repo") {
            // Another repository has another branch, folder and credentials: nothing of the old one may leak into it.
            if source.as_ref().is_none_or(|source| source.repo != repo) {
                source = Some(SourceSettings { repo: repo.to_owned(), ..SourceSettings::default() });
            }
        }
        if let Some(source) = &mut source {
            if let Some(reference) = layer.text("ref") {
                source.reference = Some(reference.to_owned());
            }
            if let Some(path) = layer.text("path") {
                path.clone_into(&mut source.path);
            }
        }
    }
    if let Some(source) = &source {
        let given = source.auth.given();
        if given.len() > 1 {
            return Err(conflict(format!("`auth` has {}: keep one of them", given.join(" and "))));
        }
    }
    Ok(source)
}
