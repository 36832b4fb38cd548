//! The importer: takes bundles apart, judges what is in them, keeps what passes.

mod contents;
mod fault;
mod ids;
mod intake;
mod links;
mod message;
mod rules;
mod store;
mod worker;

use contents::{Contents, open};
pub use fault::{FaultKind, ImportFault};
pub(crate) use intake::{Intake, Push};
pub use store::Counts;
use store::Store;
pub(crate) use worker::Importer;
pub use worker::{CameBy, Pushed};

use super::world::Judge;

/// Judges a bundle without a platform around it, as an empty one would: says
/// everything that is wrong.
pub fn judge(bundle: &str) -> Vec<ImportFault> {
    let fault = |object: String, (kind, detail)| ImportFault {
        object,
        kind,
        detail,
        work: None,
    };
    let objects = match open(bundle, Judge::Full) {
        Ok(Contents::Judged(objects)) => objects,
        Ok(Contents::Counted(_)) => return Vec::new(),
        Err(why) => return vec![fault(String::new(), (FaultKind::NotABundle, why))],
    };
    let judged = Store::new(&[]).import(store::arranged(objects)).into_iter();
    judged
        .flat_map(|one| {
            let faults = one.faults.into_iter();
            faults.map(move |told| fault(one.id.clone(), told))
        })
        .collect()
}
