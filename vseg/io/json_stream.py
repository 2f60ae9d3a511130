"""JSON read piece by piece: a file of any length, one element of its lists in memory.

Enters: a UTF-8 file.  Leaves: the keys of an object and the elements of a list as they come.
What is not asked for is passed over.  RFC 8259.
"""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any, NoReturn

from vseg.errors import BadExchange

_BLOCK = 2**13
_LONGEST = 2**28
"""Characters of one value: an uncompressed run-length list of the largest mask fits."""
_NO_SPACE = re.compile(r"[^ \t\n\r]")
_AFTER_NUMBER = frozenset(" \t\n\r,:]}")


class JsonStream:
    """A cursor in a JSON file, at its first value.

    `with closing(JsonStream(path)) as stream`.  At a value, call exactly one of `value`,
    `members`, `elements` and `skip`; members and elements are to be used up before the next
    call.  Every method raises BadExchange where the file is not JSON.
    """

    def __init__(self, path: Path, longest: int = _LONGEST) -> None:
        """longest: characters that one value may have."""
        self._path = path
        self._longest = longest
        self._handle: IO[str] = path.open(encoding="utf-8-sig")
        self._decode = json.JSONDecoder().raw_decode
        self._text = ""
        self._place = 0
        self._passed = 0

    def close(self) -> None:
        """Close the file."""
        self._handle.close()

    def peek(self) -> str:
        """The first character of the next token; empty at the end of the file."""
        while True:
            found = _NO_SPACE.search(self._text, self._place)
            self._place = len(self._text) if found is None else found.start()
            if found is not None:
                return found[0]
            if not self._more(_BLOCK):
                return ""

    def value(self) -> Any:
        """The next value as a whole."""
        self.peek()
        size = _BLOCK
        while True:
            try:
                found, end = self._decode(self._text, self._place)
            except (json.JSONDecodeError, RecursionError, ValueError) as error:
                # An unfinished value and a wrong one look the same until the file ends.
                if isinstance(error, RecursionError) or not self._more(size):
                    self._fail(getattr(error, "msg", None) or str(error))
                size *= 2
                continue
            # A number, cut off by the end of a block, is a shorter number.
            length = end - self._place
            if self._text[end : end + 1] not in _AFTER_NUMBER and self._more(size):
                continue
            if self._text.find("\\u", self._place, self._place + length) >= 0:
                self._check_characters(found)
            self._place += length
            return found

    def members(self) -> Iterator[str]:
        """The keys of an object, each with the cursor at its value."""
        self._expect("{")
        if self._accept("}"):
            return
        while True:
            key = self.value()
            if not isinstance(key, str):
                self._fail("a key is not text")
            self._expect(":")
            yield key
            if not self._accept(","):
                self._expect("}")
                return

    def elements(self) -> Iterator[int]:
        """The numbers of a list's elements, each with the cursor at the element."""
        self._expect("[")
        if self._accept("]"):
            return
        number = 0
        while True:
            yield number
            number += 1
            if not self._accept(","):
                self._expect("]")
                return

    def skip(self) -> None:
        """Pass over the next value; the elements of a list one by one."""
        if self.peek() == "[":
            for _ in self.elements():
                self.value()
        else:
            self.value()

    def _check_characters(self, found: Any) -> None:
        """Refuse half of a pair of escapes (RFC 8259, section 8.2): no text file takes it."""
        try:
            json.dumps(found, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            self._fail(f"{error.object[error.start]!a} is half of a character")

    def _accept(self, token: str) -> bool:
        if self.peek() != token:
            return False
        self._place += 1
        return True

    def _expect(self, token: str) -> None:
        found = self.peek()
        if not self._accept(token):
            self._fail(f"{found or 'the end of the file'!s} in place of {token}")

    def _more(self, size: int) -> bool:
        """Read on; whether anything was there."""
        if len(self._text) - self._place > self._longest:
            self._fail(f"a value is longer than {self._longest} characters")
        try:
            block = self._handle.read(size)
        except UnicodeDecodeError as error:
            self._fail(f"it is not UTF-8 ({error.reason})")
        self._passed += self._place
        self._text = self._text[self._place :] + block
        self._place = 0
        return bool(block)

    def _fail(self, reason: str) -> NoReturn:
        raise BadExchange(
            f"{self._path} is not JSON: {reason} at character {self._passed + self._place}",
            hint="is the file whole, and of the format that was named?",
        )


def top_level_items(path: Path, key: str) -> Iterator[Any]:
    """The elements of the list under a key of the file's one object; none without the key."""
    with closing(JsonStream(path)) as stream:
        for name in stream.members():
            if name != key:
                stream.skip()
                continue
            for _ in stream.elements():
                yield stream.value()
