"""Put the change notes of `changelog.d/` on the changelog page while the documentation is built.

A hook of mkdocs (see `mkdocs.yml`): notes are grouped by kind and sorted by topic. Releases are
written into `docs/changelog.md` by hand, below the notes, when they happen.
"""

from pathlib import Path
from typing import Any

NOTES = Path(__file__).parent.parent / "changelog.d"
KINDS = {"added": "Added", "changed": "Changed", "fixed": "Fixed", "removed": "Removed"}


def assemble(notes: Path) -> str:
    """Return the unreleased notes as a section of Markdown."""
    lines = ["## Not yet released", ""]
    for kind, heading in KINDS.items():
        files = sorted(notes.glob(f"*.{kind}.md"))
        if files:
            lines += [f"### {heading}", ""]
            lines += [f"- {file.read_text(encoding='utf-8').strip()}" for file in files]
            lines += [""]
    return "\n".join(lines)


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Mkdocs calls this with every page before it is rendered."""
    if page.file.src_uri != "changelog.md":
        return markdown
    return markdown.replace("<!-- notes -->", assemble(NOTES))
