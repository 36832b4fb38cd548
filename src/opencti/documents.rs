//! Every GraphQL document that this program can send.
//!
//! Each is valid against every release in the form chosen for it
//! ([`Feature`]); `tests/rooms/opencti/documents.rs` holds them against the four
//! interfaces that we promise.

use super::version::Feature;

/// One document, and whether it may be sent twice.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// For messages: `the registration`.
    pub name: &'static str,
    /// The GraphQL text; one root field each.
    pub text: &'static str,
    /// Whether a repetition changes nothing.
    pub repeat: Repeat,
    /// Only for platforms that have this.
    pub needs: Option<Feature>,
}

/// Whether an operation may be sent again after a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// The second time changes nothing.
    Safe,
    /// It counts or creates: again only if the first certainly never arrived.
    IfNotSent,
}

const fn safe(name: &'static str, text: &'static str) -> Operation {
    Operation {
        name,
        text,
        repeat: Repeat::Safe,
        needs: None,
    }
}

const fn counting(name: &'static str, text: &'static str) -> Operation {
    Operation {
        name,
        text,
        repeat: Repeat::IfNotSent,
        needs: None,
    }
}

const fn needs(operation: Operation, feature: Feature) -> Operation {
    Operation {
        needs: Some(feature),
        ..operation
    }
}

/// Version.
pub const ABOUT: Operation = safe("the version", "query About { about { version } }");

/// Who the token belongs to.
pub const ME: Operation = safe(
    "the token's user",
    "query Me { me { name capabilities { name } } }",
);

/// Registration.
pub const REGISTER: Operation = safe(
    "the registration",
    "mutation Register($input: RegisterConnectorInput) {
       registerConnector(input: $input) {
         id connector_state connector_user_id
         config {
           connection { host vhost use_ssl port user pass }
           push_exchange push_routing
         }
       }
     }",
);

/// Registration that also asks for the object storage.
pub const REGISTER_S3: Operation = needs(
    safe(
        "the registration",
        "mutation Register($input: RegisterConnectorInput) {
           registerConnector(input: $input) {
             id connector_state connector_user_id
             config {
               connection { host vhost use_ssl port user pass }
               push_exchange push_routing
               s3 { endpoint port use_ssl bucket_name bucket_region access_key secret_key }
             }
           }
         }",
    ),
    Feature::RegisteredS3,
);

/// What the registration answered, for a look without registering.
pub const CONNECTOR: Operation = safe(
    "the connector",
    "query Connector($id: String!) {
       connector(id: $id) {
         connector_state connector_user_id
         config {
           connection { host vhost use_ssl port user pass }
           push_exchange push_routing
         }
       }
     }",
);

/// The same with the object storage.
pub const CONNECTOR_S3: Operation = needs(
    safe(
        "the connector",
        "query Connector($id: String!) {
           connector(id: $id) {
             connector_state connector_user_id
             config {
               connection { host vhost use_ssl port user pass }
               push_exchange push_routing
               s3 { endpoint port use_ssl bucket_name bucket_region access_key secret_key }
             }
           }
         }",
    ),
    Feature::RegisteredS3,
);

/// Sign of life with the state.
pub const PING: Operation = safe(
    "the ping",
    "mutation Ping($id: ID!, $state: String, $info: ConnectorInfoInput) {
       pingConnector(id: $id, state: $state, connectorInfo: $info) { connector_state }
     }",
);

/// Sign of life; the answer also says when the state was last set.
pub const PING_STAMPED: Operation = needs(
    safe(
        "the ping",
        "mutation Ping($id: ID!, $state: String, $info: ConnectorInfoInput) {
           pingConnector(id: $id, state: $state, connectorInfo: $info) {
             connector_state connector_state_timestamp
           }
         }",
    ),
    Feature::StateTimestamp,
);

