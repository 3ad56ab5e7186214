//! Tables that fit the terminal.

use anstyle::Style;
use console::{measure_text_width, pad_str, truncate_str};

use super::text::printable;

/// Between two columns.
const GAP: &str = "  ";

/// Where nothing is cut, longer cells don't push what follows to the right in all other rows.
const MAX_PADDING_COLUMNS: usize = 48;

/// What is cut ends with this.
const CUT: &str = "…";

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Above it.
    pub title: &'static str,
    /// It is not made narrower than this, in columns of the terminal.
    pub least_columns: usize,
}

/// One cell.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// In the terminal's own color.
    pub fn plain(text: &str) -> Self {
        Self::styled(text, Style::new())
    }

    /// In another one.
    pub fn styled(text: &str, style: Style) -> Self {
        Self {
            text: printable(text),
            style,
        }
    }
}

/// The lines of a table; `limit`: columns of the terminal, if there is one. Each row has a cell for each column.
pub fn lines(columns: &[Column], rows: &[Vec<Cell>], limit: Option<usize>) -> Vec<String> {
    let widths = widths(columns, rows, limit);
    let titles = columns
        .iter()
        .map(|column| Cell::styled(column.title, Style::new().bold()))
        .collect();
    std::iter::once(&titles)
        .chain(rows)
        .map(|row| line(row, &widths, limit))
        .collect()
}

/// One row.
pub fn line(row: &[Cell], widths: &[usize], limit: Option<usize>) -> String {
    let last = row.len().saturating_sub(1);
    let cells = row
        .iter()
        .zip(widths)
        .enumerate()
        .map(|(index, (cell, &width))| {
            let text = match limit {
                Some(_) => truncate_str(&cell.text, width, CUT),
                None => cell.text.as_str().into(),
            };
            let text = match index == last {
                true => text,
                false => pad_str(&text, width, console::Alignment::Left, None)
                    .into_owned()
                    .into(),
            };
            let style = cell.style;
            format!("{style}{text}{style:#}")
        });
    let line = cells.collect::<Vec<_>>().join(GAP);
    match limit {
        Some(limit) => truncate_str(&line, limit, CUT).into_owned(),
        None => line,
    }
}

/// The widest columns are narrowed until all fit.
fn widths(columns: &[Column], rows: &[Vec<Cell>], limit: Option<usize>) -> Vec<usize> {
    let most = limit.unwrap_or(MAX_PADDING_COLUMNS);
    let natural = columns.iter().enumerate().map(|(index, column)| {
        let cells = rows.iter().filter_map(|row| row.get(index));
        let widest = cells.map(|cell| measure_text_width(&cell.text)).max();
        widest
            .unwrap_or(0)
            .max(measure_text_width(column.title))
            .min(most)
    });
    let mut widths: Vec<_> = natural.collect();
    let Some(limit) = limit else {
        return widths;
    };
    let gaps = GAP.len() * columns.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > limit {
        let can_shrink = |&(index, &width): &(usize, &usize)| width > columns[index].least_columns;
        let widest = widths
            .iter()
            .enumerate()
            .filter(can_shrink)
            .max_by_key(|&(_, width)| *width);
        let Some((index, _)) = widest else { break };
        widths[index] -= 1;
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 2] = [
        Column {
            title: "NAME",
            least_columns: 6,
        },
        Column {
            title: "WAITS FOR",
            least_columns: 9,
        },
    ];

    fn table(limit: Option<usize>) -> Vec<String> {
        let rows = [
            vec![Cell::plain("a"), Cell::plain("the network")],
            vec![
                Cell::plain("a rather long name with ☕ 咖啡"),
                Cell::plain("the next try, in 4 min"),
            ],
        ];
        let lines = lines(&COLUMNS, &rows, limit);
        let plain = |line: &String| console::strip_ansi_codes(line).into_owned();
        lines.iter().map(plain).collect()
    }

    #[test]
    fn it_fits_any_terminal() {
        for limit in 0..80 {
            for line in table(Some(limit)) {
                let width = measure_text_width(&line);
                assert!(width <= limit.max(1), "{width} > {limit}: {line}");
            }
        }
        let narrow = table(Some(30));
        assert_eq!(narrow[1], "a               the network");
        assert!(narrow[2].contains('…'), "{narrow:?}");
    }

    #[test]
    fn nothing_is_cut_without_a_terminal() {
        let all = table(None);
        assert!(all[2].ends_with("咖啡  the next try, in 4 min"), "{all:?}");
    }
}
