//! The table's size over time, in characters.

use crate::host::Point;
use crate::text::grouped;

const COLUMNS: u64 = 60;
const ROWS: u64 = 8;

/// Draws live objects and the other slots in use over the objects made.
pub fn draw(points: &[Point]) -> String {
    let columns = columns(points);
    let most = columns.iter().map(|&(_, slots)| slots).max().unwrap_or(0).max(1);
    let label = grouped(most).len();
    let mut picture = String::new();
    for row in (0..ROWS).rev() {
        let number = match row {
            0 => "0".to_owned(),
            _ if row == ROWS - 1 => grouped(most),
            _ => String::new(),
        };
        let cells = columns.iter().map(|&(live, slots)| {
            match (height(live, most) > row, height(slots, most) > row) {
                (true, _) => '█',
                (false, true) => '░',
                (false, false) => ' ',
            }
        });
        let line = format!("  {number:>label$} {}", cells.collect::<String>());
        picture.push_str(line.trim_end());
        picture.push('\n');
    }
    picture
}

/// Returns the rows of a column, at least one for a number that is not 0.
fn height(number: u64, most: u64) -> u64 {
    (number * ROWS).div_ceil(most)
}

/// Returns the greatest numbers of live objects and of slots in each column.
fn columns(points: &[Point]) -> Vec<(u64, u64)> {
    let end = points.last().map_or(0, |point| point.at) + 1;
    let mut columns = vec![None; COLUMNS as usize];
    for point in points {
        let column: &mut Option<(u64, u64)> = &mut columns[(point.at * COLUMNS / end) as usize];
        let (live, slots) = column.get_or_insert((0, 0));
        (*live, *slots) = (point.live.max(*live), point.slots.max(*slots));
    }
    // A column without a sample is like the one before.
    let mut last = (0, 0);
    columns
        .into_iter()
        .map(|column| *column.inspect(|&new| last = new).get_or_insert(last))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(at: u64, live: u64, slots: u64) -> Point {
        Point { at, live, slots }
    }

    #[test]
    fn a_column_has_the_greatest_numbers_of_its_samples() {
        let points = [point(0, 5, 8), point(0, 2, 16), point(118, 1, 8), point(119, 0, 0)];
        let columns = columns(&points);
        assert_eq!(columns.len(), 60);
        assert_eq!((columns[0], columns[1], columns[58]), ((5, 16), (5, 16), (5, 16)));
        assert_eq!(columns[59], (1, 8));
    }

    #[test]
    fn rows_are_as_high_as_the_numbers() {
        let picture = draw(&[point(0, 1, 8), point(59, 8, 8)]);
        let lines: Vec<&str> = picture.lines().collect();
        assert_eq!(lines.len(), 8);
        assert_eq!(lines[0], format!("  8 {}█", "░".repeat(59)));
        assert_eq!(lines[7], format!("  0 {}", "█".repeat(60)));
    }

    #[test]
    fn an_empty_run_is_an_empty_picture() {
        assert_eq!(draw(&[]).lines().count(), 8);
        assert!(!draw(&[]).contains('█'));
    }
}
