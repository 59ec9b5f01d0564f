"""The command line: one verb for each thing a person does.

Only what a verb needs is imported when it runs, so that `status` and `env` answer at once. A
running world is found through its state directory; everything is asked of it over HTTP, as anybody
could. Exit status: 0 done, 1 it failed, 2 it could not be tried (or, for a drill, not be judged).
"""

import argparse
import contextlib
import json
import math
import os
import shutil
import signal
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from antipodes import finding
from antipodes.arguments import add_drill, choice, percent, speed, with_unit
from antipodes.runtime import commands

PORT = 4566
START_S_MAX = 40.0
CAPTURE_EVERY_S = 0.2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser(given).parse_args(given)
    options.given = given
    try:
        status: int = options.run(options)
    except finding.CommandError as error:
        print(f"antipodes: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0
    return status


# Up and down.


def _up(options: argparse.Namespace) -> int:
    regions = _regions(options.regions)
    return _up_detached(options) if options.detach else _serve(options, regions)


def _regions(text: str) -> tuple[str, ...]:
    from antipodes.world.atlas import load_atlas
    from antipodes.world.errors import WorldError

    regions = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not regions:
        raise finding.CommandError("a world needs at least one region")
    try:
        for region in regions:
            load_atlas().region(region)
    except WorldError as error:
        raise finding.CommandError(str(error)) from None
    return regions


def _sites(path: str) -> Any:
    from antipodes.world.errors import WorldError
    from antipodes.world.sites import read_sites

    try:
        return read_sites(Path(path).read_text())
    except (OSError, ValueError, WorldError) as error:
        raise finding.CommandError(f"{path}: {error}") from None


def _serve(options: argparse.Namespace, regions: tuple[str, ...]) -> int:
    from antipodes.hosting.configuration import Configuration
    from antipodes.hosting.supervisor import SupervisorError
    from antipodes.hosting.worldserver import open_state, run_world
    from antipodes.replication.delays import UnknownDelay, parse
    from antipodes.runtime.contract import Gone
    from antipodes.runtime.main import run_main
    from antipodes.runtime.statedirectory import StateError

    started = time.monotonic()
    try:
        parse(options.replication_delay)
        directory = open_state(finding.state(options))
    except (StateError, UnknownDelay) as error:
        raise finding.CommandError(str(error)) from None
    configuration = Configuration(
        place="",
        regions=regions,
        sites=_sites(options.sites) if options.sites else (),
        run_directory=str(directory.run),
        state_directory=str(directory.path),
        seed=options.seed,
        speed=options.speed,
        account=options.account,
        durability=options.durability,
        verify_signatures=options.verify_signatures,
        propagation_s=options.propagation,
        replication_delay=options.replication_delay,
        control_plane_delay_s=options.control_plane_delay,
        throttling=options.throttling,
        strong_region_sets=options.strong_region_sets,
        network_enforce=options.network_enforce,
        ttl_delay_s=options.ttl_delay,
        resolvers=dict(options.resolver),
    )

    def announce(server: Any) -> None:
        took = time.monotonic() - started
        print(f"Antipodes is up in {took:.2f} s: {', '.join(regions)} and the edge")
        print(f"  endpoint  http://127.0.0.1:{server.front.port}   (state: {directory.path})")
        print("  `antipodes env` prints exports, Ctrl-C or `antipodes down` stops it", flush=True)

    try:
        run_main(run_world(configuration, directory, options.port, announce))
    except (SupervisorError, Gone) as error:
        raise finding.CommandError(str(error)) from None
    except BaseExceptionGroup as group:
        raise finding.CommandError("; ".join(str(error) for error in group.exceptions)) from None
    finally:
        directory.close()
    return 0


def _up_detached(options: argparse.Namespace) -> int:
    from antipodes.runtime.statedirectory import read_world

    state = finding.state(options)
    arguments = [a for a in options.given if a not in {"--detach", "-d"}]
    log = state / "supervisor.log"
    try:
        state.mkdir(parents=True, exist_ok=True)
        child = commands.run_detached([sys.executable, "-m", "antipodes", *arguments], log)
    except OSError as error:
        raise finding.CommandError(f"cannot use {state} as state directory: {error}") from None
    deadline = time.monotonic() + START_S_MAX
    try:
        while time.monotonic() < deadline:
            world = read_world(state)
            if world is not None and world["pid"] == child.pid:
                print(log.read_text(errors="replace"), end="")
                return 0
            if child.poll() is not None:
                said = log.read_text(errors="replace").strip()
                raise finding.CommandError(said.removeprefix("antipodes: "))
            child.wait_briefly()
    except KeyboardInterrupt:
        child.terminate()
        raise
    child.terminate()
    raise finding.CommandError(f"the world did not start within {START_S_MAX:g} s; see {log}")


def _down(options: argparse.Namespace) -> int:
    world = finding.world(options)
    with contextlib.suppress(finding.CommandError):
        finding.ask(options, "POST", "/down")
    deadline = time.monotonic() + 15
    while finding.is_alive(world["pid"]) and not _zombie(world["pid"]):
        if time.monotonic() > deadline:
            os.kill(world["pid"], signal.SIGKILL)
            break
        commands.pause()
    print("down")
    return 0


def _zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return False


def _reset(options: argparse.Namespace) -> int:
    from antipodes.runtime.statedirectory import StateError, empty_state

    try:
        empty_state(finding.state(options))
    except StateError as error:
        raise finding.CommandError(str(error)) from None
    print(f"{finding.state(options)} is empty")
    return 0


# Looking.


def _status(options: argparse.Namespace) -> int:
    status = finding.ask(options, "GET", "/status")
    status["replication"] = finding.ask(options, "GET", "/replication")
    if options.json:
        print(json.dumps(status, indent=2))
        return 0
    print(f"endpoint http://127.0.0.1:{status['port']} (and DNS)  speed {status['speed']:g}")
    for place, port in status["cities"].items():
        print(f"  {place:16} proxy and dns at 127.0.0.1:{port}")
    for place, host in status["hosts"].items():
        note = " (control planes only)" if host["control_only"] else ""
        print(f"  {place:16} {host['state']:9} pid {host['pid'] or '-'}{note}")
    for row in status["replication"]:
        lag = "?" if row.get("lag_s") is None else f"{row['lag_s']:.2f} s"
        way = f"{row['source']} -> {row['destination']}"
        print(f"  {way}: {row.get('pending')} pending, lag {lag}")
    for handle, phrase in status["faults"].items():
        print(f"  broken: {phrase}  [{handle}]")
    return 0


def _env(options: argparse.Namespace) -> int:
    port = finding.world(options)["port"]
    for name, value in _environment(port).items():
        print(f"export {name}={value}")
    return 0


def _environment(port: int) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",  # no data-127.0.0.1
        "AWS_ACCESS_KEY_ID": os.environ.get("AWS_ACCESS_KEY_ID", "test"),
        "AWS_SECRET_ACCESS_KEY": os.environ.get("AWS_SECRET_ACCESS_KEY", "test"),
    }


