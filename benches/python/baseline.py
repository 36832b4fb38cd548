"""What a connector like the one that vtreporter replaces does, the usual way.

It is NOT that connector: its code is not ours to show. This one uses the same
packages (requests, stix2, pycti) for the same job, so that the load run has
something to stand beside: read every page of the search into memory, keep the
risky files, build stix2 objects, one report over all of them, one bundle, and
hand it to the platform through pycti's helper. Addresses that came with the
pages are left out, which makes its work smaller than ours.

Settings come from the environment, as the load run sets them.
"""

import os
import traceback
from datetime import datetime, timedelta, timezone

import requests
import stix2
from pycti import Identity, OpenCTIConnectorHelper, Report


def search(session):
    """All files of the window, page by page, all in memory."""
    end = datetime.now(timezone.utc)
    start = end - timedelta(days=2)
    form = "%Y-%m-%dT%H:%M:%S"
    parameters = {
        "query": "entity:file submitter:{} fs:{}+ fs:{}- p:1+".format(
            os.environ["VTREPORTER_COUNTRY"], start.strftime(form), end.strftime(form)
        ),
        "limit": 300,
        "descriptors_only": "false",
    }
    files = []
    while True:
        answer = session.get(
            os.environ["VTREPORTER_API_URL"] + "/intelligence/search", params=parameters
        )
        answer.raise_for_status()
        page = answer.json()
        files.extend(page["data"])
        cursor = page.get("meta", {}).get("cursor")
        if not cursor:
            return files
        parameters["cursor"] = cursor


def severity(attributes):
    return (attributes.get("threat_severity") or {}).get("threat_severity_level")


def is_kept(attributes):
    level = severity(attributes)
    if level == "SEVERITY_LOW":
        return (attributes.get("unique_sources") or 0) > 1
    return level != "SEVERITY_NONE"


def describe(name, attributes):
    stats = attributes.get("last_analysis_stats") or {}
    first = datetime.fromtimestamp(
        attributes.get("first_submission_date") or 0, timezone.utc
    )
    return (
        f"{name}, first submitted on {first}. "
        f"Detections: {stats.get('malicious')}. Severity: {severity(attributes)}. "
        f"Different sources: {attributes.get('unique_sources')}."
    )


def convert(file, author):
    attributes = file.get("attributes") or {}
    name = attributes.get("meaningful_name") or "unknown"
    hashes = {
        ours: attributes[theirs]
        for ours, theirs in (("MD5", "md5"), ("SHA-1", "sha1"), ("SHA-256", "sha256"))
        if attributes.get(theirs)
    }
    labels = list(attributes.get("tags") or [])
    labels.append(severity(attributes) or "unknown")
    return stix2.File(
        name=name,
        hashes=hashes,
        size=attributes.get("size"),
        object_marking_refs=[stix2.TLP_AMBER.id],
        custom_properties={
            "x_opencti_description": describe(name, attributes),
            "x_opencti_labels": labels,
            "x_opencti_created_by_ref": author.id,
            "x_opencti_additional_names": attributes.get("names") or [],
            "x_opencti_external_references": [
                {
                    "source_name": "VirusTotal",
                    "url": "https://www.virustotal.com/gui/file/" + file["id"],
                }
            ],
        },
    )


def main():
    helper = OpenCTIConnectorHelper({"connector": {"type": "EXTERNAL_IMPORT"}})
    now = datetime.now(timezone.utc)
    work = helper.api.work.initiate_work(helper.connect_id, "baseline")
    session = requests.Session()
    session.headers["x-apikey"] = os.environ["VTREPORTER_API_KEY"]
    author = stix2.Identity(
        id=Identity.generate_id("VirusTotal", "organization"),
        name="VirusTotal",
        identity_class="organization",
    )
    found = search(session)
    files = [
        convert(file, author)
        for file in found
        if is_kept(file.get("attributes") or {})
    ]
    if files:
        name = f"VirusTotal AU {now}"
        report = stix2.Report(
            id=Report.generate_id(name, now),
            name=name,
            report_types=["threat-report"],
            published=now,
            created_by_ref=author.id,
            object_refs=[file.id for file in files],
            object_marking_refs=[stix2.TLP_AMBER.id],
            allow_custom=True,
        )
        bundle = helper.stix2_create_bundle([author, stix2.TLP_AMBER, *files, report])
        helper.send_stix2_bundle(bundle, work_id=work)
    helper.api.work.to_processed(work, f"{len(files)} of {len(found)} files")
    # The helper's own threads would keep the process alive.
    os._exit(0)


if __name__ == "__main__":
    try:
        main()
    except Exception:  # The helper's own hook would end the process without a word.
        traceback.print_exc()
        os._exit(1)
