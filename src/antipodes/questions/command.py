"""`antipodes network ...`: the questions, as a command line.

A question is a module with `add`, which says what it may be asked and names the function that
answers. That function is handed what regions have told and the options, and returns an `Answer`.
"""

import argparse
import sys
from collections.abc import Callable
from typing import Any

from antipodes.questions import walkquestion
from antipodes.questions.networks import Answer, QuestionError, Told

NOT_ANSWERED = 2
QUESTIONS = (walkquestion,)


def add_questions(network: argparse.ArgumentParser, run: Callable[..., int]) -> None:
    """Everything that can be asked of networks."""
    actions = network.add_subparsers(required=True, metavar="QUESTION", dest="action")
    for question in QUESTIONS:
        parser = question.add(actions)
        parser.add_argument("--account", default="", help="whose networks; default: the world's")
        parser.set_defaults(run=run)


def run_network(options: argparse.Namespace, ask: Callable[[], dict[str, Any]]) -> int:
    """Answer a question; `ask` gets what regions tell of their networks."""
    try:
        answer: Answer = options.answer(Told(ask), options)
    except (QuestionError, ValueError) as error:
        print(f"antipodes: {error}", file=sys.stderr)
        return NOT_ANSWERED
    if answer.text:
        print(answer.text)
    return answer.status
