"""How a service is set up: what it serves, where it listens, and what a key may use."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from vseg.checked_settings import Settings

PlugName = Literal["x-anylabeling", "label-studio"]


class Limits(Settings):
    """What one key may use, so that no client takes the machine from the others.

    upload_bytes, pixels, frames: of one uploaded clip, and pixels of one of its images.
    uploads: at a time; stored_bytes: of all clips that the key uploaded.  pixels: also of all
    masks and images of a request.  decode_s, decode_mib: of the process that decodes an
    upload.  body_bytes: of a request in JSON.  objects: of a session or a job.  sessions,
    jobs: open or queued at a time.  waiting: requests for the model at a time.
    requests_per_minute: on average; as many may come at once.  refused_per_minute: requests of
    an address with a wrong key.

    The values are round numbers for a few people on one machine: a page that plays a clip asks
    for 24 frames a second, 1440 a minute.
    """

    upload_bytes: int = Field(default=4 << 30, ge=1)
    uploads: int = Field(default=4, ge=1)
    stored_bytes: int = Field(default=64 << 30, ge=1)
    pixels: int = Field(default=8192 * 8192, ge=1)
    frames: int = Field(default=1_000_000, ge=1)
    decode_s: float = Field(default=600.0, gt=0)
    decode_mib: int = Field(default=2048, ge=32)
    body_bytes: int = Field(default=16 << 20, ge=1024)
    objects: int = Field(default=100, ge=1)
    sessions: int = Field(default=16, ge=1)
    jobs: int = Field(default=16, ge=1)
    waiting: int = Field(default=32, ge=1)
    requests_per_minute: int = Field(default=6000, ge=1)
    refused_per_minute: int = Field(default=30, ge=1)


class ServerSettings(Settings):
    """root: the folder whose clips and runs are served; nothing outside it is.  state: where
    sessions and jobs are kept, ROOT/.vseg if None.  hosts: further names under which browsers
    reach the service, behind a proxy for example.  frame_ancestors: pages that may show the
    annotator in a frame.  plugs: other tools whose protocols are served too.
    grounder: detects what texts name; nano's own vocabulary if None.
    loaded_sessions, idle_s: how many sessions stay in memory, and for how long without a
    request; the others are on disk.  save_every_s: of a propagation; what is computed again
    after the service was killed is at most this.  running_jobs: at a time, of all keys.
    """

    root: Path
    state: Path | None = None
    host: str = "127.0.0.1"
    port: int = Field(default=8707, ge=0, le=65535)
    hosts: tuple[str, ...] = ()
    frame_ancestors: tuple[str, ...] = ()
    plugs: tuple[PlugName, ...] = ()
    model: str = "nano"
    grounder: str | None = None
    device: str = Field(default="cpu", pattern=r"^(cpu|cuda(:\d+)?)$")
    short_side: int = Field(default=384, ge=64, le=1536, multiple_of=16)
    loaded_sessions: int = Field(default=4, ge=1)
    idle_s: float = Field(default=600.0, gt=0)
    save_every_s: float = Field(default=2.0, ge=0)
    running_jobs: int = Field(default=2, ge=1)
    limits: Limits = Limits()

    @property
    def state_folder(self) -> Path:
        """Where the service keeps what a restart finds again."""
        return self.state or self.root / ".vseg"
