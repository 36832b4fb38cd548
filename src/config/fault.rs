//! What is wrong with the settings: all of it, each line readable by itself.

use std::fmt;

use super::table::Setting;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The environment.
    Environment,
    /// A line of the configuration file, named by the path for messages.
    File { path: String, line: usize },
}

/// One thing that is wrong.
///
/// It never holds a value that the operator gave: a key pasted behind the
/// wrong name must not end up in a log either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The variable; empty when the file as a whole is wrong.
    pub variable: String,
    /// Its path in `config.yml`.
    pub yaml: Option<String>,
    /// File and line, when it was set there.
    pub place: Option<String>,
    /// What is wrong.
    pub problem: String,
    /// What is allowed.
    pub allowed: Option<String>,
}

/// What is wrong with a setting that must be set and is not.
pub(super) const MISSING: &str = "is missing";

impl Fault {
    /// Whether this says that a variable is not set.
    pub fn is_missing(&self, variable: &str) -> bool {
        self.variable == variable && self.problem == MISSING
    }

    pub(super) fn of(setting: &Setting, origin: Option<&Origin>, problem: String) -> Self {
        Self {
            variable: setting.env.to_owned(),
            yaml: setting.yaml.map(ToOwned::to_owned),
            place: origin.and_then(Origin::place),
            problem,
            allowed: Some(setting.allowed()),
        }
    }

    pub(super) fn file(path: &str, line: usize, problem: String) -> Self {
        Self {
            variable: String::new(),
            yaml: None,
            place: Some(format!("{path} line {line}")),
            problem,
            allowed: None,
        }
    }

    pub(super) fn variable(name: &str, problem: &str) -> Self {
        Self {
            variable: name.to_owned(),
            yaml: None,
            place: None,
            problem: problem.to_owned(),
            allowed: None,
        }
    }
}

impl Origin {
    pub(super) fn place(&self) -> Option<String> {
        match self {
            Self::Environment => None,
            Self::File { path, line } => Some(format!("{path} line {line}")),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place: Vec<&str> = [self.yaml.as_deref(), self.place.as_deref()]
            .into_iter()
            .flatten()
            .collect();
        match (self.variable.as_str(), place.join(", ")) {
            ("", place) => f.write_str(&place)?,
            (variable, place) if place.is_empty() => f.write_str(variable)?,
            (variable, place) => write!(f, "{variable} ({place})")?,
        }
        write!(f, ": {}", self.problem)?;
        if let Some(allowed) = &self.allowed {
            write!(f, "; allowed: {allowed}")?;
        }
        Ok(())
    }
}

/// Everything that is wrong, one line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(
    /// Never empty.
    pub Vec<Fault>,
    /// What else is odd: a misspelt name may be the cause of a missing one.
    pub Vec<String>,
);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        for warning in &self.1 {
            write!(f, "\nnote: {warning}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
