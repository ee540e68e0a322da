//! A measure over time: stacked columns, or lines.

use std::io;

use maud::{Markup, PreEscaped, html};
use plotters::prelude::*;

use super::palette::{GRID, SERIES, SHADES, TEXT};

/// What all charts have: steps of time, and how a value is written.
pub(crate) struct Plot<'a> {
    /// Unique on the page.
    pub(crate) id: &'a str,
    /// What the chart shows.
    pub(crate) title: &'a str,
    /// What is to be seen in it, in a sentence.
    pub(crate) said: &'a str,
    /// What each step is called below the axis.
    pub(crate) steps: &'a [String],
    /// What is said of each step on hovering.
    pub(crate) hints: &'a [String],
    /// A value of the axis as text.
    pub(crate) write: &'a dyn Fn(f64) -> String,
    /// The end of the axis where it is always the same, such as 1 for parts of a whole.
    pub(crate) top: Option<f64>,
}

/// The size that a chart is drawn in; the browser scales it to the page.
const WIDTH: i32 = 640;
const HEIGHT: i32 = 230;
const MARGIN: i32 = 8;
/// Room for the text of the axes.
const LEFT: i32 = 66;
const BOTTOM: i32 = 26;

/// With more steps than this, a mark on each would be a second line.
const MARKED_STEPS: usize = 45;

/// What is drawn, in steps and in the unit of the measure.
enum Shape {
    Column { step: usize, from: f64, to: f64, shade: usize },
    Line { points: Vec<(f64, f64)>, shade: usize, dashed: bool, marked: bool },
}

impl Plot<'_> {
    /// Values upon each other, one column a step; the first line is at the bottom. An unknown value adds nothing.
    pub(crate) fn columns(&self, lines: &[Vec<Option<f64>>]) -> Markup {
        let mut shapes = Vec::new();
        let mut most = 0.0_f64;
        for step in 0..self.steps.len() {
            let mut from = 0.0;
            for (shade, line) in lines.iter().enumerate() {
                let value = line.get(step).copied().flatten().filter(|value| *value > 0.0);
                if let Some(value) = value {
                    shapes.push(Shape::Column { step, from, to: from + value, shade });
                    from += value;
                }
            }
            most = most.max(from);
        }
        self.figure(most, &shapes)
    }

    /// A line for each; where a value is unknown it has a gap. Every second line is dashed.
    pub(crate) fn lines(&self, lines: &[Vec<Option<f64>>]) -> Markup {
        let marked = self.steps.len() <= MARKED_STEPS;
        let mut shapes = Vec::new();
        for (shade, line) in lines.iter().enumerate() {
            for points in pieces(line) {
                let marked = marked || points.len() == 1;
                shapes.push(Shape::Line { points, shade, dashed: shade % 2 == 1, marked });
            }
        }
        let most = lines.iter().flatten().flatten().copied().fold(0.0, f64::max);
        self.figure(most, &shapes)
    }

    fn figure(&self, most: f64, shapes: &[Shape]) -> Markup {
        // A chart that cannot be drawn is left out: the table beside it has all figures.
        let Ok(drawn) = self.draw(most, shapes) else { return html! {} };
        let (title, said) = (format!("{}-title", self.id), format!("{}-said", self.id));
        html! {
            svg.chart viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-labelledby=(title) aria-describedby=(said) {
                title id=(title) { (self.title) }
                desc id=(said) { (self.said) }
                (PreEscaped(drawn))
                (self.hints())
            }
        }
    }

    /// A field over each step that says what is in it.
    fn hints(&self) -> Markup {
        let width = f64::from(WIDTH - LEFT - 2 * MARGIN) / self.steps.len().max(1) as f64;
        html! {
            @for (step, hint) in self.hints.iter().enumerate() {
                rect.hot x=(format!("{:.1}", f64::from(LEFT + MARGIN) + step as f64 * width)) y=(MARGIN)
                    width=(format!("{width:.1}")) height=(HEIGHT - BOTTOM - 2 * MARGIN) { title { (hint) } }
            }
        }
    }

    fn draw(&self, most: f64, shapes: &[Shape]) -> Result<String, DrawingAreaErrorKind<io::Error>> {
        let last = self.steps.len() as f64 - 0.5;
        let top = self.top.unwrap_or(if most > 0.0 { most * 1.05 } else { 1.0 });
        let name = |at: &f64| step_at(*at).and_then(|step| self.steps.get(step)).cloned().unwrap_or_default();
        let mut text = String::new();
        {
            let area = SVGBackend::with_string(&mut text, (WIDTH.unsigned_abs(), HEIGHT.unsigned_abs()))
                .into_drawing_area();
            let mut chart = ChartBuilder::on(&area)
                .margin(MARGIN)
                .x_label_area_size(BOTTOM)
                .y_label_area_size(LEFT)
                .build_cartesian_2d(-0.5..last, 0.0..top)?;
            let nothing = BLACK.mix(0.0);
            chart
                .configure_mesh()
                .disable_x_mesh()
                .x_labels(6)
                .y_labels(4)
                .max_light_lines(0)
                .bold_line_style(GRID)
                .light_line_style(nothing)
                .axis_style(GRID)
                .label_style(("sans-serif", 17).into_font().color(&TEXT))
                .x_label_formatter(&name)
                .y_label_formatter(&|value| (self.write)(*value))
                .draw()?;
            for shape in shapes {
                match shape {
                    Shape::Column { step, from, to, shade } => {
                        let corners = [(*step as f64 - 0.38, *from), (*step as f64 + 0.38, *to)];
                        chart.draw_series([Rectangle::new(corners, colour(*shade).filled())])?;
                    }
                    Shape::Line { points, shade, dashed, marked } => {
                        let (points, style) = (points.iter().copied(), colour(*shade).stroke_width(2));
                        if *dashed {
                            chart.draw_series(DashedLineSeries::new(points.clone(), 7, 4, style))?;
                        } else {
                            chart.draw_series(LineSeries::new(points.clone(), style))?;
                        }
                        if *marked {
                            chart.draw_series(
                                points.map(|point| Circle::new(point, 3, colour(*shade).filled())),
                            )?;
                        }
                    }
                }
            }
            area.present()?;
        }
        Ok(inside(&text))
    }
}

