//! YAML text in, one [`Node`] a document out. Bounded in every direction: a hostile file costs no more than a large one.
//!
//! Built on the events of granit-parser (the parser inside serde-saphyr), because a serde deserializer stops at the first
//! duplicate key, hides whether a scalar was quoted, and cannot go on after a broken document.

use std::borrow::Cow;
use std::collections::BTreeMap;

use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, Span, StrInput, Tag};

use super::node::{Entry, Node, Position, Tree};

/// How deep values may be nested. The deepest kind needs 6.
const MAX_DEPTH: usize = 64;
/// How many documents a file may have.
const MAX_DOCUMENTS: usize = 1_000;
/// How many values a file may have once its aliases are expanded. A file of the largest size with two bytes a value and
/// no alias stays below.
const MAX_VALUES: usize = 600_000;
/// How many values all anchors of a file may mark, and all its aliases expand to, together.
const MAX_COPIED_VALUES: usize = 20_000;

/// What was read from one file.
pub(super) struct Stream {
    /// The documents that could be read, empty ones left out.
    pub(super) documents: Vec<Node>,
    /// What is wrong with the text itself.
    pub(super) errors: Vec<SyntaxError>,
}

/// Text that is not YAML, or YAML beyond the limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) at: Position,
    pub(super) message: String,
    pub(super) hint: Option<&'static str>,
}

/// Reads every document of the text; a broken one does not hide the others.
pub(super) fn read(text: &str) -> Stream {
    let options = granit_parser::options! {
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut stream = Stream { documents: Vec::new(), errors: Vec::new() };
    let mut budget = Budget::default();
    // Broken and empty documents count too: each may cost a finding.
    for count in 0.. {
        let at = match next_document(&mut parser, &mut budget) {
            Ok(None) => break,
            Ok(Some(node)) => {
                let at = node.at;
                if count < MAX_DOCUMENTS && !node.is_null() {
                    stream.documents.push(node);
                }
                at
            }
            Err(Failure::Budget(error)) => {
                stream.errors.push(error);
                break;
            }
            Err(Failure::Document(error)) => {
                let at = error.at;
                stream.errors.push(error);
                if !parser.proceed_next_document().unwrap_or(false) {
                    break;
                }
                at
            }
        };
        if count == MAX_DOCUMENTS {
            stream.errors.push(SyntaxError {
                at,
                message: format!("the file has more than {MAX_DOCUMENTS} documents"),
                hint: Some("split it into several files"),
            });
            break;
        }
    }
    stream
}

/// Counts over the whole file.
#[derive(Default)]
struct Budget {
    values: usize,
    copied: usize,
}

impl Budget {
    /// Notes that `count` values were copied for an anchor or an alias.
    fn copy(&mut self, count: usize, at: Position) -> Result<(), Failure> {
        self.copied += count;
        if self.copied <= MAX_COPIED_VALUES {
            return Ok(());
        }
        Err(Failure::Budget(SyntaxError {
            at,
            message: format!(
                "the anchors and aliases of this file stand for more than {MAX_COPIED_VALUES} values"
            ),
            hint: Some("write the values out, or split the file"),
        }))
    }
}

/// Why a document could not be read.
enum Failure {
    /// This document only.
    Document(SyntaxError),
    /// The file as a whole is too much: reading on would cost more.
    Budget(SyntaxError),
}

/// A collection that is still open.
enum Open {
    List(Node, usize),
    /// The mapping, its anchor, and the key whose value comes next.
    Map(Node, usize, Option<(String, Position)>),
}

/// The next document's tree, or nothing at the end of the stream.
fn next_document<'input>(
    parser: &mut Parser<'input, StrInput<'input>>,
    budget: &mut Budget,
) -> Result<Option<Node>, Failure> {
    let mut builder = Builder { open: Vec::new(), anchors: BTreeMap::new(), root: None, budget };
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| {
            let at = position(*error.marker());
            Failure::Document(match error.kind() {
                ErrorKind::RecursionLimitExceeded => too_deep(at),
                _ => SyntaxError { at, message: format!("this is not YAML: {}", error.info()), hint: None },
            })
        })?;
        match event {
            Event::StreamEnd => return Ok(None),
            Event::DocumentEnd => {
                let empty = || Node { at: position(span.start), tree: Tree::Plain(String::new()) };
                return Ok(Some(builder.root.take().unwrap_or_else(empty)));
            }
            event => builder.take(event, span)?,
        }
    }
    Ok(None)
}

