//! What every patch says about itself: in the commit message in the patched tree, and at the top of each patch file. It looks
//! like git's trailers, but `git interpret-trailers` knows neither which fields there must be nor where their lines end.

use std::fmt;

use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::ValueEnum;

/// Why a patch is needed at all; the table of patched lines is cut by it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, ValueEnum)]
pub enum Reason {
    /// Calls, or is called by, the component; holds no logic of its own.
    Hook,
    /// A piece of the service-worker life cycle that this release of Servo lacks.
    LifeCycle,
    /// Makes the rest compile: dependencies, lists of files, code generation.
    Build,
}

impl Reason {
    /// Every reason, in the order of the table.
    pub const ALL: [Self; 3] = [Self::Hook, Self::LifeCycle, Self::Build];
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&name_of(self))
    }
}

/// What a patch belongs to, and so which others it needs: all of its group and of those before it, but for `Extras`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, ValueEnum)]
pub enum Group {
    /// What Servo's service workers lack.
    Workers,
    /// Background Sync. What fires its events is in the group before, which knows them: neither compiles alone.
    Sync,
    /// Each can be left out alone.
    Extras,
    /// What offline apps need besides sync.
    Offline,
}

impl Group {
    /// Every group, in the order of the series.
    pub const ALL: [Self; 4] = [Self::Workers, Self::Sync, Self::Extras, Self::Offline];

    /// The one that may be left out as a whole.
    ///
    /// # Errors
    /// If it is another one that is named.
    pub fn parse_left_out(text: &str) -> Result<Self> {
        match parse_one_of("Group", text)? {
            Self::Offline => Ok(Self::Offline),
            _ => bail!("only the group offline can be left out"),
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&name_of(self))
    }
}

/// Reads a field that has one of a few values.
fn parse_one_of<T: ValueEnum>(field: &str, text: &str) -> Result<T> {
    T::from_str(text, false).map_err(|_| {
        let names: Vec<String> = T::value_variants().iter().map(name_of).collect();
        // No field has a single value.
        let (last, others) = names
            .split_last()
            .map_or(("", &[][..]), |(last, others)| (last, others));
        anyhow!(
            "`{field}:` must be {} or {last}, not \"{text}\"",
            others.join(", ")
        )
    })
}

fn name_of(value: &impl ValueEnum) -> String {
    let value = value.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// The header of one topic.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Header {
    /// One line: what the patch does.
    pub subject: String,
    /// Why Servo must be changed for it, in one or more lines.
    pub why: Vec<String>,
    /// Which others it needs.
    pub group: Group,
    /// What kind of patch it is.
    pub reason: Reason,
    /// The condition under which the patch is no longer needed, in one or more lines.
    pub drop_when: Vec<String>,
}

impl Header {
    /// Reads the top of a patch file and returns what follows the blank line after it.
    pub fn from_patch(text: &str) -> Result<(Self, &str)> {
        let (top, body) = text
            .split_once("\n\n")
            .context("there is no blank line between header and patch")?;
        Ok((Self::from_fields(Fields::parse(top)?)?, body))
    }

    /// The top of a patch file, with the blank line that ends it.
    pub fn to_patch(&self) -> String {
        let mut text = String::new();
        push_field(&mut text, "Subject", std::slice::from_ref(&self.subject));
        push_field(&mut text, "Why", &self.why);
        push_field(&mut text, "Group", &[self.group.to_string()]);
        push_field(&mut text, "Reason", &[self.reason.to_string()]);
        push_field(&mut text, "Drop-when", &self.drop_when);
        text.push('\n');
        text
    }

    /// Reads a commit message: the subject, a blank line, then the fields and the topic's name. The
    /// subject may also be a field like the others.
    pub fn from_commit(message: &str) -> Result<(Self, String)> {
        let message = message.trim_end();
        let (first, rest) = message.split_once('\n').unwrap_or((message, ""));
        let all_fields = Self::FIELDS.iter().any(|name| {
            first
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(':'))
        });
        let mut fields = if all_fields {
            Fields::parse(message)?
        } else {
            ensure!(
                rest.is_empty() || rest.starts_with('\n'),
                "a blank line must follow the first line of the commit message, which says what the \
                 patch does"
            );
            let mut fields = Fields::parse(rest)?;
            fields
                .0
                .push(("Subject".to_owned(), vec![first.trim().to_owned()]));
            fields
        };
        let topic = fields.take_line("Topic")?;
        check_topic_name(&topic)?;
        Ok((Self::from_fields(fields)?, topic))
    }

    const FIELDS: [&str; 6] = ["Subject", "Why", "Group", "Reason", "Drop-when", "Topic"];

    fn from_fields(mut fields: Fields) -> Result<Self> {
        let header = Self {
            subject: fields.take_line("Subject")?,
            why: fields.take("Why")?,
            group: parse_one_of("Group", &fields.take_line("Group")?)?,
            reason: parse_one_of("Reason", &fields.take_line("Reason")?)?,
            drop_when: fields.take("Drop-when")?,
        };
        fields.finish()?;
        Ok(header)
    }

    /// The commit message of this header.
    pub fn to_commit(&self, topic: &str) -> String {
        let mut text = format!("{}\n\n", self.subject);
        push_field(&mut text, "Why", &self.why);
        push_field(&mut text, "Group", &[self.group.to_string()]);
        push_field(&mut text, "Reason", &[self.reason.to_string()]);
        push_field(&mut text, "Drop-when", &self.drop_when);
        push_field(&mut text, "Topic", &[topic.to_owned()]);
        text
    }
}

