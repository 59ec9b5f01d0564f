"""What processes use: processor time and memory of a process and all it started, from /proc."""

import json
import os
import urllib.request
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def _stats() -> dict[int, tuple[int, float]]:
    """By process: its parent, and its processor time in seconds so far."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        found[int(path.parent.name)] = int(fields[1]), (int(fields[11]) + int(fields[12])) / _TICKS
    return found


def family(pid: int) -> dict[int, float]:
    """A process and its descendants, with their processor times in seconds."""
    stats = _stats()
    found: dict[int, float] = {}
    wanted = [pid]
    while wanted:
        number = wanted.pop()
        if number in stats and number not in found:
            found[number] = stats[number][1]
            wanted += [child for child, (parent, _) in stats.items() if parent == number]
    return found


def processor_s(pid: int) -> float:
    """The processor time of a process and its descendants, in seconds."""
    return sum(family(pid).values())


def resident_mb(pid: int, field: str = "VmRSS") -> float:
    """A process's resident size, or a part of it (RssAnon, RssFile), in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"no {field} of {pid}")


def region_pid(port: int, region: str) -> int:
    """The process of a region of our world."""
    url = f"http://127.0.0.1:{port}/_antipodes/status"
    with urllib.request.urlopen(url, timeout=5) as answer:
        return int(json.load(answer)["hosts"][region]["pid"])
