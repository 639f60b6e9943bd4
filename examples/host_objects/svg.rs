//! The table's size as a plot: live objects and slots in use over the objects made, and the
//! collections as ticks.

use std::fmt::Write;

use crate::host::Point;
use crate::run::Outcome;
use crate::text::{counted, grouped};

/// The size of the picture.
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 432.0;
/// The edges of the plot within the picture.
const LEFT: f64 = 92.0;
const RIGHT: f64 = 932.0;
const TOP: f64 = 92.0;
const BOTTOM: f64 = 368.0;
/// The greatest number of steps of an axis.
const MARKS: u64 = 6;
/// The height of the tick of a collection.
const TICK: f64 = 9.0;

/// Colors for a light background, and for a dark one if the reader's system prefers that.
const STYLE: &str = "\
text { font: 13px system-ui, sans-serif; fill: #374151; }
.paper { fill: #ffffff; }
.title { font-size: 18px; font-weight: 600; fill: #111827; }
.grid { stroke: #e5e7eb; stroke-width: 1; }
.axis { stroke: #6b7280; stroke-width: 1; }
.live { stroke: #1d4ed8; stroke-width: 2; fill: none; }
.area { fill: #1d4ed8; fill-opacity: 0.12; }
.committed { stroke: #c2410c; stroke-width: 2; fill: none; }
.done { stroke: #047857; stroke-width: 1; }
@media (prefers-color-scheme: dark) {
text { fill: #d1d5db; }
.paper { fill: #111827; }
.title { fill: #f9fafb; }
.grid { stroke: #2b3648; }
.axis { stroke: #9ca3af; }
.live { stroke: #60a5fa; }
.area { fill: #60a5fa; fill-opacity: 0.18; }
.committed { stroke: #fb923c; }
.done { stroke: #34d399; }
}
";

/// Returns the plot of a run.
pub fn draw(outcome: &Outcome) -> String {
    let points = &outcome.log.points;
    let highest = points.iter().map(|point| point.slots.max(point.live)).max();
    let made = points.last().map_or(0, |point| point.at);
    let scale = Scale { made: made.max(1), slots: highest.unwrap_or(0).max(1) };
    let mut svg = String::new();
    head(&mut svg, outcome);
    axes(&mut svg, &scale);
    ticks(&mut svg, &outcome.log.ticks, &scale);
    lines(&mut svg, points, &scale);
    svg.push_str("</svg>\n");
    svg
}

/// The values at the edges of the plot.
struct Scale {
    made: u64,
    slots: u64,
}

impl Scale {
    fn x(&self, made: u64) -> f64 {
        LEFT + (RIGHT - LEFT) * made as f64 / self.made as f64
    }

    fn y(&self, slots: u64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * slots as f64 / self.slots as f64
    }
}

/// Draws the background, the title, and the legend.
fn head(svg: &mut String, outcome: &Outcome) {
    let name = outcome.script.name();
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         width=\"{WIDTH}\" height=\"{HEIGHT}\" role=\"img\" aria-labelledby=\"title\">\n\
         <title id=\"title\">Live host objects and slots in use while {name} runs</title>\n\
         <style>\n{STYLE}</style>\n\
         <rect class=\"paper\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>"
    );
    let rounds = counted(outcome.rounds.into(), "round");
    let _ = writeln!(svg, "<text class=\"title\" x=\"{LEFT}\" y=\"36\">{name}, {rounds}</text>");
    let mut x = LEFT;
    for (class, label, width) in [
        ("live", "live host objects", 164.0),
        ("committed", "slots in use", 132.0),
        ("done", "collection", 0.0),
    ] {
        let sample = match class {
            "done" => format!("M{:.1} 70v-{TICK}m4 {TICK}v-{TICK}", x + 10.0),
            _ => format!("M{x:.1} 66h22"),
        };
        let _ = writeln!(
            svg,
            "<path class=\"{class}\" d=\"{sample}\"/>\
             <text x=\"{:.1}\" y=\"70\">{label}</text>",
            x + 28.0
        );
        x += width;
    }
}

/// Draws the grid, the axes, and their labels.
fn axes(svg: &mut String, scale: &Scale) {
    for slots in marks(scale.slots) {
        let y = scale.y(slots);
        let _ = writeln!(
            svg,
            "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            y + 4.5,
            grouped(slots)
        );
    }
    for made in marks(scale.made) {
        let x = scale.x(made);
        let _ = writeln!(
            svg,
            "<path class=\"axis\" d=\"M{x:.1} {BOTTOM}v5\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            BOTTOM + 22.0,
            grouped(made)
        );
    }
    let (middle_x, middle_y) = ((LEFT + RIGHT) / 2.0, (TOP + BOTTOM) / 2.0);
    let _ = writeln!(
        svg,
        "<path class=\"axis\" d=\"M{LEFT} {BOTTOM}H{RIGHT}\"/>\n\
         <text x=\"{middle_x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">host objects made</text>\n\
         <text transform=\"translate(22 {middle_y:.1}) rotate(-90)\" \
         text-anchor=\"middle\">slots</text>",
        BOTTOM + 46.0
    );
}

/// Draws the collections, on the lower axis.
fn ticks(svg: &mut String, ticks: &[u64], scale: &Scale) {
    let mut path = String::new();
    for &tick in ticks {
        let _ = write!(path, "M{:.1} {BOTTOM}v-{TICK}", scale.x(tick));
    }
    if !path.is_empty() {
        let _ = writeln!(svg, "<path class=\"done\" d=\"{path}\"/>");
    }
}

/// Draws the two lines, and the area below the lower one.
fn lines(svg: &mut String, points: &[Point], scale: &Scale) {
    let live = steps(points, scale, |point| point.live);
    let slots = steps(points, scale, |point| point.slots);
    let _ = writeln!(
        svg,
        "<path class=\"area\" d=\"{live}V{BOTTOM}H{LEFT}Z\"/>\n\
         <path class=\"committed\" d=\"{slots}\"/>\n\
         <path class=\"live\" d=\"{live}\"/>"
    );
}

/// Returns a line that keeps each value until the next sample. It starts from 0.
fn steps(points: &[Point], scale: &Scale, value: impl Fn(&Point) -> u64) -> String {
    let mut path = format!("M{LEFT} {BOTTOM}");
    let mut last = 0;
    for point in points {
        if value(point) != last {
            last = value(point);
            let _ = write!(path, "H{:.1}V{:.1}", scale.x(point.at), scale.y(last));
        }
    }
    let end = points.last().map_or(0, |point| point.at);
    let _ = write!(path, "H{:.1}", scale.x(end));
    path
}

/// Returns round numbers from 0 to `most`: multiples of 1, 2, or 5 times a power of ten.
fn marks(most: u64) -> impl Iterator<Item = u64> {
    let powers = (0..19).map(|power| 10_u64.pow(power));
    let step = powers
        .flat_map(|power| [1, 2, 5].map(|factor| factor * power))
        .find(|step| most / step <= MARKS)
        .unwrap_or(most);
    (0..=most / step).map(move |n| n * step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_few() {
        for (most, expected) in [
            (1, vec![0, 1]),
            (7, vec![0, 2, 4, 6]),
            (98_304, vec![0, 20_000, 40_000, 60_000, 80_000]),
        ] {
            assert_eq!(marks(most).collect::<Vec<_>>(), expected);
        }
        assert!([2, 99, 883_514, u64::MAX].into_iter().all(|most| marks(most).count() <= 7));
    }

    #[test]
    fn a_line_goes_in_steps() {
        let scale = Scale { made: 840, slots: 276 };
        let point = |at, live| Point { at, live, slots: 0 };
        let points = [point(10, 5), point(20, 5), point(30, 0), point(40, 0)];
        assert_eq!(
            steps(&points, &scale, |point| point.live),
            "M92 368H102.0V363.0H122.0V368.0H132.0"
        );
    }
}
