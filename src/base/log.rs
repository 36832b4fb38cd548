//! The one place that sets up tracing. One JSON object a line on standard
//! error, in the form of the official helper: `timestamp`, `level`, `name`,
//! `message`, `attributes`; or plain lines with `OPENCTI_JSON_LOGGING=false`.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::base::clock::Clock;
use crate::base::text::clean;

/// Starts logging. `name` is the connector's.
pub fn start<W>(level: Level, json: bool, name: &str, clock: &Clock, writer: W)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // A second start (a test in one process) keeps the first.
    let _ = subscriber(level, json, name, clock, writer).try_init();
}

/// What [`start`] installs, with lines that go to `writer`.
pub fn subscriber<W>(
    level: Level,
    json: bool,
    name: &str,
    clock: &Clock,
    writer: W,
) -> impl Subscriber + Send + Sync + use<W>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        // It would tell of a standard error that is gone there, and panic.
        .log_internal_errors(false)
        .event_format(Lines {
            json,
            name: name.to_owned(),
            clock: clock.clone(),
        });
    tracing_subscriber::registry()
        .with(targets(level))
        .with(lines)
}

/// Who may say what. Libraries warn at most, and never more than the user wants
/// to read. The broker's client says nothing: it writes whole messages into its
/// warnings, and its errors come back to us, who say what to change.
fn targets(level: Level) -> Targets {
    Targets::new()
        .with_default(level.min(Level::WARN))
        .with_target("lapin", LevelFilter::OFF)
        .with_target("vtreporter", level)
}

struct Lines {
    json: bool,
    name: String,
    clock: Clock,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let time = self
            .clock
            .now()
            .to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        let level = level_name(*event.metadata().level());
        if !self.json {
            // Control characters in a plain line could forge another line.
            write!(
                writer,
                "{time} {level:7} {}",
                clean(&fields.message, usize::MAX)
            )?;
            for (name, value) in &fields.attributes {
                write!(writer, " {name}={value}")?;
            }
            return writeln!(writer);
        }
        let line = Line {
            timestamp: &time,
            level,
            name: &self.name,
            message: &fields.message,
            attributes: &fields.attributes,
        };
        writeln!(
            writer,
            "{}",
            serde_json::to_string(&line).map_err(|_| fmt::Error)?
        )
    }
}

/// A line, its members in the official helper's order.
#[derive(Serialize)]
struct Line<'a> {
    timestamp: &'a str,
    level: &'a str,
    name: &'a str,
    message: &'a str,
    attributes: &'a Map<String, Value>,
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        Level::DEBUG => "DEBUG",
        Level::TRACE => "TRACE",
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    attributes: Map<String, Value>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        if field.name() == "message" {
            self.message = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
        } else {
            self.attributes.insert(field.name().to_owned(), value);
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_says_no_more_than_warnings_and_no_more_than_the_user_reads() {
        for (level, target, at, said) in [
            (Level::DEBUG, "vtreporter::import", Level::DEBUG, true),
            (Level::ERROR, "vtreporter::import", Level::WARN, false),
            (Level::DEBUG, "rustls::client", Level::WARN, true),
            (Level::DEBUG, "rustls::client", Level::INFO, false),
            (Level::ERROR, "rustls::client", Level::WARN, false),
            (Level::ERROR, "rustls::client", Level::ERROR, true),
            (Level::DEBUG, "lapin::returned_messages", Level::WARN, false),
            (Level::DEBUG, "lapin::channel", Level::ERROR, false),
        ] {
            let filter = targets(level);
            assert_eq!(
                filter.would_enable(target, &at),
                said,
                "{level} {target} {at}"
            );
        }
    }
}
