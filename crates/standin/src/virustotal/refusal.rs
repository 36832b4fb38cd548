//! Answers that are not 200, in VirusTotal's words.

/// A status and VirusTotal's error envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequestError", message)
    }

    pub(crate) fn bad_argument(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidArgumentError", message)
    }

    pub(crate) fn no_key() -> Self {
        Self::new(
            401,
            "AuthenticationRequiredError",
            "X-Apikey header is missing",
        )
    }

    pub(crate) fn wrong_key() -> Self {
        Self::new(401, "WrongCredentialsError", "Wrong API key")
    }

    pub(crate) fn forbidden() -> Self {
        Self::new(
            403,
            "ForbiddenError",
            "You are not authorized to perform the requested operation",
        )
    }

    pub(crate) fn not_found(what: impl Into<String>) -> Self {
        Self::new(404, "NotFoundError", what)
    }

    pub(crate) fn too_many() -> Self {
        Self::new(429, "TooManyRequestsError", "Too many requests")
    }

    pub(crate) fn quota() -> Self {
        Self::new(429, "QuotaExceededError", "Quota exceeded")
    }

    /// The envelope.
    pub(crate) fn body(&self) -> String {
        envelope(self.code, &self.message)
    }
}

/// `{"error":{"code":...,"message":...}}`
pub(crate) fn envelope(code: &str, message: &str) -> String {
    serde_json::json!({ "error": { "code": code, "message": message } }).to_string()
}
