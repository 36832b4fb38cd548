//! No text makes it panic, hang or show a secret.

use proptest::prelude::*;

use super::*;

fn setting() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(SETTINGS).prop_map(|setting| setting.env)
}

proptest! {
    #[test]
    fn no_environment_makes_it_panic(
        given in proptest::collection::vec((setting(), ".{0,40}|[0-9eE+.,:/-]{0,12}"), 0..8)
    ) {
        let given: Vec<_> = given.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let _ = with(&given);
    }

    #[test]
    fn no_yaml_makes_it_panic(text in "(\\PC|[\n \t:\\-\\[\\]{}&*!|>'\"%#,?@~]){0,80}") {
        let _ = load(Some(&text), &[]);
    }

    #[test]
    fn no_shape_of_yaml_makes_it_panic(
        lines in proptest::collection::vec(
            "( ){0,4}(vtreporter|mq|country|host|- a|\\? |\\[|\\]|\\{|\\}|&a|\\*a|!t|'|\")(:)?( )?(x|~|\\[|\\{|'|\"|\\||&a|\\*a)?",
            0..12,
        )
    ) {
        let _ = load(Some(&lines.join("\n")), &[]);
    }

    #[test]
    fn a_secret_never_shows_whatever_it_is(secret in "[ -~\u{80}-\u{ff}]{12,40}") {
        for setting in SETTINGS.iter().filter(|setting| setting.secret()) {
            let told = told(setting.env, &secret);
            prop_assert!(!told.contains(&secret), "{}", told);
        }
    }
}

#[test]
fn a_deep_or_long_file_is_read_in_good_time() {
    for text in [
        "[".repeat(100_000),
        "a:\n".repeat(5_000),
        format!("mq:\n  host: {}", "x".repeat(1_000_000)),
    ] {
        let _ = load(Some(&text), &[]);
    }
    let name = format!("VTREPORTER_{}", "X".repeat(1_000_000));
    let warnings = with(&[(&name, "1")]).unwrap().warnings;
    assert!(warnings[0].len() < 200);
}