def _trace(options: argparse.Namespace) -> int:
    spans = finding.ask(options, "GET", finding.path("traces", options.id))
    if options.json:
        print(json.dumps(spans, indent=2))
    else:
        _print_spans(spans)
    return 0 if spans else 1


def _print_spans(spans: list[dict[str, Any]]) -> None:
    if not spans:
        print("no spans of that request are kept")
        return
    first = spans[0]["start"]
    known = {"trace", "name", "place", "start", "end"}
    for span in spans:
        notes = " ".join(f"{k}={v}" for k, v in span.items() if k not in known)
        offset, length = (span["start"] - first) * 1e3, (span["end"] - span["start"]) * 1e3
        print(f"{offset:9.2f} ms {length:9.2f} ms  {span['place']:18} {span['name']:16} {notes}")


# Running something inside.


def _aws(options: argparse.Namespace) -> int:
    beside = Path(sys.executable).parent / "aws"
    aws = str(beside) if beside.exists() else shutil.which("aws")
    if aws is None:
        raise finding.CommandError(
            "the aws command line is not installed: pip install 'antipodes[cli]'"
        )
    region = {"AWS_DEFAULT_REGION": finding.world(options)["regions"][0]}
    given = {k: v for k, v in os.environ.items() if k in {"AWS_DEFAULT_REGION", "AWS_REGION"}}
    environment = {**os.environ, **region, **given, **_environment(finding.world(options)["port"])}
    return commands.replace([aws, *options.arguments], environment)


