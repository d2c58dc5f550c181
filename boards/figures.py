"""What figures there are: each declared once, with its unit, its meaning and its good direction."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Literal

import msgspec

from eegrig.boards.errors import ConfigError
from eegrig.boards.schema import Target
from eegrig.boards.wording import nearest

__all__ = ["LAST_TOPIC", "Catalogue", "DeclaredFigure", "Words"]

LAST_TOPIC = "More"
"""Where figures go that belong nowhere else, after all other topics."""

Words = Mapping[str, Mapping[str, str]]
"""What a placeholder in a name may stand for, and what that is called."""

_NAME = re.compile(r"[a-z0-9_]+(\.([a-z0-9_]+|<[a-z]+>))+")
_KINDS: Mapping[str, Literal["max", "min", "within"]] = {
    "lower": "max",
    "higher": "min",
    "zero": "within",
}
_PLACEHOLDER = re.compile(r"<([a-z]+)>")


class DeclaredFigure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A figure that suites may take and boards may promise.

    Attributes
    ----------
    name : str
        Dotted and stable. ``<word>`` stands for any of the words of that name: such a declaration
        is one of many figures.
    unit : str
        SI unit without a prefix; ``"1"`` for a ratio or a count.
    better : {"lower", "higher", "zero"} or None
        Which direction is good; ``"zero"`` for an error that keeps its sign and is good near zero,
        on either side of it; None where nobody can say.
    label, what : str
        A few words for a reader, and what they mean; ``{word}`` in a label is what the word is
        called.
    statistic : str
        What is taken of many values: a mean, a percentile, the worst channel.
    taken : str
        How it is taken.
    catches : str
        What is wrong with a board whose figure is off.
    uncertainty : str
        How its uncertainty is made.
    limit : float or None
        A limit that holds for every board, where it follows from a protocol, a data sheet or what
        is possible at all; a board's own target takes its place. None where each board has to say.
    reason : str
        Why the limit is what it is.
    topic : str
        Section of the report it is in.
    shown_in : str or None
        Unit it is shown in; None for the one that fits.
    digits : int
        Significant digits where no uncertainty decides.
    """

    name: str
    unit: Annotated[str, msgspec.Meta(min_length=1)]
    better: Literal["lower", "higher", "zero"] | None = None
    label: Annotated[str, msgspec.Meta(min_length=1)]
    what: str = ""
    statistic: str = ""
    taken: str = ""
    catches: str = ""
    uncertainty: str = ""
    limit: float | None = None
    reason: str = ""
    topic: str = LAST_TOPIC
    shown_in: str | None = None
    digits: Annotated[int, msgspec.Meta(gt=0)] = 4

    @property
    def kind(self) -> Literal["max", "min", "within"] | None:
        """Which kind of limit it can have; None for any."""
        return None if self.better is None else _KINDS[self.better]

    @property
    def target(self) -> Target | None:
        """The limit that holds for every board, as a board would promise it."""
        if self.limit is None or self.kind is None:
            return None
        return Target(limit=self.limit, kind=self.kind, unit=self.unit, reason=self.reason)

    @property
    def placeholders(self) -> list[str]:
        """Names of the words that its name leaves open."""
        return _PLACEHOLDER.findall(self.name)


class Catalogue:
    """All figures there are, in the order they are told in.

    Parameters
    ----------
    declared : iterable of DeclaredFigure
        Topic by topic.
    words : mapping
        What placeholders stand for.
    silent : iterable of str
        What should have declared figures and could not, each with why.

    Raises
    ------
    ConfigError
        If a name is malformed or declared twice, leaves a word open that nobody knows, or has a
        limit without a direction or a reason.
    """

    def __init__(
        self,
        declared: Iterable[DeclaredFigure],
        words: Words | None = None,
        silent: Iterable[str] = (),
    ) -> None:
        self.declared = tuple(declared)
        self.words = words or {}
        self.silent = tuple(silent)
        self._figures: dict[str, DeclaredFigure] = {}
        for figure in itertools.chain.from_iterable(map(self._meant, self.declared)):
            if figure.name in self._figures:
                raise ConfigError(f"figure {figure.name} is declared twice; give one its own name")
            self._figures[figure.name] = figure
        topics = dict.fromkeys(figure.topic for figure in self._figures.values())
        topics.pop(LAST_TOPIC, None)
        self.topics = (*topics, LAST_TOPIC)
        self._places = {name: place for place, name in enumerate(self._figures)}

    def _meant(self, declaration: DeclaredFigure) -> Iterator[DeclaredFigure]:
        """Yield the figures that a declaration is of: one for each choice of words."""
        name = declaration.name
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"figure {name!r}: expected small letters, digits and underscores, with dots"
            )
        if declaration.limit is not None and not (declaration.kind and declaration.reason):
            raise ConfigError(
                f"figure {name}: a limit for every board needs `better` and a `reason`"
            )
        left_open = declaration.placeholders
        for word in left_open:
            if word not in self.words:
                known = nearest(word, self.words)
                raise ConfigError(f"figure {name}: nobody says what <{word}> stands for{known}")
        for choice in itertools.product(*(self.words[word].items() for word in left_open)):
            figure, label = name, declaration.label
            for word, (key, called) in zip(left_open, choice, strict=True):
                figure = figure.replace(f"<{word}>", key)
                label = label.replace(f"{{{word}}}", called)
            yield msgspec.structs.replace(declaration, name=figure, label=label)

    def extended(self, more: Iterable[DeclaredFigure]) -> Catalogue:
        """Return a catalogue that has these figures, too."""
        return Catalogue([*self.declared, *more], self.words, self.silent)

    def noting(self, failure: str) -> Catalogue:
        """Return a catalogue that says of somebody that they could not declare theirs."""
        return Catalogue(self.declared, self.words, [*self.silent, failure])

    def __contains__(self, name: object) -> bool:
        return name in self._figures

    def __iter__(self) -> Iterator[DeclaredFigure]:
        return iter(self._figures.values())

    def meant(self, *names: str) -> list[DeclaredFigure]:
        """Return the figures that names are of: themselves, or one for each choice of words."""
        meant: list[DeclaredFigure] = []
        for name in names:
            patterns = [each for each in self.declared if each.name == name and each.placeholders]
            figure = self._figures.get(name)
            meant += self._meant(patterns[0]) if patterns else () if figure is None else (figure,)
        return meant

    def find(self, name: str) -> DeclaredFigure | None:
        """Return what is declared of a figure, or None."""
        return self._figures.get(name)

    def place(self, name: str) -> int:
        """Return where a figure stands among all; one that nobody declared comes last."""
        return self._places.get(name, len(self._places))

    def unknown(self, name: str) -> str:
        """Say that a figure is not declared, which is the nearest, and who could not declare it."""
        said = f"no such figure{nearest(name, self._figures)}"
        return "; ".join([said, *self.silent])
