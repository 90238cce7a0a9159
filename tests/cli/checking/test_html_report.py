"""html_report: what stands in the file, and what a real browser makes of it."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("rich")

from plugrad.cli.checking.html_report import html_report
from plugrad.cli.checking.outcome import Outcome
from plugrad.testing.agree import Mismatch
from plugrad.testing.check import choose_laws
from plugrad.testing.pool import Batch
from plugrad.testing.result import Result
from plugrad.tests.cli.checking.an_outcome import outcome

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
#: No sandbox, since CI runs as root; nothing that would use the network.
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--disable-dev-shm-usage --window-size=1400,900"
)


# --- the file ------------------------------------------------------------------------


class Parser(HTMLParser):
    def __init__(self):
        super().__init__()
        self.links, self.tags = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in {"src", "href"}]


def test_it_needs_nothing_else():
    text = html_report(outcome())
    parser = Parser()
    parser.feed(text)
    assert {link for link in parser.links if not link.startswith("#")} == {"data:,"}
    assert "@import" not in text
    assert "url(" not in text
    assert "http" not in text


def test_what_an_op_says_cannot_leave_its_place():
    text = html_report(outcome())
    parser = Parser()
    parser.feed(text)
    assert parser.tags.count("script") == 2
    assert "sni<&>" not in text
    assert "</script> gradient" not in text


def test_the_data_is_compact_strict_json():
    text = html_report(outcome())
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    data = json.loads(found[1], parse_constant=pytest.fail)
    assert data["ops"] == ["good", "sni<&>"]
    assert [law["id"] for law in data["laws"]] == ["samples", "runs", "oracle"]
    assert sorted(data["texts"]) == sorted(
        ["it has none", "why not", "not torch's </script> gradient", "it does not run"]
    )
    samples, runs, oracle = data["cells"][0]
    assert samples == [[-1, 3, 0, data["texts"].index("it has none")]]
    assert runs == [[0, 4, 0, data["texts"].index("why not")]]
    assert oracle == [[0, 0, 250000], [1, 0, 0]]
    assert data["cells"][1][0] == 0
    assert data["details"][0]["jacobians"]["difference"] == [[0.0, 0.0], [0.0, "nan"]]
    assert data["reproduceSample"] == "{command} --law {law} --sample {sample} --seed 0"
    assert data["commands"] == ["", "plugrad check sni<&>"]  # no command finds the first


def test_a_failure_names_its_laws_page_and_links_it():
    text = html_report(outcome())
    assert '<a href="#law-oracle">oracle</a>' in text
    assert text.count('<article id="law-oracle">') == 1
    assert "oracle, a law: The gradient equals torch&#39;s" in text
    assert '<article id="law-samples">' not in text  # nobody broke it
    assert "<code>plugrad explain oracle</code>" in text
    assert '["law\\u0027s page","plugrad explain oracle"]' in text
    assert "<code></code>" not in text


# --- in a browser --------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    webdriver = pytest.importorskip("selenium.webdriver")
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("needs chromium and chromedriver: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS.split(), f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def page(browser, tmp_path):
    """Open the report afresh; at the end the browser must have nothing to complain about."""
    path = tmp_path / "report.html"
    path.write_text(html_report(outcome()), encoding="utf-8")
    browser.get(path.as_uri())
    yield browser
    assert browser.get_log("browser") == []


def all_(page, selector):
    return page.find_elements("css selector", selector)


def rows(page):
    return [row.text for row in all_(page, "#matrix tbody th") if row.is_displayed()]


def columns(page):
    return [th.get_attribute("textContent") for th in all_(page, "#matrix thead th.law")]


def cell(page, op, law):
    row = rows(page).index(op)
    return all_(page, f"#matrix tbody tr:nth-child({row + 1}) td")[columns(page).index(law)]


@pytest.mark.slow
def test_the_matrix_has_every_op_and_law(page):
    assert rows(page) == ["good", "sni<&>"]
    assert columns(page) == ["samples", "runs", "oracle"]
    statuses = [td.get_attribute("class").split()[0] for td in all_(page, "#matrix td")]
    assert statuses == ["waived", "not-applicable", "passed", "none", "failed", "failed"]
    assert cell(page, "good", "oracle").get_attribute("aria-label") == "good x oracle: 2 passed"


@pytest.mark.slow
def test_filters_hide_rows_and_columns(page):
    page.find_element("id", "op-filter").send_keys("OO")
    assert rows(page) == ["good"]
    page.find_element("id", "op-filter").send_keys("x")
    assert rows(page) == []
    assert page.find_element("id", "nothing").is_displayed()
    page.find_element("id", "op-filter").clear()
    page.find_element("id", "only-failures").click()
    assert rows(page) == ["sni<&>"]
    assert columns(page) == ["runs", "oracle"]
    page.find_element("css selector", "[value=forward]").click()
    assert columns(page) == ["oracle"]
    page.find_element("id", "only-failures").click()
    assert rows(page) == ["good", "sni<&>"]
    assert columns(page) == ["samples", "oracle"]
    page.find_element("id", "law-filter").send_keys("ora")
    assert columns(page) == ["oracle"]


@pytest.mark.slow
def test_a_failing_cell_opens_with_its_heat_maps(page):
    cell(page, "sni<&>", "oracle").click()
    panel = page.find_element("id", "panel")
    assert panel.is_displayed()
    for text in (
        "sni<&> x oracle",
        "not torch's </script> gradient",
        "0: Sample(2)",
        "probably: 0 / 0",
        "plugrad check sni<&> --law oracle --sample 0 --seed 0",
        "plugrad explain oracle",
    ):
        assert text in panel.text
    expected, got, difference = all_(page, "#panel .map")
    assert [td.get_attribute("title") for td in all_(page, "[data-map=got] td")] == [
        "got [0, 0]: 1",
        "got [0, 1]: 0",
        "got [1, 0]: 0",
        "got [1, 1]: nan",
    ]
    colours = [td.value_of_css_property("background-color") for td in all_(expected, "td")]
    assert colours[1] == colours[2] == "rgba(247, 247, 247, 1)"
    assert colours[3] == "rgba(33, 102, 172, 1)"  # -2, the largest: the full blue
    assert all_(got, "td.odd") == all_(got, "td.worst")
    assert len(all_(difference, "td.odd")) == 1
    assert "[1, 1] expected -2, got nan, difference nan" in panel.text
    for table in (expected, got, difference):
        assert table.size["width"] > 20


@pytest.mark.slow
def test_small_jacobians_are_shown_in_full_with_their_differences(page):
    cell(page, "sni<&>", "oracle").click()
    assert numbers(page, "expected") == [["1", "0"], ["0", "-2"]]
    assert numbers(page, "got") == [["1", "0"], ["0", "nan"]]
    (off,) = all_(page, "#panel .numbers td.off")
    assert off.text == "nan"
    assert off.value_of_css_property("background-color") == "rgba(198, 33, 47, 0.6)"
    assert "1 of 4 entries differ." in page.find_element("id", "panel").text


@pytest.mark.slow
def test_a_law_without_jacobians_shows_those_that_another_found(page):
    cell(page, "sni<&>", "runs").click()
    assert numbers(page, "got") == [["1", "0"], ["0", "nan"]]
    text = page.find_element("id", "panel").text
    assert "1 of 4 entries differ; the law oracle found them for this sample." in text


@pytest.mark.slow
def test_the_panel_leads_to_the_laws_page(page):
    cell(page, "sni<&>", "oracle").click()
    link = page.find_element("css selector", "#panel dd a")
    assert link.text == "oracle"
    link.click()
    article = page.find_element("id", "law-oracle")
    assert "oracle, a law: The gradient equals torch's" in article.text
    top = page.execute_script("return arguments[0].getBoundingClientRect().top", article)
    assert top < page.execute_script("return innerHeight")


@pytest.mark.slow
def test_of_large_jacobians_the_worst_entries_are_shown(browser, tmp_path):
    expected = [[float(i == j) for j in range(30)] for i in range(30)]
    got = [[2 * v for v in row] for row in expected]
    got[7][8] = 5.0
    wrong = Mismatch("x", (7, 8), "0", "5", 5.0, 5.0, 1e-6, jacobians=(expected, got))
    made = Outcome(["f"], choose_laws(["numeric"]))
    failure = Result("f", 0, "numeric", "first order", "failed", f"no: {wrong}", mismatch=wrong)
    made.add(Batch("f", [failure], True))
    path = tmp_path / "large.html"
    path.write_text(html_report(made), encoding="utf-8")
    browser.get(path.as_uri())
    cell(browser, "f", "numeric").click()
    lines = numbers(browser, "worst")
    assert lines[:2] == [["0", "5", "5"], ["1", "2", "1"]]
    assert len(lines) == 10
    shares = [td.value_of_css_property("background-color") for td in all_(browser, "td.off")]
    assert shares[:2] == ["rgba(198, 33, 47, 0.6)", "rgba(198, 33, 47, 0.15)"]
    assert "31 of 900 entries differ" in browser.find_element("id", "panel").text
    assert browser.get_log("browser") == []


def numbers(page, name):
    """The texts of a table of numbers, without its heads."""
    rows = all_(page, f"#panel [data-numbers={name}] tr")
    found = [[td.text for td in row.find_elements("css selector", "td")] for row in rows]
    return [row for row in found if row]


@pytest.mark.slow
def test_the_keyboard_is_enough(page):
    from selenium.webdriver.common.keys import Keys

    (reached,) = all_(page, "#matrix td[tabindex='0']")
    reached.send_keys(Keys.ARROW_DOWN)
    page.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    page.switch_to.active_element.send_keys(Keys.ENTER)
    panel = page.find_element("id", "panel")
    assert "sni<&> x runs" in panel.text
    page.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not panel.is_displayed()
    assert page.switch_to.active_element.get_attribute("aria-label") == "sni<&> x runs: 1 failed"
    assert len(all_(page, "#matrix td[tabindex='0']")) == 1


@pytest.mark.slow
def test_what_did_not_fail_is_a_line_each(page):
    cell(page, "good", "samples").click()
    (line,) = all_(page, "#panel tbody tr")
    assert "waived" in line.text
    assert "it has none" in line.text
    cell(page, "good", "oracle").click()
    assert len(all_(page, "#panel tbody tr")) == 2
    assert "250 ms" in page.find_element("id", "panel").text