def _at(options: argparse.Namespace) -> int:
    command = [a for i, a in enumerate(options.command) if not (i == 0 and a == "--")]
    city = finding.ask(options, "GET", finding.path("cities", options.city))
    if not command:
        print(json.dumps(city))
        return 0
    proxy = f"http://127.0.0.1:{city['port']}"
    environment = {
        **os.environ,
        **_environment(finding.world(options)["port"]),
        "http_proxy": proxy,
        "HTTP_PROXY": proxy,
        "https_proxy": proxy,
        "HTTPS_PROXY": proxy,
        "ALL_PROXY": f"socks5h://127.0.0.1:{city['port']}",
        "ANTIPODES_DNS": city["dns"],
        "no_proxy": "",
        "NO_PROXY": "",
    }
    return commands.replace(command, environment)


# Breaking and healing.


def _break(options: argparse.Namespace) -> int:
    from antipodes.hosting.spoken import NotSaid, check_options, faults_of

    kind, places = options.kind, options.places
    try:
        check_options(kind, vars(options))
        if kind in {"region", "clock"} and len(places) == 1 and not options.dark:
            print(_break_host(options, places[0])["handle"])
            return 0
        faults = faults_of(kind, places, vars(options))
    except NotSaid as error:
        raise finding.CommandError(str(error)) from None
    for fault in faults:
        print(finding.ask(options, "POST", "/faults", fault)["handle"])
    return 0


def _break_host(options: argparse.Namespace, place: str) -> Any:
    if options.kind == "clock":
        wrong = {"offset_s": options.offset or 0.0, "drift_ppm": options.drift or 0.0}
        return finding.ask(options, "POST", finding.path("hosts", place, "clock"), wrong)
    return finding.ask(
        options, "POST", finding.path("hosts", place, "pause" if options.pause else "kill")
    )


def _heal(options: argparse.Namespace) -> int:
    path = finding.path("faults", options.handle) if options.handle else "/faults"
    healed = finding.ask(options, "DELETE", path)["healed"]
    print("\n".join(f"healed {handle}" for handle in healed) or "nothing was broken")
    return 0


def _drill(options: argparse.Namespace) -> int:
    from antipodes.drills.command import run_drill

    status: int = run_drill(options)
    return status


# The parser.


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    about = "A world of AWS-compatible regions that you run, and break."
    parser = argparse.ArgumentParser(prog="antipodes", description=about)
    parser.add_argument("--state", default=".antipodes", help="the world's directory")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    _add_up(verbs)
    _add_looking(verbs)
    _add_breaking(verbs)
    network = _verb(verbs, "network", _network, "ask what reaches what")
    if "network" in given:  # the questions are many, and know a lot
        from antipodes.questions.command import add_questions

        _add_capture(add_questions(network, _network))
    add_drill(_verb(verbs, "drill", _drill, "break it on purpose, and judge"), _drill)
    return parser


def _verb(verbs: Any, name: str, run: Any, text: str) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text)
    verb.add_argument("--state", default=argparse.SUPPRESS, help="the world's directory")
    verb.set_defaults(run=run)
    return verb


def _add_up(verbs: Any) -> None:
    up = _verb(verbs, "up", _up, "start a world")
    up.add_argument("--regions", default="us-west-2,eu-central-1", help="comma-separated codes")
    up.add_argument("--sites", metavar="FILE", default="", help="customers' sites, as TOML")
    up.add_argument("--port", type=int, default=PORT, help="of the endpoint (0: any free one)")
    up.add_argument("--detach", "-d", action="store_true", help="return when it is up")
    up.add_argument("--speed", type=speed, default=1.0, help="how fast configured intervals pass")
    up.add_argument("--seed", type=int, default=0)
    up.add_argument("--account", default="000000000000", help="of callers that name none")
    up.add_argument("--durability", choices=("process", "power"), default="process")
    up.add_argument("--verify-signatures", action="store_true")
    seconds = with_unit("s")
    up.add_argument("--propagation", type=seconds, default=60.0, help="of routing changes")
    up.add_argument("--replication-delay", default="link", help="link, aws, or seconds")
    up.add_argument("--control-plane-delay", type=seconds, default=0.0, help="to make things")
    up.add_argument(
        "--throttling",
        action="store_true",
        help="capacity of tables, and of some APIs, can be short",
    )
    up.add_argument("--network-enforce", action="store_true", help="services obey networks")
    up.add_argument("--strong-region-sets", action="store_true", help="MRSC as it was at first")
    up.add_argument("--ttl-delay", type=seconds, default=0.0, help="how long items stay")
    how = "CITY=HOW a resolver keeps names: honour, clamp:300, ... (CITY may be default)"
    up.add_argument("--resolver", action="append", default=[], type=choice, help=how)
    _verb(verbs, "down", _down, "stop the world")
    _verb(verbs, "reset", _reset, "empty a stopped world's state")


