//! What a setting is. The rows are in [`rows`](super::rows).

/// One setting: how it is called, what it takes, what it does.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The environment variable.
    pub env: &'static str,
    /// The path in `config.yml`; `None` = by the environment only.
    pub yaml: Option<&'static str>,
    /// What it takes.
    pub kind: Kind,
    /// What holds when it is unset.
    pub default: Preset,
    /// What it does, one sentence for the operator.
    pub doc: &'static str,
    /// What it costs in requests to VirusTotal.
    pub cost: &'static str,
    /// Which table of docs/settings.md it stands in.
    pub group: Group,
}

/// What a setting takes. Texts say what is allowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A text.
    Text(&'static str),
    /// A text that is never shown and may also come from a file.
    Secret(&'static str),
    /// A comma list, or a list in `config.yml`.
    List(&'static str),
    /// A list for which an empty value means none, not unset.
    ListOrNone(&'static str),
    /// One of these, in any case.
    Choice(&'static [&'static str]),
    /// Yes or no.
    Bool,
    /// A whole number.
    Whole {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// A number.
    Number {
        /// The least.
        min: f64,
        /// The most.
        max: f64,
    },
    /// An ISO 8601 duration; the text says what else.
    Period(&'static str),
    /// An address of a service.
    Url(&'static str),
}

/// What holds when a setting is unset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// It must be set (by the commands that need it).
    Required,
    /// This value, read as if the operator had written it.
    Value(&'static str),
    /// Something that is not a value of this setting.
    Otherwise {
        /// What, in words.
        means: &'static str,
        /// A value for the samples.
        example: &'static str,
    },
}

/// The tables of docs/settings.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// OpenCTI and the connector.
    Platform,
    /// VirusTotal and the report.
    Reporter,
    /// Delivery and the network.
    Delivery,
}

impl Group {
    /// All, in the order of the page.
    pub const ALL: [Self; 3] = [Self::Platform, Self::Reporter, Self::Delivery];

    /// The title of its table.
    pub fn title(self) -> &'static str {
        match self {
            Self::Platform => "OpenCTI and the connector",
            Self::Reporter => "VirusTotal and the report",
            Self::Delivery => "Delivery and the network",
        }
    }
}

impl Setting {
    /// Never to be shown, and may come from the file that `NAME_FILE` names.
    pub fn secret(&self) -> bool {
        matches!(self.kind, Kind::Secret(_))
    }

    /// Whether it takes a list.
    pub fn list(&self) -> bool {
        matches!(self.kind, Kind::List(_) | Kind::ListOrNone(_))
    }

    /// What is allowed, in words.
    pub fn allowed(&self) -> String {
        match self.kind {
            Kind::Text(words)
            | Kind::Secret(words)
            | Kind::List(words)
            | Kind::ListOrNone(words)
            | Kind::Period(words)
            | Kind::Url(words) => words.to_owned(),
            Kind::Choice(choices) => choices.join(", "),
            Kind::Bool => "true or false".to_owned(),
            Kind::Whole { min, max } => format!("a whole number from {min} to {max}"),
            Kind::Number { min, max } => format!("a number from {min} to {max}"),
        }
    }

    /// What holds when it is unset, in words.
    pub fn unset(&self) -> &'static str {
        match self.default {
            Preset::Required => "required",
            Preset::Value(value) => value,
            Preset::Otherwise { means, .. } => means,
        }
    }

    /// A second spelling that is read as well: other programs write the
    /// variables of proxies in lower case.
    pub fn also(&self) -> Option<&'static str> {
        match self.env {
            "HTTP_PROXY" => Some("http_proxy"),
            "HTTPS_PROXY" => Some("https_proxy"),
            "NO_PROXY" => Some("no_proxy"),
            _ => None,
        }
    }
}

/// Makes, from one row a setting, the table, the struct that envy fills and
/// the values that are judged. A row that nobody reads is a dead field: the
/// compiler says so. A setting that is read without a row does not compile.
macro_rules! settings {
    ($( $group:ident { $(
        $field:ident $env:literal $yaml:expr, $kind:expr, $default:expr, $doc:literal
        $(, costs $cost:literal)?;
    )* } )*) => {
        #[expect(non_upper_case_globals, reason = "one name for a row, its field and its value")]
        mod row {
            use super::*;
            $($(
                pub(super) const $field: Setting = Setting {
                    env: $env,
                    yaml: $yaml,
                    kind: $kind,
                    default: $default,
                    doc: $doc,
                    cost: [$($cost,)? NO_REQUEST][0],
                    group: Group::$group,
                };
            )*)*
        }

        /// Every setting. Judging, samples, docs/settings.md and messages come from here.
        pub static SETTINGS: &[Setting] = &[$($( row::$field, )*)*];

        /// The texts as envy puts them into place. No field can fail.
        #[derive(Default, serde::Deserialize)]
        #[serde(default)]
        pub(super) struct Raw {
            $($( $field: Option<String>, )*)*
        }

        /// Each setting beside its text.
        pub(super) struct Values<'a> {
            $($( pub(super) $field: Value<'a>, )*)*
        }

        impl<'a> Values<'a> {
            pub(super) fn of(raw: &'a Raw) -> Self {
                Self {
                    $($( $field: Value {
                        setting: &row::$field,
                        text: raw.$field.as_deref(),
                    }, )*)*
                }
            }
        }
    };
}

pub(super) use settings;

/// A setting and what the operator gave for it.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    pub(super) setting: &'static Setting,
    pub(super) text: Option<&'a str>,
}
