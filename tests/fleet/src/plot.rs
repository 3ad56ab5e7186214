//! Draws requests per second over time.

use std::fmt::Write as _;

use crate::{Comparison, Measured};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 480.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 130.0;
const TOP: f64 = 60.0;
const BOTTOM: f64 = 60.0;
/// The last second that is drawn, at most: what comes later is a trickle.
const LONGEST_S: usize = 420;
const COLOURS: [&str; 5] = ["#1b6ca8", "#c8442c", "#2e8b57", "#8a5fb0", "#b8860b"];

/// The plot as an SVG document: seconds since the network returned, and requests in each second on a
/// logarithmic scale.
#[must_use]
pub fn svg(comparison: &Comparison) -> String {
    let runs = &comparison.runs;
    let seconds = runs.iter().map(|(_, run)| run.requests.len()).max();
    let peak = runs.iter().map(|(_, run)| run.peak()).max().unwrap_or(1);
    let axes = Axes {
        seconds: seconds.unwrap_or(1).clamp(60, LONGEST_S) as f64,
        decades: (peak.max(10) as f64).log10().ceil(),
    };
    let mut svg = String::new();
    // Writing to a String cannot fail.
    let _ = draw(&mut svg, comparison, &axes);
    svg
}

struct Axes {
    seconds: f64,
    /// Powers of ten from 1 on.
    decades: f64,
}

impl Axes {
    fn x(&self, second: f64) -> f64 {
        LEFT + second / self.seconds * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, requests: f64) -> f64 {
        let height = HEIGHT - TOP - BOTTOM;
        // Nothing is drawn on the axis, half a request below one.
        let share = (requests.max(1.0).log10() / self.decades).clamp(0.0, 1.0);
        HEIGHT - BOTTOM - share * height
    }
}

fn draw(svg: &mut String, comparison: &Comparison, axes: &Axes) -> std::fmt::Result {
    let scenario = comparison.scenario;
    writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"13\" fill=\"#222\">"
    )?;
    writeln!(
        svg,
        "<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>"
    )?;
    writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"28\" font-size=\"17\">Requests per second at the server, {} devices \
         back within 10 s of an hour offline</text>",
        scenario.devices
    )?;
    writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"46\" fill=\"#666\">1 to 5 pending tags each; a third of the first \
         requests fails; seed {}</text>",
        scenario.seed
    )?;
    draw_grid(svg, axes)?;
    for (index, (name, run)) in comparison.runs.iter().enumerate() {
        draw_run(svg, axes, index, name, run)?;
    }
    writeln!(svg, "</svg>")
}

fn draw_grid(svg: &mut String, axes: &Axes) -> std::fmt::Result {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for decade in 0..=axes.decades as i32 {
        let value = 10f64.powi(decade);
        let y = axes.y(value);
        writeln!(
            svg,
            "<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"#ddd\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
            LEFT - 8.0,
            y + 4.0
        )?;
    }
    for second in (0..=axes.seconds as u32).step_by(60) {
        let x = axes.x(f64::from(second));
        writeln!(
            svg,
            "<path d=\"M{x:.1} {TOP}V{bottom}\" stroke=\"#eee\"/>\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{second}</text>",
            bottom + 18.0
        )?;
    }
    writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">seconds since the network returned</text>",
        f64::midpoint(LEFT, right),
        bottom + 42.0
    )
}

fn draw_run(
    svg: &mut String,
    axes: &Axes,
    index: usize,
    name: &str,
    run: &Measured,
) -> std::fmt::Result {
    let colour = COLOURS[index % COLOURS.len()];
    let mut path = format!("M{:.1} {:.1}", axes.x(0.0), axes.y(0.0));
    for second in 0..axes.seconds as usize {
        let requests = run.requests.get(second).copied().unwrap_or(0) as f64;
        write!(
            path,
            "V{:.1}H{:.1}",
            axes.y(requests),
            axes.x(second as f64 + 1.0)
        )?;
    }
    // Thinner on top of wider, so that curves that coincide are all seen.
    let width = 4.0 - 1.25 * index.min(2) as f64;
    let x = WIDTH - RIGHT + 12.0;
    let y = TOP + 14.0 + 44.0 * index as f64;
    writeln!(
        svg,
        "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"/>\
         <text x=\"{x}\" y=\"{y}\" fill=\"{colour}\" font-weight=\"bold\">{name}</text>\
         <text x=\"{x}\" y=\"{}\" fill=\"#666\" font-size=\"12\">peak {}/s</text>",
        y + 16.0,
        run.peak()
    )
}
