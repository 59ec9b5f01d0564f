"""`antipodes network ...`: the questions, as a command line.

A question is a module with `add`, which says what it may be asked and names the function that
answers. That function is handed what regions have told and the options, and returns an `Answer`.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from antipodes.questions import (
    choosequestion,
    comparequestion,
    cutsquestion,
    drawquestion,
    lintquestion,
    snapshotquestion,
    walkquestion,
)
from antipodes.questions.networks import Answer, QuestionError, Told, in_lines

NOT_ANSWERED = 2
QUESTIONS = (
    walkquestion,
    drawquestion,
    cutsquestion,
    snapshotquestion,
    comparequestion,
    lintquestion,
    choosequestion,
)


def add_questions(network: argparse.ArgumentParser, run: Callable[..., int]) -> Any:
    """Everything that can be asked of networks; returns where more can be added."""
    actions = network.add_subparsers(required=True, metavar="QUESTION", dest="action")
    for question in QUESTIONS:
        parser = question.add(actions)
        parser.add_argument("--account", default="", help="whose names; default: the world's")
        parser.set_defaults(run=run)
    return actions


def run_network(options: argparse.Namespace, ask: Callable[[], dict[str, Any]]) -> int:
    """Answer a question; `ask` gets what regions tell of their networks."""
    try:
        answer: Answer = options.answer(Told(ask), options)
    except (QuestionError, ValueError) as error:
        print(f"antipodes: {in_lines([str(error)])}", file=sys.stderr)
        return NOT_ANSWERED
    if answer.text:
        print(answer.text)
    return answer.status


class _Words(argparse.ArgumentParser):
    """What asks a question from within a program, and is told what is wrong with it."""

    def error(self, message: str) -> NoReturn:
        raise QuestionError(message)


def answered(words: Sequence[str], told: Told) -> Answer:
    """The answer to a question in the words of the command line. Raises QuestionError."""
    parser = _Words(prog="network")
    add_questions(parser, run_network)
    options = parser.parse_args(words)
    answer: Answer = options.answer(told, options)
    return answer
