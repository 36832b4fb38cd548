//! Log lines are for whoever reads them.

use std::fs;

use super::plan::{files, root};

/// `Some(100000)` or `Requests` in a log line is the program's own shorthand,
/// not a word for whoever reads it.
#[test]
fn no_log_line_shows_a_value_in_rusts_own_form() {
    let mut faults = Vec::new();
    let mut seen = 0;
    for path in files(&root().join("src")) {
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for macro_name in ["error!(", "warn!(", "info!(", "debug!(", "trace!("] {
            for (at, _) in code.match_indices(macro_name) {
                seen += 1;
                let call = arguments(&code[at + macro_name.len() - 1..]);
                for form in ["= ?", "(?", ", ?", ":?}", ":#?}"] {
                    if call.contains(form) {
                        faults.push(format!("{}: {form} in {call}", path.display()));
                    }
                }
            }
        }
    }
    assert!(seen > 40, "{seen} log lines");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
/// What stands between a bracket and its end, without white space at line ends.
fn arguments(text: &str) -> String {
    let mut depth = 0;
    let end = text.find(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth == 0
    });
    let call = &text[..end.unwrap_or(text.len())];
    call.split_whitespace().collect::<Vec<_>>().join(" ")
}
