//! How the platform says no.

use serde_json::{Value, json};

/// An error in the platform's form.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// The HTTP status of the answer: 200 for whatever happens while executing.
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) messages: Vec<String>,
    /// `extensions.data.http_status`.
    http_status: u16,
}

impl Refusal {
    /// An error while executing: HTTP 200.
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        let http_status = match code {
            "AUTH_REQUIRED" => 401,
            "FORBIDDEN_ACCESS" => 403,
            "DATABASE_ERROR" => 500,
            _ => 400,
        };
        Self {
            status: 200,
            code: code.to_owned(),
            messages: vec![message.into()],
            http_status,
        }
    }

    pub(crate) fn auth_required() -> Self {
        Self::new("AUTH_REQUIRED", "You must be logged in to do this.")
    }

    pub(crate) fn forbidden() -> Self {
        Self::new("FORBIDDEN_ACCESS", "You are not allowed to do this.")
    }

    pub(crate) fn functional(message: impl Into<String>) -> Self {
        Self::new("FUNCTIONAL_ERROR", message)
    }

    pub(crate) fn invalid_bundle() -> Self {
        Self::new("UNSUPPORTED_ERROR", "Invalid bundle")
    }

    pub(crate) fn work_not_alive(id: &str) -> Self {
        Self::new("WORK_NOT_ALIVE", format!("Work {id} is not alive"))
    }

    /// A document that does not fit the schema: HTTP 400.
    pub(crate) fn validation(messages: Vec<String>) -> Self {
        Self {
            status: 400,
            messages,
            ..Self::new("GRAPHQL_VALIDATION_FAILED", "")
        }
    }

    /// A request that could not be understood: HTTP 400.
    pub(crate) fn bad_request(code: &str, message: impl Into<String>) -> Self {
        Self {
            status: 400,
            ..Self::new(code, message)
        }
    }

    /// The answer's body.
    pub(crate) fn body(&self) -> Value {
        let errors: Vec<Value> = self
            .messages
            .iter()
            .map(|message| {
                json!({
                    "message": message,
                    "name": self.code,
                    "extensions": {
                        "code": self.code,
                        "data": { "http_status": self.http_status, "genre": "BUSINESS" },
                    },
                })
            })
            .collect();
        if self.status == 200 {
            json!({ "errors": errors, "data": null })
        } else {
            // A request that was not executed has no `data` at all.
            json!({ "errors": errors })
        }
    }
}
