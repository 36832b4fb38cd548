//! Every setting, one row each: name of the field, variable, path in
//! `config.yml`, what it takes, what holds when it is unset, what it does, and what it
//! costs where that is a request.

use super::table::{Group, Kind, Preset, Setting, Value, settings};

use Kind::{Bool, Choice, List, ListOrNone, Number, Secret, Text, Url, Whole};
use Preset::{Otherwise, Required, Value as Is};

/// What most settings cost.
const NO_REQUEST: &str = "none";

const fn unset(means: &'static str, example: &'static str) -> Preset {
    Otherwise { means, example }
}

const SEVERITIES: Kind = Choice(&["none", "low", "medium", "high"]);
const PERCENT: Kind = Whole { min: 1, max: 100 };
const DAYS: Kind = Whole {
    min: 0,
    max: 36_500,
};
const PORT: Kind = Whole {
    min: 1,
    max: 65_535,
};
const COUNT: Kind = Whole {
    min: 0,
    max: 100_000_000,
};
const TLP: Kind =
    Text("one of TLP_CLEAR (or WHITE), TLP_GREEN, TLP_AMBER, TLP_AMBER+STRICT, TLP_RED");
const LABEL_GLOBS: Kind = List(
    "a comma list of labels in which * stands for any characters, or none, and {country} for the country's name",
);
const LABELS: Kind =
    List("a comma list of labels in which {country} stands for the country's name, or none");
const PROXY: Kind = Secret("the address of an HTTP proxy, http://host:port");
const PEM: Kind = Text("certificates in PEM, or the path of a file with them");

