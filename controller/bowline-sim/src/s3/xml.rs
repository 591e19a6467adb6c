//! XML in both directions, as much of it as S3 uses: elements and text, no attributes but the namespace.

use std::fmt::Write as _;

use quick_xml::escape::escape;
use quick_xml::events::Event;
use quick_xml::reader::Reader;

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// Writes a document element by element.
pub(super) struct Writer {
    text: String,
    open: Vec<&'static str>,
}

impl Writer {
    /// Opens a document whose root is in S3's namespace.
    pub(super) fn document(root: &'static str) -> Self {
        let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"{NAMESPACE}\">");
        Self { text, open: vec![root] }
    }

    /// A document that is nothing but text in its root.
    pub(super) fn document_of_text(root: &'static str, text: &str) -> String {
        let mut document = Self::document(root);
        document.text.push_str(&escape(text));
        document.finish()
    }

    /// Opens an error document: those have no namespace.
    pub(super) fn error() -> Self {
        let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>".to_owned();
        Self { text, open: vec!["Error"] }
    }

    /// One element with text.
    pub(super) fn element(&mut self, name: &str, text: &str) {
        // Writing to a String cannot fail.
        let _ = write!(self.text, "<{name}>{}</{name}>", escape(text));
    }

    /// One element, if there is text for it.
    pub(super) fn optional(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.element(name, text);
        }
    }

    /// One element whose children `inner` writes.
    pub(super) fn nested(&mut self, name: &'static str, inner: impl FnOnce(&mut Self)) {
        let _ = write!(self.text, "<{name}>");
        inner(self);
        let _ = write!(self.text, "</{name}>");
    }

    /// Closes the root and hands out the document.
    pub(super) fn finish(mut self) -> String {
        while let Some(name) = self.open.pop() {
            let _ = write!(self.text, "</{name}>");
        }
        self.text
    }
}

/// An element that was read, namespaces dropped.
#[derive(Default)]
pub(super) struct Element {
    name: String,
    text: String,
    children: Vec<Element>,
}

impl Element {
    /// Reads a document; `None` if it is not well-formed or has no root of that name.
    pub(super) fn parse(document: &[u8], root: &str) -> Option<Self> {
        let mut reader = Reader::from_str(std::str::from_utf8(document).ok()?);
        let mut stack = vec![Self::default()];
        loop {
            match reader.read_event().ok()? {
                Event::Start(start) => stack.push(Self::named(start.local_name().as_ref())),
                Event::Empty(empty) => {
                    stack.last_mut()?.children.push(Self::named(empty.local_name().as_ref()));
                }
                Event::End(_) => {
                    let closed = stack.pop()?;
                    stack.last_mut()?.children.push(closed);
                }
                Event::Text(text) => stack.last_mut()?.text.push_str(&text.xml10_content()),
                Event::CData(text) => stack.last_mut()?.text.push_str(&text.xml10_content()),
                Event::GeneralRef(reference) => {
                    let resolved = match reference.resolve_char_ref().ok()? {
                        Some(character) => character.to_string(),
                        None => quick_xml::escape::resolve_predefined_entity(&reference)?.to_owned(),
                    };
                    stack.last_mut()?.text.push_str(&resolved);
                }
                Event::Eof => break,
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_) => {}
            }
        }
        let [document] = stack.try_into().ok()?;
        let Self { children, .. } = document;
        children.into_iter().next().filter(|element| element.name == root)
    }

    fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// The text of the first child of that name.
    pub(super) fn child_text(&self, name: &str) -> Option<&str> {
        self.children(name).next().map(|child| child.text.as_str())
    }

    /// The children of that name.
    pub(super) fn children(&self, name: &str) -> impl Iterator<Item = &Self> {
        self.children.iter().filter(move |child| child.name == name)
    }
}
