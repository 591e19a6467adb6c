//! Standard output and standard error: text with colours that a pipe does not see, or one JSON document.

use std::io::Write;

use owo_colors::OwoColorize;
use serde::Serialize;
use serde_json::{Map, Value};

use super::FAILED;
use super::args::Format;

/// Where results go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    pub(super) format: Format,
}

impl Output {
    pub(super) fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// Writes the result: `document` as JSON, or what `text` makes.
    pub(super) fn result(
        self,
        document: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        match self.format {
            Format::Json => write_out(&(serde_json::to_string_pretty(document)? + "\n")),
            Format::Text => write_out(&text()),
        }
        Ok(())
    }

    /// Writes an error and gives its exit code.
    pub(super) fn error(self, error: &anyhow::Error) -> u8 {
        let causes: Vec<String> = error.chain().skip(1).map(ToString::to_string).collect();
        match self.format {
            Format::Json => {
                let mut body = Map::new();
                body.insert("message".to_owned(), Value::from(error.to_string()));
                body.insert("causes".to_owned(), Value::from(causes));
                body.insert("exitCode".to_owned(), Value::from(FAILED));
                write_out(&format!("{:#}\n", serde_json::json!({ "error": body })));
            }
            Format::Text => {
                let mut text = format!("{} {error}\n", "error:".red().bold());
                for cause in causes {
                    text = format!("{text}  caused by: {cause}\n");
                }
                tell(&text);
            }
        }
        FAILED
    }
}

/// Writes to standard output. A reader that went away (`| head`) is no error.
pub(super) fn write_out(text: &str) {
    let mut stream = anstream::stdout();
    let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
}

/// Writes to standard error.
pub(super) fn tell(text: &str) {
    let _ = anstream::stderr().write_all(text.as_bytes());
}
