"""What our scripts have in common: a question from a file, an answer into one."""

import json
import sys


def answer(judge):
    with open(sys.argv[1], encoding="utf-8") as file:
        question = json.load(file)
    result = judge(question)
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump(result, file)


def helper(question, **more):
    """The official helper, registered on the platform of the question."""
    from pycti import OpenCTIConnectorHelper

    connector = {
        "id": question["connector"],
        "type": "EXTERNAL_IMPORT",
        "name": question["name"],
        "scope": question["scope"],
        "log_level": "error",
        "duration_period": "PT6H",
        # Without it a thread would ping whenever it likes.
        "run_and_terminate": True,
        **more,
    }
    opencti = {"url": question["url"], "token": question["token"]}
    return OpenCTIConnectorHelper({"opencti": opencti, "connector": connector})
