"""Files on their way in: stored under a name that nobody can guess, mapped, looked at, taken or thrown away."""

from __future__ import annotations

import re
import secrets
import shutil
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from wellheard.base.errors import BadCall, Unknown, WellheardError
from wellheard.web.record import record
from wellheard.web.services import Draft, Report, Services

TOKEN = re.compile(r"[0-9a-f]{32}")
KEPT_SECONDS = 24 * 3600
CHUNK = 1 << 20
LONGEST_NAME = 120


@dataclass
class Job:
    """An import that runs or has run; the page looks at it until it is `done`."""

    dry_run: bool
    stage: str = "opening"
    rows: int = 0
    done: bool = False
    report: Report | None = None
    message: str = ""
    hint: str = ""


@dataclass
class Upload:
    """A stored file, with what its reader chose last and the job that works on it."""

    token: str
    file: Path
    chosen: dict[str, str] = field(default_factory=dict)
    job: Job | None = None


class Drafts:
    """The uploads of one workspace. One import runs at a time."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._uploads: dict[str, Upload] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="import")

    def store(self, name: str, content: BinaryIO) -> Upload:
        """Keeps a file for a day at most; raises BadCall for one without a name or content."""
        self._forget_old()
        token = secrets.token_hex(16)
        folder = self._services.uploads / token
        folder.mkdir(parents=True, mode=0o700)
        path = folder / safe_name(name)
        size = 0
        with path.open("xb") as out:
            while chunk := content.read(CHUNK):
                size += out.write(chunk)
        if not size:
            shutil.rmtree(folder, ignore_errors=True)
            raise BadCall("the file is empty", hint="choose a file with at least one row", field="file")
        upload = Upload(token, path)
        with self._lock:
            self._uploads[token] = upload
        return upload

    def find(self, token: str) -> Upload:
        """The upload of a token; raises Unknown where there is none, or none any more."""
        with self._lock:
            upload = self._uploads.get(token) if TOKEN.fullmatch(token) else None
        if upload is None:
            raise Unknown("this upload is gone", hint="choose the file again on the import page", field="file")
        return upload

    def start(self, upload: Upload, draft: Draft, chosen: Mapping[str, str], dry_run: bool) -> None:
        """Begins the import, or a dry run of it; raises BadCall while another one of this file runs."""
        with self._lock:
            if upload.job is not None and not upload.job.done:
                raise BadCall("this file is being read already", hint="wait until it is done", field="file")
            upload.job = Job(dry_run)
            upload.chosen = dict(chosen)
        self._pool.submit(self._run, upload, draft, upload.job)

    def discard(self, upload: Upload) -> None:
        """Throws an upload away."""
        with self._lock:
            self._uploads.pop(upload.token, None)
        shutil.rmtree(upload.file.parent, ignore_errors=True)

    def close(self) -> None:
        """Waits for what runs, and drops what waits."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, upload: Upload, draft: Draft, job: Job) -> None:
        def progress(stage: str, rows: int) -> None:
            job.stage, job.rows = stage, rows

        try:
            job.report = self._services.take(draft, job.dry_run, progress)
        except WellheardError as error:
            said = error.as_json()["error"]
            job.message, job.hint = str(said["message"]), str(said["hint"] or "")
        except Exception as error:  # noqa: BLE001 - it is told on the page; the thread must live on
            record("an import failed", error)
            job.message, job.hint = "the import failed, and nothing was changed", "the server's output says more"
        finally:
            if job.report is not None and not job.dry_run:
                shutil.rmtree(upload.file.parent, ignore_errors=True)  # rows may hold personal data
            job.done = True

    def _forget_old(self) -> None:
        folder = self._services.uploads
        if not folder.is_dir():
            return
        for path in folder.iterdir():
            if time.time() - path.stat().st_mtime > KEPT_SECONDS:
                with self._lock:
                    self._uploads.pop(path.name, None)
                shutil.rmtree(path, ignore_errors=True)


def safe_name(name: str) -> str:
    """The last part of a file's name without control characters; its ending stays, since it says what the file is."""
    base = re.split(r"[/\\]", name)[-1]
    clean = "".join(ch for ch in base if ch.isprintable()).strip().lstrip(".")
    if not clean or clean == "recipe.toml":
        return "upload" + Path(clean).suffix
    stem, suffix = Path(clean).stem, "".join(Path(clean).suffixes[-2:])
    return clean if len(clean.encode()) <= LONGEST_NAME else stem.encode()[:60].decode(errors="ignore") + suffix[:20]
