//! Which platform this is, and in which form it has to be asked.

use std::fmt;

use super::error::Error;

/// The oldest platform that we serve.
pub const OLDEST: &str = "6.5.1";

/// A platform's version: `6.5.1`, `7.260421.0`, `7.260817`.
///
/// A suffix (`-rc1`) is kept in the text and does not count in comparisons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    text: String,
    parts: [u32; 3],
}

impl Version {
    /// Reads a version; `None` when it does not begin with a number.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits_end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let mut parts = [0; 3];
        let mut numbers = text[..digits_end].split('.').filter(|n| !n.is_empty());
        parts[0] = numbers.next()?.parse().ok()?;
        for (part, number) in parts[1..].iter_mut().zip(numbers) {
            *part = number.parse().ok()?;
        }
        Some(Self {
            text: text.to_owned(),
            parts,
        })
    }

    /// Whether this is `major.minor.patch` or newer.
    pub fn at_least(&self, major: u32, minor: u32, patch: u32) -> bool {
        self.parts >= [major, minor, patch]
    }

    /// Whether a platform of this version certainly has `feature`.
    pub fn has(&self, feature: Feature) -> bool {
        feature.told_by(self) == Support::Yes
    }

    /// The version, or why it cannot be served.
    pub(super) fn served(self) -> Result<Self, Error> {
        if self.at_least(6, 5, 1) {
            Ok(self)
        } else {
            Err(Error::TooOld {
                found: self.text,
                oldest: OLDEST,
            })
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Something that not every platform has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// `stixBundlePush(work_id)`.
    PushWork,
    /// `workAdd(isMultiPartWork)`.
    MultiPartWork,
    /// `connector_state_timestamp` in the answer to a ping.
    StateTimestamp,
    /// `config{s3}` in the answer to a registration.
    RegisteredS3,
}

impl Feature {
    const ALL: [Self; 4] = [
        Self::PushWork,
        Self::MultiPartWork,
        Self::StateTimestamp,
        Self::RegisteredS3,
    ];

    /// The word that a platform without it does not know.
    pub fn word(self) -> &'static str {
        match self {
            Self::PushWork => "work_id",
            Self::MultiPartWork => "isMultiPartWork",
            Self::StateTimestamp => "connector_state_timestamp",
            Self::RegisteredS3 => "s3",
        }
    }

    /// What the version says about it. Between the last release known to lack
    /// it and the first known to have it nothing is said: it is tried.
    fn told_by(self, version: &Version) -> Support {
        let (lacks, has) = match self {
            Self::PushWork | Self::StateTimestamp => ([6, 5, 1], [6, 8, 0]),
            Self::MultiPartWork => ([6, 9, u32::MAX], [7, 260_421, 0]),
            Self::RegisteredS3 => ([6, 9, 8], [6, 9, 9]),
        };
        if version.parts <= lacks {
            Support::No
        } else if version.parts >= has {
            Support::Yes
        } else {
            Support::Untold
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Support {
    Yes,
    No,
    /// Tried first; the platform's validation tells.
    #[default]
    Untold,
}

/// What the platform is known to have. Starts with "everything may be there".
#[derive(Clone, Debug, Default)]
pub(super) struct Level {
    support: [Support; 4],
    version: Option<Version>,
}

impl Level {
    /// Takes in what `about` told; true when it is news.
    pub(super) fn learn(&mut self, version: &Version) -> bool {
        if self.version.as_ref() == Some(version) {
            // What validation taught since stays.
            return false;
        }
        for feature in Feature::ALL {
            self.support[feature as usize] = feature.told_by(version);
        }
        self.version = Some(version.clone());
        true
    }

    /// Whether to ask in the form with the feature.
    pub(super) fn asks(&self, feature: Feature) -> bool {
        self.support[feature as usize] != Support::No
    }

    /// Remembers that a validation error named the feature; true the first time.
    pub(super) fn lacks(&mut self, feature: Feature) -> bool {
        let support = &mut self.support[feature as usize];
        std::mem::replace(support, Support::No) != Support::No
    }

    /// `work_id on push, multi-part works, ...`, for the log.
    pub(super) fn describe(&self) -> String {
        let names: Vec<_> = Feature::ALL
            .into_iter()
            .filter(|&feature| self.asks(feature))
            .map(Feature::word)
            .collect();
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(version: &str) -> Level {
        let mut level = Level::default();
        level.learn(&Version::parse(version).unwrap());
        level
    }

    #[test]
    fn versions_of_both_numberings_are_read_and_compared() {
        for (older, newer) in [
            ("6.5.1", "6.5.2"),
            ("6.9.29", "7.260421.0"),
            ("7.260421.0", "7.260817"),
            ("6.8.0-rc1", "6.9.0"),
        ] {
            let (older, newer) = (
                Version::parse(older).unwrap(),
                Version::parse(newer).unwrap(),
            );
            assert!(older.parts < newer.parts, "{older} < {newer}");
        }
        assert_eq!(Version::parse("7.260817").unwrap().to_string(), "7.260817");
        for odd in ["", "latest", "v", "99999999999.1"] {
            assert_eq!(Version::parse(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn a_platform_below_the_oldest_is_too_old() {
        for (version, served) in [("6.5.0", false), ("5.12.33", false), ("6.5.1", true)] {
            assert_eq!(Version::parse(version).unwrap().served().is_ok(), served);
        }
    }

    #[test]
    fn each_release_is_asked_in_its_own_form() {
        for (version, push_work, multi_part, stamp, s3) in [
            ("6.5.1", false, false, false, false),
            ("6.8.0", true, false, true, false),
            ("6.9.0", true, false, true, false),
            ("6.9.9", true, false, true, true),
            ("7.260817", true, true, true, true),
        ] {
            let level = level(version);
            assert_eq!(level.asks(Feature::PushWork), push_work, "{version}");
            assert_eq!(level.asks(Feature::MultiPartWork), multi_part, "{version}");
            assert_eq!(level.asks(Feature::StateTimestamp), stamp, "{version}");
            assert_eq!(level.asks(Feature::RegisteredS3), s3, "{version}");
        }
    }

    #[test]
    fn what_validation_taught_outlives_the_same_version_told_again() {
        let mut level = level("6.7.4");
        assert!(level.asks(Feature::PushWork));
        assert!(level.lacks(Feature::PushWork));
        assert!(!level.lacks(Feature::PushWork), "told once");
        assert!(!level.learn(&Version::parse("6.7.4").unwrap()));
        assert!(!level.asks(Feature::PushWork));
        assert!(level.learn(&Version::parse("6.9.0").unwrap()), "upgraded");
        assert!(level.asks(Feature::PushWork));
    }
}
