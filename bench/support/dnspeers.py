"""DNS servers to compare with, and the load: what each serves, how it is started and asked.

Everybody serves the same zone, 1,000 addresses in example.com, with one worker. BIND, NSD, dnsperf
and dnslib are Debian's (`apt-get install bind9 nsd dnsperf python3-dnslib`), dnslib's server is the
one of its documentation.
"""

import random
import re
import shutil
import socket
import subprocess
from pathlib import Path
from typing import NamedTuple

NAMES = 1000
ZONE = "example.com"
CLIENTS, OUTSTANDING = 8, 64
P99_RATE = 5000

_SOA = "@ 900 IN SOA ns.example.com. hostmaster.example.com. 1 7200 900 1209600 86400\n"
_RATE = re.compile(r"Queries per second:\s+([0-9.]+)")
_LOST = re.compile(r"Queries lost:\s+([0-9]+)")
_DONE = re.compile(r"Queries completed:\s+([0-9]+)")
_NOERROR = re.compile(r"NOERROR ([0-9]+)")
_LATENCY = re.compile(r"^> NOERROR \S+ \S+ ([0-9.]+)$", re.MULTILINE)


class Asked(NamedTuple):
    """What one sample found."""

    rate: float
    done: int
    lost: int


def write_zone(directory: Path) -> Path:
    """The zone as a file."""
    file = directory / "zone"
    lines = [f"$ORIGIN {ZONE}.\n", _SOA, "@ 900 IN NS ns\n", "ns 900 IN A 192.0.2.1\n"]
    lines += [f"www{n} 60 IN A 192.0.{n >> 8}.{n & 255}\n" for n in range(NAMES)]
    file.write_text("".join(lines))
    return file


def write_questions(directory: Path, prefix: str = "www", names: int = NAMES) -> Path:
    """What is asked, in an order by chance."""
    file = directory / f"questions-{prefix}-{names}"
    chance = random.Random(7)  # noqa: S311 - the same for everybody
    lines = [f"{prefix}{chance.randrange(names)}.{ZONE} A\n" for _ in range(20 * NAMES)]
    file.write_text("".join(lines))
    return file


def bind(directory: Path, zone: Path, port: int) -> list[str] | None:
    """The command of BIND."""
    program = shutil.which("named")
    if program is None:
        return None
    file = directory / "named.conf"
    file.write_text(
        f'options {{ directory "{directory}"; listen-on port {port} {{ 127.0.0.1; }};\n'
        "listen-on-v6 { none; }; recursion no; minimal-responses yes; querylog no;\n"
        f'pid-file "{directory}/named.pid"; session-keyfile "{directory}/session.key"; }};\n'
        "controls {};\n"
        f'zone "{ZONE}" {{ type primary; file "{zone}"; }};\n'
    )
    return [program, "-n", "1", "-U", "1", "-g", "-c", str(file)]


def nsd(directory: Path, zone: Path, port: int) -> list[str] | None:
    """The command of NSD."""
    program = shutil.which("nsd")
    if program is None:
        return None
    file = directory / "nsd.conf"
    file.write_text(
        f'server:\n  server-count: 1\n  ip-address: 127.0.0.1@{port}\n  database: ""\n'
        f'  zonesdir: "{directory}"\n  pidfile: "{directory}/nsd.pid"\n  username: ""\n'
        f'  xfrdir: "{directory}"\n  zonelistfile: "{directory}/zone.list"\n'
        f'  xfrdfile: ""\n  hide-version: yes\n  rrl-ratelimit: 0\n'
        f'remote-control:\n  control-enable: no\nzone:\n  name: "{ZONE}"\n  zonefile: "{zone}"\n'
    )
    return [program, "-d", "-c", str(file)]


def dnslib(directory: Path, zone: Path, port: int) -> list[str] | None:
    """The command of a server as dnslib's documentation has it."""
    python = shutil.which("python3", path="/usr/bin")
    if python is None or subprocess.run([python, "-c", "import dnslib"], check=False).returncode:
        return None
    program = directory / "dnslibserver.py"
    program.write_text(
        "import sys\n"
        "from dnslib.server import DNSLogger, DNSServer\n"
        "from dnslib.zoneresolver import ZoneResolver\n"
        "resolver = ZoneResolver(open(sys.argv[1]))\n"
        "logger = DNSLogger('-recv,-send,-request,-reply,-truncated,-error', False)\n"
        "DNSServer(resolver, '127.0.0.1', int(sys.argv[2]), logger=logger).start()\n"
    )
    return [python, str(program), str(zone), str(port)]


def answers(port: int) -> bool:
    """Whether a server answers for the zone."""
    question = b"\0\7\1\0\0\1\0\0\0\0\0\0\4www0\7example\3com\0\0\1\0\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.5)
        asking.connect(("127.0.0.1", port))
        try:
            asking.send(question)
            return asking.recv(512)[6:8] == b"\0\1"
        except OSError:
            return False


def sample(port: int, questions: Path, seconds: float, *more: str) -> Asked:
    """Ask as quickly as they answer."""
    said = _dnsperf(port, questions, "-q", str(OUTSTANDING), "-l", str(seconds), *more)
    found = [pattern.search(said) for pattern in (_RATE, _DONE, _LOST)]
    noerror = _NOERROR.search(said)
    if None in found or noerror is None:
        raise RuntimeError(f"dnsperf said:\n{said}")
    rate, done, lost = (float(match[1]) for match in found if match is not None)
    if int(noerror[1]) != int(done):
        raise RuntimeError(f"not all answers are NOERROR:\n{said}")
    return Asked(rate, int(done), int(lost))


def warm(port: int, questions: Path) -> None:
    """Ask everything twice, uncounted."""
    _dnsperf(port, questions, "-q", str(OUTSTANDING), "-n", "2")


def p99_ms(port: int, questions: Path, seconds: float, *more: str) -> float:
    """How long answers take at a fixed rate, which leaves everybody time."""
    limits = ("-q", "1000", "-Q", str(P99_RATE), "-l", str(seconds), "-v", *more)
    taken = sorted(map(float, _LATENCY.findall(_dnsperf(port, questions, *limits))))
    return taken[int(len(taken) * 0.99)] * 1000


def _dnsperf(port: int, questions: Path, *limits: str) -> str:
    command = ["dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", str(questions)]
    command += ["-c", str(CLIENTS), "-T", "1", *limits]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
