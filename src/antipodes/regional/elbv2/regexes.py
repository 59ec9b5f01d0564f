r"""Regular expressions of customers, matched in steps that a text's length bounds.

All ways through an expression are followed at once, a character at a time, as Thompson and Pike
described, so that none is ever gone back to: a text costs at most its length times the size of the
program that the expression became, and where that would be more than WORK_MAX nothing is matched
at all. `found` keeps the sets of ways that it came upon (a lazy automaton, bounded and forgotten
when full); `search` follows captures too.

The language is what such machines can do: alternatives, groups, classes, repetition greedy or lazy,
anchors and word boundaries. The first match from the left counts, and within it what a backtracking
matcher would prefer. Application load balancers know no look-around, backreferences, atomic groups,
possessive quantifiers, recursion or `\p` either (listener-rules); they are refused.
"""

from collections.abc import Iterable
from typing import NamedTuple

PROGRAM_MAX = 1_000  # instructions
REPEAT_MAX = 1_000
DEPTH_MAX = 50
WORK_MAX = 2_000_000  # instructions times characters
_STATES_MAX = 500
_WAYS_OUT_MAX = 10_000  # of all states of an automaton together

Ranges = tuple[tuple[int, int], ...]
_LAST = 0x10FFFF
_DIGIT: Ranges = ((48, 57),)
_WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACE: Ranges = ((9, 10), (12, 13), (32, 32))
_CLASSES = {"d": _DIGIT, "w": _WORD, "s": _SPACE}
_NAMED: dict[str, Ranges] = {
    "alnum": ((48, 57), (65, 90), (97, 122)),
    "alpha": ((65, 90), (97, 122)),
    "digit": _DIGIT,
    "lower": ((97, 122),),
    "punct": ((33, 47), (58, 64), (91, 96), (123, 126)),
    "space": ((9, 13), (32, 32)),
    "upper": ((65, 90),),
    "word": _WORD,
    "xdigit": ((48, 57), (65, 70), (97, 102)),
}
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v"}
_PLACES = {"A": "start", "z": "end", "b": "border", "B": "inside"}
_ASCII_MAX = 127


class BadRegex(ValueError):
    """An expression that is none, or not one that can be matched here."""


class TooLong(Exception):
    """A text is too long for an expression of this size."""


class _Step(NamedTuple):
    """One instruction; `x` and `y` are distances from it, or the number of a capture."""

    op: str  # "chars", "split", "jump", "save", "place" or "match"
    x: int = 0
    y: int = 0
    ranges: Ranges = ()
    place: str = ""


Program = tuple[_Step, ...]


# Sets of characters.


def _complement(ranges: Iterable[tuple[int, int]]) -> Ranges:
    made, start = [], 0
    for low, high in sorted(ranges):
        if low > start:
            made.append((start, low - 1))
        start = max(start, high + 1)
    if start <= _LAST:
        made.append((start, _LAST))
    return tuple(made)


def _has(ranges: Ranges, code: int) -> bool:
    return any(low <= code <= high for low, high in ranges)


def _folded(ranges: Ranges) -> Ranges:
    """Add the other case of every ASCII letter."""
    letters = [code for code in (*range(65, 91), *range(97, 123)) if _has(ranges, code)]
    return (*ranges, *((code ^ 32, code ^ 32) for code in letters))


# From an expression to a program.


