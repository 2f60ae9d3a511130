"""As much of CVAT's HTTP API as cvat-cli's agent needs: one task, one function, a queue."""

import io
import json
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import PIL.Image

TASK = 7
FUNCTION = 5
_BORN = "2026-01-01T00:00:00Z"

Json = dict[str, Any]
Request = Callable[[Json], Json]
"""What the annotator asks for next, from the result of the request before."""


class FakeCvat:
    """Frames, labels and requests, and what the agent made of these.

    function: as `create-native` registered it.  results: of the requests, in their order;
    failures: what was said of those that failed.
    """

    def __init__(
        self,
        frames: Sequence[np.ndarray],
        requests: Sequence[Request],
        labels: Sequence[str] = (),
        category: str = "interactive",
    ) -> None:
        self.frames = frames
        self.category = category
        self.labels = labels
        self.function: Json = {}
        self.results: list[Json] = []
        self.failures: list[str] = []
        self._requests = list(requests)

    def answer(self, method: str, url: str, body: Json) -> Json | bytes | None:
        """The answer to a request; None where CVAT has nothing."""
        split = urlsplit(url)
        path = split.path.rstrip("/").removeprefix("/api")
        if path == f"/tasks/{TASK}/data":
            return self._png(int(parse_qs(split.query)["number"][0]))
        if path.startswith("/functions"):
            return self._of_function(method, path, body)
        return self._facts().get(path)

    def _of_function(self, method: str, path: str, body: Json) -> Json | None:
        if path == "/functions":
            labels = [{"type": "any", **label} for label in body.get("labels_v2", ())]
            self.function = {**body, "labels_v2": labels}
            return {"id": FUNCTION, "name": body["name"]}
        if path == f"/functions/{FUNCTION}" and method == "GET":
            unsaid = {"startswith_box": False, "startswith_box_optional": False}
            return {"id": FUNCTION, **unsaid, **self.function}
        if path.endswith("/acquire"):
            return {"ar_assignment": self._next(body["request_category"])}
        if path.endswith("/complete"):
            self.results.append(body)
            return {}
        if path.endswith("/fail"):
            self.failures.append(body["exc_info"])
            return {}
        return {} if path.endswith("/update") else None

    def _next(self, category: str) -> Json | None:
        if category != self.category or not self._requests or self.failures:
            return None
        request = self._requests.pop(0)
        params = {"task": TASK, **request(self.results[-1] if self.results else {})}
        return {"ar_id": f"request{len(self.results)}", "ar_params": params}

    def _png(self, number: int) -> bytes:
        file = io.BytesIO()
        PIL.Image.fromarray(self.frames[number]).save(file, "PNG")
        return file.getvalue()

    def _facts(self) -> dict[str, Json]:
        count = len(self.frames)
        height, width = self.frames[0].shape[:2]
        frame = {"width": width, "height": height, "related_files": 0}
        frame["has_related_context"] = False
        labels = [
            {"id": 100 + n, "name": name, "type": "any", "attributes": [], "sublabels": []}
            | {"color": "#ff0000", "has_parent": False}
            for n, name in enumerate(self.labels)
        ]
        return {
            "/server/about": {"name": "CVAT", "description": "", "version": "2.80.0"}
            | {"logo_url": "", "subtitle": ""},
            "/users/self": {"id": 1, "username": "anna", "url": "", "groups": []},
            "/labels": {"count": len(labels), "next": None, "previous": None}
            | {"results": labels},
            f"/tasks/{TASK}": _task(count),
            f"/tasks/{TASK}/data/meta": _chunks(count)
            | {"frames": [{**frame, "name": f"{n}.png"} for n in range(count)]},
        }


def _task(count: int) -> Json:
    nothing = dict.fromkeys(("owner", "assignee", "project_id", "organization", "guide_id"))
    nothing |= dict.fromkeys(("source_storage", "target_storage", "validation_mode"))
    chunks = {"data_compressed_chunk_type": "imageset", "data_original_chunk_type": "imageset"}
    jobs = {"count": 1, "completed": 0, "validation": 0, "url": ""}
    return {
        **{"id": TASK, "url": "", "name": "clip", "bug_tracker": "", "subset": ""},
        **{"created_date": _BORN, "updated_date": _BORN, "status": "annotation"},
        **{"overlap": 0, "segment_size": count, "size": count, "data_chunk_size": count},
        **{"mode": "interpolation", "dimension": "2d", "data": 1, "labels": {"url": ""}},
        **{"jobs": jobs, "consensus_enabled": False},
        **chunks,
        **nothing,
    }


def _chunks(count: int) -> Json:
    return {
        **{"chunk_size": count, "size": count, "start_frame": 0, "stop_frame": count - 1},
        **{"image_quality": 70, "frame_filter": "", "deleted_frames": []},
        **{"included_frames": None, "chunks_updated_date": _BORN},
        **{"storage": "local", "storage_method": "cache", "cloud_storage_id": None},
    }


@contextmanager
def served(cvat: FakeCvat) -> Iterator[str]:
    """The address of the server on this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            is_json = re.match("application/.*json", self.headers.get("Content-Type", ""))
            body = json.loads(raw) if raw and is_json else {}
            answer = cvat.answer(self.command, self.path, body)
            png = isinstance(answer, bytes)
            sent = answer if isinstance(answer, bytes) else json.dumps(answer or {}).encode()
            self.send_response(404 if answer is None else 200)
            self.send_header("Content-Type", "image/png" if png else "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = _answer
        do_POST = _answer

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
