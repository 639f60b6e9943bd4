//! The share of live slots of each segment over the observed round, as a picture for a terminal. A
//! line stands for a segment, a column for a time.

use std::fmt::Write;

use slotarena::Audit;

/// The columns of the picture.
pub const COLUMNS: u64 = 60;
/// The greatest number of lines. A taller picture merges neighboring segments.
const LINES_MAX: usize = 32;
/// The cells for: not committed, committed without a live slot, up to a quarter, a half, three
/// quarters, and more.
const SHADES: [char; 6] = [' ', '·', '░', '▒', '▓', '█'];

/// One segment at one time.
#[derive(Clone, Copy, Default)]
struct Cell {
    live: u32,
    slots: u32,
}

/// All segments at all times.
pub struct Occupancy {
    /// By column, and then by segment.
    cells: Box<[Cell]>,
    segments: usize,
    /// The columns that are filled.
    seen: [bool; COLUMNS as usize],
}

impl Occupancy {
    /// Creates an empty picture of so many segments.
    pub fn new(segments: usize) -> Occupancy {
        let cells = 0..segments * COLUMNS as usize;
        Occupancy {
            cells: crate::memory::touched(cells.map(|_| Cell::default())),
            segments,
            seen: [false; COLUMNS as usize],
        }
    }

    /// Fills one column.
    pub fn fill(&mut self, column: u64, audit: &Audit) {
        let column = (column as usize).min(COLUMNS as usize - 1);
        self.seen[column] = true;
        for segment in &audit.segments {
            let index = segment.index as usize;
            if index < self.segments {
                self.cells[column * self.segments + index] = Cell {
                    live: segment.live,
                    slots: segment.live + segment.free + segment.uninitialized,
                };
            }
        }
    }

    /// Returns the picture. It is empty if no segment was ever committed.
    pub fn draw(&self) -> String {
        let mut picture = String::new();
        let used = |segment: &usize| {
            (0..COLUMNS as usize).any(|column| self.cell(column, *segment).slots > 0)
        };
        let Some(last) = (0..self.segments).rev().find(used) else {
            return picture;
        };
        let group = last / LINES_MAX + 1;
        let name = if group == 1 { "segment".to_owned() } else { format!("{group} segments") };
        let _ = writeln!(picture, "  {name:>12}   over the events of the observed round");
        for first in (0..=last).step_by(group) {
            let _ = write!(picture, "  {first:>12} │");
            for column in 0..COLUMNS as usize {
                picture.push(self.shade(column, first..(first + group).min(last + 1)));
            }
            picture.push_str("│\n");
        }
        let scale = "0 %        20 %        40 %        60 %        80 %      100 %";
        let _ = writeln!(picture, "  {:>12}  {scale}", "");
        let [none, free, quarter, half, most, full] = SHADES;
        let _ = writeln!(
            picture,
            "  live: {full} over 75 %  {most} over 50 %  {half} over 25 %  {quarter} to 25 %  \
             {free} none     not committed: {none:?}"
        );
        picture
    }

    /// Returns the cell of some segments in a column, or in the last filled column before it.
    fn shade(&self, column: usize, segments: std::ops::Range<usize>) -> char {
        let Some(column) = (0..=column).rev().find(|&column| self.seen[column]) else {
            return SHADES[0];
        };
        let (live, slots) = segments.fold((0_u64, 0_u64), |(live, slots), segment| {
            let cell = self.cell(column, segment);
            (live + u64::from(cell.live), slots + u64::from(cell.slots))
        });
        match (live, slots) {
            (_, 0) => SHADES[0],
            (0, _) => SHADES[1],
            // The last slot of a quarter still belongs to it.
            _ => SHADES[2 + ((live * 4 - 1) / slots).min(3) as usize],
        }
    }

    fn cell(&self, column: usize, segment: usize) -> Cell {
        self.cells[column * self.segments + segment]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a picture in which segment 0 has these live slots of 100 in the first columns.
    fn picture(live: &[u32]) -> String {
        let mut occupancy = Occupancy::new(3);
        for (column, &live) in live.iter().enumerate() {
            occupancy.seen[column] = true;
            occupancy.cells[column * 3] = Cell { live, slots: 100 };
        }
        occupancy.draw()
    }

    #[test]
    fn shades_change_at_the_quarters() {
        let picture = picture(&[0, 1, 25, 26, 50, 51, 75, 76, 100]);
        assert!(picture.contains("│·░░▒▒▓▓███"), "{picture}");
    }

    #[test]
    fn an_empty_column_is_like_the_one_before() {
        let picture = picture(&[60]);
        assert!(picture.contains(&format!("│{}│", "▓".repeat(60))), "{picture}");
    }

    #[test]
    fn a_table_never_used_has_no_picture() {
        assert_eq!(picture(&[]), "");
    }

    #[test]
    fn many_segments_share_lines() {
        let mut occupancy = Occupancy::new(100);
        occupancy.seen[0] = true;
        occupancy.cells[64] = Cell { live: 1, slots: 100 };
        let picture = occupancy.draw();
        assert!(picture.contains("3 segments"), "{picture}");
        assert_eq!(picture.lines().filter(|line| line.contains('│')).count(), 22);
    }
}
