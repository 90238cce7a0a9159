"""The trace of a profile has the form that Chrome and Perfetto read."""

from __future__ import annotations

import json
import threading

import pytest
import torch

import plugrad as pg


@pytest.fixture(scope="module")
def trace(tmp_path_factory):
    x = pg.Variable(torch.ones(50, 50), requires_grad=True)
    path = tmp_path_factory.mktemp("trace") / "trace.json"
    with pg.profile() as run:
        for _ in range(3):
            (g,) = pg.grad((x @ x).sin().sum(), x, create_graph=True)
            g.sum().backward()
        thread = threading.Thread(target=lambda: x.cos().sum().backward(), name="another")
        thread.start()
        thread.join(100)
        with pytest.raises(RuntimeError):
            x @ pg.Variable(torch.ones(3, 3))
    run.save(path)
    return run, json.loads(path.read_text(encoding="utf-8"))


def complete(trace):
    return [e for e in trace["traceEvents"] if e["ph"] == "X"]


def test_every_event_has_the_fields_of_its_kind(trace):
    _, trace = trace
    assert set(trace) == {"traceEvents", "displayTimeUnit", "otherData"}
    for event in trace["traceEvents"]:
        assert isinstance(event["name"], str)
        assert isinstance(event["pid"], int)
        assert isinstance(event["tid"], int)
        if event["ph"] == "M":
            assert event["name"] in ("process_name", "thread_name")
            assert isinstance(event["args"]["name"], str)
        else:
            assert event["ph"] == "X"
            assert event["cat"] in ("block", "forward", "backward", "engine")
            assert event["ts"] >= 0
            assert event["dur"] >= 0
            assert isinstance(event["args"], dict)


def test_its_events_are_the_calls_of_the_table(trace):
    run, trace = trace
    for row in run.rows:
        for kind, cost in (("forward", row.forward), ("backward", row.backward)):
            events = [e for e in complete(trace) if (e["name"], e["cat"]) == (row.op, kind)]
            assert len(events) == cost.calls
            assert sum(e["dur"] for e in events) == pytest.approx(cost.total_seconds * 1e6)
            assert sum(e["args"].get("bytes", 0) for e in events) == cost.bytes


def test_the_block_is_around_them_in_microseconds(trace):
    run, trace = trace
    (block,) = [e for e in complete(trace) if e["cat"] == "block"]
    assert block["ts"] == 0
    assert block["dur"] == pytest.approx(run.seconds * 1e6)
    assert all(e["ts"] + e["dur"] <= block["dur"] for e in complete(trace))


def test_events_of_a_thread_are_nested(trace):
    _, trace = trace
    for thread in {e["tid"] for e in complete(trace)}:
        around = []
        for event in (e for e in complete(trace) if e["tid"] == thread):
            # In whole nanoseconds, for sums of microseconds are rounded.
            start = round(event["ts"] * 1000)
            end = start + round(event["dur"] * 1000)
            while around and around[-1] <= start:
                around.pop()
            assert not around or end <= around[-1]
            around.append(end)


def test_rules_are_inside_the_walk_and_ops_inside_the_rules(trace):
    _, trace = trace

    def inside(inner, outer):
        return (
            inner["tid"] == outer["tid"]
            and outer["ts"] <= inner["ts"]
            and inner["ts"] + inner["dur"] <= outer["ts"] + outer["dur"]
        )

    walks = [e for e in complete(trace) if e["cat"] == "engine"]
    rules = [e for e in complete(trace) if e["cat"] == "backward"]
    assert len(walks) == 7
    assert all(any(inside(rule, walk) for walk in walks) for rule in rules)
    cosines = [e for e in complete(trace) if (e["name"], e["cat"]) == ("cos", "forward")]
    sines = [e for e in rules if e["name"] == "sin"]
    assert sum(any(inside(c, s) for s in sines) for c in cosines) == 3


def test_threads_have_names(trace):
    _, trace = trace
    about = [e for e in trace["traceEvents"] if e["name"] == "thread_name"]
    names = {e["tid"]: e["args"]["name"] for e in about}
    assert set(names) == {e["tid"] for e in complete(trace)}
    (other,) = [e["tid"] for e in complete(trace) if (e["name"], e["cat"]) == ("cos", "backward")
                and names[e["tid"]] == "another"]  # fmt: skip
    assert names[other] == "another"


def test_a_call_that_raised_says_so(trace):
    _, trace = trace
    raised = [e["args"]["raised"] for e in complete(trace) if "raised" in e["args"]]
    assert raised == ["RuntimeError"]


def test_more_calls_than_it_keeps_are_in_the_table_only(tmp_path):
    x = pg.Variable(torch.ones(2))
    with pg.profile(max_events=2) as run:
        for _ in range(5):
            x.sin()
    run.save(str(tmp_path / "trace.json"))
    trace = json.loads((tmp_path / "trace.json").read_text(encoding="utf-8"))
    assert [e["name"] for e in complete(trace)] == ["pg.profile", "sin", "sin"]
    assert trace["otherData"] == {"calls left out": 3}
    assert run.rows[0].calls == 5