settings! {
Platform {
    opencti_url "OPENCTI_URL" Some("opencti.url"), Url("an http or https address without credentials or query"),
        Required, "Address of the platform.";
    opencti_token "OPENCTI_TOKEN" Some("opencti.token"), Secret("the token of a user with connector rights"),
        Required, "Token of the connector's user.";
    opencti_json_logging "OPENCTI_JSON_LOGGING" Some("opencti.json_logging"), Bool,
        Is("true"), "Log lines as JSON; false = plain text.";
    opencti_custom_headers "OPENCTI_CUSTOM_HEADERS" Some("opencti.custom_headers"),
        Secret("name:value;name:value"),
        unset("none", "X-Gateway:example"), "Headers sent with every request to the platform.";
    connector_id "CONNECTOR_ID" Some("connector.id"), Text("an id of its own, best a UUID version 4 as uuidgen makes it"),
        Required, "Tells this connector from all others on the platform; never change it.";
    connector_type "CONNECTOR_TYPE" Some("connector.type"), Choice(&["EXTERNAL_IMPORT"]),
        Is("EXTERNAL_IMPORT"), "What kind of connector this is; there is nothing to choose.";
    connector_name "CONNECTOR_NAME" Some("connector.name"), Text("a text of 2 to 200 characters"),
        Is("VirusTotal country reporter"), "Name shown on the platform.";
    connector_scope "CONNECTOR_SCOPE" Some("connector.scope"), List("a comma list"),
        Is("vtreporter"), "Scope shown on the platform.";
    connector_log_level "CONNECTOR_LOG_LEVEL" Some("connector.log_level"),
        Choice(&["debug", "info", "warn", "warning", "error"]),
        Is("info"), "How much is logged.";
    connector_duration_period "CONNECTOR_DURATION_PERIOD" Some("connector.duration_period"),
        Kind::Period("an ISO 8601 duration up to 10 years such as PT6H, P1D, P1W or P1M; 0 = run once and end"),
        Is("P1D"), "Time from the start of one run to the start of the next.";
    connector_run_and_terminate "CONNECTOR_RUN_AND_TERMINATE" Some("connector.run_and_terminate"), Bool,
        Is("false"), "Run once and end, for a scheduler outside.";
    connector_auto "CONNECTOR_AUTO" Some("connector.auto"), Bool,
        Is("false"), "Sent to the platform at registration.";
    connector_only_contextual "CONNECTOR_ONLY_CONTEXTUAL" Some("connector.only_contextual"), Bool,
        Is("false"), "Sent to the platform at registration.";
    connector_queue_threshold "CONNECTOR_QUEUE_THRESHOLD" Some("connector.queue_threshold"),
        Number { min: 0.001, max: 1_000_000.0 },
        Is("500"), "Size of the connector's queue, in MB, from which on a run holds.";
}
Reporter {
    vtreporter_api_url "VTREPORTER_API_URL" Some("vtreporter.api_url"),
        Url("an http or https address without credentials or query"),
        Is("https://www.virustotal.com/api/v3"), "Base address of VirusTotal's API.";
    vtreporter_api_key "VTREPORTER_API_KEY" Some("vtreporter.api_key"),
        Secret("a VirusTotal API key with VirusTotal Intelligence"),
        Required, "The key that every request to VirusTotal carries.";
    vtreporter_country "VTREPORTER_COUNTRY" Some("vtreporter.country"),
        List("a comma list of ISO 3166-1 alpha-2 codes such as AU or AU,NZ"),
        Is("AU"), "Countries whose submissions are reported, one report each.",
        costs "1 for each 300 files of each country";
    vtreporter_start "VTREPORTER_START" Some("vtreporter.start"),
        Kind::Period("an ISO 8601 duration longer than zero, a date or an RFC 3339 date-time"),
        unset("one CONNECTOR_DURATION_PERIOD", "P7D"), "How far back, or since when, the first run looks.",
        costs "1 for each 300 files, in the first run";
    vtreporter_overlap "VTREPORTER_OVERLAP" Some("vtreporter.overlap"),
        Kind::Period("an ISO 8601 duration up to P31D"),
        Is("PT10M"), "How far a run reaches back over the end of the one before, for late arrivals.",
        costs "the overlap's files once more, 1 for each 300";
    vtreporter_submitter "VTREPORTER_SUBMITTER" Some("vtreporter.submitter"), Choice(&["any", "first"]),
        Is("any"), "any = somebody in the country submitted the file; first = its first submission came from there.";
    vtreporter_min_detections "VTREPORTER_MIN_DETECTIONS" Some("vtreporter.min_detections"), Whole { min: 0, max: 1_000 },
        Is("1"), "Only files that at least so many engines detect; 0 = all.";
    vtreporter_extra_query "VTREPORTER_EXTRA_QUERY" Some("vtreporter.extra_query"),
        Text("conditions of VirusTotal's search language on one line"),
        unset("nothing more", "type:peexe"), "Put behind the query as it is.";
    vtreporter_min_severity "VTREPORTER_MIN_SEVERITY" Some("vtreporter.min_severity"), SEVERITIES,
        Is("low"), "Least severity of a file that is kept.";
    vtreporter_low_min_sources "VTREPORTER_LOW_MIN_SOURCES" Some("vtreporter.low_min_sources"), COUNT,
        Is("2"), "A file of low severity is kept from so many different submitters on.";
    vtreporter_keep_unknown_severity "VTREPORTER_KEEP_UNKNOWN_SEVERITY" Some("vtreporter.keep_unknown_severity"), Bool,
        Is("true"), "Keep files that VirusTotal gives no severity.";
    vtreporter_relationships "VTREPORTER_RELATIONSHIPS" Some("vtreporter.relationships"),
        ListOrNone("a comma list of similar_files, dropped_files, contacted_ips, contacted_domains, contacted_urls; empty or none = none"),
        Is("similar_files,dropped_files,contacted_ips,contacted_domains,contacted_urls"),
        "What is reported beside a file of high severity.",
        costs "similar_files and dropped_files: 1 or more for each file of VTREPORTER_RELATED_MIN_SEVERITY that has some; contacted_*: none, or 1 each where the page does not bring them";
    vtreporter_related_min_severity "VTREPORTER_RELATED_MIN_SEVERITY" Some("vtreporter.related_min_severity"), SEVERITIES,
        Is("high"), "Least severity of a file whose relationships are asked for.",
        costs "the lower, the more files are asked about";
    vtreporter_max_related_per_file "VTREPORTER_MAX_RELATED_PER_FILE" Some("vtreporter.max_related_per_file"),
        Whole { min: 1, max: 10_000 },
        Is("40"), "At most so many related objects for each relationship of a file.",
        costs "1 for each 40, for each relationship of a file";
    vtreporter_max_files "VTREPORTER_MAX_FILES" Some("vtreporter.max_files"), COUNT,
        Is("0"), "At most so many files for each run and country; the rest waits for the next run. 0 = no cap.";
    vtreporter_author_name "VTREPORTER_AUTHOR_NAME" Some("vtreporter.author_name"), Text("a text of 2 to 200 characters"),
        Is("VirusTotal"), "Organization named as the author of everything.";
    vtreporter_threat_types "VTREPORTER_THREAT_TYPES" Some("vtreporter.threat_types"), List("a comma list of report types"),
        Is("threat-report"), "Types of the report.";
    vtreporter_confidence "VTREPORTER_CONFIDENCE" Some("vtreporter.confidence"), Whole { min: 0, max: 100 },
        Is("75"), "Confidence of the report.";
    vtreporter_reliability "VTREPORTER_RELIABILITY" Some("vtreporter.reliability"),
        Text("A, B, C, D, E or F, or the full text such as B - Usually reliable; none"),
        Is("B - Usually Reliable"), "Reliability of the report.";
    vtreporter_report_labels "VTREPORTER_REPORT_LABELS" Some("vtreporter.report_labels"), LABELS,
        Is("ci-isac-vt-feed,{country}"), "Labels of the report.";
    vtreporter_file_labels "VTREPORTER_FILE_LABELS" Some("vtreporter.file_labels"), LABELS,
        Is("ci-isac-vt-feed,{country}"), "Labels of every file, beside its tags, category and severity; those with {country} not on related files, which nobody there need have submitted.";
    vtreporter_report_markings "VTREPORTER_REPORT_MARKINGS" Some("vtreporter.report_markings"), TLP,
        Is("TLP_AMBER"), "Marking of the report.";
    vtreporter_file_markings "VTREPORTER_FILE_MARKINGS" Some("vtreporter.file_markings"), TLP,
        Is("TLP_AMBER"), "Marking of files, related objects and relationships.";
    vtreporter_create_indicators "VTREPORTER_CREATE_INDICATORS" Some("vtreporter.create_indicators"), Bool,
        Is("true"), "Make an indicator of each file that is bad enough.";
    vtreporter_indicator_min_severity "VTREPORTER_INDICATOR_MIN_SEVERITY" Some("vtreporter.indicator_min_severity"), SEVERITIES,
        Is("high"), "Least severity of a file that becomes an indicator.";
    vtreporter_indicator_min_score "VTREPORTER_INDICATOR_MIN_SCORE" Some("vtreporter.indicator_min_score"), Whole { min: 0, max: 100 },
        Is("30"), "Least score of an indicator: OpenCTI revokes one at once whose score is not above the revoke score of its decay rules, 20 unless changed there.";
    vtreporter_create_network_indicators "VTREPORTER_CREATE_NETWORK_INDICATORS" Some("vtreporter.create_network_indicators"), Bool,
        Is("false"), "Make an indicator of each address, domain and URL that such a file contacts; many of them are harmless.";
    vtreporter_create_malware "VTREPORTER_CREATE_MALWARE" Some("vtreporter.create_malware"), Bool,
        Is("true"), "Make malware families of the names that engines and extracted configurations give.";
    vtreporter_malware_min_votes "VTREPORTER_MALWARE_MIN_VOTES" Some("vtreporter.malware_min_votes"), Whole { min: 1, max: 1_000 },
        Is("3"), "Engines that must give a name before it becomes a family.";
    vtreporter_malware_map "VTREPORTER_MALWARE_MAP" Some("vtreporter.malware_map"),
        Text("the path of a file with a line for each name, name,canonical or name: canonical; none as canonical name = not a family"),
        unset("names as VirusTotal gives them", "/etc/vtreporter/malware.csv"), "File with your own names for malware families.";
    vtreporter_create_country "VTREPORTER_CREATE_COUNTRY" Some("vtreporter.create_country"), Bool,
        Is("true"), "Link the report and its malware families to the country that the files were submitted from.";
    vtreporter_create_attack_patterns "VTREPORTER_CREATE_ATTACK_PATTERNS" Some("vtreporter.create_attack_patterns"), Bool,
        Is("false"), "Report the ATT&CK techniques that sandboxes saw in a file of VTREPORTER_RELATED_MIN_SEVERITY or more.",
        costs "1 for each file of VTREPORTER_RELATED_MIN_SEVERITY";
    vtreporter_create_notes "VTREPORTER_CREATE_NOTES" Some("vtreporter.create_notes"), Bool,
        Is("false"), "Write a note on each file with the verdicts of engines and sandboxes and the rules that matched.",
        costs "none, but pages several times as large";
    vtreporter_score "VTREPORTER_SCORE" Some("vtreporter.score"), Choice(&["combined", "detections", "severity", "gti"]),
        Is("combined"), "Score of files and indicators: combined = by severity and by the share of engines within it, HIGH 70 to 100, MEDIUM 40 to 69, LOW 20 to 39, NONE 0 to 39, unknown 0 to 100; detections = percent of the engines with a verdict; severity = HIGH 90, MEDIUM 60, LOW 30, NONE 0; gti = threat score of Google Threat Intelligence. Where VirusTotal does not tell it there is no score.";
    vtreporter_tags_as_labels "VTREPORTER_TAGS_AS_LABELS" Some("vtreporter.tags_as_labels"), Bool,
        Is("true"), "Make labels of VirusTotal's tags.";
    vtreporter_rules_as_labels "VTREPORTER_RULES_AS_LABELS" Some("vtreporter.rules_as_labels"), Bool,
        Is("true"), "Make labels of the YARA and Sigma rules that matched, yara:NAME and sigma:TITLE.";
    vtreporter_label_style "VTREPORTER_LABEL_STYLE" Some("vtreporter.label_style"), Choice(&["virustotal", "plain"]),
        Is("virustotal"), "How the severity is written as a label: virustotal = SEVERITY_HIGH, plain = high severity.";
    vtreporter_label_prefix "VTREPORTER_LABEL_PREFIX" Some("vtreporter.label_prefix"), Text("a text in which {country} stands for the country's name"),
        unset("none", "vt:"), "Put before every label that comes from VirusTotal.";
    vtreporter_labels_allow "VTREPORTER_LABELS_ALLOW" Some("vtreporter.labels_allow"), LABEL_GLOBS,
        unset("all", "pe*,signed,SEVERITY_*"), "Only these labels of VirusTotal's, told without the prefix and in VirusTotal's own style.";
    vtreporter_labels_deny "VTREPORTER_LABELS_DENY" Some("vtreporter.labels_deny"), LABEL_GLOBS,
        unset("none", "long-sleeps,sigma:*"), "None of these labels of VirusTotal's, told likewise.";
    vtreporter_max_labels "VTREPORTER_MAX_LABELS" Some("vtreporter.max_labels"), Whole { min: 0, max: 1_000 },
        Is("20"), "Most labels of a file; your own come first and always stay.";
    vtreporter_empty_report "VTREPORTER_EMPTY_REPORT" Some("vtreporter.empty_report"), Bool,
        Is("false"), "Write a report for a window without files, too.";
    vtreporter_attachments "VTREPORTER_ATTACHMENTS" Some("vtreporter.attachments"), Bool,
        Is("true"), "Attach the report as an HTML page, and CSVs of its files and their infrastructure, to the report.";
    vtreporter_max_refs_per_report "VTREPORTER_MAX_REFS_PER_REPORT" Some("vtreporter.max_refs_per_report"),
        Whole { min: 100, max: 1_000_000 },
        Is("5000"), "Most objects that one report names; more make numbered parts.";
    vtreporter_max_bundle_mb "VTREPORTER_MAX_BUNDLE_MB" Some("vtreporter.max_bundle_mb"), Number { min: 0.001, max: 1_000.0 },
        Is("10"), "Largest bundle, in MB; the platform refuses bodies over 50 MB unless told otherwise.";
    vtreporter_max_bundle_objects "VTREPORTER_MAX_BUNDLE_OBJECTS" Some("vtreporter.max_bundle_objects"),
        Whole { min: 10, max: 1_000_000 },
        Is("2000"), "Most objects in a bundle.";
    vtreporter_requests_per_minute "VTREPORTER_REQUESTS_PER_MINUTE" Some("vtreporter.requests_per_minute"),
        Whole { min: 0, max: 1_000_000 },
        Is("0"), "Pace of the requests to VirusTotal; 0 = from the quota.";
    vtreporter_timeout "VTREPORTER_TIMEOUT" Some("vtreporter.timeout"),
        Kind::Period("an ISO 8601 duration or a number of seconds, from 1 second to 1 hour"),
        Is("PT2M"), "Time for one request and its answer, on either side.";
    vtreporter_quota_warn_percent "VTREPORTER_QUOTA_WARN_PERCENT" Some("vtreporter.quota_warn_percent"), PERCENT,
        Is("80"), "Share of a VirusTotal quota from which on the connector warns.";
    vtreporter_quota_stop_percent "VTREPORTER_QUOTA_STOP_PERCENT" Some("vtreporter.quota_stop_percent"), PERCENT,
        Is("90"), "Share of a VirusTotal quota that no request passes: the run pauses until the quota is renewed.";
    vtreporter_quota_critical_percent "VTREPORTER_QUOTA_CRITICAL_PERCENT" Some("vtreporter.quota_critical_percent"), PERCENT,
        Is("95"), "Share of a VirusTotal quota from which on `quota` calls a key's status critical.";
    vtreporter_quota_history_days "VTREPORTER_QUOTA_HISTORY_DAYS" Some("vtreporter.quota_history_days"),
        Whole { min: 1, max: 3_650 },
        Is("400"), "So many days of quota readings and own requests are remembered in the data directory.";
    vtreporter_data_dir "VTREPORTER_DATA_DIR" Some("vtreporter.data_dir"), Text("the path of a directory that may be written to"),
        unset("the service keeps nothing on disk; other commands use the user's data directory", "/var/lib/vtreporter"),
        "Where quotas, own requests and look-ups are remembered.";
    vtreporter_cache_known "VTREPORTER_CACHE_KNOWN" Some("vtreporter.cache_known"),
        Kind::Period("an ISO 8601 duration longer than zero"),
        Is("P30D"), "How long an answer about a file that VirusTotal knows is good for.";
    vtreporter_cache_unknown "VTREPORTER_CACHE_UNKNOWN" Some("vtreporter.cache_unknown"),
        Kind::Period("an ISO 8601 duration longer than zero"),
        Is("PT12H"), "How long it is remembered that VirusTotal does not know a file.";
    vtreporter_cache_max_entries "VTREPORTER_CACHE_MAX_ENTRIES" Some("vtreporter.cache_max_entries"),
        Whole { min: 1, max: 100_000_000 },
        Is("1000000"), "At most so many answers are kept; the least recently used go first.";
    vtreporter_cache_max_mb "VTREPORTER_CACHE_MAX_MB" Some("vtreporter.cache_max_mb"),
        Whole { min: 1, max: 1_000_000 },
        Is("2000"), "At most so many decimal megabytes of answers are kept.";
    vtreporter_quota_on_unknown "VTREPORTER_QUOTA_ON_UNKNOWN" Some("vtreporter.quota_on_unknown"),
        Choice(&["continue", "pause"]),
        Is("continue"), "What to do when VirusTotal does not say what is left.";
}
Delivery {
    connector_queue_protocol "CONNECTOR_QUEUE_PROTOCOL" Some("connector.queue_protocol"), Choice(&["api", "amqp"]),
        unset("amqp, the platform's default", "api"), "Road into OpenCTI: its API or its message broker.";
    queue_protocol "QUEUE_PROTOCOL" None, Choice(&["api", "amqp"]),
        unset("see CONNECTOR_QUEUE_PROTOCOL", "api"), "Old name of CONNECTOR_QUEUE_PROTOCOL, which wins.";
    connector_send_to_queue "CONNECTOR_SEND_TO_QUEUE" Some("connector.send_to_queue"), Bool,
        Is("true"), "Send to the platform; false needs a directory or S3.";
    connector_validate_before_import "CONNECTOR_VALIDATE_BEFORE_IMPORT" Some("connector.validate_before_import"), Bool,
        Is("false"), "Put each run into a draft that somebody approves.";
    connector_send_to_directory "CONNECTOR_SEND_TO_DIRECTORY" Some("connector.send_to_directory"), Bool,
        Is("false"), "Write bundles into a directory.";
    connector_send_to_directory_path "CONNECTOR_SEND_TO_DIRECTORY_PATH" Some("connector.send_to_directory_path"),
        Text("the path of a directory"),
        unset("required with CONNECTOR_SEND_TO_DIRECTORY", "/var/lib/vtreporter"), "The directory.";
    connector_send_to_directory_retention "CONNECTOR_SEND_TO_DIRECTORY_RETENTION" Some("connector.send_to_directory_retention"), DAYS,
        Is("7"), "Days after which own files are removed from the directory; 0 = never.";
    connector_send_to_s3 "CONNECTOR_SEND_TO_S3" Some("connector.send_to_s3"), Bool,
        Is("false"), "Write bundles into an S3 bucket.";
    connector_send_to_s3_bucket "CONNECTOR_SEND_TO_S3_BUCKET" Some("connector.send_to_s3_bucket"), Text("the name of a bucket"),
        unset("the bucket that the platform names", "opencti-bundles"), "The bucket.";
    connector_send_to_s3_folder "CONNECTOR_SEND_TO_S3_FOLDER" Some("connector.send_to_s3_folder"), Text("a folder's path in the bucket"),
        Is("connectors"), "Folder in the bucket.";
    connector_send_to_s3_retention "CONNECTOR_SEND_TO_S3_RETENTION" Some("connector.send_to_s3_retention"), DAYS,
        Is("7"), "Days after which own objects are removed from the bucket; 0 = never.";
    mq_host "MQ_HOST" Some("mq.host"), Text("a host name or address"),
        unset("as the platform says", "rabbitmq"), "Host of the broker.";
    mq_port "MQ_PORT" Some("mq.port"), PORT,
        unset("as the platform says", "5672"), "Port of the broker.";
    mq_vhost "MQ_VHOST" Some("mq.vhost"), Text("a virtual host"),
        unset("as the platform says", "/"), "Virtual host of the broker.";
    mq_use_ssl "MQ_USE_SSL" Some("mq.use_ssl"), Bool,
        unset("as the platform says", "false"), "TLS to the broker.";
    mq_user "MQ_USER" Some("mq.user"), Text("a user name"),
        unset("as the platform says", "opencti"), "User at the broker.";
    mq_pass "MQ_PASS" Some("mq.pass"), Secret("a password"),
        unset("as the platform says", "example"), "Password at the broker.";
    mq_use_ssl_ca "MQ_USE_SSL_CA" Some("mq.use_ssl_ca"), PEM,
        unset("the built-in authorities", "/etc/ssl/broker-ca.pem"), "Authority of the broker's certificate.";
    mq_use_ssl_cert "MQ_USE_SSL_CERT" Some("mq.use_ssl_cert"), PEM,
        unset("none", "/etc/ssl/client.pem"), "Client certificate for the broker.";
    mq_use_ssl_key "MQ_USE_SSL_KEY" Some("mq.use_ssl_key"), Secret("a private key in PEM, or the path of a file with it"),
        unset("none", "/etc/ssl/client.key"), "Key of the client certificate.";
    mq_use_ssl_passphrase "MQ_USE_SSL_PASSPHRASE" Some("mq.use_ssl_passphrase"), Secret("a passphrase"),
        unset("none", "example"), "Passphrase of that key, if it is encrypted (PKCS#8).";
    mq_use_ssl_reject_unauthorized "MQ_USE_SSL_REJECT_UNAUTHORIZED" Some("mq.use_ssl_reject_unauthorized"), Bool,
        Is("true"), "Refuse a broker whose certificate cannot be verified.";
    s3_endpoint "S3_ENDPOINT" Some("s3.endpoint"), Text("a host name or an http or https address"),
        unset("as the platform says", "s3.example.net"), "S3 server.";
    s3_port "S3_PORT" Some("s3.port"), PORT,
        unset("as the platform says", "443"), "Port of the S3 server.";
    s3_access_key "S3_ACCESS_KEY" Some("s3.access_key"), Secret("an access key"),
        unset("as the platform says", "example"), "Access key of the S3 server.";
    s3_secret_key "S3_SECRET_KEY" Some("s3.secret_key"), Secret("a secret key"),
        unset("as the platform says", "example"), "Secret key of the S3 server.";
    s3_use_ssl "S3_USE_SSL" Some("s3.use_ssl"), Bool,
        unset("as the platform says", "true"), "TLS to the S3 server.";
    s3_bucket_region "S3_BUCKET_REGION" Some("s3.bucket_region"), Text("a region"),
        unset("as the platform says", "us-east-1"), "Region of the bucket.";
    opencti_ssl_verify "OPENCTI_SSL_VERIFY" Some("opencti.ssl_verify"), Bool,
        Is("true"), "Verify the platform's certificate; switching it off lets anybody on the way read the token.";
    vtreporter_proxy "VTREPORTER_PROXY" Some("vtreporter.proxy"), PROXY,
        unset("HTTPS_PROXY", "http://proxy.example.net:3128"), "Proxy for VirusTotal only, whatever NO_PROXY says.";
    http_proxy "HTTP_PROXY" None, PROXY,
        unset("none", "http://proxy.example.net:3128"), "Proxy for http addresses.";
    https_proxy "HTTPS_PROXY" None, PROXY,
        unset("none", "http://proxy.example.net:3128"), "Proxy for https addresses.";
    no_proxy "NO_PROXY" None, List("a comma list of hosts, domains with a leading dot, networks, host:port, or *"),
        unset("none", "localhost,.example.net,192.0.2.0/24"), "What is reached without HTTP_PROXY and HTTPS_PROXY; a name stands for all below it too.";
    https_ca_certificates "HTTPS_CA_CERTIFICATES" None, PEM,
        unset("the built-in authorities", "/etc/ssl/own-ca.pem"), "Authorities trusted beside the built-in ones, for both sides.";
    ssl_cert_file "SSL_CERT_FILE" None, Text("the path of a file with certificates in PEM"),
        unset("the built-in authorities", "/etc/ssl/own-ca.pem"), "Likewise; a file that cannot be read is only warned of.";
}
}

/// Settings of other connectors' past: told once, without effect.
pub(super) const RETIRED: &[(&str, &str)] = &[
    ("CONNECTOR_CONFIDENCE_LEVEL", "connector.confidence_level"),
    (
        "CONNECTOR_UPDATE_EXISTING_DATA",
        "connector.update_existing_data",
    ),
];

/// Relationships that can be converted.
pub(super) const RELATIONSHIPS: &[&str] = &[
    "similar_files",
    "dropped_files",
    "contacted_ips",
    "contacted_domains",
    "contacted_urls",
];
