//! A measure over time: stacked columns, or lines, in colours that the stylesheet replaces by the theme's.

use std::io;

use maud::{Markup, PreEscaped, html};
use plotters::prelude::*;
use plotters::style::RGBColor;

/// Text of the axes.
const TEXT: RGBColor = RGBColor(93, 89, 80);
/// Grid lines.
const GRID: RGBColor = RGBColor(227, 223, 216);
/// Lines or columns, the largest first; the last colour is for all others together.
const SERIES: [RGBColor; SHADES] = [
    RGBColor(59, 81, 201),
    RGBColor(194, 87, 26),
    RGBColor(11, 127, 143),
    RGBColor(154, 62, 168),
    RGBColor(90, 125, 18),
    RGBColor(181, 42, 93),
    RGBColor(119, 114, 106),
];

/// Number of colours, including the one for all others.
pub(crate) const SHADES: usize = 7;

/// A sample of a line's colour for a legend.
pub(crate) fn sample(line: usize, dashed: bool) -> Markup {
    let RGBColor(r, g, b) = SERIES[line.min(SHADES - 1)];
    let colour = format!("#{r:02X}{g:02X}{b:02X}");
    html! {
        svg.chart-sample viewBox="0 0 16 12" width="16" height="12" aria-hidden="true" focusable="false" {
            @if dashed {
                line x1="0" x2="16" y1="6" y2="6" stroke=(colour) stroke-width="3" stroke-dasharray="4 2" {}
            } @else {
                rect x="1" y="1" width="14" height="10" rx="2" fill=(colour) {}
            }
        }
    }
}

/// A chart over steps of time.
pub(crate) struct Plot<'a> {
    /// Id that is unique on the page.
    pub(crate) id: &'a str,
    /// The title.
    pub(crate) title: &'a str,
    /// One sentence for screen readers that summarises the chart.
    pub(crate) description: &'a str,
    /// Labels of the steps.
    pub(crate) steps: &'a [String],
    /// Tooltips of the steps.
    pub(crate) tooltips: &'a [String],
    /// Formats a value of the axis.
    pub(crate) format: &'a dyn Fn(f64) -> String,
    /// Fixed end of the axis, such as 1 for rates; `None` to fit the values.
    pub(crate) top: Option<f64>,
}

/// Size of the drawing, which the browser scales to the page.
const WIDTH: i32 = 640;
const HEIGHT: i32 = 230;
const MARGIN: i32 = 8;
/// Space for the text of the axes.
const LEFT: i32 = 66;
const BOTTOM: i32 = 26;

/// Maximum number of steps with a mark each; beyond it, the marks would touch.
const MARKED_STEPS: usize = 45;

/// A shape, in steps and in the unit of the measure.
enum Shape {
    Column { step: usize, from: f64, to: f64, shade: usize },
    Line { points: Vec<(f64, f64)>, shade: usize, dashed: bool, marked: bool },
}

