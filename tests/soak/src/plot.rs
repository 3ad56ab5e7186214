//! Draws the memory of both browsers in the course of each phase.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::report::{Product, Row};

const SIZE: (u32, u32) = (1_100, 520);
const COLUMNS: usize = 5;
const KIOSK: RGBColor = RGBColor(0x1b, 0x6c, 0xa8);
const CHROMIUM: RGBColor = RGBColor(0xc8, 0x44, 0x2c);
const TEXT: RGBColor = RGBColor(0x22, 0x22, 0x22);
const GRID: RGBColor = RGBColor(0xdd, 0xdd, 0xdd);
const FONT: &str = "sans-serif";
const MIB: f64 = 1_048_576.0;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Writes the plot to this file as an SVG document: one chart a phase.
pub fn draw(file: &Path, rows: &[Row]) -> Result<()> {
    draw_all(file, rows).map_err(|error| anyhow!("cannot draw {}: {error}", file.display()))
}

fn draw_all(file: &Path, rows: &[Row]) -> Drawn {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let area = SVGBackend::new(file, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let area = area.titled(
        "Memory in MiB, by how many times it was done",
        (FONT, 17).into_font().color(&TEXT),
    )?;
    let phases: Vec<&[Row]> = rows.chunk_by(|a, b| a.name == b.name).collect();
    let lines = phases.len().div_ceil(COLUMNS).max(1);
    for (area, rows) in area.split_evenly((lines, COLUMNS)).iter().zip(phases) {
        draw_phase(area, rows)?;
    }
    area.present()?;
    Ok(())
}

fn draw_phase(area: &Area<'_>, rows: &[Row]) -> Drawn {
    let curves: Vec<(Product, Vec<(f64, f64)>)> = rows
        .iter()
        .map(|row| (row.product, curve(row)))
        .filter(|(_, points)| points.len() > 1)
        .collect();
    let points = || curves.iter().flat_map(|(_, points)| points);
    let most_done = points().map(|(done, _)| *done).fold(1.0, f64::max);
    let most_mib = points().map(|(_, mib)| *mib).fold(1.0, f64::max);
    let name = rows.first().map_or("", |row| row.name);
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .caption(name, (FONT, 14, &TEXT))
        .x_label_area_size(24)
        .y_label_area_size(40)
        .build_cartesian_2d(0.0..most_done, 0.0..most_mib * 1.15)?;
    chart
        .configure_mesh()
        .x_labels(3)
        .y_labels(5)
        .x_label_formatter(&|done| format!("{done:.0}"))
        .y_label_formatter(&|mib| format!("{mib:.0}"))
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(GRID)
        .label_style((FONT, 11, &TEXT))
        .draw()?;
    for (product, points) in curves {
        let (name, colour) = match product {
            Product::Kiosk => ("kiosk", KIOSK),
            Product::Chromium => ("Chromium", CHROMIUM),
        };
        let first = points.first().copied().unwrap_or_default();
        chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
        let style = (FONT, 12, FontStyle::Bold, &colour)
            .into_text_style(area)
            .pos(Pos::new(HPos::Left, VPos::Bottom));
        chart.draw_series([EmptyElement::at(first) + Text::new(name, (4, -4), style)])?;
    }
    Ok(())
}

/// From the start on; the minute after the phase is no operation, and in the table.
fn curve(row: &Row) -> Vec<(f64, f64)> {
    let start = std::iter::once((0, row.recording.start));
    start
        .chain(row.recording.readings.iter().copied())
        .map(|(done, sample)| (f64::from(done), sample.memory_bytes / MIB))
        .collect()
}
