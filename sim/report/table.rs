//! Small tables whose numbers line up.

/// A table: a heading, columns, and rows that start with a name. Zeros are blank, and a column or a row of
/// nothing but zeros is left out.
pub(super) struct Table {
    title: String,
    columns: Vec<&'static str>,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    cells: Vec<String>,
}

impl Table {
    pub(super) fn new(title: impl Into<String>, columns: &[&'static str]) -> Self {
        Self { title: title.into(), columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; an empty cell is a zero.
    pub(super) fn row(&mut self, name: impl Into<String>, cells: impl IntoIterator<Item = String>) {
        let row = Row { name: name.into(), cells: cells.into_iter().collect() };
        if row.cells.iter().any(|cell| !cell.is_empty()) {
            self.rows.push(row);
        }
    }

    /// The heading and the lines below it, or nothing if there are no rows.
    pub(super) fn lines(&self) -> Option<(String, Vec<String>)> {
        if self.rows.is_empty() {
            return None;
        }
        let cell = |row: &Row, column: usize| row.cells.get(column).cloned().unwrap_or_default();
        let name_width = self.rows.iter().map(|row| width(&row.name) + 2).chain([width(&self.title)]).max()?;
        let mut heading = padded_right(&self.title, name_width);
        let mut lines: Vec<_> =
            self.rows.iter().map(|row| format!("  {}", padded_right(&row.name, name_width - 2))).collect();
        for (column, name) in self.columns.iter().enumerate() {
            let cells: Vec<_> = self.rows.iter().map(|row| cell(row, column)).collect();
            if cells.iter().all(String::is_empty) {
                continue;
            }
            let column_width = cells.iter().map(|cell| width(cell)).chain([width(name)]).max()?;
            heading += &format!("  {}", padded_left(name, column_width));
            for (line, cell) in lines.iter_mut().zip(&cells) {
                *line += &format!("  {}", padded_left(cell, column_width));
            }
        }
        let trimmed = lines.iter().map(|line| line.trim_end().to_owned()).collect();
        Some((heading, trimmed))
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

fn padded_right(text: &str, to: usize) -> String {
    format!("{text}{}", " ".repeat(to.saturating_sub(width(text))))
}

fn padded_left(text: &str, to: usize) -> String {
    format!("{}{text}", " ".repeat(to.saturating_sub(width(text))))
}
