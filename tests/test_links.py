"""Every link between our pages leads somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_IGNORED = {".venv", "build", "dist", "node_modules"}
PAGES = sorted(
    path for path in ROOT.rglob("*.md") if not _IGNORED & set(path.relative_to(ROOT).parts)
)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to a page's headings."""
    headings = _HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def _is_image_left_out(target: Path) -> bool:
    """Return whether a picture is missing because this is a source distribution."""
    images = ROOT / "docs/images"
    return images in target.parents and not images.exists()


def broken(page: Path) -> list[str]:
    found = []
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if "://" in link or link.startswith("mailto:") or _is_image_left_out(target):
            continue
        is_wrong = not target.exists() or (
            anchor and target.suffix == ".md" and anchor not in anchors(target)
        )
        found += [link] if is_wrong else []
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path):
    assert broken(page) == []


def test_there_are_pages():
    assert {"README.md", "CONTRIBUTING.md"} <= {page.name for page in PAGES}
