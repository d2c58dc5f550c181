from __future__ import annotations

import html
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from eegrig.boards.assumed import Assumed
from eegrig.hil.figures.account import RunTest
from eegrig.hil.figures.figure import Figure
from eegrig.hil.figures.results import FirmwareCheck, Results, ResultsError, RuntimeBuild
from eegrig.hil.report.page import FILE_NAME, render, verdict_sentence, verdict_word, write_report

from .sample import write_sample

VOID = {"meta", "link", "br", "img", "input", "hr"}
SECTIONS = ("power", "current", "latency", "goodput", "eeg")


class Page(HTMLParser):
    """Collects a page's elements and words, and checks that its tags are nested."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(source)
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] not in ("style", "title"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture(scope="module")
def source(passing_run: Path) -> str:
    return write_report(passing_run).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(source: str) -> Page:
    return Page(source)


def test_the_page_needs_nothing_from_elsewhere(source: str, page: Page):
    assert not re.search(r"https?:|//\w|url\(|@import", source)
    assert {tag for tag, _ in page.elements}.isdisjoint({"script", "link", "img", "iframe"})
    for _, attributes in page.elements:
        assert attributes.keys().isdisjoint({"src", "href"})
        assert not any(name.startswith("on") for name in attributes)


def test_the_page_is_small_enough_to_mail(source: str):
    assert len(source.encode()) < 600_000


def test_the_verdict_comes_first(page: Page):
    at = page.text.index
    assert at("Pass") < at("All 10 targets are met.") < at("Streaming power") < at("Against the")


def test_the_four_headlines_stand_against_their_limits(source: str):
    cards = re.findall(r'<article class="card">(.*?)</article>', source, re.DOTALL)
    assert len(cards) == 4
    for card in cards:
        assert 'class="bullet"' in card
        assert re.search(r"at (most|least) \d", card)


def test_every_figure_is_there_with_limit_reason_and_provenance(passing_run: Path, source: str):
    for figure in Results.load(passing_run).figures:
        row = re.search(
            rf'<tbody class="figure">(?:(?!</tbody>).)*<code>{re.escape(figure.name)}</code>'
            r".*?</tbody>",
            source,
            re.DOTALL,
        )
        assert row, figure.name
        assert figure.provenance in row[0]
        assert html.escape(figure.reason) in row[0]
        assert ("c-limit" in row[0]) is (figure.limit is not None)


def test_every_section_is_drawn_twice_and_described(source: str):
    for key in SECTIONS:
        section = re.search(rf'<section id="{key}">(.*?)</section>', source, re.DOTALL)
        assert section
        assert section[1].count('<div class="wide"><svg') == section[1].count(
            '<div class="narrow"><svg'
        )
        assert 'role="img" aria-label="' in section[1]


def test_what_was_tested_assumed_and_left_out_is_said(passing_run: Path, page: Page):
    results = Results.load(passing_run)
    assert results.firmware is not None
    for words in (
        results.firmware.version,
        results.firmware.image_hash,
        results.digest(),
        "seed 1",
        "interval 50 ms",
        "MTU 247",
        results.signal,
        "lipo-400mah: usable = 95 % (no source)",
        "tps61099: efficiency (TI SLVSD88, figure 6): up to 36 % of a mode’s energy",
        "nrf52840dk: acl_packets = 3",
        *(assumption.source for assumption in results.assumptions),
        "no decoder in this run",
        "no hardware was involved",
    ):
        assert re.sub(r"\s+", " ", words) in page.text, words


def test_the_runtime_is_named_with_what_it_has_beyond_its_stock_build(source: str):
    assert (
        "stock build <code>nrf52840dk_nrf52840</code>, and beyond it SPI, BT_ATT_TX_COUNT = 6"
        in (source)
    )


def test_the_same_run_gives_the_same_bytes(passing_run: Path, tmp_path: Path, source: str):
    again = tmp_path / "again"
    write_sample(again)
    assert write_report(again).read_text(encoding="utf-8") == source
    left = sorted(path.name for path in again.iterdir() if path.is_file())
    assert left == sorted(["results.json", FILE_NAME])


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("fail", "2 of 10 targets missed: streaming power, gain error."),
        (
            "inconclusive",
            "2 of 10 targets could not be decided: mean latency, 99th percentile latency.",
        ),
        ("marginal", "All 10 targets are met, but not with every uncertainty: streaming power."),
    ],
)
def test_a_run_that_did_not_simply_pass_says_what_needs_attention(tmp_path, kind, said):
    results = write_sample(tmp_path, kind)
    assert results.verdict == kind
    page = Page(write_report(tmp_path).read_text(encoding="utf-8"))
    assert said in page.text
    assert page.text.index(kind.capitalize()) < page.text.index(said)
    assert "What needs attention" in page.text


def test_a_headline_shows_the_figure_that_is_worst_off(tmp_path):
    write_sample(tmp_path, "fail")
    source = write_report(tmp_path).read_text(encoding="utf-8")
    signal = re.findall(r'<article class="card">(.*?)</article>', source, re.DOTALL)[3]
    assert "2.13" in signal
    assert '<p class="what">Gain error</p>' in signal


@pytest.mark.parametrize("missing", SECTIONS)
def test_a_missing_trace_leaves_its_drawing_out_with_a_sentence(
    passing_run: Path, tmp_path: Path, missing: str
):
    directory = tmp_path / "run"
    shutil.copytree(passing_run, directory)
    gone = {"current": "power"}.get(missing, missing)
    for path in (directory / "traces").glob(f"{gone}*"):
        path.unlink()
    source = write_report(directory).read_text(encoding="utf-8")
    section = re.search(rf'<section id="{missing}">(.*?)</section>', source, re.DOTALL)
    assert section
    assert "<svg" not in section[1]
    assert "in this run." in section[1]
    Page(source)


def test_a_run_without_anything_still_makes_a_page(tmp_path: Path):
    results = Results(board="toy", bench="virtual")
    page = Page(render(results, tmp_path))
    assert "Inconclusive" in page.text
    assert "No figure was held against a target" in page.text
    assert "No assumption was used." in page.text


def test_words_from_outside_cannot_become_markup(tmp_path: Path):
    evil = '<script>alert("1")</script>&'
    results = Results(
        board=evil,
        board_title=evil,
        bench=evil,
        signal=evil,
        started_at=evil,
        firmware=FirmwareCheck(version=evil, image_hash=evil),
        runtime=RuntimeBuild(port=evil, build=evil, options={evil: evil}),
        link={evil: evil},
        figures=[
            Figure(
                name=evil,
                value=1.0,
                unit=evil,
                uncertainty=0.1,
                n=1,
                provenance="simulated",
                limit=2.0,
                kind="max",
                verdict="marginal",
                conditions={evil: evil},
                reason=evil,
                note=evil,
            )
        ],
    )
    results.assume([Assumed(part=evil, key=evil, value=evil, unit=evil, source=evil)])
    results.assume_in(evil, {Assumed(part=evil, key=evil, source=evil): 0.5})
    results.omit(evil, evil)
    source = render(results, tmp_path)
    assert "<script" not in source
    assert Page(source).text.count('alert("1")') > 10


def test_words_from_traces_cannot_become_markup(passing_run: Path, tmp_path: Path):
    from eegrig.hil.figures import traces

    results = Results.load(passing_run)
    directory = tmp_path / "run"
    shutil.copytree(passing_run, directory)
    eeg = traces.load(directory, "eeg")
    assert eeg is not None
    eeg["channels"] = ["<script>"] * 8
    traces.save(directory, "eeg", **eeg)
    assert "<script" not in render(results, directory)


def test_the_wrong_firmware_is_the_first_thing_said():
    results = Results(
        board="toy",
        bench="virtual",
        firmware=FirmwareCheck(version="1", image_hash="f" * 64, expected_hash="0" * 64),
    )
    assert "does not run the firmware that was asked for" in verdict_sentence(results)


@pytest.mark.parametrize(
    ("kind", "verdict", "met"),
    [("pass", "part", 10), ("marginal", "part", 10), ("fail", "fail", 8)],
)
def test_a_run_of_a_part_says_how_large_a_part_and_never_that_it_passed(
    tmp_path, kind, verdict, met
):
    results = write_sample(tmp_path, kind)
    results.part_of = 21
    results.save(tmp_path)
    assert Results.load(tmp_path).verdict == verdict
    assert results.exit_code == (verdict == "fail")
    html = write_report(tmp_path).read_text(encoding="utf-8")
    page = Page(html)
    assert f"PART: {met} of 21 figures met" in page.text
    assert f"<title>headband8: PART: {met} of 21 figures met" in html
    assert f'class="verdict v-{verdict}"' in html
    assert "targets are met" not in page.text


def test_one_target_is_told_in_the_singular():
    figure = Figure(
        name="power.streaming",
        value=1.0,
        unit="W",
        uncertainty=0.0,
        n=1,
        provenance="simulated",
        limit=2.0,
        kind="max",
        verdict="pass",
    )
    results = Results(board="toy", bench="virtual", figures=[figure])
    assert verdict_sentence(results) == "The target is met."
    failed = msgspec.structs.replace(figure, verdict="fail")
    results.figures = [failed]
    assert verdict_sentence(results) == "1 of 1 target missed: streaming power."


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path):
    with pytest.raises(ResultsError, match="give the folder of a finished run"):
        write_report(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_the_bench_has_to_say_of_the_firmware_is_on_the_page(tmp_path):
    results = write_sample(tmp_path, "pass")
    assert "saw of the firmware" not in Page(write_report(tmp_path).read_text("utf-8")).text
    results.notes = ["x HardFault at 0x08000100 (<main>)\n  pc 0x08000100"]
    results.save(tmp_path)
    html = write_report(tmp_path).read_text("utf-8")
    assert "saw of the firmware" in Page(html).text
    assert "HardFault at 0x08000100 (&lt;main&gt;)\n  pc 0x08000100" in html


def test_tests_that_did_not_pass_are_on_the_page_and_in_the_sentence(tmp_path):
    results = write_sample(tmp_path, "pass")
    results.tests = [
        RunTest(id="test_led.py::test_it_glows", suite="led", outcome="passed"),
        RunTest(
            id="test_led.py::test_it_blinks[red]",
            suite="led",
            outcome="failed",
            reason="it is <dark>",
            verdict="fail",
        ),
        RunTest(
            id="test_led.py::test_dims",
            suite="led",
            outcome="error",
            reason="no lamp",
            verdict="inconclusive",
        ),
        RunTest(id="test_led.py::test_hue", suite="led", outcome="skipped", reason="no eye"),
    ]
    results.save(tmp_path)
    text = Page(write_report(tmp_path).read_text("utf-8")).text
    assert "4 in this run, 1 passed." in text
    assert "led: it blinks[red] failed: it is <dark>" in text
    assert "led: dims ended in an error: no lamp" in text
    assert "led: hue skipped: no eye" in text
    sentence = "1 test failed: led: it blinks[red]. 1 test could not tell: led: dims."
    assert verdict_sentence(results) == sentence
    assert sentence in text


def test_a_run_that_ended_early_says_why_first(tmp_path):
    results = write_sample(tmp_path, "pass")
    results.stop("it was interrupted.", 130)
    assert verdict_sentence(results) == "The run ended early: it was interrupted."
    results.save(tmp_path)
    assert "The run ended early: it was interrupted." in write_report(tmp_path).read_text("utf-8")


def test_a_part_in_which_something_failed_says_so(tmp_path):
    results = write_sample(tmp_path, "fail")
    results.part_of = 21
    assert verdict_word(results) == "PART: 8 of 21 figures met, FAIL"
