//! Numbers that stand in several places agree with each other, and with what
//! was delivered: everything is counted once more from the bundles.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base64::Engine;
use serde_json::{Value, json};
use vtreporter::standin::opencti::Failure;
use vtreporter::standin::virustotal::{Made, Quota, World};

use crate::rig::{Rig, file, sha256};

const LEVELS: [&str; 5] = ["HIGH", "MEDIUM", "LOW", "NONE", "UNKNOWN"];

/// A few numbers that follow from a seed.
struct Throws(u64);

impl Throws {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % end
    }
}

fn host(kind: &str, id: String) -> Value {
    json!({ "type": kind, "id": id })
}

fn level(number: u32) -> &'static str {
    LEVELS[number as usize * 7 % 11 % 5]
}

/// A file that the search finds: the same wherever it turns up.
fn listed(number: u32) -> Value {
    file(number, level(number), i64::from(1400 - number % 1300))
}

/// A file of a world, with relations: to files that the search finds before and
/// after it, to others, to hosts that several contact.
fn made(number: u32, count: u32, throws: &mut Throws) -> Made {
    let related = |throws: &mut Throws| -> Vec<Value> {
        (0..throws.below(6))
            .map(|_| match throws.below(2) {
                0 => listed(throws.below(u64::from(count)) as u32),
                _ => file(10_000 + throws.below(20) as u32, "MEDIUM", 90_000),
            })
            .collect()
    };
    let dropped = related(throws);
    let similar = related(throws);
    let hosts = throws.below(4);
    let addresses = (0..hosts).map(|n| host("ip_address", format!("203.0.113.{}", 1 + n * 7)));
    let domains = (0..hosts).map(|n| host("domain", format!("h{}.example.net", n + throws.0 % 9)));
    Made::new(listed(number))
        .related("dropped_files", dropped)
        .related("similar_files", similar)
        .related("contacted_ips", addresses.collect())
        .related("contacted_domains", domains.collect())
}

/// Over a page's size, and some files are listed twice: on one page, and on
/// two.
fn world(seed: u64) -> (World, BTreeSet<String>) {
    let mut throws = Throws(seed);
    let count = 330;
    let mut world = World::empty();
    let mut listed = BTreeSet::new();
    for number in 0..count {
        let one = made(number, count, &mut throws);
        listed.insert(self::listed(number)["id"].as_str().unwrap().to_owned());
        world = match throws.below(25) {
            0 => world.with(one.clone()).with(one),
            1 => {
                let mut again = throws.0;
                again %= 1300;
                let moment = crate::rig::now() - chrono::TimeDelta::minutes(again as i64 + 1);
                world.with(one.clone()).with(one.first_submitted(moment))
            }
            _ => world.with(one),
        };
    }
    (world, listed)
}

/// Everything that was delivered, each object once, the last version counts;
/// the report with what its last versions brought along.
struct Delivered {
    objects: BTreeMap<String, Value>,
    attached: BTreeMap<String, String>,
}

impl Delivered {
    fn of(rig: &Rig) -> Self {
        let mut all = Self {
            objects: BTreeMap::new(),
            attached: BTreeMap::new(),
        };
        for bundle in rig.opencti.bundles() {
            let bundle: Value = serde_json::from_str(&bundle.text).unwrap();
            for object in bundle["objects"].as_array().unwrap() {
                for file in object["x_opencti_files"].as_array().into_iter().flatten() {
                    let data = file["data"].as_str().unwrap();
                    let engine = base64::engine::general_purpose::STANDARD;
                    let text = String::from_utf8(engine.decode(data).unwrap()).unwrap();
                    all.attached
                        .insert(file["name"].as_str().unwrap().to_owned(), text);
                }
                let id = object["id"].as_str().unwrap().to_owned();
                all.objects.insert(id, object.clone());
            }
        }
        all
    }

    fn of_type(&self, kind: &str) -> Vec<&Value> {
        let all = self.objects.values();
        all.filter(|object| object["type"] == kind).collect()
    }

    fn attachment(&self, end: &str) -> &str {
        let mut all = self.attached.iter();
        all.find(|(name, _)| name.ends_with(end)).unwrap().1
    }

    fn rows(&self, end: &str) -> Vec<BTreeMap<String, String>> {
        let text = self.attachment(end);
        assert!(
            text.starts_with('\u{feff}'),
            "spreadsheets read it as UTF-8"
        );
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        reader.deserialize().map(Result::unwrap).collect()
    }

