//! How the house is kept: who may know whom, what the docs promise, what the
//! image holds, and which packages come in.

mod docs;
mod image;
mod layering;
mod links;
mod packages;
