"""A function's worker process: unpacks the code, then runs AWS's own Python runtime client.

Run as a script, `python -P worker.py ZIP DIRECTORY`, never imported: it must start quickly, and
see nothing of the world but its environment. It forks a watcher that kills the whole process group
when the region's process is gone (see processes.py), unpacks the zip into the directory unless an
earlier worker has, puts it first on the module path, and becomes `awslambdaric`, which asks the
Lambda Runtime API at AWS_LAMBDA_RUNTIME_API for events.
"""

import os
import signal
import sys

LIFELINE_VARIABLE = "ANTIPODES_LIFELINE"


def watch(lifeline: int) -> None:
    """Fork a process that outlives whatever the customer's code does, but not the region."""
    if os.fork() == 0:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        null = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(null, standard)
        while os.read(lifeline, 1):
            continue
        os.killpg(0, signal.SIGKILL)
    os.close(lifeline)


def unpack(archive: str, directory: str) -> None:
    """Extract the code, all or nothing: other workers may be doing the same."""
    import shutil  # noqa: PLC0415 - a warm code directory needs none of these
    import zipfile  # noqa: PLC0415 - as above

    unfinished = f"{directory}.{os.getpid()}"
    with zipfile.ZipFile(archive) as code:
        for entry in code.infolist():
            path = code.extract(entry, unfinished)
            mode = entry.external_attr >> 16 & 0o777
            if mode and not entry.is_dir():
                os.chmod(path, mode | 0o400)  # noqa: PTH101 - pathlib is not imported, to start quickly
    try:
        os.rename(unfinished, directory)  # noqa: PTH104 - as above
    except OSError:  # somebody else was first
        shutil.rmtree(unfinished, ignore_errors=True)


def main(archive: str, directory: str) -> None:
    """Run until killed."""
    watch(int(os.environ.pop(LIFELINE_VARIABLE)))
    if not os.path.isdir(directory):  # noqa: PTH112 - as above
        unpack(archive, directory)
    os.chdir(directory)
    sys.path.insert(0, directory)
    sys.argv = ["bootstrap", os.environ["_HANDLER"]]
    from awslambdaric import bootstrap  # noqa: PLC0415 - after the watcher was forked
    from awslambdaric.lambda_runtime_client import LambdaRuntimeClient  # noqa: PLC0415 - as above

    client = LambdaRuntimeClient(os.environ["AWS_LAMBDA_RUNTIME_API"])
    bootstrap.run(os.environ["_HANDLER"], client)


if __name__ == "__main__":
    main(*sys.argv[1:])