class _Parser:
    """Reads an expression from left to right."""

    def __init__(self, pattern: str, *, fold: bool) -> None:
        self._text = pattern
        self._at = 0
        self._depth = 0
        self._fold = fold
        self.groups = 0

    def program(self) -> Program:
        if self._text.startswith("(?i)"):
            self._fold, self._at = True, len("(?i)")
        body = self._alternatives()
        if self._at < len(self._text):
            raise BadRegex("a ')' that closes nothing")
        return (_Step("save", 0), *body, _Step("save", 1), _Step("match"))

    def _next(self, text: str) -> bool:
        """Step over a text, if it is what comes next."""
        there = self._text.startswith(text, self._at)
        self._at += len(text) if there else 0
        return there

    def _take(self) -> str:
        if self._at >= len(self._text):
            raise BadRegex("it ends too early")
        self._at += 1
        return self._text[self._at - 1]

    def _alternatives(self) -> Program:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise BadRegex(f"groups are more than {DEPTH_MAX} deep")
        branches = [self._sequence()]
        while self._next("|"):
            branches.append(self._sequence())
        self._depth -= 1
        made = branches.pop()
        while branches:
            one = branches.pop()
            made = (_Step("split", 1, len(one) + 2), *one, _Step("jump", len(made) + 1), *made)
        return _sized(made)

    def _sequence(self) -> Program:
        made: list[_Step] = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            made += self._repeated()
            _sized(made)
        return tuple(made)

    def _repeated(self) -> Program:
        atom = self._atom()
        least, most = 1, 1
        if self._next("*"):
            least, most = 0, -1
        elif self._next("+"):
            least, most = 1, -1
        elif self._next("?"):
            least, most = 0, 1
        else:
            bounds = self._bounds()
            if bounds is None:
                return atom
            least, most = bounds
        lazy = self._next("?")
        if self._at < len(self._text) and self._text[self._at] in "*+?":
            raise BadRegex("a repetition cannot be repeated, nor be possessive")
        return _repeat(atom, least, most, lazy=lazy)

    def _bounds(self) -> tuple[int, int] | None:
        """Read `{n}`, `{n,}` or `{n,m}`; anything else after a brace is a plain brace."""
        end = self._text.find("}", self._at)
        if end < 0 or self._text[self._at] != "{":
            return None
        low, comma, high = self._text[self._at + 1 : end].partition(",")
        if not _is_number(low) or (high and not _is_number(high)):
            return None
        least = int(low)
        most = least if not comma else int(high) if high else -1
        if max(least, most) > REPEAT_MAX or 0 <= most < least:
            raise BadRegex(f"'{{{low}{comma}{high}}}' is not a repetition of at most {REPEAT_MAX}")
        self._at = end + 1
        return least, most

    def _atom(self) -> Program:
        character = self._take()
        if character == "(":
            return self._group()
        if character == "[":
            return _chars(self._class())
        if character == ".":
            return _chars(_complement([(10, 10)]))
        if character in "^$":
            return (_Step("place", place="start" if character == "^" else "end"),)
        if character in "*+?":
            raise BadRegex(f"'{character}' repeats nothing")
        if character == "\\":
            return self._escape()
        return _chars(self._either_case(((ord(character), ord(character)),)))

    def _either_case(self, ranges: Ranges) -> Ranges:
        return _folded(ranges) if self._fold else ranges

    def _group(self) -> Program:
        number = 0
        if self._next("?"):
            if self._next("P<") or self._next("<"):
                name, closed, _ = self._text[self._at :].partition(">")
                if not closed or not name.isidentifier():
                    raise BadRegex("look-behind is not offered")
                self._at += len(name) + 1
                number = self.groups = self.groups + 1
            elif not self._next(":"):
                raise BadRegex("look-around, atomic groups, flags and recursion are not offered")
        else:
            number = self.groups = self.groups + 1
        body = self._alternatives()
        if not self._next(")"):
            raise BadRegex("a '(' is not closed")
        if not number:
            return body
        return (_Step("save", 2 * number), *body, _Step("save", 2 * number + 1))

    def _escape(self) -> Program:
        character = self._take()
        if character in _PLACES:
            return (_Step("place", place=_PLACES[character]),)
        return _chars(self._either_case(self._escaped(character)))

    def _escaped(self, character: str) -> Ranges:
        """Return what a backslash and this character stand for, in a class or outside."""
        if character.lower() in _CLASSES:
            ranges = _CLASSES[character.lower()]
            return ranges if character.islower() else _complement(ranges)
        if character in _CONTROLS:
            code = ord(_CONTROLS[character])
        elif character == "x":
            digits = self._take() + self._take()
            if any(digit not in "0123456789abcdefABCDEF" for digit in digits):
                raise BadRegex(f"'\\x{digits}' is no character")
            code = int(digits, 16)
        elif character.isalnum() or ord(character) > _ASCII_MAX:
            raise BadRegex(f"'\\{character}' is not offered")
        else:
            code = ord(character)
        return ((code, code),)

    def _class(self) -> Ranges:
        negated = self._next("^")
        made: list[tuple[int, int]] = []
        first = True
        while first or not self._next("]"):
            first = False
            if self._next("[:"):
                name, closed, _ = self._text[self._at :].partition(":]")
                if not closed or name not in _NAMED:
                    raise BadRegex("a named class is not known")
                self._at += len(name) + 2
                made += _NAMED[name]
                continue
            low = self._member()
            dash = self._text[self._at : self._at + 1] == "-"
            if dash and self._text[self._at + 1 : self._at + 2] not in {"]", ""}:
                self._at += 1
                made.append(_range(low, self._member()))
            else:
                made += low
        ranges = self._either_case(tuple(made))
        return _complement(ranges) if negated else ranges

    def _member(self) -> Ranges:
        character = self._take()
        if character == "\\":
            return self._escaped(self._take())
        return ((ord(character), ord(character)),)


def _chars(ranges: Ranges) -> Program:
    return (_Step("chars", ranges=ranges),)


def _range(low: Ranges, high: Ranges) -> tuple[int, int]:
    for end in (low, high):
        if len(end) != 1 or end[0][0] != end[0][1]:
            raise BadRegex("a range of characters has no single ends")
    if low[0][0] > high[0][0]:
        raise BadRegex("a range of characters ends before it begins")
    return low[0][0], high[0][0]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _sized(made: "Program | list[_Step]") -> Program:
    if len(made) > PROGRAM_MAX:
        raise BadRegex("it is too large")
    return tuple(made)


