"""Vocabulary files: what is read, and that every mistake is named with its line."""

from pathlib import Path

import pytest

from vseg.errors import BadVocabulary
from vseg.grounding import word_lists
from vseg.grounding.word_lists import read_words


def words(tmp_path: Path, text: str | bytes) -> tuple[str, ...]:
    path = tmp_path / "words.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_words(path)


def test_phrases_are_read_in_order_without_remarks(tmp_path: Path) -> None:
    text = "\ufeff# animals\ndog\n\n  hot   dog # food\nÉclair\r\n"
    assert words(tmp_path, text) == ("dog", "hot dog", "Éclair")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dog\ncat\n# no\nDog\n", "'Dog' is in line 1 and again in line 4"),
        ("# nothing\n\n", "holds no word"),
        ("dog\n" + "x" * 201, "line 2: 201 characters, more than 200"),
        (b"dog\n\xff\xfe", "not UTF-8 at byte 4"),
        (b"x" * (5 << 20), "5 MiB: it is not a word list"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(BadVocabulary, match=message) as caught:
        words(tmp_path, text)
    assert caught.value.hint and caught.value.exit_code == 3


def test_a_missing_file_and_too_many_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadVocabulary, match="No such file"):
        read_words(tmp_path / "none.txt")
    monkeypatch.setattr(word_lists, "MOST_WORDS", 2)
    with pytest.raises(BadVocabulary, match="holds 3 words, more than 2"):
        words(tmp_path, "a\nb\nc\n")


def test_everyday_words_are_at_hand() -> None:
    everyday = read_words()
    assert len(everyday) >= 300 and {"person", "car", "dog"} <= set(everyday)
