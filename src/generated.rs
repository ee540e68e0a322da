//! Tables of pages that are made from tables of the rules, for tests.

use std::path::Path;
use std::{env, fs};

const END: &str = "\n<!-- The end of the generated table. -->\n";

/// Compares the table in a page with the one that a source makes. `UPDATE_SNAPSHOTS=1` writes it.
pub(crate) fn assert_table(page: &str, source: &str, table: &str) {
    let begin = format!("<!-- The table is generated from {source}. -->\n\n");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text = fs::read_to_string(&file).expect(page).replace("\r\n", "\n");
    let (before, rest) = text.split_once(&begin).expect("the begin of the table");
    let (_, after) = rest.split_once(END).expect("the end of the table");
    let expected = format!("{before}{begin}{table}{END}{after}");
    if env::var_os("UPDATE_SNAPSHOTS").is_some_and(|set| set == "1") {
        fs::write(&file, expected).expect("the page can be written");
    } else {
        assert!(text == expected, "{page} is not current: run this test with UPDATE_SNAPSHOTS=1");
    }
}
