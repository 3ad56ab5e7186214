//! Shows answers: tables and sentences for people, JSON for programs.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anstyle::{AnsiColor, Style};
use console::pad_str;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::asking::Answers;
use super::table::{self, Cell, Column};
use super::text::{Format, moment, not_understood, printable, put, terminal_columns, wrap};
use crate::failure::Failure;
use crate::remote::protocol::{Line, Status};
use crate::sync_report::in_words::{ago, roughly};
use crate::sync_report::journal::JournalRow;
use crate::sync_report::reason::Reason;
use crate::sync_report::rows::{SyncRow, WhyRow};

type Shown = Result<ExitCode, Failure>;

const SYNC_COLUMNS: [Column; 5] = [
    column("NAME", 8),
    column("APP", 8),
    column("TRIES", 5),
    column("STORED", 8),
    column("WAITS FOR", 9),
];

const JOURNAL_COLUMNS: [Column; 3] = [
    column("WHEN", MOMENT_COLUMNS),
    column("NAME", 16),
    column("WHAT HAPPENED", 13),
];

/// Columns of a moment.
const MOMENT_COLUMNS: usize = 19;

/// Lines of text are no longer than people like to read.
const MAX_TEXT_COLUMNS: usize = 78;

const fn column(title: &'static str, least_columns: usize) -> Column {
    Column {
        title,
        least_columns,
    }
}

