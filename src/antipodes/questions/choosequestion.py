"""`antipodes network choose`: ways to do one thing, side by side, with prices and reasons."""

import argparse
import json
from typing import Any

from antipodes.questions.choosing import Choice, lines, record
from antipodes.questions.choosingcentral import (
    choose_endpoints,
    choose_inspection,
    choose_nat,
    choose_s3,
)
from antipodes.questions.choosingdatabase import Wanted, choose_database
from antipodes.questions.networks import Answer, Told, in_lines
from antipodes.questions.walking import way_between

NONE_POSSIBLE = 1
ABOUT = {
    "s3": "a gateway or an interface endpoint for S3",
    "database": "peering, a transit gateway, PrivateLink or sharing for a database",
    "endpoints": "endpoints in each network, or in one for all",
    "nat": "NAT gateways in each network, or in one for all",
    "inspection": "firewalls in each network, or in one for all",
}


def add(actions: Any) -> argparse.ArgumentParser:
    """What a choice is asked for by."""
    parser: argparse.ArgumentParser = actions.add_parser(
        "choose", help="ways to do one thing, with prices and reasons"
    )
    about = "; ".join(f"{name}: {words}" for name, words in ABOUT.items())
    parser.add_argument("what", choices=tuple(ABOUT), help=about)
    parser.add_argument("ends", nargs="*", help="of database: the client and the database")
    parser.add_argument("--region", default="", help="default: the one with most networks")
    gigabytes = "from each network, or from the client to the database"
    parser.add_argument("--gb-month", type=_amount, default=100.0, help=gigabytes)
    parser.add_argument("--outside-gb-month", type=_amount, default=0.0, help="of s3: from outside")
    parser.add_argument("--services", type=_number, default=1, help="of endpoints: how many")
    parser.add_argument("--appliance-usd-hour", type=_amount, default=0.0, help="of inspection")
    parser.add_argument("--other-organization", action="store_true", help="of database")
    parser.add_argument(
        "--no-peering", action="store_true", help="of database: a policy forbids it"
    )
    parser.add_argument("--engine", choices=("ra3", "other"), default="other", help="of database")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(answer=answer)
    return parser


def answer(told: Told, options: argparse.Namespace) -> Answer:
    """The table, with status 1 if nothing is possible. Raises QuestionError."""
    choice = _choice(told, options)
    text = json.dumps(record(choice), indent=2) if options.json else in_lines(lines(choice))
    return Answer(text, 0 if choice.taken else NONE_POSSIBLE)


def _choice(told: Told, options: argparse.Namespace) -> Choice:
    is_database = options.what == "database"
    if is_database and len(options.ends) != len(("client", "database")):
        raise ValueError("choose database needs two ends: the client and the database")
    if options.ends and not is_database:
        raise ValueError(f"choose {options.what} has no ends")
    topology, region, amount = told.topology, options.region, options.gb_month
    if is_database:
        wanted = Wanted(amount, not options.other_organization, options.no_peering, options.engine)
        source, target = options.ends
        return choose_database(topology, source, target, wanted, way_between(told.world))
    if options.what == "s3":
        return choose_s3(topology, region, amount, options.outside_gb_month)
    if options.what == "endpoints":
        return choose_endpoints(topology, region, amount, options.services)
    if options.what == "nat":
        return choose_nat(topology, region, amount)
    return choose_inspection(topology, region, amount, options.appliance_usd_hour)


def _amount(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no amount")
    return found


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of services")
    return int(text)