struct Builder<'budget> {
    open: Vec<Open>,
    /// Finished values that have an anchor, with how many values they hold.
    anchors: BTreeMap<usize, (Node, usize)>,
    root: Option<Node>,
    budget: &'budget mut Budget,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Failure> {
        let at = position(span.start);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tree = scalar(text, style, tag.as_deref(), at)?;
                self.finish(Node { at, tree }, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                refuse_tag(tag.as_deref(), "seq", at)?;
                self.begin(Open::List(Node { at, tree: Tree::List(Vec::new()) }, anchor), at)
            }
            Event::MappingStart(_, anchor, tag) => {
                refuse_tag(tag.as_deref(), "map", at)?;
                self.begin(Open::Map(Node { at, tree: Tree::Map(Vec::new()) }, anchor, None), at)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(node, anchor) | Open::Map(node, anchor, _)) => self.finish(node, anchor),
                None => Ok(()),
            },
            Event::Alias(anchor) => self.alias(anchor, at),
            _ => Ok(()),
        }
    }

    fn begin(&mut self, open: Open, at: Position) -> Result<(), Failure> {
        if self.open.len() == MAX_DEPTH {
            return Err(Failure::Document(too_deep(at)));
        }
        self.open.push(open);
        Ok(())
    }

    fn alias(&mut self, anchor: usize, at: Position) -> Result<(), Failure> {
        let Some((node, size)) = self.anchors.get(&anchor) else {
            return Err(Failure::Document(SyntaxError {
                at,
                message: "this alias stands inside the value that it refers to".to_owned(),
                hint: None,
            }));
        };
        self.budget.copy(*size, at)?;
        let mut node = node.clone();
        node.at = at;
        self.finish(node, 0)
    }

    /// Puts a finished value where it belongs.
    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), Failure> {
        self.budget.values += 1;
        if self.budget.values > MAX_VALUES {
            return Err(Failure::Budget(SyntaxError {
                at: node.at,
                message: format!("the file holds more than {MAX_VALUES} values"),
                hint: Some("split it into several files"),
            }));
        }
        if anchor != 0 {
            let size = size(&node);
            self.budget.copy(size, node.at)?;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List(list, _)) => {
                if let Tree::List(items) = &mut list.tree {
                    items.push(node);
                }
            }
            Some(Open::Map(map, _, pending)) => match pending.take() {
                None => *pending = Some(key(node)?),
                Some((key, at)) => {
                    if let Tree::Map(entries) = &mut map.tree {
                        entries.push(Entry { key, at, value: node });
                    }
                }
            },
        }
        Ok(())
    }
}

fn key(node: Node) -> Result<(String, Position), Failure> {
    match node.tree {
        Tree::Plain(text) | Tree::Text(text) => Ok((text, node.at)),
        Tree::List(_) | Tree::Map(_) => Err(Failure::Document(SyntaxError {
            at: node.at,
            message: "a list or mapping cannot be the name of a field".to_owned(),
            hint: Some("text with `{{ }}` or starting with `[` or `{` needs quotes"),
        })),
    }
}

fn scalar(text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>, at: Position) -> Result<Tree, Failure> {
    let text = text.into_owned();
    // `!` alone and `!!str` say "text, whatever it looks like"; every other tag would change what the text means.
    let forced = tag.is_some_and(|tag| tag.is_yaml_core_schema_tag("str") || tag.original() == "!");
    if !forced {
        refuse_tag(tag, "", at)?;
    }
    Ok(if forced || style != ScalarStyle::Plain { Tree::Text(text) } else { Tree::Plain(text) })
}

fn refuse_tag(tag: Option<&Tag>, allowed: &str, at: Position) -> Result<(), Failure> {
    match tag {
        Some(tag) if !tag.is_yaml_core_schema_tag(allowed) => Err(Failure::Document(SyntaxError {
            at,
            // Not named: a value that begins with `!` and is not in quotes reads as a tag, too.
            message: "this YAML tag is not supported".to_owned(),
            hint: Some("remove the tag; quote the value if it is text"),
        })),
        _ => Ok(()),
    }
}

fn too_deep(at: Position) -> SyntaxError {
    SyntaxError { at, message: format!("values are nested more than {MAX_DEPTH} deep"), hint: None }
}

fn size(node: &Node) -> usize {
    1 + match &node.tree {
        Tree::List(items) => items.iter().map(size).sum::<usize>(),
        Tree::Map(entries) => entries.iter().map(|entry| size(&entry.value)).sum(),
        Tree::Plain(_) | Tree::Text(_) => 0,
    }
}

fn position(marker: Marker) -> Position {
    Position { line: marker.line(), column: marker.col() + 1 }
}