/// All that waits.
pub fn syncs(answers: Answers, format: Format) -> Shown {
    let (rows, _) = collect(answers)?;
    if format == Format::Json {
        return done_with_json(&Value::Array(rows));
    }
    let rows: Vec<SyncRow> = parse_all(rows)?;
    if rows.is_empty() {
        return say("Nothing waits to be sent.");
    }
    let now_ms = now_ms();
    let cells: Vec<_> = rows
        .iter()
        .map(|row| {
            vec![
                Cell::plain(&row.tag),
                Cell::plain(&row.origin),
                Cell::plain(&row.attempts.to_string()),
                Cell::plain(&ago(row.registered_at_ms, now_ms)),
                Cell::styled(&row.why.short, style_of(&row.why)),
            ]
        })
        .collect();
    for line in table::lines(&SYNC_COLUMNS, &cells, terminal_columns()) {
        if !put(&line) {
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Why something has not been sent.
pub fn why(answers: Answers, tag: &str, format: Format) -> Shown {
    let (rows, _) = collect(answers)?;
    if rows.is_empty() {
        return Err(Failure::unsuccessful(format!(
            "nothing with the name `{}` waits to be sent, and the journal knows nothing of it; `kiosk syncs list` shows all names",
            printable(tag)
        )));
    }
    if format == Format::Json {
        return done_with_json(&Value::Array(rows));
    }
    for (index, row) in parse_all::<WhyRow>(rows)?.iter().enumerate() {
        if index > 0 {
            put("");
        }
        explain(row);
    }
    Ok(ExitCode::SUCCESS)
}

fn explain(row: &WhyRow) {
    let bold = Style::new().bold();
    let (tag, scope) = (printable(&row.tag), printable(&row.scope));
    put(&format!("{bold}{tag}{bold:#} of {scope}"));
    let columns = terminal_columns()
        .unwrap_or(usize::MAX)
        .min(MAX_TEXT_COLUMNS);
    let style = style_of(&row.why);
    for line in wrap(&printable(&row.why.sentence), columns) {
        put(&format!("{style}{line}{style:#}"));
    }
    if row.history.is_empty() {
        return;
    }
    put("");
    let columns = [JOURNAL_COLUMNS[0], JOURNAL_COLUMNS[2]];
    let cells: Vec<_> = row
        .history
        .iter()
        .map(|entry| {
            vec![
                Cell::plain(&moment(entry.at_ms)),
                Cell::plain(&what_happened(entry)),
            ]
        })
        .collect();
    for line in table::lines(&columns, &cells, terminal_columns()) {
        put(&line);
    }
}

/// What has happened, and what happens as long as the answer goes on.
pub fn journal(mut answers: Answers, format: Format) -> Shown {
    answers.wait_without_end();
    let columns = terminal_columns();
    let widths = journal_widths(columns);
    if format == Format::Text {
        let titles = JOURNAL_COLUMNS.map(|column| Cell::styled(column.title, Style::new().bold()));
        put(&table::line(&titles, &widths, columns));
    }
    loop {
        let row = match answers.next_line()?.ok_or_else(ended)? {
            Line::Item(row) => row,
            Line::Ok(_) => return Ok(ExitCode::SUCCESS),
            Line::Error(reason) => return Err(Failure::unsuccessful(printable(&reason))),
        };
        let line = match format {
            Format::Json => row.to_string(),
            Format::Text => {
                let row: JournalRow = parse(row)?;
                let cells = [
                    Cell::plain(&moment(row.at_ms)),
                    Cell::plain(row.tag()),
                    Cell::plain(&what_happened(&row)),
                ];
                table::line(&cells, &widths, columns)
            }
        };
        if !put(&line) {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

/// What is yet to come is not known: a third of what is left for names.
fn journal_widths(columns: Option<usize>) -> [usize; 3] {
    let left = columns.map_or(usize::MAX, |columns| columns.saturating_sub(MOMENT_COLUMNS));
    [MOMENT_COLUMNS, (left / 3).clamp(8, 32), usize::MAX]
}

fn what_happened(entry: &JournalRow) -> String {
    match entry.times {
        1 => entry.sentence.clone(),
        times => format!("{} ({times} times)", entry.sentence),
    }
}

/// How something ended that was sent now.
pub fn outcome(answers: Answers, format: Format) -> Shown {
    let (_, outcome) = collect(answers)?;
    let was_sent = outcome["outcome"] == "fulfilled";
    match format {
        Format::Json => put(&outcome.to_string()),
        Format::Text => put(&printable(outcome["sentence"].as_str().unwrap_or_default())),
    };
    Ok(match was_sent {
        true => ExitCode::SUCCESS,
        false => Failure::unsuccessful(String::new()).exit_code(),
    })
}

/// How much was dropped.
pub fn cleared(answers: Answers, format: Format) -> Shown {
    let (_, cleared) = collect(answers)?;
    match format {
        Format::Json => done_with_json(&cleared),
        Format::Text => match cleared["removed"].as_u64() {
            Some(0) => say("Nothing of this origin waited to be sent."),
            Some(count) => say(&format!("Dropped: {count}. They are not sent any more.")),
            None => Err(not_understood()),
        },
    }
}

/// How the kiosk is.
pub fn status(answers: Answers, format: Format) -> Shown {
    let (_, status) = collect(answers)?;
    if format == Format::Json {
        put(&status.to_string());
    }
    if status["running"] != true {
        let syncs = &status["syncs"];
        return Err(Failure::unsuccessful(format!(
            "no kiosk runs on this profile; {syncs} wait there to be sent"
        )));
    }
    if format == Format::Json {
        return Ok(ExitCode::SUCCESS);
    }
    let status: Status = parse(status)?;
    let network = match status.network.as_str() {
        "up" => "there is one",
        "cut" => "cut by hand",
        "absent" => "the machine has none",
        other => other,
    };
    let waiting = match status.syncs {
        0 => "nothing".to_owned(),
        1 => "1 to be sent".to_owned(),
        syncs => format!("{syncs} to be sent"),
    };
    let page = status.url.unwrap_or_else(|| "no window is open".to_owned());
    let process = format!("{}, for {}", status.pid, roughly(status.uptime_ms));
    for (name, value) in [
        ("version", status.version.as_str()),
        ("process", &process),
        ("profile", &status.profile),
        ("page", &page),
        ("network", network),
        ("waiting", &waiting),
    ] {
        let (bold, name) = (
            Style::new().bold(),
            pad_str(name, 8, console::Alignment::Left, None),
        );
        put(&format!("{bold}{name}{bold:#} {}", printable(value)));
    }
    Ok(ExitCode::SUCCESS)
}

/// It is done.
pub fn done(answers: Answers, sentence: &str, format: Format) -> Shown {
    collect(answers)?;
    done_with(sentence, format)
}

/// It is done.
pub fn done_with(sentence: &str, format: Format) -> Shown {
    match format {
        Format::Json => done_with_json(&json!({"done": true})),
        Format::Text => say(sentence),
    }
}

fn done_with_json(value: &Value) -> Shown {
    put(&value.to_string());
    Ok(ExitCode::SUCCESS)
}

fn say(sentence: &str) -> Shown {
    put(&printable(sentence));
    Ok(ExitCode::SUCCESS)
}

/// All items, and what comes at their end.
fn collect(mut answers: Answers) -> Result<(Vec<Value>, Value), Failure> {
    let mut items = Vec::new();
    loop {
        match answers.next_line()?.ok_or_else(ended)? {
            Line::Item(item) => items.push(item),
            Line::Ok(end) => return Ok((items, end)),
            Line::Error(reason) => return Err(Failure::unsuccessful(printable(&reason))),
        }
    }
}

fn ended() -> Failure {
    Failure::unsuccessful("the kiosk has ended meanwhile")
}

fn parse_all<T: DeserializeOwned>(rows: Vec<Value>) -> Result<Vec<T>, Failure> {
    rows.into_iter().map(parse).collect()
}

fn parse<T: DeserializeOwned>(row: Value) -> Result<T, Failure> {
    serde_json::from_value(row).map_err(|_| not_understood())
}

/// Green: it is on its way. Red: it stays until somebody does something. Yellow: it goes on by itself.
fn style_of(why: &Reason) -> Style {
    let color = match why.code.as_str() {
        "running" | "being-prepared" | "sent" => AnsiColor::Green,
        "suspended" | "no-active-worker" | "permission-denied" | "given-up" => AnsiColor::Red,
        code if code.starts_with("refused") || code.starts_with("removed") => AnsiColor::Red,
        _ => AnsiColor::Yellow,
    };
    color.on_default()
}

fn now_ms() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since_1970.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}
