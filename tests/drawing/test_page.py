"""What a real browser makes of the page."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.core.installed_torch import torch_before
from plugrad.tests.drawing.graphs import a_layer, leaf, transformer

pytestmark = pytest.mark.slow
#: Of a layer of the transformer; before 2.13 its attention cloned and viewed, now it reshapes.
STEPS_OF_LAYER = 54 if torch_before("2.13") else 53
NASTY = '</script><b>bold</b> "q" & é'


@pytest.fixture
def shown(browser, tmp_path):
    """Show a drawing; at the end the browser must have nothing to complain about."""

    def show(drawing):
        browser.get(drawing.save(tmp_path / "graph.html").as_uri())
        return browser

    yield show
    assert browser.get_log("browser") == []


def all_(page, selector):
    return page.find_elements("css selector", selector)


def boxes(page, kind=""):
    """The lines of each box, from the top to the bottom."""
    found = all_(page, f".box{kind}")
    found.sort(key=lambda box: (round(box.location["y"]), box.location["x"]))
    return [[shown_text(line) for line in all_(box, "text")] for box in found]


def shown_text(node):
    """Its text, also where it is outside of the window."""
    return " ".join(node.get_attribute("textContent").split())


def box(page, text):
    return next(b for b in all_(page, ".box") if text in b.get_attribute("aria-label"))


def panel(page):
    return page.find_element("id", "panel")


def click(page, node):
    """Click in the middle of its first line."""
    from selenium.webdriver import ActionChains

    ActionChains(page).move_to_element(node.find_element("css selector", "text")).click().perform()


def rectangles(page):
    script = (
        "return [...document.querySelectorAll('.box')].map(b => {"
        "const r = b.querySelector('.card').getBoundingClientRect();"
        "return [b.dataset.key, r.left, r.top, r.right, r.bottom]})"
    )
    return page.execute_script(script)


def assert_apart(page):
    """No two boxes overlap."""
    found = rectangles(page)
    for i, (one, left, top, right, bottom) in enumerate(found):
        for other, *there in found[:i]:
            apart = right < there[0] or there[2] < left or bottom < there[1] or there[3] < top
            assert apart, (one, other)


def test_the_steps_from_the_output_down(shown):
    y, params = a_layer()
    page = shown(pg.draw(y, params=params))
    found = boxes(page)
    assert found[0] == ["y"]
    assert found[1] == ["1 sum", "scalar float32"]
    titles = [lines[0] for lines in found]
    assert titles[1:6] == ["1 sum", "2 mul", "3 exp", "4 tanh", "5 add"]
    assert sorted(titles[6:]) == ["6 b", "7 matmul", "8 w", "9 x"]
    assert found[4] == ["4 tanh", "(4, 2) float32", "saves 32 B"]
    assert len(all_(page, ".edge")) == 10
    assert page.find_element("id", "summary").text == "6 ops · 3 leaves · saved tensors hold 64 B"
    assert_apart(page)


def test_each_edge_leads_from_a_box_down_to_the_next(shown):
    y, params = a_layer()
    page = shown(pg.draw(y, params=params))
    places = {key: rest for key, *rest in rectangles(page)}
    ends = page.execute_script(
        "return lines.map(({from, to, node}) => {"
        "const m = node.getScreenCTM(), at = n => node.getPointAtLength(n).matrixTransform(m);"
        "const a = at(0), b = at(node.getTotalLength()); return [from, to, a.x, a.y, b.x, b.y]})"
    )
    for start, end, x0, y0, x1, y1 in ends:
        left, _, right, bottom = places[start]
        assert left < x0 < right
        assert abs(y0 - bottom) < 2
        left, top, right, _ = places[end]
        assert left < x1 < right
        assert abs(y1 - top) < 2
        assert y0 < y1


def test_a_click_shows_all_of_a_step(shown):
    y, params = a_layer()
    x = params["x"]
    with torch.autograd.set_detect_anomaly(True):
        y = y + x.sin().sum()
    page = shown(pg.draw(y, params=params, gradients=True))
    assert not panel(page).is_displayed()
    click(page, box(page, "tanh"))
    text = panel(page).text
    for part in (
        "y = tanh(x);  gx = gy conj(1 - y^2).",
        "tanh · elementwise · step",
        "(4, 2) float32",
        "result (4, 2) float32 32 B",
        "Gradient that flowed",
        "noted inside plugrad.detect_anomaly()",
    ):
        assert part in text, text
    click(page, box(page, "sin"))
    assert f"{__file__}:" in panel(page).text
    assert "in test_a_click_shows_all_of_a_step: y = y + x.sin().sum()" in panel(page).text
    click(page, box(page, " w,"))
    assert "adds what arrives to the leaf's grad" in panel(page).text
    all_(page, "#panel .link")[0].click()
    assert panel(page).text.splitlines()[1] == "matmul"
    page.find_element("css selector", "#panel .shut").click()
    assert not panel(page).is_displayed()


def test_without_a_backward_it_says_how_to_see_one(shown):
    y, params = a_layer()
    page = shown(pg.draw(y, params=params))
    click(page, box(page, "tanh"))
    assert "pg.draw(y, gradients=True) shows it" in panel(page).text


def test_the_backward_step_by_step(shown):
    y, params = a_layer()
    page = shown(pg.draw(y, params=params))
    count = len(pg.draw(y).steps)
    step = page.find_element("id", "step")
    assert step.text == "9 steps"
    seen = []
    for _ in range(count):
        page.find_element("id", "forward").click()
        (now,) = all_(page, ".box.now")
        seen.append(now.find_element("css selector", "text").text)
        assert step.text == f"step {len(seen)} of 9: {seen[-1].split()[1]}"
    assert seen == ["1 sum", "2 mul", "3 exp", "4 tanh", "5 add", "6 b", "7 matmul", "8 w", "9 x"]
    assert not page.find_element("id", "forward").is_enabled()
    page.find_element("id", "back").click()
    assert len(all_(page, ".box.done")) == 7
    assert len(all_(page, ".box.ahead")) == 1
    page.find_element("id", "first").click()
    assert all_(page, ".box.now") == []
    page.execute_script("goTo(2)")
    assert len(all_(page, ".edge.hot")) == 2  # mul passes gradients on to exp and tanh


def test_play_runs_and_stops_at_the_end(shown):
    from selenium.webdriver.support.ui import WebDriverWait

    x = leaf(1)
    page = shown(pg.draw(x.sin()))
    page.find_element("id", "play").click()
    assert page.find_element("id", "play").get_attribute("aria-label") == "Stop"
    WebDriverWait(page, 10).until(
        lambda page: page.find_element("id", "play").get_attribute("aria-label") != "Stop"
    )
    assert page.find_element("id", "step").text == "step 2 of 2: leaf"


def test_a_transformer_of_twelve_layers_is_folded_and_opens(shown):
    model, x = transformer(12)
    page = shown(pg.draw(lambda: model(x).sum(), params={"model": model, "x": x}))
    found = boxes(page)
    steps = 12 * STEPS_OF_LAYER + 2
    assert [lines[0] for lines in found] == [
        "y", "1 sum", *(f"+ layers.{i}" for i in reversed(range(12))), f"{steps} x",
    ]  # fmt: skip
    parts = f"{STEPS_OF_LAYER - 12} ops, 12 leaves"
    assert found[2][1:] == ["TransformerEncoderLayer", parts, found[2][3]]
    assert_apart(page)
    click(page, box(page, "layers.11"))
    inside = [lines[0] for lines in boxes(page)]
    assert {"+ self_attn", "+ linear1", "+ norm2"} <= set(inside)
    assert_apart(page)
    (frame,) = [bar for bar in all_(page, ".bar") if "layers.11" in bar.get_attribute("aria-label")]
    click(page, frame)
    assert [lines[0] for lines in boxes(page)] == [lines[0] for lines in found]
    page.find_element("id", "open").click()
    assert len(all_(page, ".box")) == steps + 1
    assert_apart(page)
    page.find_element("id", "close").click()
    assert [lines[0] for lines in boxes(page)] == ["y", "1 sum", "+ model", f"{steps} x"]


def test_a_step_inside_a_closed_fold_marks_the_fold(shown):
    model, x = transformer(12)
    page = shown(pg.draw(lambda: model(x).sum(), params={"model": model, "x": x}))
    page.execute_script("goTo(60)")
    (now,) = all_(page, ".box.now")
    assert "layers.10" in now.get_attribute("aria-label")


def test_search_finds_what_is_folded_and_opens_it(shown):
    from selenium.webdriver.common.keys import Keys

    model, x = transformer(12)
    page = shown(pg.draw(lambda: model(x).sum(), params={"model": model, "x": x}))
    search = page.find_element("id", "search")
    search.send_keys("layers.3.linear1.bias")
    assert page.find_element("id", "found").text == "1 found"
    (match,) = all_(page, ".box.match")
    assert "layers.3" in match.get_attribute("aria-label")
    search.send_keys(Keys.ENTER)
    (match,) = all_(page, ".box.match")
    assert match.find_element("css selector", "text").text.endswith(" bias")
    assert panel(page).text.splitlines()[1] == "model.layers.3.linear1.bias"
    search.clear()
    search.send_keys("softmax")
    assert page.find_element("id", "found").text == "12 found"
    search.send_keys(Keys.ENTER, Keys.ENTER)
    assert page.find_element("id", "found").text == "2 of 12"
    search.send_keys(Keys.ESCAPE)
    assert all_(page, ".searching") == []


def test_the_wheel_zooms_and_dragging_moves(shown):
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.actions.wheel_input import ScrollOrigin

    y, params = a_layer()
    page = shown(pg.draw(y, params=params))
    svg = page.find_element("id", "graph")
    _, left, top, right, _ = rectangles(page)[0]
    ActionChains(page).scroll_from_origin(ScrollOrigin.from_element(svg), 0, -300).perform()
    _, left2, top2, right2, _ = rectangles(page)[0]
    assert right2 - left2 > 1.3 * (right - left)
    start = svg.rect
    ActionChains(page).move_to_element_with_offset(svg, -start["width"] // 3, 0).click_and_hold() \
        .move_by_offset(70, 50).release().perform()  # fmt: skip
    _, left3, top3, *_ = rectangles(page)[0]
    assert (round(left3 - left2), round(top3 - top2)) == (70, 50)
    page.find_element("id", "fit").click()
    for _, left, top, right, bottom in rectangles(page):
        assert start["x"] <= left < right <= start["x"] + start["width"]
        assert start["y"] <= top < bottom <= start["y"] + start["height"]


def test_the_keyboard_is_enough(shown):
    from selenium.webdriver.common.keys import Keys

    y, params = a_layer()
    page = shown(pg.draw(y, params=params))
    body = page.find_element("tag name", "body")
    body.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert page.find_element("id", "step").text == "step 2 of 9: mul"
    box(page, "tanh").send_keys(Keys.ENTER)
    assert panel(page).text.splitlines()[1] == "tanh"
    page.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not panel(page).is_displayed()
    page.switch_to.active_element.send_keys("/")
    assert page.switch_to.active_element.get_attribute("id") == "search"


def test_names_are_shown_as_they_are(shown):
    x = leaf(2)
    page = shown(pg.draw({NASTY: x.sin(), "b": x.cos()}, params={NASTY: x}))
    assert [NASTY] in boxes(page, ".output")
    (found,) = boxes(page, ".leaf")
    assert found[0] == f"3 {NASTY}"
    (drawn,) = all_(page, ".leaf")
    click(page, drawn)
    assert panel(page).text.splitlines()[1] == NASTY
    assert all_(page, "b") == []


def test_nan_is_pointed_out(shown):
    x = pg.Variable(torch.tensor([0.0, 1.0]), requires_grad=True)
    page = shown(pg.draw((x * 0).sqrt().sum(), params={"x": x}, gradients=True))
    assert "gradient: 2 of its elements nan or inf" in [
        text for lines in boxes(page) for text in lines
    ]
    click(page, box(page, " x,"))
    assert "2 nan or inf" in panel(page).text


def test_a_hundred_thousand_steps(shown):
    y = leaf(1)
    for _ in range(100_000):
        y = y * 1.0
    page = shown(pg.draw(y))
    assert len(boxes(page)) == 42
    assert not page.find_element("id", "open").is_enabled()
    click(page, box(page, "steps 1 to 2500"))
    click(page, box(page, "steps 1 to 63"))
    assert "1 mul" in [lines[0] for lines in boxes(page, ".op")]


def test_a_notebooks_frame_runs_it(browser, tmp_path):
    y, params = a_layer()
    path = tmp_path / "notebook.html"
    path.write_text(f"<!doctype html>{pg.draw(y, params=params)._repr_html_()}", encoding="utf-8")
    browser.get(path.as_uri())
    browser.switch_to.frame(0)
    assert ["1 sum", "scalar float32"] in boxes(browser)
    assert browser.find_element("id", "hint").text.startswith("Ctrl + wheel to zoom")
    click(browser, box(browser, "tanh"))
    assert panel(browser).is_displayed()
    browser.switch_to.default_content()
    assert [
        entry for entry in browser.get_log("browser") if "favicon" not in entry["message"]
    ] == []


def test_lines_to_what_many_use_share_a_trunk(shown):
    x, w = leaf(1), leaf(1, seed=1)
    y = x
    for _ in range(60):
        y = (y * w).sin()
    page = shown(pg.draw(y, params={"x": x, "w": w}, fold=False))
    assert_apart(page)
    assert page.execute_script("return size.w") < 600
