//! Samples and tables say what the code does.

use super::*;

#[test]
fn the_samples_are_what_the_table_says() {
    let hint = "run: cargo run --example settings_tables config > config.yml.sample; \
                cargo run --example settings_tables env > .env.sample";
    assert!(
        include_str!("../../../config.yml.sample") == docs::config_sample(),
        "{hint}"
    );
    assert!(
        include_str!("../../../.env.sample") == docs::env_sample(),
        "{hint}"
    );
}

#[test]
fn the_samples_lack_only_what_the_operator_must_fill_in() {
    let required = |text: String| -> HashSet<String> {
        text.lines()
            .map(|line| {
                assert!(line.contains("placeholder"), "{line}");
                line.split(' ').next().unwrap().to_owned()
            })
            .collect()
    };
    let wanted: HashSet<_> = LEAST.map(|(name, _)| name.to_owned()).into();
    let yaml = include_str!("../../../config.yml.sample");
    assert_eq!(
        required(load(Some(yaml), &[]).unwrap_err().to_string()),
        wanted
    );
    let set: Vec<_> = include_str!("../../../.env.sample")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .collect();
    // In Docker the platform has a name that is known.
    let url = ("OPENCTI_URL", "http://opencti:8080");
    assert!(set.contains(&url), "{set:?}");
    let wanted = wanted.into_iter().filter(|name| name != url.0).collect();
    assert_eq!(required(load(None, &set).unwrap_err().to_string()), wanted);
}

#[test]
fn every_line_of_the_samples_may_be_uncommented() {
    let yaml: String = include_str!("../../../config.yml.sample")
        .lines()
        .map(|line| line.replacen("  #", "  ", 1))
        .map(|line| {
            if line.starts_with("   ") {
                "\n".to_owned()
            } else {
                line + "\n"
            }
        })
        .collect();
    let read = |path: &Path| {
        if path.extension().is_some_and(|kind| kind == "csv") {
            return Ok("rescoms,Remcos\n".to_owned());
        }
        let made = rcgen::generate_simple_self_signed(vec!["a.example.net".to_owned()]).unwrap();
        Ok(made.cert.pem() + &made.signing_key.serialize_pem())
    };
    let config = config::load(
        Some(("config.yml", &yaml)),
        pairs(&LEAST),
        Needs::BOTH,
        now(),
        &read,
    )
    .unwrap();
    assert_eq!(config.warnings, Vec::<String>::new());
    assert_eq!(config.mq.port, Some(5672));
    let names: HashSet<_> = include_str!("../../../.env.sample")
        .lines()
        .filter_map(|line| line.trim_start_matches('#').split_once('='))
        .map(|(name, _)| name)
        .filter(|name| !name.contains(' '))
        .collect();
    assert_eq!(names, SETTINGS.iter().map(|setting| setting.env).collect());
}

#[test]
fn the_tables_name_every_setting_once_and_its_row_is_sound() {
    let text = docs::markdown();
    for setting in SETTINGS {
        assert_eq!(text.matches(&format!("| `{}` |", setting.env)).count(), 1);
        assert!(setting.doc.ends_with('.') && !setting.allowed().is_empty());
        if let Some(path) = setting.yaml {
            assert_eq!(path.replace('.', "_").to_uppercase(), setting.env);
        }
    }
    assert_eq!(text.matches("\n### ").count() + 1, Group::ALL.len());
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/settings.md");
    let page = std::fs::read_to_string(page).unwrap();
    for group in Group::ALL {
        assert!(
            page.contains(&docs::markdown_table(group)),
            "run: cargo run --example settings_tables docs"
        );
    }
}

#[test]
fn the_readers_table_says_what_each_option_costs() {
    let table = docs::markdown_table(Group::Reporter);
    assert!(table.starts_with("| Variable | `config.yml` | Default | Allowed | What it does | Cost in VirusTotal requests |\n"));
    let cost = |name: &str| {
        let row = table
            .lines()
            .find(|line| line.starts_with(&format!("| `{name}` |")));
        row.unwrap()
            .trim_end_matches(" |")
            .rsplit(" | ")
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        cost("VTREPORTER_CREATE_ATTACK_PATTERNS"),
        "1 for each file of VTREPORTER_RELATED_MIN_SEVERITY"
    );
    assert_eq!(cost("VTREPORTER_CREATE_INDICATORS"), "none");
    let bars = table
        .lines()
        .map(|line| line.replace("\\|", "").matches('|').count());
    assert_eq!(bars.collect::<HashSet<_>>(), HashSet::from([7]));
}
