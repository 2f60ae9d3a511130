"""Files in buckets and on servers, by address: `s3://`, `gs://`, `az://`, `https://` and
whatever else fsspec knows.

Credentials are found where the stores' own tools look for them, in the environment and their
configuration files; they are never part of an address here.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from vseg.errors import StoreError, UsageError

PACKAGES = {
    "s3": "vseg[s3]",
    "gs": "vseg[gcs]",
    "gcs": "vseg[gcs]",
    "az": "vseg[azure]",
    "abfs": "vseg[azure]",
    "http": "vseg[http]",
    "https": "vseg[http]",
}
# What stores say of a file's content, best first; the last three tell only that it changed.
_HASHES = ("ETag", "etag", "md5Hash", "content_md5")
_TIMES = ("LastModified", "Last-Modified", "mtime", "created")
# Where those are hashes; the ETag of a web server is mostly a time and a size.
_HASHING = ("s3", "gs", "gcs", "az", "abfs")
# Parameters of signed addresses: of Amazon, Google and Azure, and what servers call theirs.
_SIGNED = re.compile(
    r"x-(amz|goog)-.*|(aws|google)?access(key)?id|signature|expires|policy|key-pair-id|"
    r"sig|s[eptvrk]|sk(oid|tid|t|e|s|v)|token|access_token|key|api_key",
    re.IGNORECASE,
)


def is_address(place: str) -> bool:
    """Whether a place is elsewhere than in this machine's file system."""
    return "://" in place


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a store.  version: with another one, the content may be another one too."""

    address: str
    size: int
    version: str

    @property
    def identity(self) -> str:
        """The same for the same content only; where the store tells no hash of it, also the
        address counts.
        """
        if urlsplit(self.address).scheme in _HASHING and self.version:
            return self.version
        return f"{unsigned(self.address)} {self.version}"


def unsigned(place: str) -> str:
    """A place without what lets its reader in: signatures and keys of an address."""
    if not is_address(place):
        return place
    parts = urlsplit(place)
    kept = [
        pair for pair in parts.query.split("&") if not _SIGNED.fullmatch(pair.split("=")[0])
    ]
    return parts._replace(query="&".join(kept)).geturl() if parts.query else place


class Store:
    """The files below an address."""

    def __init__(self, address: str) -> None:
        """Raises UsageError for an address that nothing here opens, or with a password."""
        import fsspec

        parts = urlsplit(address)
        if parts.username or parts.password:
            raise UsageError(
                "an address with a user name or a password would be stored with the results",
                hint="give credentials by environment variables, such as AWS_ACCESS_KEY_ID",
            )
        try:
            self._files: Any
            self._files, self._root = fsspec.core.url_to_fs(address)
            # Buckets have no folders that must be made first; a disk has.
            if hasattr(self._files, "auto_mkdir"):
                self._files.auto_mkdir = True
        except ImportError as error:
            package = PACKAGES.get(parts.scheme)
            raise UsageError(
                f"{parts.scheme}:// needs a package that is not installed",
                hint=f"pip install '{package}'" if package else str(error),
            ) from error
        except ValueError as error:
            raise UsageError(
                f"nothing opens {parts.scheme}://", hint=f"known: {', '.join(PACKAGES)}"
            ) from error

    def describe(self, address: str) -> StoredFile:
        """Size and version of a file.  Raises StoreError."""
        with self._asked(address):
            facts = self._files.info(self._files._strip_protocol(address))
        if facts.get("type") == "directory" or facts.get("size") is None:
            raise StoreError(
                f"{unsigned(address)} is no file, or its store does not say its size"
            )
        known = (str(facts[name]) for name in (*_HASHES, *_TIMES) if facts.get(name))
        version = next(known, "")
        return StoredFile(address, int(facts["size"]), version)

    def find(self, pattern: str) -> list[str]:
        """The addresses of the files that a pattern, or a folder, has; ascending."""
        bare = self._files._strip_protocol(pattern)
        with self._asked(pattern):
            if any(mark in bare for mark in "*?["):
                found = self._files.glob(bare)
            else:
                found = self._files.ls(bare, detail=False)
            return sorted(self._files.unstrip_protocol(one) for one in found)

    def fetch(self, address: str, target: Path) -> None:
        """Copy a file from the store.  Raises StoreError."""
        with self._asked(address):
            self._files.get_file(self._files._strip_protocol(address), str(target))

    def read(self, name: str) -> bytes | None:
        """A file below the root; None if there is none.  Raises StoreError."""
        with self._asked(name):
            try:
                content: bytes = self._files.cat_file(self._at(name))
            except FileNotFoundError:
                return None
            return content

    def write(self, name: str, content: bytes) -> None:
        """Replace a file below the root: stores show it whole or not at all."""
        with self._asked(name):
            self._files.pipe_file(self._at(name), content)

    def names(self, folder: str) -> dict[str, int]:
        """The files below a folder with their sizes; names are below the root."""
        with self._asked(folder):
            try:
                found = self._files.find(self._at(folder), detail=True)
            except FileNotFoundError:
                return {}
        prefix = len(self._at(""))
        return {path[prefix:]: int(facts["size"]) for path, facts in found.items()}

    def put(self, source: Path, name: str) -> None:
        """Copy a file to below the root.  Raises StoreError."""
        with self._asked(name):
            self._files.put_file(str(source), self._at(name))

    def get(self, name: str, target: Path) -> None:
        """Copy a file from below the root.  Raises StoreError."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._asked(name):
            self._files.get_file(self._at(name), str(target))

    def remove(self, names: list[str]) -> None:
        """Delete files below the root; those that are not there are no error."""
        for name in names:
            with self._asked(name):
                try:
                    self._files.rm_file(self._at(name))
                except FileNotFoundError:
                    continue

    def forget(self) -> None:
        """Drop the cached listings: the store is asked again."""
        self._files.invalidate_cache()

    def _at(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    @contextmanager
    def _asked(self, what: str) -> Iterator[None]:
        """Whatever a store answers as StoreError."""
        try:
            yield
        except StoreError:
            raise
        # Every store's library has errors of its own, and few derive from OSError.
        except Exception as error:
            told = str(error).replace(what, unsigned(what))
            raise StoreError(
                f"{unsigned(what)}: {type(error).__name__}: {told}",
                hint="check the address, and the credentials in the environment",
            ) from error
