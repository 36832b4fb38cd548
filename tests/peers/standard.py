"""Bundles -> what the STIX validator and the STIX library have to say to them."""

import json

import stix2
from judge import answer
from stix2validator import ValidationOptions, validate_parsed_json


def parsed(bundle):
    try:
        read = stix2.parse(json.dumps(bundle), allow_custom=True)
    except Exception as error:  # Whatever it has against it.
        return f"{type(error).__name__}: {error}"
    ids = [it["id"] for it in read.get("objects", [])]
    if ids != [it["id"] for it in bundle["objects"]]:
        return "other objects came out"
    return None


def judge(bundles):
    options = ValidationOptions(version="2.1")
    verdicts = []
    for bundle in bundles:
        verdict = validate_parsed_json(bundle, options)
        verdicts.append(
            {
                "valid": verdict.is_valid,
                "errors": [str(error) for error in verdict.errors or []],
                "warnings": [str(warning) for warning in verdict.warnings or []],
                "library": parsed(bundle),
            }
        )
    return verdicts


answer(judge)
