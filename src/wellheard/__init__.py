"""Wellheard measures customer experience.

`import wellheard; w = wellheard.open("home"); w.kpi("nps", by="region", grain="month").to_pandas()`
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wellheard.app import Workspace

__version__ = "0.1.0"


def open(home: Path | str | None = None, workspace: str = "main") -> Workspace:
    """The workspace in the folder `home`, which is made on first use."""
    from wellheard.app import Workspace

    return Workspace(home, workspace)
