//! The table, the chart and the raw figures.

use crate::load::{Figures, Load};
use crate::servers::Kind;
use anyhow::Result;
use std::fmt::Write as _;
use std::path::Path;

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Server.
    pub kind: Kind,
    /// Publishers and viewers.
    pub load: Load,
    /// What came out.
    pub figures: Figures,
}

/// A figure with its column's head.
type Column = (&'static str, fn(&Figures) -> f64);

const COLUMNS: [Column; 12] = [
    ("CPU µs/packet", |f| f.cpu_us_per_packet),
    ("CPU ms/s", |f| f.cpu_ms_per_s),
    ("viewers/core", |f| f.viewers_per_core),
    ("latency p50 ms", |f| f.latency_p50_ms),
    ("latency p99 ms", |f| f.latency_p99_ms),
    ("join p50 ms", |f| f.join_p50_ms),
    ("join p99 ms", |f| f.join_p99_ms),
    ("loss %", |f| f.loss_percent),
    ("private kB/viewer", |f| f.private_kb),
    ("resident kB/viewer", |f| f.resident_kb),
    ("threads/viewer", |f| f.threads),
    ("descriptors/viewer", |f| f.descriptors),
];

/// One measurement in a line, for the progress.
pub fn line(f: &Figures) -> String {
    format!(
        "{:7.2} µs/packet  {:6.1} ms/s  latency {:.2}/{:.2} ms  join {:.0}/{:.0} ms  loss {:.2} %",
        f.cpu_us_per_packet,
        f.cpu_ms_per_s,
        f.latency_p50_ms,
        f.latency_p99_ms,
        f.join_p50_ms,
        f.join_p99_ms,
        f.loss_percent
    )
}

/// The median over the rounds.
pub fn median(rows: &[Row], kind: Kind, load: Load, figure: fn(&Figures) -> f64) -> Option<f64> {
    let each = rows.iter().filter(|r| r.kind == kind && r.load == load);
    let mut values: Vec<f64> = each.map(|r| figure(&r.figures)).collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        n if n % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

fn distinct<T: PartialEq + Copy>(values: impl Iterator<Item = T>) -> Vec<T> {
    values.fold(Vec::new(), |mut known, v| {
        if !known.contains(&v) {
            known.push(v);
        }
        known
    })
}

/// The table in Markdown.
pub fn table(rows: &[Row]) -> String {
    let heads: Vec<&str> = COLUMNS.iter().map(|c| c.0).collect();
    let mut out =
        format!("| publishers × viewers | server | {} |\n|{}\n", heads.join(" | "), " --- |".repeat(heads.len() + 2));
    for load in distinct(rows.iter().map(|r| r.load)) {
        for kind in distinct(rows.iter().map(|r| r.kind)) {
            let cells =
                COLUMNS.iter().map(|c| median(rows, kind, load, c.1).map_or("–".into(), |v| format!("{v:.2}")));
            let cells = cells.collect::<Vec<_>>().join(" | ");
            let _ = writeln!(out, "| {load} | {} | {cells} |", kind.name());
        }
    }
    out
}

/// CPU per packet by load, as bars.
pub fn chart(rows: &[Row]) -> String {
    let counts = distinct(rows.iter().map(|r| r.load));
    let kinds = distinct(rows.iter().map(|r| r.kind));
    let value = |kind, load| median(rows, kind, load, |f| f.cpu_us_per_packet).unwrap_or(0.0);
    let most = counts.iter().flat_map(|v| kinds.iter().map(move |k| (*k, *v))).map(|(k, v)| value(k, v).ln_1p());
    let most = most.fold(1.0, f64::max);
    let (left, bar, step) = (140.0, 16.0, 24.0 + 16.0 * kinds.len() as f64);
    let height = 50.0 + step * counts.len() as f64;
    let mut out = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 720 {height}' font-family='sans-serif' font-size='12'>\
         <rect width='100%' height='100%' fill='white'/>\
         <text x='10' y='20' font-size='14'>Server CPU per forwarded packet in µs (logarithmic length; shorter is better)</text>\n"
    );
    for (row, load) in counts.iter().enumerate() {
        let top = 40.0 + step * row as f64;
        let _ = writeln!(out, "<text x='10' y='{}'>{load}</text>", top + 12.0);
        for (at, kind) in kinds.iter().enumerate() {
            let value = value(*kind, *load);
            let (y, width) = (top + bar * at as f64, 400.0 * value.ln_1p() / most);
            let color = ["#1f6feb", "#8b949e", "#d29922"][at % 3];
            let _ = writeln!(
                out,
                "<rect x='{left}' y='{y}' width='{width:.1}' height='{}' fill='{color}'/><text x='{:.1}' y='{}'>{value:.1} {}</text>",
                bar - 3.0,
                left + width + 6.0,
                y + 11.0,
                kind.name()
            );
        }
    }
    out.push_str("</svg>\n");
    out
}

/// Writes all three and prints the table.
pub fn write(folder: &Path, rows: &[Row], rounds: usize) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let table = table(rows);
    println!("\nMedians of {rounds} alternating rounds\n\n{table}");
    std::fs::write(folder.join("benchmark.md"), &table)?;
    std::fs::write(folder.join("benchmark.svg"), chart(rows))?;
    let raw: Vec<_> = rows
        .iter()
        .map(|r| {
            let figures: serde_json::Map<_, _> =
                COLUMNS.iter().map(|c| (c.0.to_owned(), (c.1)(&r.figures).into())).collect();
            serde_json::json!({"server": r.kind.name(), "load": r.load.to_string(), "figures": figures})
        })
        .collect();
    std::fs::write(folder.join("benchmark.json"), serde_json::to_string_pretty(&raw)?)?;
    println!("Written: benchmark.md, benchmark.svg and benchmark.json in {}", folder.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_ignore_one_bad_round() {
        let load = Load { feeds: 1, viewers: 5, at_once: 10 };
        let row =
            |cpu| Row { kind: Kind::Janus, load, figures: Figures { cpu_us_per_packet: cpu, ..Figures::default() } };
        let rows = [row(3.0), row(100.0), row(1.0)];
        assert_eq!(median(&rows, Kind::Janus, load, |f| f.cpu_us_per_packet), Some(3.0));
        assert_eq!(median(&rows, Kind::Millrace, load, |f| f.cpu_us_per_packet), None);
        assert!(table(&rows).contains("| 1 × 5 | Janus | 3.00 |"), "{}", table(&rows));
        assert!(chart(&rows).contains("3.0 Janus"));
    }
}
