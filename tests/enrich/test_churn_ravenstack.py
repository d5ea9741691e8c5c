"""A real export of a B2B company with dates: back-tested by time, and honest about what it can and cannot learn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wellheard.app import ImportCall
from wellheard.enrich.churn_risk import ENDS, FEWEST
from wellheard.scoring import CHURN, cards, score

REPO = Path(__file__).parents[2]
DATA = REPO.parent / "shared" / "data" / "ravenstack_saas"


@pytest.mark.long
def test_contracts_that_end_are_back_tested_by_time(new_desk: Callable[..., Any]) -> None:
    if not DATA.is_dir():
        pytest.skip("the RavenStack export is not here")
    workspace = new_desk(score_hour=-1).workspace
    files = tuple(sorted(path for path in DATA.glob("*.csv.gz") if "churn_events" not in path.name))
    workspace.import_files(ImportCall(paths=files, recipe=REPO / "examples" / "recipes" / "ravenstack_saas.toml"))
    score(workspace, kinds=(CHURN,))
    main = cards(workspace, CHURN)[0]["horizons"]["90"]
    assert main["event"] == ENDS  # an account holds ten contracts, and none loses them all
    assert main["left"] >= FEWEST
    assert main["validated"] == "by time"
    seen = main["judged"]
    assert 0 < seen["auc_low"] < seen["auc"] < seen["auc_high"] < 1
    values = workspace.lake.con.execute(
        "select value from facts.main.customer_scores where kind = 'churn_risk_90d'"
    ).fetchnumpy()["value"]
    assert np.all((values > 0) & (values < 1))
    said = sum(row["n"] * row["predicted"] for row in seen["curve"]) / seen["n"]
    happened = seen["events"] / seen["n"]
    assert said == pytest.approx(happened, rel=0.5)
