//! GraphQL: a document is read once, judged against the release's schema, and
//! executed with whatever answers its root fields.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use apollo_compiler::executable::Operation;
use apollo_compiler::parser::Parser;
use apollo_compiler::request::coerce_variable_values;
use apollo_compiler::resolvers::{Execution, FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::response::{JsonMap, JsonValue};
use apollo_compiler::validation::{DiagnosticList, Valid};
use apollo_compiler::{ExecutableDocument, Schema};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Release;
use super::refusal::Refusal;
use crate::server::lock;

/// A request as it came.
#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    query: Option<String>,
    #[serde(rename = "operationName")]
    operation_name: Option<String>,
    #[serde(default)]
    variables: Option<JsonMap>,
}

impl Request {
    /// Reads a body; arrays of operations are refused.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Refusal> {
        if body.trim_ascii_start().first() == Some(&b'[') {
            return Err(Refusal::bad_request(
                "BAD_REQUEST",
                "Operation batching disabled.",
            ));
        }
        serde_json::from_slice(body).map_err(|error| {
            Refusal::bad_request("BAD_REQUEST", format!("Request body is not valid: {error}"))
        })
    }

    /// The variables for a log: long texts only by their length.
    pub(crate) fn variables_in_short(&self) -> Value {
        let values = self.variables.clone().unwrap_or_default();
        in_short(&JsonValue::Object(values))
    }
}

/// A text longer than this is logged by its length.
const LONG: usize = 4096;

fn in_short(value: &JsonValue) -> Value {
    match value {
        JsonValue::String(text) if text.as_str().len() > LONG => {
            format!("({} bytes)", text.as_str().len()).into()
        }
        JsonValue::Array(items) => items.iter().map(in_short).collect(),
        JsonValue::Object(map) => map
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), in_short(value)))
            .collect(),
        other => json!(other),
    }
}

/// What answers a field of the root types.
pub(crate) trait Answers {
    /// Answers `path`: a field of a root type, or `workEdit.` and one of its
    /// fields, for which `work` is the work's id.
    fn answer(&self, path: &str, work: Option<&str>, arguments: &JsonMap)
    -> Result<Value, Refusal>;
}

type Document = Result<Valid<ExecutableDocument>, Vec<String>>;

/// The schema of a release, with the documents that were judged by it.
pub(crate) struct Judged {
    schema: Valid<Schema>,
    documents: Mutex<HashMap<String, Arc<Document>>>,
}

/// A request that fits the schema, ready to be executed.
pub(crate) struct Ready {
    document: Arc<Document>,
    operation_name: Option<String>,
    variables: Valid<JsonMap>,
    /// The operation's name, or empty.
    pub(crate) operation: String,
    /// The root field, for `workEdit` with its first field: `workEdit.toProcessed`.
    pub(crate) field: String,
}

/// Judges a document by the schema of a release: what is wrong, in the words
/// that the platform uses.
pub fn validate(release: Release, document: &str) -> Result<(), Vec<String>> {
    let judged = Judged::new(release)?;
    match &*judged.document(document) {
        Ok(_) => Ok(()),
        Err(faults) => Err(faults.clone()),
    }
}

impl Judged {
    pub(crate) fn new(release: Release) -> Result<Self, Vec<String>> {
        let name = format!("{}.graphql", release.version());
        let schema = Schema::parse_and_validate(release.schema(), name)
            .map_err(|error| messages(&error.errors))?;
        Ok(Self {
            schema,
            documents: Mutex::default(),
        })
    }

    fn document(&self, text: &str) -> Arc<Document> {
        if let Some(known) = lock(&self.documents).get(text) {
            return known.clone();
        }
        let mut parser = Parser::new();
        let document = match parser.parse_executable(&self.schema, text, "request.graphql") {
            Ok(document) => document
                .validate(&self.schema)
                .map_err(|error| messages(&error.errors)),
            Err(error) => Err(messages(&error.errors)),
        };
        let document = Arc::new(document);
        lock(&self.documents).insert(text.to_owned(), document.clone());
        document
    }

    /// Judges a request: the document, which of its operations is meant, the
    /// number of mutations, and the variables against their declared types.
    pub(crate) fn judge(&self, request: &Request) -> Result<Ready, Refusal> {
        let text = request.query.as_deref().unwrap_or_default();
        if text.trim().is_empty() {
            return Err(Refusal::bad_request(
                "BAD_REQUEST",
                "GraphQL operations must contain a non-empty `query`.",
            ));
        }
        let document = self.document(text);
        let checked = match &*document {
            Ok(checked) => checked,
            Err(messages) => return Err(Refusal::validation(messages.clone())),
        };
        let operation = operation(checked, request.operation_name.as_deref())?;
        let field = root_field(checked, operation)?;
        let variables = self.variables(operation, request.variables.as_ref())?;
        Ok(Ready {
            operation: operation
                .name
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            field,
            operation_name: request.operation_name.clone(),
            variables,
            document: document.clone(),
        })
    }

    fn variables(
        &self,
        operation: &Operation,
        values: Option<&JsonMap>,
    ) -> Result<Valid<JsonMap>, Refusal> {
        let none = JsonMap::new();
        let values = values.unwrap_or(&none);
        let bad = |message: String| Refusal::bad_request("BAD_USER_INPUT", message);
        for declared in &operation.variables {
            let missing = values.get(declared.name.as_str()).is_none();
            if missing && declared.ty.is_non_null() && declared.default_value.is_none() {
                return Err(bad(format!(
                    "Variable \"${}\" of required type \"{}\" was not provided.",
                    declared.name, declared.ty
                )));
            }
        }
        coerce_variable_values(&self.schema, operation, values)
            .map_err(|error| bad(format!("Variable got invalid value; {}", error.message())))
    }

