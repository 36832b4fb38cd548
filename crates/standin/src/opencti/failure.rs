//! Trouble on demand.

use std::time::Duration;

/// Something that goes wrong with requests to come.
///
/// ```
/// use standin::opencti::Failure;
///
/// // The second and third push are answered by a proxy's error page.
/// let _ = Failure::html(502).on("stixBundlePush").after(1).times(2);
/// ```
#[derive(Clone, Debug)]
pub struct Failure {
    pub(crate) trouble: Trouble,
    field: Option<String>,
    skip: usize,
    times: Option<usize>,
    struck: bool,
    optional: bool,
    pub(crate) carried_out: bool,
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    Error {
        code: String,
        message: String,
    },
    Answer {
        status: u16,
        kind: String,
        body: String,
        location: Option<String>,
    },
    CutBody,
    Silence,
    Slow(Duration),
    Late(Duration),
}

impl Failure {
    fn new(trouble: Trouble) -> Self {
        Self {
            trouble,
            field: None,
            skip: 0,
            times: Some(1),
            struck: false,
            optional: false,
            carried_out: false,
        }
    }

    /// An error while executing: HTTP 200 with `errors` of this code.
    pub fn error(code: &str, message: &str) -> Self {
        Self::new(Trouble::Error {
            code: code.to_owned(),
            message: message.to_owned(),
        })
    }

    /// A proxy's error page.
    pub fn html(status: u16) -> Self {
        let body = format!(
            "<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
        );
        Self::answer(status, "text/html", &body)
    }

    /// HTTP 413 with an HTML body.
    pub fn too_large() -> Self {
        Self::html(413)
    }

    /// Any answer.
    pub fn answer(status: u16, content_type: &str, body: &str) -> Self {
        Self::new(Trouble::Answer {
            status,
            kind: content_type.to_owned(),
            body: body.to_owned(),
            location: None,
        })
    }

    /// A redirect to somewhere else.
    pub fn redirect(to: &str) -> Self {
        Self::new(Trouble::Answer {
            status: 302,
            kind: "text/html".to_owned(),
            body: String::new(),
            location: Some(to.to_owned()),
        })
    }

    /// The right answer, but the connection breaks half way. What was asked for
    /// is done.
    pub fn cut_body() -> Self {
        Self {
            carried_out: true,
            ..Self::new(Trouble::CutBody)
        }
    }

    /// No answer, ever.
    pub fn silence() -> Self {
        Self::new(Trouble::Silence)
    }

    /// The right answer, after a while on the world's clock.
    pub fn slow(by: Duration) -> Self {
        Self {
            carried_out: true,
            ..Self::new(Trouble::Slow(by))
        }
    }

    /// The right answer, after a while on the world's clock; only then is it
    /// carried out, whether or not somebody still waits for it.
    pub fn late(by: Duration) -> Self {
        Self {
            carried_out: true,
            ..Self::new(Trouble::Late(by))
        }
    }

    /// Only requests for this root field: `stixBundlePush`, `workEdit` or, of
    /// its fields, `workEdit.toProcessed`.
    pub fn on(mut self, field: &str) -> Self {
        self.field = Some(field.to_owned());
        self
    }

    /// Lets this many requests through first.
    pub fn after(mut self, requests: usize) -> Self {
        self.skip = requests;
        self
    }

    /// This many times; once if nothing is said.
    pub fn times(mut self, times: usize) -> Self {
        self.times = Some(times);
        self
    }

    /// Until `StandIn::clear_failures`.
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// That nothing comes for it to strike is as good.
    pub fn if_asked(mut self) -> Self {
        self.optional = true;
        self
    }

    /// What was asked for is done all the same; only the answer goes wrong.
    pub fn after_doing(mut self) -> Self {
        self.carried_out = true;
        self
    }

    /// Whether this request is one that goes wrong; counts it.
    pub(crate) fn strikes(&mut self, field: &str) -> bool {
        let meant = self.field.as_deref().is_none_or(|wanted| {
            field == wanted
                || field
                    .strip_prefix(wanted)
                    .is_some_and(|rest| rest.starts_with('.'))
        });
        if !meant || self.times == Some(0) {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.times = self.times.map(|times| times - 1);
        self.struck = true;
        true
    }

    /// Whether it has not struck as often as ordered; one without an end, not
    /// at all.
    pub(crate) fn is_unused(&self) -> bool {
        let missed = !self.struck || self.times.is_some_and(|left| left > 0);
        missed && !self.optional
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_strikes_the_requests_that_it_is_meant_for() {
        let mut failure = Failure::html(502).on("workEdit").after(1).times(2);
        let asked = [
            "me",
            "workEdit.ping",
            "workEdit.ping",
            "workEditor",
            "workEdit.ping",
            "workEdit.ping",
        ];
        let struck: Vec<bool> = asked.iter().map(|field| failure.strikes(field)).collect();
        assert_eq!(struck, [false, false, true, false, true, false]);
    }
}
