"""Lines of JSON: appended, whole or absent; a sink that fails does not end the watching."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from vseg.errors import OutputError
from vseg.events.scene_event import EventStamp, SceneEvent, parse_event
from vseg.events.sinks.event_sink import EventSink, EventSinks
from vseg.events.sinks.json_lines import JsonLinesSink, StdoutSink

EVENT = SceneEvent("gap", "instant", time_s=2.0, frame=50, seconds=1.5)


def test_events_are_appended_to_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "new" / "events.jsonl"
    stamp = EventStamp("a", "1", None)
    sent = [stamp.on(EVENT) for _ in range(3)]
    for part in (sent[:2], sent[2:]):
        sink = JsonLinesSink(path)
        assert isinstance(sink, EventSink)
        for event in part:
            sink.send(event)
        sink.close()
    assert [parse_event(line) for line in path.read_text().splitlines()] == sent


def test_a_file_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        JsonLinesSink(tmp_path / "file" / "events.jsonl")


def test_a_full_disk_leaves_whole_lines_and_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "events.jsonl"
    notes: list[str] = []
    sinks = EventSinks([JsonLinesSink(path), StdoutSink()], notes.append)
    sinks.send(EVENT)
    with monkeypatch.context() as full:
        full.setattr(os, "write", _takes_half(os.write))
        sinks.send(EVENT)
        sinks.send(EVENT)
    sinks.send(EVENT)
    sinks.close()
    assert [parse_event(line) for line in path.read_text().splitlines()] == [EVENT, EVENT]
    assert len(capsys.readouterr().out.splitlines()) == 4
    assert len(notes) == 2
    assert "2 were lost" in notes[1]


def _takes_half(write: Callable[[int, bytes], int]) -> Callable[[int, bytes], int]:
    return lambda descriptor, line: write(descriptor, line[: len(line) // 2])
