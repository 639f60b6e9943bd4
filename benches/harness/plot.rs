//! Line charts as SVG, and the same figures as Markdown.

use std::fmt::Write;

/// A line: its name and its points.
pub type Line = (String, Vec<(f64, f64)>);

/// A chart: its axes and its lines.
pub struct Chart {
    pub title: &'static str,
    pub x: &'static str,
    pub y: &'static str,
    /// Whether the scale of x is logarithmic.
    pub log_x: bool,
    pub lines: Vec<Line>,
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 200.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;

/// Colors and dash patterns: each line has its own pattern, so that color is not needed.
const STYLES: [(&str, &str); 6] = [
    ("#0b5fa5", "none"),
    ("#0b5fa5", "6 3"),
    ("#c0392b", "none"),
    ("#7d3c98", "2 3"),
    ("#1e8449", "8 3 2 3"),
    ("#7f6000", "3 3"),
];

impl Chart {
    /// Returns the chart as an SVG file.
    pub fn svg(&self) -> String {
        let points = || self.lines.iter().flat_map(|(_, points)| points);
        let place = |x: f64| if self.log_x { x.log10() } else { x };
        let least = points().map(|point| place(point.0)).fold(f64::INFINITY, f64::min);
        let most = points().map(|point| place(point.0)).fold(f64::NEG_INFINITY, f64::max);
        let top = nice(points().map(|point| point.1).fold(0.0, f64::max));
        let (inner_width, inner_height) = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
        let across = |x: f64| LEFT + (place(x) - least) / (most - least).max(1e-9) * inner_width;
        let up = |y: f64| TOP + (1.0 - y / top) * inner_height;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
             <text x=\"{LEFT}\" y=\"22\" font-size=\"15\">{}</text>\n",
            self.title
        );
        for step in 0..=5 {
            let value = top * f64::from(step) / 5.0;
            let (y, right) = (up(value), LEFT + inner_width);
            let _ = writeln!(
                svg,
                "<path d=\"M{LEFT} {y:.1}H{right:.1}\" stroke=\"#ddd\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 6.0,
                y + 4.0,
                short(value)
            );
        }
        let mut ticks: Vec<f64> = points().map(|point| point.0).collect();
        ticks.sort_by(f64::total_cmp);
        ticks.dedup();
        for tick in ticks {
            let (x, bottom) = (across(tick), TOP + inner_height);
            let _ = writeln!(
                svg,
                "<path d=\"M{x:.1} {bottom:.1}v4\" stroke=\"#555\"/>\
                 <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                bottom + 18.0,
                short(tick)
            );
        }
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\
             <text x=\"16\" y=\"{:.1}\" transform=\"rotate(-90 16 {:.1})\" \
             text-anchor=\"middle\">{}</text>",
            LEFT + inner_width / 2.0,
            HEIGHT - 10.0,
            self.x,
            TOP + inner_height / 2.0,
            TOP + inner_height / 2.0,
            self.y
        );
        for (number, (name, points)) in self.lines.iter().enumerate() {
            let (color, dashes) = STYLES[number % STYLES.len()];
            let path: Vec<String> =
                points.iter().map(|&(x, y)| format!("{:.1} {:.1}", across(x), up(y))).collect();
            let y = TOP + 14.0 + 20.0 * number as f64;
            let (from, to) = (WIDTH - RIGHT + 12.0, WIDTH - RIGHT + 40.0);
            let _ = writeln!(
                svg,
                "<g fill=\"none\" stroke=\"{color}\" stroke-width=\"2\" \
                 stroke-dasharray=\"{dashes}\"><path d=\"M{}\"/><path d=\"M{from} {y}H{to}\"/></g>\
                 <text x=\"{:.1}\" y=\"{:.1}\">{name}</text>",
                path.join("L"),
                to + 6.0,
                y + 4.0
            );
        }
        svg + "</svg>\n"
    }
}

impl Chart {
    /// Returns the figures as a Markdown table.
    pub fn table(&self) -> String {
        let xs: Vec<f64> =
            self.lines.first().iter().flat_map(|(_, p)| p.iter().map(|p| p.0)).collect();
        let heads: Vec<String> = xs.iter().map(|&x| short(x)).collect();
        let mut text =
            format!("### {}\n\n| {}, {} | {} |\n", self.title, self.y, self.x, heads.join(" | "));
        let _ = writeln!(text, "|{}", " --- |".repeat(xs.len() + 1));
        for (name, points) in &self.lines {
            let at = |x: f64| points.iter().find(|point| point.0 == x);
            let cells: Vec<String> = xs
                .iter()
                .map(|&x| at(x).map_or("-".to_owned(), |p| format!("{:.2}", p.1)))
                .collect();
            let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
        }
        text
    }
}

/// Returns the least number from `value` on that is 1, 2, or 5 times a power of ten.
fn nice(value: f64) -> f64 {
    let power = 10f64.powf(value.max(1e-9).log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= value);
    factor.unwrap_or(10.0) * power
}

/// Formats a number in few characters.
fn short(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{}M", value / 1e6),
        value if value >= 1e3 => format!("{}k", value / 1e3),
        value if value.fract() == 0.0 => format!("{value}"),
        value => format!("{value:.1}"),
    }
}
