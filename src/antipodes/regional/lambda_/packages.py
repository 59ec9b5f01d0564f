"""Deployment packages: zip files, checked before they are believed, kept in the host's store.

A package is stored under (account, function, digest) in the same group as the function's record, so
that there is never one without the other. In real time workers unpack it into a directory that
carries the digest in its name: a running environment keeps its files when the code is replaced.
"""

import io
import lzma
import stat
import struct
import zipfile
import zlib
from pathlib import PurePosixPath

from antipodes.regional.lambda_.model import invalid
from antipodes.runtime.contract import Store
from antipodes.service.contract import Request, ServiceError

ZIPPED_BYTES_MAX = 50 << 20
UNZIPPED_BYTES_MAX = 262_144_000
ENTRIES_MAX = 100_000  # our own limit

# What zipfile raises on files that are none; RuntimeError is how it says "encrypted".
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError),
    *(ValueError, LookupError, ArithmeticError, RuntimeError),
)
_BAD_ZIP = "Could not unzip uploaded file. Please check your file, then try to upload again."


def package_of(code: Request) -> bytes:
    """Return the zip file that a request brings; other sources are refused by name."""
    if code.get("S3Bucket") or code.get("S3Key"):
        raise invalid("Code in S3 (S3Bucket, S3Key) is not offered here: pass ZipFile")
    if code.get("ImageUri"):
        raise invalid("ImageUri is not offered here: pass ZipFile")
    if code.get("SourceKMSKeyArn"):
        raise invalid("SourceKMSKeyArn is not offered here")
    if code.get("ZipFile") is None:
        raise invalid("Please provide a source for function code.")
    package = bytes(code["ZipFile"])
    validate(package)
    return package


def validate(package: bytes) -> None:
    """Refuse what is no sound zip file, what is too large, and what would climb out of its root."""
    if not package:
        raise invalid("Uploaded file must be a non-empty zip")
    if len(package) > ZIPPED_BYTES_MAX:
        raise ServiceError(
            "RequestEntityTooLargeException",
            f"Zipped size must be smaller than {ZIPPED_BYTES_MAX} bytes",
            413,
        )
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            _validate_entries(archive)
            broken = archive.testzip()
    except _DAMAGE:
        raise invalid(_BAD_ZIP) from None
    if broken is not None:
        raise invalid(_BAD_ZIP)


def _validate_entries(archive: zipfile.ZipFile) -> None:
    entries = archive.infolist()
    if not entries:
        raise invalid("Uploaded file must be a non-empty zip")
    if len(entries) > ENTRIES_MAX:
        raise invalid(f"The package has {len(entries)} entries; at most {ENTRIES_MAX} are allowed")
    if sum(entry.file_size for entry in entries) > UNZIPPED_BYTES_MAX:
        raise invalid(f"Unzipped size must be smaller than {UNZIPPED_BYTES_MAX} bytes")
    for entry in entries:
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts:
            raise invalid(f"{_BAD_ZIP} The path {entry.filename!r} leaves the package")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise invalid(f"{_BAD_ZIP} The symbolic link {entry.filename!r} is not allowed")


def files_of(package: bytes) -> dict[str, bytes]:
    """Return the files of a sound package, by path."""
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return {
            entry.filename: archive.read(entry)
            for entry in archive.infolist()
            if not entry.is_dir()
        }


class Packages:
    """The packages of a host's functions."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @staticmethod
    def _key(account: str, name: str, digest: str) -> bytes:
        return b"lambda/package\x00" + f"{account}\x00{name}\x00{digest}".encode()

    def put(self, account: str, name: str, digest: str, package: bytes) -> None:
        """Keep a package, in this turn's group."""
        self._store.put(self._key(account, name, digest), package)

    def get(self, account: str, name: str, digest: str) -> bytes:
        """Return a package that a function's record speaks of."""
        package = self._store.get(self._key(account, name, digest))
        assert package is not None, f"function {name} of {account} lost its package"
        return package

    def delete(self, account: str, name: str, digest: str) -> None:
        """Forget a package."""
        self._store.delete(self._key(account, name, digest))
