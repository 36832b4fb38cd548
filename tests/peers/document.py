"""A bundle -> the document that the official helper writes into a directory."""

import json
import os

from judge import answer, helper


def judge(question):
    official = helper(
        question,
        send_to_queue=False,
        send_to_directory=True,
        send_to_directory_path=question["folder"],
    )
    official.send_stix2_bundle(question["bundle"])
    names = os.listdir(question["folder"])
    with open(os.path.join(question["folder"], names[0]), encoding="utf-8") as file:
        return {"names": names, "document": json.load(file)}


answer(judge)
