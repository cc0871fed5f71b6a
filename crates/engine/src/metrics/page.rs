//! What is rendered of figures: the text format of Prometheus. A figure that is not of the table cannot be shown.

use std::fmt::{Display, Write};

use parlance_types::figures::{Figure, FigureKind};

use super::Histogram;

/// Microseconds below and above which nobody looks.
const MICROS: std::ops::RangeInclusive<u64> = 64..=1 << 26;
/// Events of a group, likewise.
const EVENTS: std::ops::RangeInclusive<u64> = 2..=8_192;

/// Figures as text.
#[derive(Debug, Default)]
pub struct FigurePage(String);

impl FigurePage {
    pub(super) fn new() -> Self {
        Self(String::with_capacity(16 * 1024))
    }

    /// A figure without labels.
    pub fn one(&mut self, figure: &Figure, value: impl Display) {
        self.head(figure);
        self.line(format_args!("{} {value}", figure.name));
    }

    /// As [`FigurePage::one`], of what may not be there.
    pub fn maybe(&mut self, figure: &Figure, value: Option<impl Display>) {
        match value {
            Some(value) => self.one(figure, value),
            None => self.head(figure),
        }
    }

    /// A figure with one label: each of its values, if there are any.
    pub fn each<L: Display, V: Display>(
        &mut self,
        figure: &Figure,
        values: impl IntoIterator<Item = (L, V)>,
    ) {
        self.head(figure);
        let label = figure.labels.first().copied().unwrap_or_default();
        for (of, value) in values {
            self.line(format_args!("{}{{{label}=\"{of}\"}} {value}", figure.name));
        }
    }

    /// A histogram of microseconds (shown as seconds) or of things, as the unit says.
    pub fn histogram(&mut self, figure: &Figure, histogram: &Histogram) {
        let (scale, shown) = if figure.unit == "seconds" { (1e-6, MICROS) } else { (1.0, EVENTS) };
        let (bounds, total, sum) = histogram.totals();
        self.head(figure);
        let name = figure.name;
        for (bound, below) in bounds.into_iter().filter(|(bound, _)| shown.contains(bound)) {
            let bound = bound as f64 * scale;
            self.line(format_args!("{name}_bucket{{le=\"{bound}\"}} {below}"));
        }
        self.line(format_args!("{name}_bucket{{le=\"+Inf\"}} {total}"));
        self.line(format_args!("{name}_sum {}", sum as f64 * scale));
        self.line(format_args!("{name}_count {total}"));
    }

    pub fn into_text(self) -> String {
        self.0
    }

    fn head(&mut self, figure: &Figure) {
        let Figure { name, kind, help, .. } = figure;
        debug_assert!(*kind != FigureKind::Counter || name.ends_with("_total"), "{name}");
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
    }

    /// Writing to a string cannot fail.
    fn line(&mut self, arguments: std::fmt::Arguments<'_>) {
        self.0.write_fmt(arguments).expect("a string takes what is written");
        self.0.push('\n');
    }
}
