//! `config.yml` -> paths and texts, each with its line. Sections hold keys,
//! keys hold a value or a list of values: nothing else is a setting.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::fault::Fault;
use super::table::Setting;

/// One entry of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// `section.key`, or `section` alone for an empty section.
    pub(super) path: String,
    pub(super) content: Content,
    pub(super) line: usize,
}

/// What stands behind a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Nothing, `~` or `null`.
    Null,
    /// A value.
    Text(String),
    /// A list of values.
    List(Vec<String>),
    /// A section.
    Section,
}

/// What could not be read of the file: a setting that is not among the entries
/// may stand there.
#[derive(Debug, Default)]
pub(super) struct Unread {
    /// All that follows the place where reading ended.
    rest: bool,
    /// Sections, and `section.key`.
    paths: Vec<String>,
}

impl Unread {
    /// Whether a setting may stand in what was not read.
    pub(super) fn may_hold(&self, setting: &Setting) -> bool {
        let under = |path: &str| {
            setting.yaml.is_some_and(|own| {
                let rest = own.strip_prefix(path);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        };
        setting.yaml.is_some() && self.rest || self.paths.iter().any(|path| under(path))
    }
}

/// What the next event must be.
enum Expect {
    /// The document.
    Document,
    /// A section's name or the end.
    Section,
    /// What a section holds.
    Body(String),
    /// A key of the section or its end.
    Key(String),
    /// What a key holds.
    Value(String, String),
    /// An element of a list or its end.
    Item(String, String, Vec<String>, usize),
    /// Nothing more.
    End,
}

/// Reads the file's text. Whatever is wrong with its shape is a fault with the
/// line; the rest is read on, so that all faults are told at once.
pub(super) fn read(path: &str, text: &str) -> (Vec<Entry>, Vec<Fault>, Unread) {
    let mut reader = Reader {
        path,
        expect: Expect::Document,
        skipping: 0,
        seen: HashMap::new(),
        entries: Vec::new(),
        faults: Vec::new(),
        unread: Unread::default(),
    };
    // Windows editors put a byte order mark in front.
    let text = text.trim_start_matches('\u{feff}');
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => reader.event(event, span.start.line()),
            Err(error) => {
                // The parser's own words can quote a character of the file.
                let what = error.info().split(": `").next().unwrap_or_default();
                reader.fault(error.marker().line(), &format!("is not YAML: {what}"));
                reader.unread.rest = true;
                break;
            }
        }
    }
    (reader.entries, reader.faults, reader.unread)
}

struct Reader<'a> {
    path: &'a str,
    expect: Expect,
    /// Depth of collections that are being left out after a fault.
    skipping: usize,
    seen: HashMap<String, usize>,
    entries: Vec<Entry>,
    faults: Vec<Fault>,
    unread: Unread,
}

