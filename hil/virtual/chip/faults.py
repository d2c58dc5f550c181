"""Faults a test or the rig arms on a virtual chip and its probe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from eegrig.hil.virtual.chip.signals import Ack, WireError

__all__ = ["Faults"]

_WORD = 0xFFFF_FFFF


@dataclass
class _Answer:
    ack: Ack
    skip: int
    times: int


class Faults:
    """Armed faults; the models ask here, and every count runs from the moment of arming.

    Attributes
    ----------
    wire_armed : bool
        Whether any transaction may go wrong; while False the debug port takes its fast path.
    memory_armed : bool
        Whether any programmed word may go wrong.
    unplugged : bool
        The probe has dropped out: nothing answers until it is opened again.
    power_lost : bool
        The board lost its supply: nothing answers until it is powered again.
    on_power_lost : callable or None
        Called when the supply goes away in the middle of a word.
    """

    def __init__(self) -> None:
        self.on_power_lost: Callable[[], None] | None = None
        self.wire_armed = False
        self.memory_armed = False
        self.unplugged = False
        self.power_lost = False
        self._transactions_left: int | None = None
        self._words_left: int | None = None
        self._answers: list[_Answer] = []
        self._stuck: dict[int, tuple[int, int]] = {}

    # ---- arming

    def unplug_after(self, transactions: int) -> None:
        """Let the probe drop out after that many more SWD transactions; the chip runs on."""
        self._transactions_left = transactions
        self.wire_armed = True

    def lose_power_after(self, words: int) -> None:
        """Let the board lose power in the middle of the word after that many more words."""
        self._words_left = words
        self.memory_armed = True

    def stick(self, address: int, *, ones: int = 0, zeros: int = 0) -> None:
        """Make bits of the flash word at `address` always read as one or as zero once programmed.

        Parameters
        ----------
        address : int
            Word address.
        ones, zeros : int
            Masks of the bits that stick at 1 and at 0.
        """
        self._stuck[address & ~3] = (ones & _WORD, zeros & _WORD)
        self.memory_armed = True

    def answer(self, ack: Ack, *, after: int = 0, times: int = 1) -> None:
        """Answer `times` transactions with `ack` instead of doing them, after `after` good ones."""
        self._answers.append(_Answer(ack, after, times))
        self.wire_armed = True

    def unplug(self) -> None:
        """Let the probe drop out now; the chip runs on."""
        self.unplugged = self.wire_armed = True

    def lose_power(self) -> None:
        """Take the board's supply away now."""
        self.power_lost = self.wire_armed = True

    def clear(self) -> None:
        """Disarm everything, and plug in and power what dropped out."""
        on_power_lost = self.on_power_lost
        self.__init__()  # type: ignore[misc]
        self.on_power_lost = on_power_lost

    def plug(self) -> None:
        """Plug the probe in again."""
        self.unplugged = False
        self._update_wire()

    def restore_power(self) -> None:
        """Power the board again; stuck bits and other faults stay."""
        self.power_lost = False
        self._update_wire()

    def replug(self) -> None:
        """Plug the probe in and power the board again; stuck bits and other faults stay."""
        self.unplugged = self.power_lost = False
        self._update_wire()

    def _update_wire(self) -> None:
        pending = any(answer.times for answer in self._answers)
        waiting = pending or self._transactions_left is not None
        self.wire_armed = waiting or self.unplugged or self.power_lost

    # ---- asked by the models

    def check_wire(self) -> None:
        """Count one transaction.

        Raises
        ------
        WireError
            If the transaction is to fail.
        """
        if self.power_lost:
            raise WireError(Ack.NONE, "the board has no power")
        if self.unplugged:
            raise WireError(Ack.NONE, "the probe is gone")
        if self._transactions_left is not None:
            if self._transactions_left == 0:
                self._transactions_left = None
                self.unplugged = True
                raise WireError(Ack.NONE, "the probe dropped out")
            self._transactions_left -= 1
        for answer in self._answers:
            if answer.skip:
                answer.skip -= 1
            elif answer.times:
                answer.times -= 1
                raise WireError(answer.ack, "injected")

    def word_fails(self) -> bool:
        """Count one programmed word; True if power goes away in the middle of it."""
        if self._words_left is None:
            return False
        if self._words_left == 0:
            self._words_left = None
            self.lose_power()
            if self.on_power_lost is not None:
                self.on_power_lost()
            return True
        self._words_left -= 1
        return False

    @property
    def stuck_addresses(self) -> list[int]:
        """Addresses of the words with stuck bits."""
        return list(self._stuck)

    def stuck_word(self, address: int, value: int) -> int:
        """Return what the word at `address` holds when `value` was programmed into it."""
        ones, zeros = self._stuck.get(address, (0, 0))
        return (value | ones) & ~zeros & _WORD