/// How full the connector's queue is.
pub const QUEUE: Operation = safe(
    "the queue's size",
    "query Queue($id: String!) {
       connector(id: $id) { connector_queue_details { messages_number messages_size } }
     }",
);

/// The state that the platform keeps.
pub const STATE: Operation = safe(
    "the saved state",
    "query State($id: String!) { connector(id: $id) { connector_state } }",
);

/// New work.
pub const WORK_ADD: Operation = counting(
    "the new work",
    "mutation WorkAdd($connector: String!, $name: String) {
       workAdd(connectorId: $connector, friendlyName: $name) { id }
     }",
);

/// New work that ends only when told so AND everything expected was done.
pub const WORK_ADD_MULTI_PART: Operation = needs(
    counting(
        "the new work",
        "mutation WorkAdd($connector: String!, $name: String) {
           workAdd(connectorId: $connector, friendlyName: $name, isMultiPartWork: true) { id }
         }",
    ),
    Feature::MultiPartWork,
);

/// What a work waits for.
pub const WORK: Operation = safe(
    "the work's progress",
    "query Work($id: ID!) {
       work(id: $id) { status tracking { import_expected_number import_processed_number } }
     }",
);

/// The run has begun.
pub const WORK_RECEIVED: Operation = safe(
    "the work's start",
    "mutation WorkReceived($id: ID!, $message: String) {
       workEdit(id: $id) { toReceived(message: $message) }
     }",
);

/// The run is over.
pub const WORK_PROCESSED: Operation = safe(
    "the work's end",
    "mutation WorkProcessed($id: ID!, $message: String, $inError: Boolean) {
       workEdit(id: $id) { toProcessed(message: $message, inError: $inError) }
     }",
);

/// More objects are coming.
pub const WORK_EXPECT: Operation = counting(
    "the work's expectations",
    "mutation WorkExpect($id: ID!, $count: Int) {
       workEdit(id: $id) { addExpectations(expectations: $count) }
     }",
);

/// One expected object is done, or failed.
pub const WORK_REPORT: Operation = counting(
    "the work's report",
    "mutation WorkReport($id: ID!, $error: WorkErrorInput) {
       workEdit(id: $id) { reportExpectation(error: $error) }
     }",
);

/// The draft that the run writes to.
pub const WORK_DRAFT: Operation = safe(
    "the work's draft",
    "mutation WorkDraft($id: ID!, $draft: String) {
       workEdit(id: $id) { addDraftContext(draftContext: $draft) }
     }",
);

/// New draft.
pub const DRAFT_ADD: Operation = counting(
    "the new draft",
    "mutation DraftAdd($input: DraftWorkspaceAddInput!) { draftWorkspaceAdd(input: $input) { id } }",
);

/// A bundle. Safe to repeat: every id in it is deterministic.
pub const PUSH: Operation = safe(
    "the bundle",
    "mutation Push($connector: String!, $bundle: String!) {
       stixBundlePush(connectorId: $connector, bundle: $bundle)
     }",
);

/// A bundle that belongs to a work.
pub const PUSH_WORK: Operation = needs(
    safe(
        "the bundle",
        "mutation Push($connector: String!, $bundle: String!, $work: String) {
           stixBundlePush(connectorId: $connector, bundle: $bundle, work_id: $work)
         }",
    ),
    Feature::PushWork,
);

/// All of them, for the test that holds them against the interfaces.
pub const ALL: [Operation; 21] = [
    ABOUT,
    ME,
    REGISTER,
    REGISTER_S3,
    CONNECTOR,
    CONNECTOR_S3,
    PING,
    PING_STAMPED,
    QUEUE,
    STATE,
    WORK_ADD,
    WORK_ADD_MULTI_PART,
    WORK,
    WORK_RECEIVED,
    WORK_PROCESSED,
    WORK_EXPECT,
    WORK_REPORT,
    WORK_DRAFT,
    DRAFT_ADD,
    PUSH,
    PUSH_WORK,
];
