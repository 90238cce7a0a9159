"""CacheFile: what is remembered, and that it may be lost."""

from __future__ import annotations

import json

import pytest

from plugrad.cli.cache_file import CacheFile


def test_entries_are_added_and_replaced(cache_of_its_own):
    file = CacheFile("things")
    assert file.read() == {}
    file.update({"a": 1, "b": [2]})
    file.update({"b": 3})
    assert CacheFile("things").read() == {"a": 1, "b": 3}
    assert [path.name for path in cache_of_its_own.iterdir()] == ["things.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 1, "entries": 3}', "\xff"])
def test_a_damaged_file_is_empty_and_replaced(text):
    file = CacheFile("things")
    file.update({"a": 1})
    file.path.write_text(text, encoding="latin-1")
    assert file.read() == {}
    file.update({"b": 2})
    assert file.read() == {"b": 2}


def test_another_version_is_empty():
    CacheFile("things", version=1).update({"a": 1})
    assert CacheFile("things", version=2).read() == {}


def test_what_cannot_be_written_is_lost_in_silence(cache_of_its_own):
    cache_of_its_own.write_text("a file where the folder should be")
    CacheFile("things").update({"a": 1})
    assert CacheFile("things").read() == {}


def test_what_json_cannot_hold_leaves_the_file_as_it_is(cache_of_its_own):
    file = CacheFile("things")
    file.update({"a": 1})
    before = file.path.read_text(encoding="utf-8")
    file.update({"b": object()})
    assert file.path.read_text(encoding="utf-8") == before
    assert json.loads(before) == {"version": 1, "entries": {"a": 1}}
    assert len(list(cache_of_its_own.iterdir())) == 1


def test_without_platformdirs_nothing_is_remembered(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "platformdirs", None)
    CacheFile("things").update({"a": 1})
    assert CacheFile("things").read() == {}
