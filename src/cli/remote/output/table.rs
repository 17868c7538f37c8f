use std::fmt::Write as _;

/// No column is cut below this many characters.
const NARROWEST: usize = 8;
/// What stands between two columns.
const GAP: usize = 2;

/// Rows of equally many cells, the heads first, with aligned columns. Where `width` characters do not hold a line, the
/// widest columns are cut; never the first one, which other commands take.
pub(in crate::cli::remote) fn lay_out(rows: &[Vec<String>], width: Option<usize>) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widest = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| len(cell)).max();
    let mut widths: Vec<usize> = (0..count).map(|at| widest(at).unwrap_or_default()).collect();
    if let Some(width) = width {
        let heads = rows.first().map(Vec::as_slice).unwrap_or_default();
        shrink(&mut widths, heads, width.saturating_sub(GAP * count.saturating_sub(1)));
    }
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{:width$}{:GAP$}", cut(cell, *width), "");
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Takes from the widest column, again and again, until the columns fit or none can be cut any more.
fn shrink(widths: &mut [usize], heads: &[String], room: usize) {
    while widths.iter().sum::<usize>() > room {
        let floor = |at: usize| heads.get(at).map_or(0, |head| len(head)).max(NARROWEST);
        let candidates = (1..widths.len()).filter(|at| widths.get(*at).is_some_and(|w| *w > floor(*at)));
        let Some(at) = candidates.max_by_key(|at| widths.get(*at).copied()) else { return };
        if let Some(width) = widths.get_mut(at) {
            *width -= 1;
        }
    }
}

fn cut(cell: &str, width: usize) -> String {
    if len(cell) <= width {
        return cell.to_owned();
    }
    let kept: String = cell.chars().take(width.saturating_sub(1)).collect();
    kept + "…"
}

fn len(cell: &str) -> usize {
    cell.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect()
    }

    #[test]
    fn without_a_terminal_nothing_is_cut() {
        let long = "https://1r.example.com/".to_owned() + &"a".repeat(300);
        assert!(lay_out(&rows(&[&["ID", "URI"], &["1", &long]]), None).contains(&long));
    }

    #[test]
    fn the_widest_column_is_cut_and_the_first_never() {
        let table = rows(&[
            &["CLIENT ID", "NAME", "IDENTIFIER"],
            &["01ARZ3NDEKTSV4RRFFQ69G5FAW", "booking", "https://1r.example.com/airline-with-a-long-name"],
        ]);
        let out = lay_out(&table, Some(60));
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines[1], "01ARZ3NDEKTSV4RRFFQ69G5FAW  booking  https://1r.example.com…");
        assert_eq!(lines[1].chars().count(), 60);
        assert_eq!(lines[0], "CLIENT ID                   NAME     IDENTIFIER");
    }

    #[test]
    fn a_terminal_that_is_far_too_narrow_still_shows_heads_and_the_first_column() {
        let table =
            rows(&[&["ID", "A LONG HEAD"], &["01ARZ3NDEKTSV4RRFFQ69G5FAW", "a very long cell indeed"]]);
        assert_eq!(
            lay_out(&table, Some(10)),
            "ID                          A LONG HEAD\n01ARZ3NDEKTSV4RRFFQ69G5FAW  a very lon…\n"
        );
    }

    #[test]
    fn rows_may_be_shorter_than_others() {
        assert_eq!(lay_out(&rows(&[&["A", "B"], &["1"]]), None), "A  B\n1\n");
        assert_eq!(lay_out(&[], Some(80)), "");
    }
}