    /// The rows that tell how many objects there are of each kind.
    fn kinds(&self) -> Vec<(&'static str, usize)> {
        let links = |word: &str| {
            let all = self.of_type("relationship").into_iter();
            all.filter(|link| link["relationship_type"] == word).count()
        };
        let frame = ["identity", "marking-definition", "report", "location"];
        let all = self.objects.values();
        let all = all.filter(|it| !frame.contains(&it["type"].as_str().unwrap()));
        vec![
            ("Files", self.of_type("file").len()),
            ("IPv4 addresses", self.of_type("ipv4-addr").len()),
            ("Domain names", self.of_type("domain-name").len()),
            ("Indicators", self.of_type("indicator").len()),
            ("Malware families", self.of_type("malware").len()),
            ("Relationships: drops", links("drops")),
            (
                "Relationships: communicates-with",
                links("communicates-with"),
            ),
            ("Relationships: related-to", links("related-to")),
            ("Relationships: based-on", links("based-on")),
            ("Relationships: indicates", links("indicates")),
            ("All objects", all.count()),
        ]
    }
}

/// `12,345`.
fn grouped(number: usize) -> String {
    if number < 1000 {
        return number.to_string();
    }
    format!("{},{:03}", number / 1000, number % 1000)
}

fn assert_agree(rig: &Rig, listed: &BTreeSet<String>) {
    let sent = Delivered::of(rig);
    let report = sent.of_type("report")[0];
    let said = report["description"].as_str().unwrap();
    let page = sent.attachment(".html");
    let content = report["x_opencti_content"].as_str().unwrap();
    for (name, count) in sent.kinds() {
        let row = format!("| {name} | {count} |");
        assert_eq!(said.contains(&row), count > 0, "{row} in\n{said}");
        let row = format!(
            "<td>{name}</td><td class=\"number\">{}</td>",
            grouped(count)
        );
        assert_eq!(page.contains(&row), count > 0, "{row}");
        let row = format!(
            "<td>{name}</td><td><p style=\"text-align:right\">{}</p></td>",
            grouped(count)
        );
        assert_eq!(content.contains(&row), count > 0, "{row}");
    }
    let files = sent.of_type("file");
    let (main, related): (Vec<&Value>, Vec<&Value>) = files
        .iter()
        .partition(|file| listed.contains(&sha256(file)));
    let (matched, kept) = (listed.len(), main.len());
    for form in [said, page, content] {
        let sentence = format!("{kept} of {matched} files kept");
        assert!(form.contains(&sentence), "{sentence} in {form}");
    }
    let dropped = matched - kept;
    let sentence = format!("Files that VirusTotal answered with: {matched}. Not kept: {dropped} (");
    assert!(said.contains(&sentence), "{sentence} in {said}");
    assert!(
        page.contains(&format!("{dropped} of {matched} files")),
        "{page}"
    );
    assert_levels(said, &main, &related);
    assert_file_list(&sent, &main, &related);
    assert_network_list(&sent);
    assert_message(rig, &sent, [matched, kept, dropped, related.len()]);
}

fn assert_levels(said: &str, main: &[&Value], related: &[&Value]) {
    for (name, files) in [("found by the search", main), ("related to those", related)] {
        let counts = crate::import::counted(files.iter().copied());
        let cells: Vec<String> = counts.iter().map(u64::to_string).collect();
        let row = format!("| {name} | {} |", cells.join(" | "));
        assert!(said.contains(&row), "{row} in\n{said}");
    }
}

/// A row a file, with how it was found and what it is related to.
fn assert_file_list(sent: &Delivered, main: &[&Value], related: &[&Value]) {
    let rows = sent.rows("-files.csv");
    assert_eq!(rows.len(), main.len() + related.len());
    let hashes: BTreeMap<&str, String> = main
        .iter()
        .chain(related)
        .map(|file| (file["id"].as_str().unwrap(), sha256(file)))
        .collect();
    let mut parents: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for link in sent.of_type("relationship") {
        let end = |name: &str| hashes.get(link[name].as_str().unwrap());
        if let (Some(source), Some(target)) = (end("source_ref"), end("target_ref")) {
            let word = match link["relationship_type"].as_str().unwrap() {
                "drops" => "drops",
                _ => "similar",
            };
            parents.entry(target).or_default().push((source, word));
        }
    }
    for (files, found_by) in [(main, "search"), (related, "relationship")] {
        for file in files {
            let hash = sha256(file);
            let row = rows.iter().find(|row| row["sha256"] == hash).unwrap();
            assert_eq!(row["found_by"], found_by, "{row:?}");
            let known = parents.get(hash.as_str()).map_or(&[][..], Vec::as_slice);
            let told = (row["parent"].as_str(), row["parent_relationship"].as_str());
            match known {
                [] => assert_eq!((told, row["parents"].as_str()), (("", ""), ""), "{row:?}"),
                known => {
                    assert!(known.contains(&told), "{row:?} {known:?}");
                    assert_eq!(row["parents"], known.len().to_string());
                }
            }
        }
    }
}

