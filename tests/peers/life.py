"""A connector's life by the official helper: registration, pings, works."""

from judge import answer, helper


def judge(question):
    official = helper(question)
    info = official.connector_info
    work = official.api.work
    # Two pings: one on the way, one with more to tell.
    info.run_and_terminate = False
    info.queue_threshold = 500.0
    official.set_state({"last": 1})
    official.force_ping()
    full = official.check_connector_buffering()
    info.next_run_datetime = question["next_run"]
    info.last_run_datetime = question["last_run"]
    official.set_state({"last": 2, "text": "ü\n"})
    official.force_ping()
    # A run that ends well, over the broker: announced, one object failed.
    first = work.initiate_work(official.connector_id, "first", is_multipart=True)
    work.to_received(first, "begun")
    work.add_expectations(first, 3)
    work.report_expectation(first, {"error": "no", "source": "{}"})
    work.to_processed(first, "done")
    # One that goes into a draft, and ends in error.
    second = work.initiate_work(official.connector_id, "second", is_multipart=True)
    draft = official.api.create_draft(draft_name="of second")
    work.add_draft_context(second, draft)
    work.to_processed(second, "stopped", in_error=True)
    # One over the API.
    third = work.initiate_work(official.connector_id, "third", is_multipart=True)
    official.api.send_bundle_to_api(
        connector_id=official.connector_id, bundle=question["bundle"], work_id=third
    )
    work.to_processed(third, "done")
    # Registered anew, as after a restart.
    again = helper(question)
    return {"full": full, "state": again.get_state(), "applicant": again.applicant_id}


answer(judge)
