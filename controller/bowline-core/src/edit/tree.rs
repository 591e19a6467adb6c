//! One document with the place of every field.

use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle};

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// The bytes of the value, without anchor and tag. Empty, at the end of its key, where nothing is written.
    pub(super) span: Range<usize>,
    pub(super) shape: Shape,
}

/// How a value is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    /// After `|` or `>`: its bytes end at the start of a line.
    Block,
    Alias,
    List,
    Map(Mapping),
}

/// The fields of a mapping, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mapping {
    /// Whether it is written between braces.
    pub(super) flow: bool,
    pub(super) fields: Vec<Field>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) key: Range<usize>,
    pub(super) value: Item,
}

impl Mapping {
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }
}

impl Field {
    /// Where its value may be written: behind the colon. None where there is no colon (`{a, b}`).
    pub(super) fn after_colon(&self, text: &str) -> Option<usize> {
        let rest = text.get(self.key.end..)?;
        let colon = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        rest[colon..].starts_with(':').then_some(self.key.end + colon + 1)
    }

    /// The end of what is written of it.
    pub(super) fn end(&self, text: &str) -> usize {
        if self.value.span.is_empty() {
            self.after_colon(text).unwrap_or(self.key.end)
        } else {
            self.value.span.end
        }
    }
}

/// A collection that is still open.
struct Open {
    start: usize,
    /// None for a list.
    map: Option<Mapping>,
    flow: bool,
    /// The key whose value comes next.
    pending: Option<(String, Range<usize>)>,
    end: usize,
}

/// Reads the first document of `text`, which is known to be readable; none if it is empty.
pub(super) fn read(text: &str) -> Option<Item> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let offset = text.len() - body.len();
    let mut open: Vec<Open> = Vec::new();
    let mut parser = Parser::new_from_str(body);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.ok()?;
        let bytes = bytes(span, offset)?;
        let item = match event {
            Event::MappingStart(style, ..) => {
                let flow = style == StructureStyle::Flow;
                let map = Some(Mapping { flow, fields: Vec::new() });
                open.push(Open { start: bytes.start, map, flow, pending: None, end: bytes.end });
                continue;
            }
            Event::SequenceStart(style, ..) => {
                let flow = style == StructureStyle::Flow;
                open.push(Open { start: bytes.start, map: None, flow, pending: None, end: bytes.end });
                continue;
            }
            Event::MappingEnd | Event::SequenceEnd => {
                let Open { start, map, flow, end, .. } = open.pop()?;
                // A block has no sign at its end: it ends with its last value.
                let end = if flow { bytes.end } else { end };
                Item { span: start..end, shape: map.map_or(Shape::List, Shape::Map) }
            }
            Event::Alias(_) => Item { span: bytes, shape: Shape::Alias },
            Event::Scalar(value, style, ..) => {
                let item = scalar(text, bytes, style);
                if let Some(Open { map: Some(_), pending: pending @ None, .. }) = open.last_mut() {
                    *pending = Some((value.into_owned(), item.span));
                    continue;
                }
                item
            }
            _ => continue,
        };
        let Some(parent) = open.last_mut() else { return Some(item) };
        let end = match (&mut parent.map, parent.pending.take()) {
            (Some(map), Some((name, key))) => {
                let field = Field { name, key, value: item };
                let end = field.end(text);
                map.fields.push(field);
                end
            }
            // A key that is a collection; the parser of desired state refuses it.
            (Some(_), None) => return None,
            (None, _) => item.span.end,
        };
        parent.end = parent.end.max(end);
    }
    None
}

fn bytes(span: Span, offset: usize) -> Option<Range<usize>> {
    Some(span.start.byte_offset()? + offset..span.end.byte_offset()? + offset)
}

fn scalar(text: &str, span: Range<usize>, style: ScalarStyle) -> Item {
    let shape = match style {
        ScalarStyle::Plain => Shape::Plain,
        ScalarStyle::SingleQuoted => Shape::SingleQuoted,
        ScalarStyle::DoubleQuoted => Shape::DoubleQuoted,
        ScalarStyle::Literal | ScalarStyle::Folded => Shape::Block,
    };
    let mut span = span;
    if shape == Shape::Block {
        // The parser counts the indentation of the next line to it.
        let written = text.get(span.clone()).unwrap_or_default();
        span.end = span.start + written.trim_end_matches([' ', '\t']).len();
    }
    Item { span, shape }
}