    /// Executes a request that fits.
    pub(crate) fn execute(&self, ready: &Ready, answers: &dyn Answers) -> Result<Value, Refusal> {
        let Ok(document) = &*ready.document else {
            return Err(Refusal::validation(Vec::new()));
        };
        let operation = operation(document, ready.operation_name.as_deref())?;
        let root = Root {
            answers,
            name: operation.object_type().as_str(),
            work: None,
            refusal: &RefCell::new(None),
        };
        let response = Execution::new(&self.schema, document)
            .operation(operation)
            .coerced_variable_values(&ready.variables)
            .execute_sync(&root)
            .map_err(|error| Refusal::bad_request("BAD_USER_INPUT", error.message().to_string()))?;
        if let Some(refusal) = root.refusal.take() {
            return Err(refusal);
        }
        if let Some(error) = response.errors.first() {
            // Only a hole in the stand-in itself gets here.
            return Err(Refusal::new("INTERNAL_SERVER_ERROR", &error.message));
        }
        Ok(json!({ "data": response.data }))
    }
}

fn operation<'a>(
    document: &'a Valid<ExecutableDocument>,
    name: Option<&str>,
) -> Result<&'a Operation, Refusal> {
    document
        .operations
        .get(name)
        .map(|operation| &**operation)
        .map_err(|error| Refusal::bad_request("BAD_REQUEST", error.message().to_string()))
}

/// The root field; refuses what the platform refuses by looking at them all.
fn root_field(document: &ExecutableDocument, operation: &Operation) -> Result<String, Refusal> {
    let fields: Vec<_> = operation.root_fields(document).collect();
    if fields
        .iter()
        .any(|field| matches!(field.name.as_str(), "__schema" | "__type"))
    {
        return Err(Refusal::validation(vec![
            "GraphQL introspection is not allowed, but the query contained __schema or __type."
                .to_owned(),
        ]));
    }
    if operation.is_mutation() && fields.len() > 1 {
        return Err(Refusal::validation(vec![
            "Only one mutation is allowed in an operation.".to_owned(),
        ]));
    }
    let Some(field) = fields.first() else {
        return Ok(String::new());
    };
    let edited = match field.name.as_str() {
        "workEdit" => field.selection_set.root_fields(document).next(),
        _ => None,
    };
    Ok(match edited {
        Some(edited) => format!("{}.{}", field.name, edited.name),
        None => field.name.to_string(),
    })
}

fn messages(faults: &DiagnosticList) -> Vec<String> {
    faults
        .iter()
        .map(|fault| {
            fault
                .error
                .unstable_compat_message()
                .unwrap_or_else(|| fault.error.to_string())
        })
        .collect()
}

/// A root type, or the fields of `workEdit`.
struct Root<'a> {
    answers: &'a dyn Answers,
    name: &'a str,
    work: Option<String>,
    refusal: &'a RefCell<Option<Refusal>>,
}

impl ObjectValue for Root<'_> {
    fn type_name(&self) -> &str {
        self.name
    }

    fn resolve_field<'a>(
        &'a self,
        info: &'a ResolveInfo<'a>,
    ) -> Result<ResolvedValue<'a>, FieldError> {
        let path = match self.work {
            Some(_) => format!("workEdit.{}", info.field_name()),
            None => info.field_name().to_owned(),
        };
        let value = self
            .answers
            .answer(&path, self.work.as_deref(), info.arguments())
            .map_err(|refusal| {
                let message = refusal.messages.join(" ");
                self.refusal.borrow_mut().get_or_insert(refusal);
                FieldError { message }
            })?;
        if path == "workEdit" {
            return Ok(ResolvedValue::object(Root {
                answers: self.answers,
                name: "WorkEditMutations",
                work: value.as_str().map(str::to_owned),
                refusal: self.refusal,
            }));
        }
        Ok(resolved(Cow::Owned(value), info))
    }
}

/// An object that is all there; the selection picks from it.
struct Picked<'a> {
    name: &'a str,
    value: Cow<'a, Value>,
}

impl ObjectValue for Picked<'_> {
    fn type_name(&self) -> &str {
        self.name
    }

    fn resolve_field<'a>(
        &'a self,
        info: &'a ResolveInfo<'a>,
    ) -> Result<ResolvedValue<'a>, FieldError> {
        let value = self.value.get(info.field_name()).unwrap_or(&Value::Null);
        Ok(resolved(Cow::Borrowed(value), info))
    }
}

fn resolved<'a>(value: Cow<'a, Value>, info: &'a ResolveInfo<'a>) -> ResolvedValue<'a> {
    let name = info.field_definition().ty.inner_named_type().as_str();
    one(value, name)
}

fn one<'a>(value: Cow<'a, Value>, name: &'a str) -> ResolvedValue<'a> {
    match &*value {
        Value::Object(_) => ResolvedValue::object(Picked { name, value }),
        Value::Array(_) => ResolvedValue::List(Box::new(
            items(value)
                .into_iter()
                .map(move |item| Ok(one(item, name))),
        )),
        leaf => ResolvedValue::leaf(leaf.clone()),
    }
}

fn items(value: Cow<'_, Value>) -> Vec<Cow<'_, Value>> {
    match value {
        Cow::Borrowed(Value::Array(items)) => items.iter().map(Cow::Borrowed).collect(),
        Cow::Owned(Value::Array(items)) => items.into_iter().map(Cow::Owned).collect(),
        other => vec![other],
    }
}
