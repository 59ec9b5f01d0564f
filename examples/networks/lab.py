"""Plays a network pattern against a running world, and says what it finds.

    antipodes up -d --regions us-west-2,eu-central-1
    python examples/networks/hub_and_spoke.py

The patterns themselves are ordinary boto3. What is asked here and nowhere in AWS is where a packet
goes: `antipodes network walk`.
"""

import inspect
import json
import os
import shlex
import subprocess
import sys
import time
import urllib.request
import zlib
from pathlib import Path

import boto3
from botocore.config import Config

ENDPOINT = os.environ.get("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
PATIENCE_S = 120.0


class Lab:
    """What a pattern is played with."""

    def __init__(self, regions):
        self.regions = regions
        # Each pattern has an account of its own, so that all can be played in one world.
        self.account = f"{zlib.crc32(Path(sys.argv[0]).stem.encode()):012d}"

    def client(self, service, region=None, account=None):
        """A boto3 client; the access key names the account."""
        return boto3.client(
            service,
            region_name=region or self.regions[0],
            endpoint_url=ENDPOINT,
            aws_access_key_id=account or self.account,
            aws_secret_access_key="any",  # noqa: S106 - it is not looked at
            config=Config(inject_host_prefix=False),  # no data-127.0.0.1
        )

    def until(self, condition):
        """Wait until something is so, such as a region having heard of another's request."""
        end = time.monotonic() + PATIENCE_S
        while not (found := condition()):
            if time.monotonic() > end:
                raise SystemExit(f"not within {PATIENCE_S:g} s: {condition}")
            time.sleep(0.1)
        return found

    def say(self, text):
        """Tell what happens next."""
        print(f"\n{inspect.cleandoc(text)}")

    def ask(  # noqa: PLR0913 - a question has so many sides
        self,
        text,
        source,
        target,
        *,
        expects="delivered",
        back="delivered",
        port=443,
        protocol="tcp",
        account=None,
    ):
        """Follow a packet and its answer; they have to end as expected."""
        words = [source, target, "--port", str(port), "--protocol", protocol, "--json"]
        answer = self._run("walk", *words, account=account)
        if not answer.stdout:
            raise SystemExit(answer.stderr)
        record = json.loads(answer.stdout)
        returned = record["return"]
        found = record["forward"]["outcome"], returned["outcome"] if returned else None
        self.check(text, found, (expects, found[1] if back == "any" else back))
        return record

    def check(self, text, found, expected):
        """Another fact."""
        print(f"  {text}: {found}")
        if found != expected:
            raise SystemExit(f"expected {expected}")

    def question(self, *words, status=0):
        """Another question of `antipodes network`."""
        print(f"$ antipodes network {shlex.join(words)}")
        answer = self._run(*words)
        print(answer.stdout)
        if answer.returncode != status:
            raise SystemExit(answer.stderr or f"exit status {answer.returncode}")
        return answer.stdout

    def draw(self, caption, *ends, port=443, protocol="tcp"):
        """A picture, in the current directory."""
        walk = ["--walk", *ends, "--port", str(port), "--protocol", protocol] if ends else []
        name = f"{caption.lower().replace(' ', '-')}.svg"
        answer = self._run("draw", *walk, "--svg", name)
        if answer.returncode:
            raise SystemExit(answer.stderr)
        print(f"  {caption}: {name}")

    def resolve(self, name, region, vpc):
        """The addresses that a VPC's own resolver answers with."""
        url = f"{ENDPOINT}/_antipodes/names/{region}/{vpc}/{name}"
        with urllib.request.urlopen(url) as answer:  # noqa: S310 - the world's own
            return json.load(answer)["addresses"]

    def _run(self, *words, account=None):
        whose = ["--account", account or self.account]
        command = [sys.executable, "-m", "antipodes", "network", *words, *whose]
        return subprocess.run(  # noqa: S603 - the command line of Antipodes
            command, capture_output=True, text=True, check=False
        )


def main(regions, play):
    """Play a pattern."""
    play(Lab(regions))