/// A row an address, domain or URL, with the files that contact it.
fn assert_network_list(sent: &Delivered) {
    let rows = sent.rows("-network.csv");
    let hashes: BTreeMap<&str, String> = sent
        .of_type("file")
        .iter()
        .map(|file| (file["id"].as_str().unwrap(), sha256(file)))
        .collect();
    let mut expected = 0;
    for kind in ["ipv4-addr", "ipv6-addr", "domain-name", "url"] {
        for object in sent.of_type(kind) {
            expected += 1;
            let links = sent.of_type("relationship").into_iter();
            let links = links.filter(|link| link["target_ref"] == object["id"]);
            let by: BTreeSet<&String> = links
                .filter_map(|link| hashes.get(link["source_ref"].as_str().unwrap()))
                .collect();
            let row = rows
                .iter()
                .find(|row| object["value"] == row["value"].as_str());
            let row = row.unwrap_or_else(|| panic!("no row for {object}"));
            assert_eq!(
                (row["type"].as_str(), row["files"].clone()),
                (kind, by.len().to_string())
            );
            let told: BTreeSet<String> = row["file_hashes"].split(' ').map(str::to_owned).collect();
            assert_eq!(told.len(), by.len().min(20));
            assert!(told.iter().all(|hash| by.contains(hash)), "{row:?}");
            assert!(!row["defanged"].contains("e.n") && !row["defanged"].contains("3.0"));
        }
    }
    assert_eq!(rows.len(), expected);
    assert!(expected > 5);
}

fn assert_message(rig: &Rig, sent: &Delivered, counts: [usize; 4]) {
    let [matched, kept, dropped, related] = counts;
    let works = rig.opencti.works();
    let message = &works.last().unwrap().messages.last().unwrap().message;
    let kinds: BTreeMap<&str, usize> = sent.kinds().into_iter().collect();
    let network = kinds["IPv4 addresses"] + kinds["Domain names"];
    let relationships = sent.of_type("relationship").len();
    for said in [
        format!("{matched} files matched, {kept} kept, {dropped} dropped ("),
        format!(
            "Sent: {} objects ({} files, ",
            grouped(kinds["All objects"]),
            kinds["Files"]
        ),
        format!("files, {related} of them related; {network} addresses,"),
        format!("{} indicators;", kinds["Indicators"]),
        format!("{} malware families;", kinds["Malware families"]),
        format!("{} relationships)", grouped(relationships)),
    ] {
        assert!(message.contains(&said), "{said} in {message}");
    }
    for quota in ["daily API requests", "monthly API requests"] {
        assert!(
            message.matches(quota).count() < 2,
            "{quota} twice in {message}"
        );
    }
}

#[tokio::test]
async fn what_is_counted_once_more_from_the_bundles_agrees_with_every_form_of_the_report() {
    let (world, listed) = world(1);
    let rig = Rig::new(world).await;
    // Over the warning, under the stop.
    let warned = Quota::user(100_000, 85_000);
    rig.vt.set_quota("api_requests_daily", warned);
    let _connector = rig.connector();
    rig.idle(1).await;
    assert_agree(&rig, &listed);
    rig.assert_sound();
}

/// What was listed, dropped or kept before the run failed is listed again, and
/// counts no second time.
#[tokio::test]
async fn numbers_agree_after_a_run_that_failed_and_was_taken_up_again() {
    let (world, listed) = world(11);
    let rig = Rig::new(world)
        .await
        .set("VTREPORTER_MAX_BUNDLE_OBJECTS", "150");
    let refused = Failure::error("FUNCTIONAL_ERROR", "no").on("stixBundlePush");
    rig.opencti.fail(refused.after(3));
    let _connector = rig.connector();
    rig.idle(1).await;
    assert!(rig.opencti.works()[0].in_error);
    rig.vt.expire_cursors();
    rig.hand.advance(Duration::from_secs(600));
    rig.idle(2).await;
    assert_agree(&rig, &listed);
    rig.assert_sound();
}