impl Reader<'_> {
    fn fault(&mut self, line: usize, problem: &str) {
        let fault = Fault::file(self.path, line, problem.to_owned());
        self.faults.push(fault);
    }

    fn event(&mut self, event: Event<'_>, line: usize) {
        if self.skipping > 0 {
            match event {
                Event::SequenceStart(..) | Event::MappingStart(..) => self.skipping += 1,
                Event::SequenceEnd | Event::MappingEnd => self.skipping -= 1,
                _ => {}
            }
            return;
        }
        if uses_anchor(&event) {
            self.fault(line, "anchors and aliases (& and *) are not read here");
        }
        if has_tag(&event) {
            self.fault(line, "tags (!) are not read here");
        }
        match std::mem::replace(&mut self.expect, Expect::End) {
            Expect::Document => self.document(&event, line),
            Expect::Section => self.section(event, line),
            Expect::Body(section) => self.body(section, &event, line),
            Expect::Key(section) => self.key(section, event, line),
            Expect::Value(section, key) => self.value(section, key, event, line),
            Expect::Item(section, key, items, at) => self.item(section, key, items, at, event),
            Expect::End => {
                if matches!(event, Event::DocumentStart(_)) {
                    self.fault(line, "a second document (---) is not read here");
                }
            }
        }
    }

    fn document(&mut self, event: &Event<'_>, line: usize) {
        self.expect = match event {
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => Expect::Document,
            Event::MappingStart(..) => Expect::Section,
            Event::Scalar(text, style, ..) if is_null(text, *style) => Expect::End,
            Event::StreamEnd => Expect::End,
            other => {
                self.fault(
                    line,
                    "must hold sections such as `opencti:` and `vtreporter:`",
                );
                self.unread.rest = true;
                self.skip(other);
                Expect::End
            }
        };
    }

    fn section(&mut self, event: Event<'_>, line: usize) {
        self.expect = match event {
            Event::MappingEnd => Expect::End,
            Event::Scalar(name, ..) => {
                let name = name.trim().to_ascii_lowercase();
                self.first_time(&name, line);
                self.entries.push(Entry {
                    path: name.clone(),
                    content: Content::Section,
                    line,
                });
                Expect::Body(name)
            }
            other => {
                self.fault(line, "the name of a section must be a plain text");
                self.skip(&other);
                // What stands behind such a name cannot be told apart: give up here.
                self.unread.rest = true;
                Expect::End
            }
        };
    }

    fn body(&mut self, section: String, event: &Event<'_>, line: usize) {
        self.expect = match event {
            Event::MappingStart(..) => Expect::Key(section),
            Event::Scalar(text, style, ..) if is_null(text, *style) => Expect::Section,
            other => {
                let problem = "a section must hold lines of the form `key: value`";
                self.fault(line, problem);
                self.unread.paths.push(section);
                self.skip(other);
                Expect::Section
            }
        };
    }

    fn key(&mut self, section: String, event: Event<'_>, line: usize) {
        self.expect = match event {
            Event::MappingEnd => Expect::Section,
            Event::Scalar(key, ..) => {
                let key = key.trim().to_ascii_lowercase();
                self.first_time(&format!("{section}.{key}"), line);
                Expect::Value(section, key)
            }
            other => {
                self.fault(line, "a key must be a plain text");
                self.unread.rest = true;
                self.skip(&other);
                Expect::End
            }
        };
    }

    fn value(&mut self, section: String, key: String, event: Event<'_>, line: usize) {
        let content = match event {
            Event::Scalar(text, style, ..) if is_null(&text, style) => Content::Null,
            Event::Scalar(text, ..) => Content::Text(text.into_owned()),
            Event::SequenceStart(..) => {
                self.expect = Expect::Item(section, key, Vec::new(), line);
                return;
            }
            Event::Alias(_) => {
                self.unread.paths.push(format!("{section}.{key}"));
                Content::Null
            }
            other => {
                self.fault(line, "holds sections in a section; a value is wanted");
                self.unread.paths.push(format!("{section}.{key}"));
                self.skip(&other);
                Content::Null
            }
        };
        self.done(section, &key, content, line);
    }

    fn item(
        &mut self,
        section: String,
        key: String,
        mut items: Vec<String>,
        line: usize,
        event: Event<'_>,
    ) {
        match event {
            Event::SequenceEnd => {
                self.done(section, &key, Content::List(items), line);
                return;
            }
            Event::Scalar(text, style, ..) if is_null(&text, style) => {}
            Event::Scalar(text, ..) if text.contains(',') => {
                self.fault(line, "an element of a list may not contain a comma");
            }
            Event::Scalar(text, ..) => items.push(text.into_owned()),
            Event::Alias(_) => {}
            other => {
                self.fault(line, "an element of a list must be a plain value; quotation marks make one of {country}");
                self.skip(&other);
            }
        }
        self.expect = Expect::Item(section, key, items, line);
    }

    fn done(&mut self, section: String, key: &str, content: Content, line: usize) {
        self.entries.push(Entry {
            path: format!("{section}.{key}"),
            content,
            line,
        });
        self.expect = Expect::Key(section);
    }

    fn first_time(&mut self, path: &str, line: usize) {
        if let Some(before) = self.seen.insert(path.to_owned(), line) {
            self.fault(line, &format!("is there already, in line {before}"));
        }
    }

    fn skip(&mut self, event: &Event<'_>) {
        if matches!(event, Event::SequenceStart(..) | Event::MappingStart(..)) {
            self.skipping = 1;
        }
    }
}

fn uses_anchor(event: &Event<'_>) -> bool {
    match event {
        Event::Alias(_) => true,
        Event::Scalar(_, _, anchor, _)
        | Event::SequenceStart(anchor, _)
        | Event::MappingStart(anchor, _) => *anchor > 0,
        _ => false,
    }
}

/// `!!str` and its like say what is taken anyway; others promise something.
fn has_tag(event: &Event<'_>) -> bool {
    match event {
        Event::Scalar(.., tag) | Event::SequenceStart(_, tag) | Event::MappingStart(_, tag) => {
            tag.as_ref().is_some_and(|tag| !tag.is_yaml_core_schema())
        }
        _ => false,
    }
}

/// Unset, by YAML's own rules: only an unquoted text can be null.
fn is_null(text: &str, style: ScalarStyle) -> bool {
    style == ScalarStyle::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL")
}
