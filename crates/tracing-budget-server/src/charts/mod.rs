//! Charts: SVG, drawn on the server from plain numbers. Nothing here knows the store, the API, or a request.
//!
//! What has axes is drawn with `plotters`, at one size that the browser scales. Bars that must stretch with the table
//! around them, or lead somewhere, are elements placed by percentages, which `plotters` cannot do.

pub(super) mod meter;
pub(super) mod palette;
pub(super) mod plot;
pub(super) mod strip;
pub(super) mod timeline;