def _repeat(atom: Program, least: int, most: int, *, lazy: bool) -> Program:
    if (len(atom) + 1) * max(least, most, 1) > PROGRAM_MAX:
        raise BadRegex("it is too large")

    def split(on: int, past: int) -> _Step:
        return _Step("split", past, on) if lazy else _Step("split", on, past)

    size = len(atom)
    if most < 0:
        if not least:
            return (split(1, size + 2), *atom, _Step("jump", -size - 1))
        return (*atom * least, split(-size, 1))
    made: Program = ()
    for _ in range(most - least):
        made = (split(1, size + len(made) + 1), *atom, *made)
    return (*atom * least, *made)


# Matching.


class _State(NamedTuple):
    """Where all ways stand before a character, and what that is known to lead to."""

    steps: tuple[int, ...]
    before: str
    ways: "dict[str, _State | None]"  # by character; "" is the end; None: a match was found


def _is_word(character: str) -> bool:
    return bool(character) and _has(_WORD, ord(character))


def _holds(place: str, before: str, after: str) -> bool:
    """Whether a place is what the characters around it say; "" is outside of the text."""
    if place == "start":
        return not before
    if place == "end":
        return not after
    return (_is_word(before) != _is_word(after)) == (place == "border")


class Regex:
    """An expression, ready to be looked for anywhere in a text."""

    def __init__(self, pattern: str, *, fold: bool = False) -> None:
        """With `fold`, the case of ASCII letters does not matter."""
        parser = _Parser(pattern, fold=fold)
        self._program = _sized(parser.program())
        self.groups = parser.groups
        self._states: dict[tuple[tuple[int, ...], str], _State] = {}
        self._ways_out = 0

    def _check(self, text: str) -> None:
        if len(text) * len(self._program) > WORK_MAX:
            raise TooLong

    def found(self, text: str) -> bool:
        """Whether the expression is somewhere in a text; raises TooLong."""
        self._check(text)
        state = self._state((0,), "")
        for character in (*text, ""):
            following = state.ways.get(character, state)
            if following is state:
                following = self._advance(state, character)
            if following is None:
                return True
            state = following
        return False

    def _state(self, steps: tuple[int, ...], before: str) -> _State:
        kept = self._states.get((steps, before))
        if kept is None:
            if len(self._states) >= _STATES_MAX:
                self._states.clear()
            kept = self._states[steps, before] = _State(steps, before, {})
        return kept

    def _advance(self, state: _State, after: str) -> _State | None:
        reached = dict.fromkeys((0,))
        following: _State | None = None
        stack, seen = list(state.steps), dict.fromkeys(state.steps)
        while stack:
            at = stack.pop()
            step = self._program[at]
            if step.op == "match":
                break
            if step.op == "chars":
                if after and _has(step.ranges, ord(after)):
                    reached[at + 1] = None
                continue
            for to in _onward(step, at, state.before, after):
                if to not in seen:
                    seen[to] = None
                    stack.append(to)
        else:
            before = "a" if _is_word(after) else "-"
            following = self._state(tuple(sorted(reached)), before)
        if self._ways_out >= _WAYS_OUT_MAX:
            for one in self._states.values():
                one.ways.clear()
            self._ways_out = 0
        self._ways_out += 1
        if following is not state:
            state.ways[after] = following
        return following

    def search(self, text: str) -> list[tuple[int, int]] | None:
        """Return where the first match and its groups are, (-1, -1) for a group that has no part.

        Raises TooLong.
        """
        self._check(text)
        matched: tuple[int, ...] | None = None
        current: list[tuple[int, tuple[int, ...]]] = []
        nothing = (-1,) * (2 * self.groups + 2)
        for at in range(len(text) + 1):
            if matched is None:
                current.append((0, nothing))
            if not current:
                break
            current, here = self._round(current, text, at)
            matched = matched if here is None else here
        if matched is None:
            return None
        return list(zip(matched[::2], matched[1::2], strict=True))

    def _round(
        self, current: list[tuple[int, tuple[int, ...]]], text: str, at: int
    ) -> tuple[list[tuple[int, tuple[int, ...]]], tuple[int, ...] | None]:
        """Take all ways over one character; a match ends those that are preferred less."""
        before, after = text[at - 1 : at] if at else "", text[at : at + 1]
        following: list[tuple[int, tuple[int, ...]]] = []
        seen: dict[int, None] = {}
        stack = current[::-1]
        while stack:
            number, captures = stack.pop()
            if number in seen:
                continue
            seen[number] = None
            step = self._program[number]
            if step.op == "match":
                return following, captures
            if step.op == "chars":
                if after and _has(step.ranges, ord(after)):
                    following.append((number + 1, captures))
                continue
            if step.op == "save":
                captures = (*captures[: step.x], at, *captures[step.x + 1 :])
            onward = _onward(step, number, before, after)
            stack += [(to, captures) for to in reversed(onward)]
        return following, None


def _onward(step: _Step, at: int, before: str, after: str) -> tuple[int, ...]:
    """Return where an instruction that takes no character leads, the preferred one first."""
    if step.op == "split":
        return at + step.x, at + step.y
    if step.op == "jump":
        return (at + step.x,)
    if step.op == "place" and not _holds(step.place, before, after):
        return ()
    return (at + 1,)
