"""What Label Studio asks of an ML backend, by its own connector; no database is touched.

Runs in the tool's environment: `label_studio_session.py ADDRESS KEY ASKED`.  ASKED is JSON: a
list of requests with the labelling interface, the task and what was drawn.  Prints JSON: for
each the first prediction, and whether Label Studio's own checks let it pass; brushes are
decoded by its own decoder, to the count of their pixels and the box around them.
"""

import json
import os
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ |= {
    "DJANGO_SETTINGS_MODULE": "core.settings.label_studio",
    "LABEL_STUDIO_BASE_DATA_DIR": str(Path.home() / "label-studio"),
    # Nothing is sent anywhere.
    "LATEST_VERSION_CHECK": "0",
    "COLLECT_ANALYTICS": "0",
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
    # The service is on this machine.
    "ML_BLOCK_LOCAL_IP": "0",
    # A second, for a machine that runs other tests too, is short.
    "ML_CONNECTION_TIMEOUT": "20",
    "ML_TIMEOUT_HEALTH": "20",
    "ML_TIMEOUT_SETUP": "20",
}
warnings.simplefilter("ignore")

import django  # noqa: E402
import label_studio  # noqa: E402
import numpy as np  # noqa: E402

sys.path.insert(0, str(Path(label_studio.__file__).parent))
django.setup()

from label_studio_sdk.converter.brush import decode_rle  # noqa: E402
from label_studio_sdk.label_interface import LabelInterface  # noqa: E402
from ml.api_connector import MLApi  # noqa: E402


def project_with(config: str) -> Any:
    """As much of a project as the connector reads."""
    return SimpleNamespace(
        id=7,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        label_config=config,
        task_data_login=None,
        task_data_password=None,
        created_by=SimpleNamespace(auth_token=SimpleNamespace(key="a token of the tool")),
    )


def brush_facts(region: dict[str, Any]) -> dict[str, Any] | None:
    if "rle" not in region["value"]:
        return None
    size = region["original_height"], region["original_width"], 4
    alpha = decode_rle(region["value"]["rle"]).reshape(size)[..., 3] > 0
    ys, xs = np.nonzero(alpha)
    box = [int(v) for v in (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)]
    return {"area": int(alpha.sum()), "box": box}


def answered(api: Any, asked: dict[str, Any]) -> dict[str, Any]:
    project = project_with(asked["config"])
    tasks = [{"id": 1, "data": asked["data"], "annotations": [], "predictions": []}]
    told = api.make_predictions(tasks, project, asked["context"])
    if told.is_error:
        return {"error": told.error_message, "status": told.status_code}
    prediction = told.response["results"][0]
    interface = LabelInterface(asked["config"])
    problems = interface.validate_prediction(prediction, return_errors=True)
    brushes = [brush_facts(region) for region in prediction["result"]]
    return {"prediction": prediction, "problems": problems, "brushes": brushes}


def main(address: str, key: str, requests: list[dict[str, Any]]) -> dict[str, Any]:
    api = MLApi(url=address, basic_auth_user="anna", basic_auth_pass=key)
    stranger = MLApi(url=address, basic_auth_user="anna", basic_auth_pass="wrong")
    project = project_with(requests[0]["config"])
    return {
        "health": api.health().response,
        "setup": api.setup(project).response,
        "versions": api.get_versions(project).response,
        "webhook": api._request("webhook", {"action": "START_TRAINING"}).status_code,
        "stranger": stranger.health().status_code,
        "answers": [answered(api, asked) for asked in requests],
    }


if __name__ == "__main__":
    _, given_address, given_key, given = sys.argv
    print(json.dumps(main(given_address, given_key, json.loads(given))))
