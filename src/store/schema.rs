//! The tables, and how a file of an earlier version becomes one of this.
//!
//! A step is never changed once it was released: the next one is added.

use rusqlite::{Connection, TransactionBehavior};

/// One step a version; `user_version` counts those that were done.
const STEPS: &[&str] = &[include_str!("schema/1.sql")];

/// The form that this version writes.
pub(super) const KNOWN: u32 = STEPS.len() as u32;

/// What a file's form says.
pub(super) enum Form {
    Ready,
    /// Written by a version that knows more.
    Newer(u32),
}

/// Brings a file to the present form. Two processes that start at once do not
/// disturb each other: the second one finds all done.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<Form> {
    if version(connection)? == KNOWN {
        return Ok(Form::Ready);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction)?;
    if found > KNOWN {
        return Ok(Form::Newer(found));
    }
    for step in &STEPS[found as usize..] {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", KNOWN)?;
    transaction.commit()?;
    Ok(Form::Ready)
}

fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}