impl Plot<'_> {
    /// Stacked columns, one per step; the first line is at the bottom. An unknown value adds nothing.
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

    /// Lines with a gap at each unknown value. Every second line is dashed, so that lines differ without colour.
    pub(crate) fn lines(&self, lines: &[Vec<Option<f64>>]) -> Markup {
        let marked = self.steps.len() <= MARKED_STEPS;
        let mut shapes = Vec::new();
        for (shade, line) in lines.iter().enumerate() {
            for points in segments(line) {
                let marked = marked || points.len() == 1;
                shapes.push(Shape::Line { points, shade, dashed: shade % 2 == 1, marked });
            }
        }
        let most = lines.iter().flatten().flatten().copied().fold(0.0, f64::max);
        self.figure(most, &shapes)
    }

    fn figure(&self, most: f64, shapes: &[Shape]) -> Markup {
        // A chart that cannot be drawn is left out: the table below it has all figures.
        let Ok(drawn) = self.draw(most, shapes) else { return html! {} };
        let (title, description) = (format!("{}-title", self.id), format!("{}-description", self.id));
        html! {
            svg.chart viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-labelledby=(title) aria-describedby=(description) {
                title id=(title) { (self.title) }
                desc id=(description) { (self.description) }
                (PreEscaped(drawn))
                (self.tooltip_areas())
            }
        }
    }

    /// A transparent area over each step with its tooltip.
    fn tooltip_areas(&self) -> Markup {
        let width = f64::from(WIDTH - LEFT - 2 * MARGIN) / self.steps.len().max(1) as f64;
        html! {
            @for (step, tooltip) in self.tooltips.iter().enumerate() {
                rect.hot x=(format!("{:.1}", f64::from(LEFT + MARGIN) + step as f64 * width)) y=(MARGIN)
                    width=(format!("{width:.1}")) height=(HEIGHT - BOTTOM - 2 * MARGIN) { title { (tooltip) } }
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
            let transparent = BLACK.mix(0.0);
            chart
                .configure_mesh()
                .disable_x_mesh()
                .x_labels(6)
                .y_labels(4)
                .max_light_lines(0)
                .bold_line_style(GRID)
                .light_line_style(transparent)
                .axis_style(GRID)
                .label_style(("sans-serif", 17).into_font().color(&TEXT))
                .x_label_formatter(&name)
                .y_label_formatter(&|value| (self.format)(*value))
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
        Ok(content_of(&text))
    }
}

fn colour(shade: usize) -> RGBColor {
    SERIES[shade.min(SHADES - 1)]
}

/// The step at a position of the axis, if the position is the middle of a step.
fn step_at(at: f64) -> Option<usize> {
    let nearest = at.round();
    ((at - nearest).abs() < 1e-6 && nearest >= 0.0).then_some(nearest as usize)
}

/// The segments of a line in which all values are known.
fn segments(line: &[Option<f64>]) -> Vec<Vec<(f64, f64)>> {
    let mut segments = vec![Vec::new()];
    for (step, value) in line.iter().enumerate() {
        match (value, segments.last_mut()) {
            (Some(value), Some(segment)) => segment.push((step as f64, *value)),
            _ => segments.push(Vec::new()),
        }
    }
    segments.retain(|segment| !segment.is_empty());
    segments
}

/// The content of an `svg` element, without the element itself.
fn content_of(svg: &str) -> String {
    let begin = svg.find('>').map_or(0, |at| at + 1);
    let end = svg.rfind("</svg>").unwrap_or(svg.len());
    svg.get(begin..end).unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stylesheet_has_every_colour() {
        let style = include_str!("../assets/style.css");
        for RGBColor(r, g, b) in SERIES.into_iter().chain([TEXT, GRID]) {
            let colour = format!("\"#{r:02X}{g:02X}{b:02X}\"");
            assert!(style.contains(&format!("[fill={colour}]")), "no theme for what is filled with {colour}");
            assert!(style.contains(&format!("[stroke={colour}]")), "no theme for what is drawn in {colour}");
        }
    }

    fn plot(steps: usize, draw: impl Fn(&Plot<'_>) -> Markup) -> String {
        let steps: Vec<String> = (0..steps).map(|step| format!("day {step}")).collect();
        let write = |value: f64| format!("{value:.1} <unit>");
        draw(&Plot {
            id: "a",
            title: "Cost & more",
            description: "It rises.",
            steps: &steps,
            tooltips: &steps,
            format: &write,
            top: None,
        })
        .into_string()
    }

    #[test]
    fn an_unknown_value_is_a_gap() {
        let line = [Some(1.0), None, Some(2.0), Some(3.0), None];
        assert_eq!(segments(&line), [vec![(0.0, 1.0)], vec![(2.0, 2.0), (3.0, 3.0)]]);
        assert!(segments(&[None, None]).is_empty());
    }

    #[test]
    fn a_chart_without_values_is_drawn() {
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
    fn text_is_escaped() {
        let drawn = plot(3, |plot| plot.lines(&[vec![Some(1.0), Some(2.0), Some(3.0)]]));
        assert!(drawn.contains("&lt;unit&gt;") && !drawn.contains("<unit>"), "{drawn}");
        assert!(drawn.contains("Cost &amp; more"), "{drawn}");
        assert!(!drawn.contains("style="), "the content security policy forbids inline styles: {drawn}");
    }
}
