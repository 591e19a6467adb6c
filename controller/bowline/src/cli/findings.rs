//! Findings as miette draws them: place, the line itself, what was found, what to do, where else to look.

use std::fmt;
use std::io::IsTerminal;

use bowline_core::desired::{Finding, FindingCode, Severity};
use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents,
    SourceCode, SourceSpan, SpanContents,
};

/// All findings as text, most severe first, then by place.
pub(super) fn render(findings: &[Finding]) -> String {
    let terminal = std::io::stdout().is_terminal();
    let theme = if terminal { GraphicalTheme::unicode() } else { GraphicalTheme::none() };
    // A message that is cut into lines cannot be searched for, so only a terminal gets that.
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(110)
        .with_wrap_lines(terminal)
        .with_context_lines(0);
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| (finding.severity, &finding.location, &finding.message));
    let mut text = String::new();
    for finding in sorted {
        let report = Report::new(finding);
        if handler.render_report(&mut text, &report).is_err() {
            text.push_str(&report.to_string());
        }
        text.push('\n');
    }
    text
}

/// The errors among the findings in full, the warnings by their number: what a verb shows whose subject is something else. Also in full
/// is what no file of the repository shows.
pub(super) fn render_errors(findings: &[Finding]) -> String {
    let in_full = |finding: &Finding| {
        finding.severity == Severity::Error || finding.code == FindingCode::RepositoryRenamed
    };
    let (errors, warnings): (Vec<Finding>, Vec<Finding>) = findings.iter().cloned().partition(in_full);
    let mut text = render(&errors);
    if !warnings.is_empty() {
        text.push_str(&word(warnings.len(), "warning"));
        text.push_str(" in the desired state; `bowline validate` shows them\n\n");
    }
    text
}

/// `2 errors, 1 warning`.
pub(super) fn count(findings: &[Finding]) -> String {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let warnings = findings.len() - errors;
    format!("{}, {}", word(errors, "error"), word(warnings, "warning"))
}

fn word(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// One finding as miette's diagnostic.
#[derive(Debug)]
struct Report<'a> {
    finding: &'a Finding,
    line: Option<Line<'a>>,
    help: Option<String>,
}

/// The one line of the file that is shown, with its true line number.
#[derive(Debug)]
struct Line<'a> {
    text: &'a str,
    number: usize,
    /// The column that the head of the drawing shows, from 0.
    column: usize,
    path: String,
}

impl<'a> Report<'a> {
    fn new(finding: &'a Finding) -> Self {
        let place = &finding.location;
        let snippet = finding.snippet.as_deref().filter(|_| place.line > 0);
        let line = snippet.map(|text| Line {
            text,
            number: place.line,
            column: place.column.saturating_sub(1),
            path: place.path.clone(),
        });
        let mut help: Vec<String> = finding.hint.iter().cloned().collect();
        for (related, label) in &finding.related {
            help.push(format!("{label}: {}", at(&related.path, related.line, related.column)));
        }
        Self { finding, line, help: (!help.is_empty()).then(|| help.join("\n")) }
    }

    /// The marked part of the line: from the column to the end of the word or value there.
    fn span(&self) -> Option<(usize, usize)> {
        let line = self.line.as_ref()?;
        let column = self.finding.location.column.checked_sub(1)?;
        let start = line.text.char_indices().nth(column).map_or(line.text.len(), |(at, _)| at);
        let rest = &line.text[start..];
        let length = rest.find([':', ',', ' ', '\t', '}', ']']).unwrap_or(rest.len());
        Some((start, length))
    }
}

/// `file:line:column`, without the parts that are not known.
pub(super) fn at(path: &str, line: usize, column: usize) -> String {
    match (line, column) {
        (0, _) => path.to_owned(),
        (line, 0) => format!("{path}:{line}"),
        (line, column) => format!("{path}:{line}:{column}"),
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = &self.finding.location;
        write!(formatter, "{}: {}", at(&place.path, place.line, place.column), self.finding.message)
    }
}

impl std::error::Error for Report<'_> {}

impl Diagnostic for Report<'_> {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.finding.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help(&self) -> Option<Box<dyn fmt::Display + '_>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.line.as_ref().map(|line| line as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (start, length) = self.span()?;
        Some(Box::new(std::iter::once(LabeledSpan::new_primary_with_span(None, (start, length)))))
    }
}

impl SourceCode for Line<'_> {
    fn read_span<'a>(
        &'a self,
        _: &SourceSpan,
        _: usize,
        _: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        Ok(Box::new(MietteSpanContents::new_named(
            self.path.clone(),
            self.text.as_bytes(),
            (0, self.text.len()).into(),
            self.number - 1,
            self.column,
            1,
        )))
    }
}
