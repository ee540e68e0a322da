//! The colours that charts are drawn in. The stylesheet knows each by its value and puts the theme's own in its place,
//! so a chart is drawn once and is right in light and dark.

use maud::{Markup, html};
use plotters::style::RGBColor;

/// Text beside a chart.
pub(super) const TEXT: RGBColor = RGBColor(93, 89, 80);
/// Lines that help the eye.
pub(super) const GRID: RGBColor = RGBColor(227, 223, 216);
/// What is stacked or side by side, the largest first; the last is for all others together.
pub(super) const SERIES: [RGBColor; SHADES] = [
    RGBColor(59, 81, 201),
    RGBColor(194, 87, 26),
    RGBColor(11, 127, 143),
    RGBColor(154, 62, 168),
    RGBColor(90, 125, 18),
    RGBColor(181, 42, 93),
    RGBColor(119, 114, 106),
];

/// How many lines are told apart, that for all others included.
pub(crate) const SHADES: usize = 7;

/// The sample of a line's colour that a legend shows.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stylesheet_knows_every_colour() {
        let style = include_str!("../assets/style.css");
        for RGBColor(r, g, b) in SERIES.into_iter().chain([TEXT, GRID]) {
            let colour = format!("\"#{r:02X}{g:02X}{b:02X}\"");
            assert!(style.contains(&format!("[fill={colour}]")), "no theme for what is filled with {colour}");
            assert!(style.contains(&format!("[stroke={colour}]")), "no theme for what is drawn in {colour}");
        }
    }
}
