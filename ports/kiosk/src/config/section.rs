//! A table of a configuration file, read key by key, so that every problem in it is found and not only the first.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::problem::Problem;

/// How alike two keys are, from 0 to 1, if one may be meant for the other.
const ALIKE: f64 = 0.85;

/// A table whose keys are taken one by one. What is left at the end is unknown.
pub struct Section<'t> {
    entries: BTreeMap<String, Entry<'t>>,
    known: Vec<String>,
    problems: Vec<Problem>,
    span: Range<usize>,
}

struct Entry<'t> {
    key_span: Range<usize>,
    value: Spanned<DeValue<'t>>,
}

impl<'t> Section<'t> {
    /// A table, and which bytes of the file it is.
    pub fn new(table: DeTable<'t>, span: Range<usize>) -> Self {
        let entries = table.into_iter().map(|(key, value)| {
            let key_span = key.span();
            (key.into_inner().into_owned(), Entry { key_span, value })
        });
        Self {
            entries: entries.collect(),
            known: Vec::new(),
            problems: Vec::new(),
            span,
        }
    }

    /// The value of a key, if it is there and fits. `allowed` says what fits.
    pub fn take<T: DeserializeOwned>(&mut self, key: &str, allowed: &str) -> Option<T> {
        let value = self.take_value(key)?;
        let span = value.span();
        match T::deserialize(ValueDeserializer::from(value)) {
            Ok(value) => Some(value),
            Err(error) => {
                // The part of a list that is wrong has a place of its own.
                let span = error.span().unwrap_or(span);
                let what = format!("`{key}`: {}", error.message().replace('\n', " "));
                self.reject(span, what, Some(allowed));
                None
            }
        }
    }

    /// As [`Self::take`], for a value that has to pass a check as well.
    pub fn take_checked<T: DeserializeOwned, U>(
        &mut self,
        key: &str,
        allowed: &str,
        check: impl FnOnce(T) -> Result<U, String>,
    ) -> Option<U> {
        let span = self.entries.get(key).map(|entry| entry.value.span());
        match check(self.take(key, allowed)?) {
            Ok(value) => Some(value),
            Err(what) => {
                let span = span.unwrap_or_default();
                self.reject(span, format!("`{key}`: {what}"), Some(allowed));
                None
            }
        }
    }

    /// As [`Self::take`]; its lack is a problem.
    pub fn require<T: DeserializeOwned>(&mut self, key: &str, allowed: &str) -> Option<T> {
        if !self.entries.contains_key(key) {
            self.known.push(key.to_owned());
            let what = format!("`{key}` is missing here");
            self.reject(self.span.clone(), what, Some(allowed));
            return None;
        }
        self.take(key, allowed)
    }

    /// A table below this one, with all that is in it.
    pub fn take_section(&mut self, key: &str) -> Option<Section<'t>> {
        let value = self.take_value(key)?;
        let span = value.span();
        match value.into_inner() {
            DeValue::Table(table) => Some(Section::new(table, span)),
            other => {
                let what = format!("`{key}`: this is {}", describe(&other));
                self.reject(span, what, Some(&format!("a section, [{key}]")));
                None
            }
        }
    }

    /// A list of tables below this one.
    pub fn take_sections(&mut self, key: &str) -> Vec<Section<'t>> {
        let Some(value) = self.take_value(key) else {
            return Vec::new();
        };
        let span = value.span();
        let allowed = format!("sections, each with [[{key}]]");
        let DeValue::Array(items) = value.into_inner() else {
            self.reject(span, format!("`{key}` is no list"), Some(&allowed));
            return Vec::new();
        };
        let mut sections = Vec::new();
        for item in items {
            let span = item.span();
            match item.into_inner() {
                DeValue::Table(table) => sections.push(Section::new(table, span)),
                other => {
                    let what = format!("`{key}`: this is {}", describe(&other));
                    self.reject(span, what, Some(&allowed));
                }
            }
        }
        sections
    }

    /// The value of a key as JSON, and which bytes of the file it is.
    pub fn take_json(&mut self, key: &str) -> Option<(Range<usize>, serde_json::Value)> {
        let value = self.take_value(key)?;
        let span = value.span();
        match serde_json::Value::deserialize(ValueDeserializer::from(value)) {
            Ok(value) => Some((span, value)),
            Err(error) => {
                self.reject(span, format!("`{key}`: {}", error.message()), None);
                None
            }
        }
    }

    /// The keys that have not been taken.
    pub fn keys(&self) -> Vec<String> {
        self.entries.keys().cloned().collect()
    }

    /// Something else is wrong here.
    pub fn reject(&mut self, span: Range<usize>, what: String, allowed: Option<&str>) {
        self.problems.push(Problem {
            span,
            what,
            allowed: allowed.map(str::to_owned),
        });
    }

    /// What was wrong, and which keys are unknown.
    pub fn finish(mut self) -> Vec<Problem> {
        for (key, entry) in std::mem::take(&mut self.entries) {
            let what = match closest(&key, &self.known) {
                Some(meant) => format!("unknown key `{key}`; is `{meant}` meant?"),
                None => format!("unknown key `{key}`"),
            };
            let allowed = list(&self.known);
            self.reject(entry.key_span, what, Some(&allowed));
        }
        self.problems
    }

    fn take_value(&mut self, key: &str) -> Option<Spanned<DeValue<'t>>> {
        self.known.push(key.to_owned());
        Some(self.entries.remove(key)?.value)
    }
}

fn describe(value: &DeValue<'_>) -> String {
    match value.type_str() {
        "integer" | "array" => format!("an {}", value.type_str()),
        other => format!("a {other}"),
    }
}

fn closest<'k>(key: &str, known: &'k [String]) -> Option<&'k str> {
    let rated = known
        .iter()
        .map(|name| (strsim::jaro_winkler(key, name), name.as_str()));
    rated
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

fn list(known: &[String]) -> String {
    let names: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
    match &names[..] {
        [names @ .., last] if !names.is_empty() => format!("{} and {last}", names.join(", ")),
        _ => names.concat(),
    }
}