fn colour(shade: usize) -> RGBColor {
    SERIES[shade.min(SHADES - 1)]
}

/// The step at a place of the axis, if it is the middle of one.
fn step_at(at: f64) -> Option<usize> {
    let nearest = at.round();
    ((at - nearest).abs() < 1e-6 && nearest >= 0.0).then_some(nearest as usize)
}

/// The stretches of a line in which all values are known.
fn pieces(line: &[Option<f64>]) -> Vec<Vec<(f64, f64)>> {
    let mut pieces = vec![Vec::new()];
    for (step, value) in line.iter().enumerate() {
        match (value, pieces.last_mut()) {
            (Some(value), Some(piece)) => piece.push((step as f64, *value)),
            _ => pieces.push(Vec::new()),
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// A drawing without the element around it, which is ours.
fn inside(svg: &str) -> String {
    let begin = svg.find('>').map_or(0, |at| at + 1);
    let end = svg.rfind("</svg>").unwrap_or(svg.len());
    svg.get(begin..end).unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(steps: usize, draw: impl Fn(&Plot<'_>) -> Markup) -> String {
        let steps: Vec<String> = (0..steps).map(|step| format!("day {step}")).collect();
        let write = |value: f64| format!("{value:.1} <unit>");
        draw(&Plot {
            id: "a",
            title: "Cost & more",
            said: "It rises.",
            steps: &steps,
            hints: &steps,
            write: &write,
            top: None,
        })
        .into_string()
    }

    #[test]
    fn a_gap_is_no_zero() {
        let line = [Some(1.0), None, Some(2.0), Some(3.0), None];
        assert_eq!(pieces(&line), [vec![(0.0, 1.0)], vec![(2.0, 2.0), (3.0, 3.0)]]);
        assert!(pieces(&[None, None]).is_empty());
    }

    #[test]
    fn nothing_to_show_is_still_a_chart() {
        for steps in [0, 1, 400] {
            let drawn = plot(steps, |plot| plot.lines(&[vec![None; steps]]));
            assert!(drawn.contains("role=\"img\""), "{steps} steps: {drawn}");
        }
    }

    #[test]
    fn there_is_a_column_for_each_known_value() {
        let lines = [vec![Some(1.0), None, Some(0.0)], vec![Some(2.0), Some(3.0), None]];
        let drawn = plot(3, |plot| plot.columns(&lines));
        assert_eq!(drawn.matches("fill=\"#3B51C9\"").count(), 1, "{drawn}");
        assert_eq!(drawn.matches("fill=\"#C2571A\"").count(), 2, "{drawn}");
    }

    #[test]
    fn what_is_written_cannot_leave_its_place() {
        let drawn = plot(3, |plot| plot.lines(&[vec![Some(1.0), Some(2.0), Some(3.0)]]));
        assert!(drawn.contains("&lt;unit&gt;") && !drawn.contains("<unit>"), "{drawn}");
        assert!(drawn.contains("Cost &amp; more"), "{drawn}");
        assert!(!drawn.contains("style="), "the policy forbids styles in the page: {drawn}");
    }
}
