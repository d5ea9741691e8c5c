"""How much a browser loads to be asked: our widget and page beside the published bundles of two survey products.

The bundles come from the packages that these products publish, each pinned by its version and hash. What they load
beside them (the site's analytics, fonts, a second script) is not counted for anybody.
"""

from __future__ import annotations

import gzip
import hashlib
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.data import Place
from bench.record import Bar, Figure, Record, Table
from bench.turns import Failed
from wellheard.surveys.shelf import templates
from wellheard.web.survey_page import Sheet, question_page
from wellheard.web.widget.script import widget_script

WIDGET_MOST, PAGE_MOST = 6_000, 30_000  # bytes: the widget gzipped, the page whole


@dataclass(frozen=True)
class Bundle:
    """A file of a published package."""

    words: str
    package: str
    version: str
    sha256: str
    file: str


BUNDLES = (
    Bundle(
        "PostHog, the script that shows surveys (dist/surveys.js)",
        "posthog-js",
        "1.449.2",
        "c65f98b94718e8c421256dc30fcc968fa5ac2463547b4175d480d0b226f80139",
        "package/dist/surveys.js",
    ),
    Bundle(
        "Formbricks, the library that shows surveys (dist/index.umd.js)",
        "@formbricks/surveys",
        "1.99.0",
        "0d3efc0a5fa6027533d2412be87e812e56267bd351bd4dc17eda3f2cd08d62a8",
        "package/dist/index.umd.js",
    ),
)


def measure(place: Place) -> Record:
    """The sizes of all, in bytes as they are and gzipped. Raises Failed where a package is not as it was."""
    del place  # sizes hang on no data
    widget = widget_script().text.encode()
    pages = {name: _page(name) for name in templates()}
    largest = max(pages, key=lambda name: len(pages[name]))
    figures = [
        _figure("Wellheard, the widget with every question type", widget),
        _figure(f"Wellheard, the hosted page whole ({largest}, the largest template)", pages[largest]),
        *(_figure(bundle.words, _published(bundle)) for bundle in BUNDLES),
    ]
    return Record(
        "sizes",
        1,
        (Table("What a browser loads to be asked", tuple(figures)),),
        (
            Bar("the widget, gzipped, ≤ 6 kB", len(gzip.compress(widget, 9)), WIDGET_MOST),
            Bar("the hosted page, whole, ≤ 30 kB", len(pages[largest]), PAGE_MOST),
        ),
        (
            "PostHog's script is loaded by its analytics script, which is not counted here.",
            "Formbricks' library in its published package may differ from what its server hands out today.",
            *(f"{b.package} {b.version}, SHA-256 of the package {b.sha256}." for b in BUNDLES),
        ),
    )


def _page(name: str) -> bytes:
    """A template's page in its heaviest language, without an invitation and so without a script."""
    survey = templates()[name]
    told = [question_page(Sheet(survey, language, "/s/key")).html.encode() for language in survey.languages]
    return max(told, key=len)


def _figure(what: str, content: bytes) -> Figure:
    return Figure(what, more={"bytes": len(content), "gzipped": len(gzip.compress(content, 9))})


def _published(bundle: Bundle) -> bytes:
    """The file of a package, fetched by npm and checked."""
    with tempfile.TemporaryDirectory(prefix="wellheard-sizes-") as folder:
        call = ["npm", "pack", f"{bundle.package}@{bundle.version}", "--silent", "--pack-destination", folder]
        try:
            subprocess.run(call, cwd=folder, check=True, capture_output=True, timeout=300)
        except (OSError, subprocess.SubprocessError) as error:
            raise Failed(f"npm could not fetch {bundle.package} {bundle.version}") from error
        (packed,) = Path(folder).glob("*.tgz")
        if hashlib.sha256(packed.read_bytes()).hexdigest() != bundle.sha256:
            raise Failed(f"{bundle.package} {bundle.version} is not the package that was measured before")
        with tarfile.open(packed) as archive:
            file = archive.extractfile(bundle.file)
            assert file is not None
            return file.read()
