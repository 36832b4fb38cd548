//! What a reader can hold: a function on a screen, a file in the head.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::plan::{files, root};
use super::reading::{bare, functions};

const LONGEST_FUNCTION: usize = 50;
const LONGEST_FILE: usize = 500;

/// Still longer. Who shortens one takes it off the list.
const LONG_FUNCTIONS: &[(&str, &str)] = &[
    ("benches/convert.rs", "object"),
    (
        "crates/standin/src/opencti/import/ids.rs",
        "the_judge_computes_the_ids_that_the_platform_computes",
    ),
    (
        "crates/standin/tests/strict/opencti/importer.rs",
        "each_rule_of_the_importer_refuses_what_breaks_it",
    ),
    ("tests/peers/bundles.rs", "send"),
    (
        "tests/peers/ids.rs",
        "the_official_helper_gives_odd_names_the_same_ids",
    ),
    (
        "tests/promises/commands.rs",
        "check_says_in_plain_words_what_is_wrong_on_either_side",
    ),
    (
        "tests/promises/commands.rs",
        "plan_shows_window_query_quota_and_cost_and_spends_no_search",
    ),
    (
        "tests/promises/commands.rs",
        "preview_needs_no_platform_and_writes_a_report_that_names_everything",
    ),
    (
        "tests/promises/import.rs",
        "odd_objects_lose_nothing_but_themselves",
    ),
    (
        "tests/promises/import.rs",
        "the_originals_settings_bring_607_files_in_three_pages_and_one_report",
    ),
    (
        "tests/promises/secrets.rs",
        "the_key_and_the_token_are_in_no_output_no_object_no_state_and_no_address",
    ),
    (
        "tests/promises/settings.rs",
        "config_yml_works_the_environment_wins_and_the_defaults_are_real",
    ),
    (
        "tests/promises/settings.rs",
        "every_marking_maps_exactly_and_an_unknown_one_stops_at_the_start",
    ),
    (
        "tests/promises/stop.rs",
        "run_and_terminate_ends_with_0_when_everything_is_done_and_3_or_2_when_not",
    ),
    (
        "tests/rooms/convert/hashes.rs",
        "fuzzy_hashes_are_told_to_readers_and_never_to_the_platform_which_would_merge_by_them",
    ),
    (
        "tests/rooms/convert/knowledge.rs",
        "the_numbers_equal_the_objects_of_every_kind_however_they_are_cut",
    ),
    (
        "tests/rooms/convert/labels.rs",
        "labels_are_chosen_prefixed_and_capped_but_the_operators_stay",
    ),
    (
        "tests/rooms/convert/page.rs",
        "the_numbers_in_the_report_equal_the_objects_in_the_bundles",
    ),
    ("tests/rooms/convert/random.rs", "attributes"),
    ("tests/rooms/convert/random.rs", "wanted"),
    (
        "tests/rooms/convert/report.rs",
        "a_report_is_compared_with_the_one_before_as_far_as_that_is_fair",
    ),
    ("tests/rooms/convert/support.rs", "run"),
    (
        "tests/rooms/opencti/amqp.rs",
        "every_object_arrives_persistent_in_order_and_as_the_workers_expect_it",
    ),
    (
        "tests/rooms/opencti/amqp.rs",
        "tls_takes_an_own_authority_and_a_client_certificate_and_refuses_strangers",
    ),
    (
        "tests/rooms/opencti/amqp.rs",
        "what_the_operator_has_to_change_is_named_and_no_work_is_told_of_objects",
    ),
    (
        "tests/rooms/quota/counts.rs",
        "a_whole_search_comes_page_by_page_with_its_relationships",
    ),
    (
        "tests/rooms/settings/sources.rs",
        "every_variable_of_the_original_also_works_from_config_yml",
    ),
    (
        "tests/rooms/settings/sources.rs",
        "secrets_come_from_files_and_lose_only_their_last_line_end",
    ),
    (
        "tests/rooms/settings/sources.rs",
        "the_least_settings_give_the_documented_defaults",
    ),
    (
        "tests/rooms/virustotal/page.rs",
        "one_odd_object_or_attribute_loses_nothing_else",
    ),
];

/// Still longer. Who splits one takes it off the list.
const LONG_FILES: &[&str] = &["tests/house/docs.rs"];

/// Every Rust file: path from the root, text.
fn all() -> Vec<(String, String)> {
    let folders = ["src", "crates", "tests", "benches", "examples"];
    let files = folders
        .iter()
        .flat_map(|folder| files(&root().join(folder)));
    let files: Vec<(String, String)> = files
        .map(|path: PathBuf| {
            let inside = path.strip_prefix(root()).unwrap().to_str().unwrap();
            (inside.to_owned(), fs::read_to_string(&path).unwrap())
        })
        .collect();
    assert!(files.len() > 250, "{} files", files.len());
    files
}

#[test]
fn no_function_is_longer_than_a_screen() {
    let mut seen = 0;
    let mut long = BTreeSet::new();
    for (path, text) in all() {
        for (name, lines) in functions(&bare(&text)) {
            seen += 1;
            if lines > LONGEST_FUNCTION {
                long.insert((path.clone(), name));
            }
        }
    }
    assert!(seen > 2000, "{seen} functions");
    let listed = LONG_FUNCTIONS
        .iter()
        .map(|(path, name)| ((*path).to_owned(), (*name).to_owned()));
    let listed: BTreeSet<(String, String)> = listed.collect();
    let more: Vec<_> = long.difference(&listed).collect();
    assert!(more.is_empty(), "over {LONGEST_FUNCTION} lines: {more:#?}");
    let stale: Vec<_> = listed.difference(&long).collect();
    assert!(stale.is_empty(), "short by now, take them off: {stale:#?}");
}

#[test]
fn no_file_is_longer_than_a_reader_can_hold() {
    let files = all().into_iter();
    let long = files.filter(|(_, text)| text.lines().count() > LONGEST_FILE);
    let long: BTreeSet<String> = long.map(|(path, _)| path).collect();
    let listed: BTreeSet<String> = LONG_FILES.iter().map(|path| (*path).to_owned()).collect();
    assert_eq!(
        long, listed,
        "over {LONGEST_FILE} lines, and what is listed"
    );
}
