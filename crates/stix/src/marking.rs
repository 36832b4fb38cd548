//! Marking definitions: the Traffic Light Protocol.

use serde::Serialize;
use uuid::{Uuid, uuid};

use super::id::Canonical;
use super::{Id, SPEC_VERSION, Stix};

/// A TLP level. `CLEAR` and `WHITE` are one: OpenCTI keeps them under one id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tlp {
    /// TLP:CLEAR, once TLP:WHITE.
    Clear,
    /// TLP:GREEN.
    Green,
    /// TLP:AMBER.
    Amber,
    /// TLP:AMBER+STRICT.
    AmberStrict,
    /// TLP:RED.
    Red,
}

impl Tlp {
    /// Every level, from the most open one.
    pub const ALL: [Self; 5] = [
        Self::Clear,
        Self::Green,
        Self::Amber,
        Self::AmberStrict,
        Self::Red,
    ];

    /// Reads `TLP_AMBER`, `TLP:AMBER+STRICT`, `TLP_AMBER_STRICT`, `amber`, in
    /// any case. The whole text must be a level: a part of one never is, or
    /// AMBER+STRICT would come out as AMBER.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_uppercase();
        let level = ["TLP:", "TLP_", "TLP-", "TLP "]
            .iter()
            .find_map(|prefix| text.strip_prefix(prefix))
            .unwrap_or(&text);
        Some(match level.trim_start() {
            "CLEAR" | "WHITE" => Self::Clear,
            "GREEN" => Self::Green,
            "AMBER" => Self::Amber,
            "AMBER+STRICT" | "AMBER_STRICT" | "AMBER-STRICT" | "AMBER STRICT" => Self::AmberStrict,
            "RED" => Self::Red,
            _ => return None,
        })
    }

    /// `TLP:AMBER+STRICT`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clear => "TLP:CLEAR",
            Self::Green => "TLP:GREEN",
            Self::Amber => "TLP:AMBER",
            Self::AmberStrict => "TLP:AMBER+STRICT",
            Self::Red => "TLP:RED",
        }
    }

    /// The fixed id: the standard's, and for AMBER+STRICT OpenCTI's own.
    pub fn id(self) -> Id {
        const fn known(uuid: Uuid) -> Id {
            Id::new("marking-definition", uuid)
        }
        match self {
            Self::Clear => known(uuid!("613f2e26-407d-48c7-9eca-b8e91df99dc9")),
            Self::Green => known(uuid!("34098fce-860f-48ae-8e50-ebd3cc5e41da")),
            Self::Amber => known(uuid!("f88d31f6-486f-44da-b317-01333bde0b82")),
            Self::AmberStrict => known(uuid!("826578e1-40ad-459f-bc73-ede076f81f37")),
            Self::Red => known(uuid!("5e57c739-391a-4eb3-b6be-7d15ca92d5ed")),
        }
    }

    /// The object that goes into every bundle that names the level.
    pub fn definition(self) -> MarkingDefinition {
        let own = Some(self.name());
        // STIX 2.1 fixes its four levels to the letter: nothing may be added.
        // The platform turns WHITE into CLEAR.
        let (definition_type, name, definition, own) = match self {
            Self::Clear => ("tlp", "TLP:WHITE", Definition::tlp("white"), None),
            Self::Green => ("tlp", self.name(), Definition::tlp("green"), None),
            Self::Amber => ("tlp", self.name(), Definition::tlp("amber"), None),
            Self::Red => ("tlp", self.name(), Definition::tlp("red"), None),
            Self::AmberStrict => (
                "statement",
                self.name(),
                Definition::statement("custom"),
                own,
            ),
        };
        MarkingDefinition {
            kind: "marking-definition",
            spec_version: SPEC_VERSION,
            id: self.id(),
            created: "2017-01-20T00:00:00.000Z",
            definition_type,
            name,
            definition,
            x_opencti_definition_type: own.map(|_| "TLP"),
            x_opencti_definition: own,
        }
    }
}

/// The id of a marking: a TLP level has that of the standard (or the platform's
/// own), others are computed.
pub fn id(definition_type: &str, definition: &str) -> Id {
    if definition_type.eq_ignore_ascii_case("TLP")
        && let Some(tlp) = Tlp::parse(definition)
    {
        return tlp.id();
    }
    Canonical::new()
        .text("definition", definition)
        .text("definition_type", definition_type)
        .id("marking-definition")
}

/// A `marking-definition`.
#[derive(Clone, Debug, Serialize)]
pub struct MarkingDefinition {
    #[serde(rename = "type")]
    kind: &'static str,
    spec_version: &'static str,
    id: Id,
    created: &'static str,
    definition_type: &'static str,
    name: &'static str,
    definition: Definition,
    #[serde(skip_serializing_if = "Option::is_none")]
    x_opencti_definition_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x_opencti_definition: Option<&'static str>,
}

impl Stix for MarkingDefinition {
    fn id(&self) -> Id {
        self.id
    }

    fn references(&self, _into: &mut Vec<Id>) {}
}

#[derive(Clone, Debug, Serialize)]
struct Definition {
    #[serde(skip_serializing_if = "Option::is_none")]
    tlp: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<&'static str>,
}

impl Definition {
    fn tlp(level: &'static str) -> Self {
        Self {
            tlp: Some(level),
            statement: None,
        }
    }

    fn statement(text: &'static str) -> Self {
        Self {
            tlp: None,
            statement: Some(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_every_level_is_read_exactly() {
        let table: &[(&str, Tlp)] = &[
            ("TLP_CLEAR", Tlp::Clear),
            ("TLP:CLEAR", Tlp::Clear),
            ("clear", Tlp::Clear),
            ("TLP_WHITE", Tlp::Clear),
            ("TLP:WHITE", Tlp::Clear),
            ("white", Tlp::Clear),
            ("TLP_GREEN", Tlp::Green),
            ("TLP:GREEN", Tlp::Green),
            ("Green", Tlp::Green),
            ("TLP_AMBER", Tlp::Amber),
            ("TLP:AMBER", Tlp::Amber),
            (" amber ", Tlp::Amber),
            ("TLP_AMBER+STRICT", Tlp::AmberStrict),
            ("TLP_AMBER_STRICT", Tlp::AmberStrict),
            ("TLP:AMBER+STRICT", Tlp::AmberStrict),
            ("amber+strict", Tlp::AmberStrict),
            ("TLP_RED", Tlp::Red),
            ("TLP:RED", Tlp::Red),
            ("red", Tlp::Red),
        ];
        for (text, level) in table {
            assert_eq!(Tlp::parse(text), Some(*level), "{text}");
        }
    }

    #[test]
    fn a_level_within_another_word_is_no_level() {
        for text in [
            "",
            "TLP",
            "TLP:",
            "AMBERISH",
            "not red",
            "TLP:AMBER+STRICTER",
            "TLP:AMBER,TLP:RED",
            "REDACTED",
            "TLP:TLP:RED",
        ] {
            assert_eq!(Tlp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_name_is_read_back() {
        for level in Tlp::ALL {
            assert_eq!(Tlp::parse(level.name()), Some(level));
        }
    }
}
