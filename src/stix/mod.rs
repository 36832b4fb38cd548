//! STIX 2.1 in the words of the standard. Pure; imports none of our rooms.

pub mod marking;
