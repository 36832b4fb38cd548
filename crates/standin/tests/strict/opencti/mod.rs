//! The OpenCTI stand-in must be as strict as the platform, or what passes
//! against it proves nothing.

mod connector;
mod importer;
mod roads;
mod stix;
mod transport;
mod trouble;
mod works;

use serde_json::{Value, json};
use standin::opencti::{OpenCtiWorld, Processing, Release, StandIn};

const TOKEN: &str = "token-of-a-connector";
const CONNECTOR: &str = "5f0c9a3b-e1d2-4477-a0c6-f2d18b9e7340";

const REGISTER: &str = "mutation R($input: RegisterConnectorInput) { registerConnector(input: $input) {
    id connector_state connector_user_id
    config { connection { host vhost use_ssl port user pass } push push_exchange push_routing } } }";
const PING: &str = "mutation P($id: ID!, $state: String, $info: ConnectorInfoInput) {
    pingConnector(id: $id, state: $state, connectorInfo: $info) { id connector_state } }";
const WORK_ADD: &str = "mutation W($connectorId: String!, $name: String) {
    workAdd(connectorId: $connectorId, friendlyName: $name) { id } }";
const WORK_ADD_PARTS: &str = "mutation W($connectorId: String!, $name: String) {
    workAdd(connectorId: $connectorId, friendlyName: $name, isMultiPartWork: true) { id } }";
const PUSH: &str = "mutation B($connectorId: String!, $bundle: String!, $work: String) {
    stixBundlePush(connectorId: $connectorId, bundle: $bundle, work_id: $work) }";
const PUSH_WITHOUT_WORK: &str = "mutation B($connectorId: String!, $bundle: String!) {
    stixBundlePush(connectorId: $connectorId, bundle: $bundle) }";
const PROCESSED: &str = "mutation C($id: ID!, $message: String, $inError: Boolean) {
    workEdit(id: $id) { toProcessed(message: $message, inError: $inError) } }";
const WORK: &str = "query W($id: ID!) { work(id: $id) { status completed_number
    errors { message source } messages { message }
    tracking { import_expected_number import_processed_number } } }";

/// A platform and somebody who talks to it.
struct Talk {
    opencti: StandIn,
    http: reqwest::Client,
    token: String,
    draft: Option<String>,
}

impl Talk {
    async fn with(release: Release) -> Self {
        Self::to(OpenCtiWorld::new(release, TOKEN)).await
    }

    async fn to(world: OpenCtiWorld) -> Self {
        Self {
            opencti: StandIn::start(world).await.unwrap(),
            http: crate::client(),
            token: TOKEN.to_owned(),
            draft: None,
        }
    }

    /// A platform where the connector is registered.
    async fn registered(release: Release) -> Self {
        Self::registered_at(OpenCtiWorld::new(release, TOKEN)).await
    }

    async fn registered_at(world: OpenCtiWorld) -> Self {
        let talk = Self::to(world).await;
        talk.register().await;
        talk
    }

    /// One whose worker imports when the test says so.
    async fn held(release: Release) -> Self {
        Self::registered_at(OpenCtiWorld {
            processing: Processing::Held,
            ..OpenCtiWorld::new(release, TOKEN)
        })
        .await
    }

    /// A work of several parts where the release knows them.
    async fn work_with_parts(&self, release: Release) -> String {
        let parts = release == Release::V7;
        let document = if parts { WORK_ADD_PARTS } else { WORK_ADD };
        self.work_by(document).await
    }

    /// A push that names its work where the release lets it.
    async fn push_on(&self, release: Release, bundle: &Value, work: &str) {
        if release > Release::V6_5_1 {
            self.push(bundle, Some(work)).await;
        } else {
            let variables = json!({ "connectorId": CONNECTOR, "bundle": bundle.to_string() });
            self.get(PUSH_WITHOUT_WORK, variables).await;
        }
    }

    async fn try_post(&self, body: String) -> reqwest::Result<reqwest::Response> {
        let mut request = self
            .http
            .post(format!("{}/graphql", self.opencti.url()))
            .bearer_auth(&self.token)
            .header("content-type", "application/json");
        if let Some(draft) = &self.draft {
            request = request.header("opencti-draft-id", draft);
        }
        request.body(body).send().await
    }

    /// Sends a body; returns the status and the text of the answer.
    async fn post(&self, body: String) -> (u16, String) {
        let response = self.try_post(body).await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    async fn ask(&self, query: &str, variables: Value) -> (u16, Value) {
        let body = json!({ "query": query, "variables": variables });
        let (status, text) = self.post(body.to_string()).await;
        (status, serde_json::from_str(&text).unwrap())
    }

    /// Asks for something that must be answered; returns the root field.
    async fn get(&self, query: &str, variables: Value) -> Value {
        let (status, answer) = self.ask(query, variables).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["errors"], Value::Null, "{answer}");
        let data = answer["data"].as_object().unwrap();
        data.values().next().cloned().unwrap_or_default()
    }

    /// Asks for something that must be refused while executing; returns the code.
    async fn refused(&self, query: &str, variables: Value) -> String {
        let (status, answer) = self.ask(query, variables).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["data"], Value::Null, "{answer}");
        let error = &answer["errors"][0];
        assert_eq!(error["name"], error["extensions"]["code"]);
        error["name"].as_str().unwrap().to_owned()
    }

    async fn register(&self) -> Value {
        let input = json!({
            "id": CONNECTOR, "name": "VirusTotal reporter", "type": "EXTERNAL_IMPORT",
            "scope": ["vtreporter"], "auto": false, "only_contextual": false,
        });
        self.get(REGISTER, json!({ "input": input })).await
    }

    async fn ping(&self, state: &str) -> String {
        let info = json!({
            "run_and_terminate": false, "buffering": false, "queue_threshold": 500.0,
            "queue_messages_size": 0.0, "next_run_datetime": "2026-11-21T13:00:00.000Z",
            "last_run_datetime": null,
        });
        let variables = json!({ "id": CONNECTOR, "state": state, "info": info });
        let answer = self.get(PING, variables).await;
        answer["connector_state"].as_str().unwrap().to_owned()
    }

    async fn work(&self) -> String {
        self.work_by(WORK_ADD).await
    }

    async fn work_by(&self, document: &str) -> String {
        let variables = json!({ "connectorId": CONNECTOR, "name": "VirusTotal AU" });
        let work = self.get(document, variables).await;
        work["id"].as_str().unwrap().to_owned()
    }

    async fn push(&self, bundle: &Value, work: Option<&str>) -> Value {
        let variables =
            json!({ "connectorId": CONNECTOR, "bundle": bundle.to_string(), "work": work });
        self.get(PUSH, variables).await
    }

    async fn processed(&self, work: &str) {
        let variables = json!({ "id": work, "message": "done", "inError": false });
        self.get(PROCESSED, variables).await;
    }

    async fn status(&self, work: &str) -> Value {
        self.get(WORK, json!({ "id": work })).await["status"].clone()
    }
}
