"""Pages that have marked places, and what belongs there.

``docs/figures/README.md`` describes the marks. A mark in a code span is an example.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from eegrig.boards import list_boards
from eegrig.boards.errors import ConfigError
from eegrig.boards.wording import nearest
from eegrig.hil.pages.modes import MODES
from eegrig.hil.pages.picture import PICTURE, boards_picture
from eegrig.hil.pages.runs.walk import commands
from eegrig.hil.pages.seeds import SEEDS
from eegrig.hil.pages.stored import FOLDER, ROOT, Stored, StoredWalk, load_all, load_walk
from eegrig.hil.pages.tables import TABLES
from eegrig.hil.pages.text import figure_text
from eegrig.hil.pages.work import BENCHMARKS, MODELS, WALKS

__all__ = ["Filler", "fill_pages", "filler", "pages"]

_INLINE = re.compile(r"<!--fig (.*?)-->(.*?)<!--/fig-->", re.DOTALL)
_BLOCK = re.compile(r"<!--figs (.*?)-->\n(.*?)<!--/figs-->", re.DOTALL)
_COMMENT = re.compile(r"<!--/?figs?\b")
_CODE = re.compile(r"(?<!`)`[^`\n]+`(?!`)")
_SHELL = "shell"
_IDENTITY = "identity."


def pages(root: Path = ROOT) -> list[Path]:
    """Return every page of the project."""
    return [root / "README.md", *sorted((root / "docs").rglob("*.md"))]


def fill_pages() -> list[str]:
    """Fill every page from what is stored, draw the picture, and return what changed.

    Raises
    ------
    ConfigError
        If a mark asks for what is not there, with page and line.
    """
    fill = filler()
    changed = []
    for path in pages():
        name = path.relative_to(ROOT).as_posix()
        old = path.read_text(encoding="utf-8")
        new = fill(name, old)
        if new != old:
            path.write_text(new, encoding="utf-8")
            changed.append(name)
    old = PICTURE.read_text(encoding="utf-8") if PICTURE.exists() else ""
    new = boards_picture(load_all(list_boards()))
    if new != old:
        PICTURE.parent.mkdir(exist_ok=True)
        PICTURE.write_text(new, encoding="utf-8")
        changed.append(PICTURE.relative_to(ROOT).as_posix())
    return changed


def filler(folder: Path = FOLDER) -> Filler:
    """Return what fills pages from what is stored in a folder."""
    walks = {name: load_walk(name, folder) for name in WALKS if (folder / f"{name}.toml").exists()}
    return Filler(load_all([BENCHMARKS, MODELS, MODES, SEEDS, *list_boards()], folder), walks)


class Filler:
    """Fills the marked places of pages.

    Parameters
    ----------
    stored : mapping of str to Stored
        By board.
    walks : mapping of str to StoredWalk
        By page.
    """

    def __init__(self, stored: Mapping[str, Stored], walks: Mapping[str, StoredWalk]) -> None:
        self._stored = stored
        self._walks = walks

    def __call__(self, name: str, page: str) -> str:
        """Return a page with its marked places filled.

        Parameters
        ----------
        name : str
            For what is said about mistakes.
        page : str
            Markdown.

        Raises
        ------
        ConfigError
            If a mark is not closed, or asks for what is not there.
        """
        page = self._sub(_BLOCK, self._block, name, page)
        page = self._sub(_INLINE, self._inline, name, page)
        left = _COMMENT.search(_INLINE.sub("", _BLOCK.sub("", _CODE.sub("", page))))
        if left is not None:
            raise ConfigError(
                f"{name}: {left[0]} has no other end: <!--fig ...--> goes with <!--/fig-->, "
                "<!--figs ...--> at the end of a line with <!--/figs-->"
            )
        return page

    def _sub(
        self,
        pattern: re.Pattern[str],
        fill: Callable[[list[str], str], str],
        name: str,
        page: str,
    ) -> str:
        examples = [span.span() for span in _CODE.finditer(page)]

        def filled(found: re.Match[str]) -> str:
            if any(start < found.start() < stop for start, stop in examples):
                return found[0]
            try:
                text = fill(found[1].split(), found[2])
            except ConfigError as error:
                line = page.count("\n", 0, found.start()) + 1
                head = found[0].partition("-->")[0]
                raise ConfigError(f"{name}:{line}: {head}-->: {error}") from None
            start, stop = found.span(2)
            return found[0][: start - found.start()] + text + found[0][stop - found.start() :]

        return pattern.sub(filled, page)

    def _inline(self, words: list[str], _text: str) -> str:
        if not words:
            raise ConfigError("name a figure, as BOARD.FIGURE")
        board, _, figure = words[0].partition(".")
        if board not in self._stored:
            raise ConfigError(_unknown(board, self._stored))
        identity = self._stored[board].identity
        key = figure.removeprefix(_IDENTITY)
        if key != figure:
            if key not in identity:
                raise ConfigError(f"the identity of {board} has no {_unknown(key, identity)}")
            return str(identity[key])
        figures = self._stored[board].figures
        if figure not in figures:
            raise ConfigError(f"{board} has no figure {_unknown(figure, figures)}")
        return figure_text(figures[figure], " ".join(words[1:]))

    def _block(self, words: list[str], text: str) -> str:
        if words[:1] == [_SHELL]:
            return self._shell(words[1:], text)
        if not words or words[0] not in TABLES:
            raise ConfigError(_unknown(" ".join(words[:1]), [*TABLES, _SHELL]))
        return TABLES[words[0]](self._stored, words[1:])

    def _shell(self, words: list[str], text: str) -> str:
        if len(words) != 1 or words[0] not in self._walks:
            raise ConfigError(f"{' '.join(words)!r} is no page whose commands were run")
        said = {step.command: step.shown for step in self._walks[words[0]].steps}
        for step in commands(text):
            if len(said.get(step.command, [])) != len(step.shown):
                raise ConfigError(
                    f"`{step.command}` was run with other lines shown; run `make figures`"
                )
        return "".join(_with_answers(text, said))


def _with_answers(block: str, said: Mapping[str, list[str]]) -> Iterator[str]:
    shown: Iterator[str] = iter(())
    for line in block.splitlines(keepends=True):
        if line.startswith("$ "):
            shown = iter(said.get(line[2:].rstrip("\n"), ()))
            yield line
        elif line.startswith("```"):
            yield line
        else:
            yield next(shown) + "\n"


def _unknown(word: str, known: Mapping[str, object] | list[str]) -> str:
    return f"{word!r}{nearest(word, known)}"
