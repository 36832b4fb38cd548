//! The country that files were submitted from becomes a `location`.

use super::role::Role;
use crate::base::country::Country;
use crate::stix::threat;
use crate::stix::time::Timestamp;
use crate::stix::{Id, Object};

/// Converts a country. It is the same object in every run, for every report and
/// family: `created` is a fixed date, and there is no marking, which would hide
/// the country from others on the platform.
///
/// | STIX                      | ISO 3166-1                             |
/// |---------------------------|----------------------------------------|
/// | `id`                      | of name and type, as the platform's own |
/// | `name`                    | English short name; never a code       |
/// | `country`                 | alpha-2                                |
/// | `x_opencti_location_type` | `Country`                              |
/// | `x_opencti_aliases`       | alpha-3                                |
///
/// The report and the families are linked to it with `related-to`, never the
/// single file: see [`Way`](super::links::Way).
pub(crate) fn convert(
    country: Country,
    author: Id,
    timeless: &Timestamp,
    confidence: u8,
) -> Object {
    Object::new(
        &threat::Country::new(
            country.name,
            [country.code, country.alpha3],
            author,
            timeless,
            confidence,
        ),
        Role::Frame.tag(),
    )
}
