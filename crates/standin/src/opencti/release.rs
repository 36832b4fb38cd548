//! The releases that the stand-in can be.

/// A release of the platform, by the shape of its interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Release {
    /// 6.5.1: `stixBundlePush` knows no `work_id`, a saved state has no time.
    V6_5_1,
    /// 6.8.0: `work_id` and `connector_state_timestamp` are there.
    V6_8_0,
    /// 6.9.0: as 6.8.0, with managers and priority groups.
    V6_9_0,
    /// 7.260817: works of several parts; storage handed out at registration.
    V7,
}

impl Release {
    /// Every release, oldest first.
    pub const ALL: [Self; 4] = [Self::V6_5_1, Self::V6_8_0, Self::V6_9_0, Self::V7];

    /// What `about { version }` answers.
    pub fn version(self) -> &'static str {
        match self {
            Self::V6_5_1 => "6.5.1",
            Self::V6_8_0 => "6.8.0",
            Self::V6_9_0 => "6.9.0",
            Self::V7 => "7.260817.0",
        }
    }

    /// The part of the interface that a connector meets, in GraphQL's own
    /// language.
    pub fn schema(self) -> &'static str {
        match self {
            Self::V6_5_1 => include_str!("schema/6.5.1.graphql"),
            Self::V6_8_0 => include_str!("schema/6.8.0.graphql"),
            Self::V6_9_0 => include_str!("schema/6.9.0.graphql"),
            Self::V7 => include_str!("schema/7.260817.graphql"),
        }
    }
}