def _add_looking(verbs: Any) -> None:
    status = _verb(verbs, "status", _status, "what runs, what lags, what is broken")
    status.add_argument("--json", action="store_true")
    _verb(verbs, "env", _env, "print the exports that point AWS tools at the world")
    trace = _verb(verbs, "trace", _trace, "where the time of a request went")
    trace.add_argument("id", help="from the response header x-antipodes-trace")
    trace.add_argument("--json", action="store_true")
    aws = _verb(verbs, "aws", _aws, "the aws command line, pointed at the world")
    aws.add_argument("arguments", nargs=argparse.REMAINDER)
    at = _verb(verbs, "at", _at, "run a command as if in a city, in a region, or on an instance")
    at.add_argument("city", help="for example sao-paulo, or us-west-2")
    at.add_argument("command", nargs=argparse.REMAINDER)


def _add_breaking(verbs: Any) -> None:
    break_ = _verb(verbs, "break", _break, "break a place, a link, a clock or a control plane")
    kinds = ("region", "zone", "edge", "link", "clock", "control-plane", "accelerator-zone")
    break_.add_argument("kind", choices=kinds)
    named = "one place, the two ends of a link, a control plane's service, or zone a or b"
    break_.add_argument("places", nargs="+", help=named)
    break_.add_argument("--region", default="", help="of a control plane; default: everywhere")
    how = break_.add_mutually_exclusive_group()
    how.add_argument("--dark", action="store_true", help="silence instead of kill -9")
    how.add_argument("--pause", action="store_true", help="it hangs: SIGSTOP, not kill -9")
    break_.add_argument("--offset", type=with_unit("s", signed=True), help="of a clock: 180s")
    break_.add_argument("--drift", type=with_unit("ppm", signed=True), help="of a clock: 500ppm")
    break_.add_argument("--loss", type=percent, help="for example 5%%")
    break_.add_argument("--latency", type=with_unit("ms"), help="extra, for example 100ms")
    break_.add_argument("--jitter", type=with_unit("ms"), help="for example 20ms")
    break_.add_argument("--bandwidth", type=with_unit("mbit", "Mbit"), help="for example 10mbit")
    break_.add_argument("--one-way", action="store_true", help="only from the first end")
    heal = _verb(verbs, "heal", _heal, "heal one fault by its handle, or all")
    heal.add_argument("handle", nargs="?", default="")


def _network(options: argparse.Namespace) -> int:
    from antipodes.questions.command import run_network

    query = f"?account={urllib.parse.quote(options.account, safe='')}" if options.account else ""
    return run_network(options, lambda: finding.ask(options, "GET", f"/networks{query}"))


def _add_capture(actions: Any) -> None:
    text = "write what crosses an interface to a file that tcpdump and Wireshark read"
    capture = actions.add_parser("capture", help=text, description=text)
    capture.add_argument("interface", help="an interface, or an instance")
    capture.add_argument("file", help="- for the standard output")
    capture.add_argument("--seconds", type=with_unit("s"), default=math.inf, help="until Ctrl-C")
    capture.add_argument("--account", default="", help="whose; default: the world's")
    capture.set_defaults(run=_capture)


def _capture(options: argparse.Namespace) -> int:
    query = f"?account={urllib.parse.quote(options.account, safe='')}" if options.account else ""
    made = finding.ask(options, "POST", finding.path("captures", options.interface) + query)
    path = finding.path("captures", made["capture"])
    try:
        _write_capture(options, path)
    except OSError as error:
        finding.fetch(options, "DELETE", path)
        if isinstance(error, BrokenPipeError):
            raise
        raise finding.CommandError(f"{options.file} cannot be written: {error.strerror}") from None
    return 0


def _write_capture(options: argparse.Namespace, path: str) -> None:
    end = time.monotonic() + options.seconds
    with contextlib.ExitStack() as stack:
        file = sys.stdout.buffer
        if options.file != "-":
            file = stack.enter_context(Path(options.file).open("wb"))
        with contextlib.suppress(KeyboardInterrupt):
            while time.monotonic() < end:
                file.write(finding.fetch(options, "GET", path))
                file.flush()
                time.sleep(CAPTURE_EVERY_S)
        file.write(finding.fetch(options, "DELETE", path))


if __name__ == "__main__":
    sys.exit(main())
