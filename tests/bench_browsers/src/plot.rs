//! Draws the growth, and how many times better than Chromium the kiosk is.

use std::path::Path;

use anyhow::{Result, anyhow};
use background_sync_bench_report::{Goal, Line, number};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::lines::Measured;
use crate::scale::STEP;

const SIZE: (u32, u32) = (960, 400);
/// How much of it the growth takes, in pixels.
const GROWTH_WIDTH: u32 = 440;
const KIOSK: RGBColor = RGBColor(0x1b, 0x6c, 0xa8);
const CHROMIUM: RGBColor = RGBColor(0xc8, 0x44, 0x2c);
const TEXT: RGBColor = RGBColor(0x22, 0x22, 0x22);
const GRID: RGBColor = RGBColor(0xdd, 0xdd, 0xdd);
const FONT: &str = "sans-serif";

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Writes the plot to this file as an SVG document.
pub fn draw(file: &Path, measured: &Measured, lines: &[Line]) -> Result<()> {
    draw_both(file, measured, lines)
        .map_err(|error| anyhow!("cannot draw {}: {error}", file.display()))
}

type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw_both(file: &Path, measured: &Measured, lines: &[Line]) -> Drawn {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let area = SVGBackend::new(file, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let (growth, factors) = area.split_horizontally(GROWTH_WIDTH);
    draw_growth(&growth, &measured.growth())?;
    draw_factors(&factors, lines)?;
    area.present()?;
    Ok(())
}

/// Registrations per second over the number of tags, on a logarithmic scale.
fn draw_growth(area: &Area<'_>, growth: &[(f64, f64)]) -> Drawn {
    let rates = growth
        .iter()
        .flat_map(|(kiosk, chromium)| [*kiosk, *chromium]);
    let (least, most) = rates.fold((f64::MAX, 1.0_f64), |(least, most), rate| {
        (least.min(rate), most.max(rate))
    });
    let decades = decade_below(least)..decade_below(most) * 10.0;
    let tags = (STEP * growth.len()) as f64;
    let mut chart = ChartBuilder::on(area)
        .margin(14)
        .caption("register() per second, 1,000 at once", (FONT, 17, &TEXT))
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..tags * 1.02, decades.log_scale())?;
    chart
        .configure_mesh()
        .x_desc("tags that are registered then")
        .x_labels(9)
        .x_label_formatter(&|tags| number(*tags))
        .y_label_formatter(&|rate| format!("{rate}"))
        .y_labels(6)
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(GRID)
        .label_style((FONT, 13, &TEXT))
        .draw()?;
    let curve = |pick: fn(&(f64, f64)) -> f64| -> Vec<(f64, f64)> {
        let points = growth.iter().enumerate();
        points
            .map(|(step, rates)| (((step + 1) * STEP) as f64, pick(rates)))
            .collect()
    };
    for (name, colour, points) in [
        ("kiosk", KIOSK, curve(|rates| rates.0)),
        ("Chromium", CHROMIUM, curve(|rates| rates.1)),
    ] {
        let label = points.first().copied().unwrap_or((0.0, most));
        chart
            .draw_series(LineSeries::new(points, colour.filled().stroke_width(3)).point_size(3))?;
        let style = (FONT, 15, FontStyle::Bold, &colour)
            .into_text_style(area)
            .pos(Pos::new(HPos::Left, VPos::Bottom));
        chart.draw_series([EmptyElement::at(label) + Text::new(name, (0, -8), style)])?;
    }
    Ok(())
}

/// One bar for each promise: how many times better, and a mark where the promise is.
fn draw_factors(area: &Area<'_>, lines: &[Line]) -> Drawn {
    let factors: Vec<(&Line, Factor)> = lines
        .iter()
        .filter_map(|line| Some((line, Factor::of(line)?)))
        .collect();
    let most = factors
        .iter()
        .map(|(_, factor)| factor.reached.max(factor.promised))
        .fold(1.0, f64::max);
    let least = factors.iter().map(|(_, factor)| factor.reached);
    let least = decade_below(least.fold(1.0, f64::min));
    let mut chart = ChartBuilder::on(area)
        .margin(14)
        .caption("How many times better than Chromium", (FONT, 17, &TEXT))
        .x_label_area_size(40)
        .build_cartesian_2d(
            (least..decade_below(most) * 10.0).log_scale(),
            factors.len() as f64..0.0,
        )?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .x_desc("a line marks what was promised")
        .x_label_formatter(&|factor| format!("{factor}"))
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(GRID)
        .y_labels(0)
        .label_style((FONT, 13, &TEXT))
        .draw()?;
    for (row, (line, factor)) in factors.iter().enumerate() {
        let row = row as f64;
        let bar = [(1.0, row + 0.45), (factor.reached, row + 0.85)];
        chart.draw_series([Rectangle::new(bar, KIOSK.filled())])?;
        let mark = vec![(factor.promised, row + 0.38), (factor.promised, row + 0.92)];
        chart.draw_series([PathElement::new(mark, TEXT.stroke_width(2))])?;
        let text = format!("{}: {}", line.name, number(factor.reached));
        let style = (FONT, 13, &TEXT)
            .into_text_style(area)
            .pos(Pos::new(HPos::Left, VPos::Bottom));
        chart.draw_series([Text::new(text, (least, row + 0.38), style)])?;
    }
    Ok(())
}

/// The greatest power of ten that is not above a value.
fn decade_below(value: f64) -> f64 {
    10f64.powf(value.log10().floor())
}

/// How many times better than the reference, whichever way the figure goes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Factor {
    reached: f64,
    promised: f64,
}

impl Factor {
    fn of(line: &Line) -> Option<Self> {
        // A figure that is noise around nothing has no place on a logarithmic scale.
        let ratio = line.ratio.filter(|ratio| *ratio > 0.0)?;
        match line.promise {
            Goal::RatioAtMost(limit) | Goal::RatioBelow(limit) => Some(Self {
                reached: 1.0 / ratio,
                promised: 1.0 / limit,
            }),
            Goal::RatioAtLeast(least) => Some(Self {
                reached: ratio,
                promised: least,
            }),
            Goal::ValueAtMost(_) | Goal::ValueAtLeast(_) | Goal::None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_the_time_and_twice_the_rate_are_both_two_times_better() {
        let time = Line::new("time", 1.0, "ms", Some(2.0), Goal::RatioAtMost(0.25));
        let rate = Line::new("rate", 6.0, "per s", Some(3.0), Goal::RatioAtLeast(10.0));
        let factors = [&time, &rate].map(|line| Factor::of(line).expect("a ratio was promised"));
        assert_eq!(factors.map(|factor| factor.reached), [2.0, 2.0]);
        assert_eq!(factors.map(|factor| factor.promised), [4.0, 10.0]);
    }

    #[test]
    fn what_has_no_promise_has_no_bar() {
        assert_eq!(
            Factor::of(&Line::new("x", 1.0, "ms", Some(2.0), Goal::None)),
            None
        );
    }
}