/// A topic's name is also a file's: lower-case words joined by hyphens.
pub fn check_topic_name(topic: &str) -> Result<()> {
    let well_formed = !topic.is_empty()
        && !topic.starts_with('-')
        && topic
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    ensure!(
        well_formed,
        "\"{topic}\" is no topic name: use lower-case words joined by hyphens"
    );
    Ok(())
}

fn push_field(text: &mut String, name: &str, lines: &[String]) {
    text.push_str(name);
    text.push(':');
    for (index, line) in lines.iter().enumerate() {
        text.push_str(if index == 0 { " " } else { "  " });
        text.push_str(line);
        text.push('\n');
    }
}

/// `Name: value` lines; a line that starts with a space continues the field above it.
struct Fields(Vec<(String, Vec<String>)>);

impl Fields {
    fn parse(text: &str) -> Result<Self> {
        let mut fields: Vec<(String, Vec<String>)> = Vec::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let value = line.trim();
            if line.starts_with([' ', '\t']) {
                let (_, lines) = fields
                    .last_mut()
                    .context("the header starts with a space")?;
                lines.push(value.to_owned());
                continue;
            }
            let Some((name, value)) = line.split_once(':') else {
                bail!(
                    "\"{line}\" in the header is not `Name: value` (a longer value goes on in lines \
                     that start with two spaces)"
                );
            };
            ensure!(
                !fields.iter().any(|(known, _)| known == name),
                "the header has `{name}:` twice"
            );
            fields.push((name.to_owned(), vec![value.trim().to_owned()]));
        }
        Ok(Self(fields))
    }

    fn take(&mut self, name: &str) -> Result<Vec<String>> {
        let position = self.0.iter().position(|(known, _)| known == name);
        let Some(position) = position else {
            bail!("the header lacks `{name}:`")
        };
        let (_, mut lines) = self.0.remove(position);
        lines.retain(|line| !line.is_empty());
        ensure!(!lines.is_empty(), "`{name}:` in the header is empty");
        Ok(lines)
    }

    fn take_line(&mut self, name: &str) -> Result<String> {
        let lines = self.take(name)?;
        ensure!(lines.len() == 1, "`{name}:` in the header must be one line");
        Ok(lines.into_iter().next().unwrap_or_default())
    }

    fn finish(self) -> Result<()> {
        match self.0.first() {
            Some((name, _)) => bail!("the header has a field that nobody knows: `{name}:`"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            subject: "Tell pages whether the machine is online".to_owned(),
            why: vec![
                "navigator.onLine is always true,".to_owned(),
                "whatever happens.".to_owned(),
            ],
            group: Group::Sync,
            reason: Reason::LifeCycle,
            drop_when: vec!["Servo reports it.".to_owned()],
        }
    }

    #[test]
    fn a_patch_header_survives_the_round_trip() -> Result<()> {
        let text = header().to_patch() + "diff --git a/x b/x\n";
        assert_eq!(
            Header::from_patch(&text)?,
            (header(), "diff --git a/x b/x\n")
        );
        Ok(())
    }

    #[test]
    fn a_commit_message_survives_the_round_trip() -> Result<()> {
        let message = header().to_commit("online-state");
        assert_eq!(
            Header::from_commit(&message)?,
            (header(), "online-state".to_owned())
        );
        Ok(())
    }

    #[test]
    fn the_subject_of_a_commit_may_be_a_field() -> Result<()> {
        let message = "Topic: t\nSubject: s\nWhy: w\nGroup: sync\nReason: build\nDrop-when: d\n";
        let (header, topic) = Header::from_commit(message)?;
        assert_eq!((header.subject.as_str(), topic.as_str()), ("s", "t"));
        Ok(())
    }

    #[test]
    fn the_first_line_may_be_empty_when_more_follow() -> Result<()> {
        let text = "Subject: s\nWhy:\n  because\nGroup: sync\nReason: hook\nDrop-when: never\n\n";
        assert_eq!(Header::from_patch(text)?.0.why, ["because"]);
        Ok(())
    }

    #[test]
    fn an_incomplete_header_names_what_is_missing() {
        let cases = [
            (
                "Subject: s\nWhy: w\nGroup: sync\nReason: hook\n\n",
                "lacks `Drop-when:`",
            ),
            ("Subject: s\nWhy: w\nGroup: none\n\n", "not \"none\""),
            (
                "Subject: s\nWhy:\nGroup: sync\nReason: hook\nDrop-when: d\n\n",
                "`Why:` in the header is empty",
            ),
            (
                "Subject: s\nWhy: w\nGroup: sync\nReason: taste\nDrop-when: d\n\n",
                "not \"taste\"",
            ),
            ("Subject: s\nWhy: w\nwhy not\n\n", "not `Name: value`"),
            ("Subject: s\nSubject: t\n\n", "twice"),
            (
                "Subject: s\nWhy: w\nGroup: sync\nReason: hook\nDrop-when: d\nMood: m\n\n",
                "`Mood:`",
            ),
            ("Subject: s\nWhy: w", "no blank line"),
        ];
        for (text, expected) in cases {
            let error = Header::from_patch(text).expect_err(text).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_commit_without_topic_is_refused() {
        let message = "Subject\n\nWhy: w\nGroup: sync\nReason: hook\nDrop-when: d\n";
        let error = Header::from_commit(message)
            .expect_err("no topic")
            .to_string();
        assert!(error.contains("lacks `Topic:`"), "{error}");
        let error = Header::from_commit("Subject only\n")
            .expect_err("bare")
            .to_string();
        assert!(error.contains("lacks `Topic:`"), "{error}");
        assert!(Header::from_commit("Subject\nWhy: w\nTopic: t\n").is_err());
        assert!(check_topic_name("Not/A Name").is_err());
    }
}
