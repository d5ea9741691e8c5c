"""Which KPIs each public data set feeds, and which it does not and why: nothing is left out without a word.

For every item of the line "Feeds:" in a set's README the table names the KPIs that are held to figures computed by hand
in the other files of this folder, or says why there are none.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from wellheard.metrics.catalogue import metrics

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DATA = ROOT.parent / "shared" / "data"
RECIPES = ROOT / "examples" / "recipes"

TEXT_MODEL = "there is no label in the file: a model reads the text, and is tested where that is"
HEALTH = "a score that an enrichment makes: no file gives one"
NO_KPI = "no KPI measures it"
GROUPS = "a dimension, by which the figures of this set are asked"
BY = "a dimension of conversation_volume"
CHURN = ("churn_rate", "retention_rate")

FED: dict[str, dict[str, tuple[str, ...] | str]] = {
    "cdnow_sample": {
        "CLV": ("lifetime_value",),
        "retention": ("retention_rate", "churn_rate"),
        "repeat rate": ("retention_rate",),
        "revenue per user": ("revenue_per_user",),
        "purchase frequency": ("active_customers",),
    },
    "online_retail": {
        "CLV": ("lifetime_value",),
        "retention": ("retention_rate",),
        "repeat rate": ("retention_rate",),
        "revenue per user": ("revenue_per_user",),
        "churn (by inactivity)": ("churn_rate",),
        "returns": ("revenue_per_user",),
        "country segments": GROUPS,
    },
    "telco_churn_ibm": {
        "churn": ("churn_rate",),
        "retention": ("retention_rate", "net_revenue_retention", "mrr"),
        "GRR": ("gross_revenue_retention",),
        "revenue per user": ("revenue_per_user",),
        "health score": HEALTH,
        "CLV": ("lifetime_value",),
    },
    "telco_referrals_maven": {
        "referral rate": ("referral_rate",),
        "churn": CHURN,
        "churn reasons": ("mrr",),
        "GRR": ("gross_revenue_retention",),
        "revenue per user": ("revenue_per_user", "lifetime_value"),
        "upsell (services held)": "the file says what a customer holds and not when it was sold: there is no sale",
        "health score": HEALTH,
    },
    "ravenstack_saas": {
        "MRR": ("mrr",),
        "GRR": ("gross_revenue_retention",),
        "NRR": ("net_revenue_retention",),
        "churn": ("churn_rate",),
        "upsell": ("upsell_rate",),
        "health score": HEALTH,
        "feature usage": ("feature_adoption", "active_customers"),
        "first response time": ("first_response_time", "conversation_volume"),
        "resolution time": ("resolution_time", "backlog", "escalation_rate"),
        "CSAT": ("csat",),
        "referral source": "how an account came is an attribute: nobody is named who referred it",
        "trial conversion": NO_KPI,
    },
    "helpdesk_italy": {
        "first response time": ("first_response_time",),
        "resolution time": ("resolution_time",),
        "first contact resolution": ("first_contact_resolution", "reopen_rate", "self_service_rate"),
        "backlog": ("backlog", "conversation_volume"),
        "SLA": "the service level is coded, and the log says no time that was promised",
        "workload by agent": BY,
    },
    "call_centre_pwc": {
        "first contact resolution": ("first_contact_resolution",),
        "CSAT": ("csat",),
        "speed of answer": ("first_response_time", "resolution_time"),
        "abandonment of calls": ("conversation_volume",),
        "workload by agent": BY,
    },
    "sfo_airport_survey": {
        "NPS (2017, 2018)": ("nps",),
        "CSAT": ("csat",),
        "CES (ease of getting there, finding the way, security)": ("ces",),
        "segments by airline, destination, language": GROUPS,
        "survey weights": "answers are not weighted by the sampling of a survey",
    },
    "ecsi_mobile_survey": {
        "NPS-like recommendation": ("csat", "nps"),
        "CSAT": ("csat",),
        "loyalty": ("csat",),
        "complaint handling": ("csat",),
    },
    "airline_tweets": {
        "sentiment": ("sentiment",),
        "net sentiment by airline and day": ("sentiment",),
        "topics of complaints (negativereason)": ("sentiment",),
    },
    "clothing_reviews": {
        "CSAT (1-5)": ("csat",),
        "recommendation share": ("csat",),
        "sentiment": TEXT_MODEL,
        "topics by department": TEXT_MODEL,
    },
    "goemotions": {
        "emotion classes": ("net_emotion_score",),
        "net emotion score": ("net_emotion_score",),
        "sentiment": "its labels are emotions: the balance of pleasant and unpleasant ones is the net emotion score",
    },
    "sentiment_intensity": {
        "sentiment": ("sentiment",),
        "emotional intensity": ("emotional_intensity", "net_emotion_score"),
    },
    "banking77": {
        "topic categorisation": TEXT_MODEL,
        "contact reasons": ("conversation_volume",),
        "visitor intent": ("visitor_intent",),
    },
    "amazon_app_reviews": {"sentiment": ("sentiment",)},
    "support_remarks": {
        "topics / contact reasons": ("conversation_volume",),
        "sentiment of very short and mixed-language remarks": TEXT_MODEL,
    },
    "online_shoppers": {
        "conversion": ("conversion_rate",),
        "visitor intent": "nobody was asked: the file says what was bought, which is the conversion",
        "bounce rate": NO_KPI,
        "segments by month, visitor type, traffic type": GROUPS,
    },
    "shop_clickstream": {
        "conversion": ("conversion_rate",),
        "cart abandonment": ("cart_abandonment_rate",),
        "visitor intent": "nobody was asked: the events say what was done",
        "sessions": ("conversion_rate",),
        "revenue per user": ("revenue_per_user",),
    },
    "simple_shop_events": {
        "funnel": ("feature_adoption",),
        "conversion": ("conversion_rate",),
        "cart abandonment": ("cart_abandonment_rate",),
        "retention of visitors": ("active_customers",),
    },
    "olist": {
        "CSAT (1-5) with Portuguese text": ("csat",),
        "survey response time": NO_KPI,
        "delivery time": NO_KPI,
        "on-time delivery": "promises are those of conversations: sla_attainment knows no deliveries",
        "lead conversion": ("conversion_rate",),
        "referral share of leads": ("conversion_rate",),
        "geography": GROUPS,
    },
    "bank_marketing": {
        "conversion": ("conversion_rate",),
        "upsell / cross-sell acceptance": ("conversion_rate",),
        "segments by job, channel (contact), month": GROUPS,
    },
    "superstore": {
        "profitability per customer and segment": ("customer_profitability",),
        "CLV": ("lifetime_value",),
        "revenue per user": ("revenue_per_user",),
        "repeat rate": ("retention_rate",),
        "discounts": "an attribute of the order lines",
        "shipping time": NO_KPI,
    },
    "electronics_addons": {
        "upsell / cross-sell (add-on attach rate)": ("upsell_rate",),
        "CSAT (rating 1-5)": ("csat",),
        "revenue per user": ("revenue_per_user",),
        "repeat rate": ("retention_rate",),
        "cancellations": ("active_customers",),
        "loyalty segment": GROUPS,
    },
}

# Where lifetime_value stands it is the value to date: what a model expects is tested where an enrichment makes it.
# No public set feeds these, or none has a figure for them; the contract suite and the simulated company test them.
WITHOUT = {
    "cost_per_resolution": "no set says what service costs",
    "health_score": HEALTH,
    "response_rate": "no set tells whom a survey was sent to and who stayed silent",
    "share_of_revenue_heard": "where answers and orders stand together, every buyer has answered",
    "sla_attainment": "no set says when something was promised",
    "touches_to_resolution": "no set has the messages of customers",
    **dict.fromkeys(("question_volume", "text_volume", "topic_share"), TEXT_MODEL),
}


def _asked() -> set[tuple[str, str]]:
    """The pairs of data set and KPI that stand together in a test of this folder."""
    known, found = metrics(), set()
    for path in HERE.glob("test_*.py"):
        if path.name == Path(__file__).name:
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                texts = {n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
                names = {text.partition(":")[0] for text in texts}
                found |= {(s, kpi) for s in texts & set(FED) for kpi in names & set(known)}
    return found


@pytest.mark.parametrize("recipe", FED)
def test_every_item_of_a_readme_is_fed_or_says_why_not(recipe: str) -> None:
    readme = (DATA / recipe / "README.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"^- Feeds: (.+)$", readme, re.MULTILINE)
    for item in FED[recipe]:
        assert item in text
        text = text.replace(item, "", 1)
    assert not text.strip(" ,;")


def test_every_data_set_is_in_the_table_and_has_a_recipe() -> None:
    assert {path.parent.name for path in DATA.glob("*/README.md")} == set(FED)
    assert {path.stem for path in RECIPES.glob("*.toml")} == set(FED)


def test_every_kpi_that_is_fed_is_held_to_a_figure() -> None:
    promised = {
        (recipe, kpi) for recipe, items in FED.items() for kpis in items.values() if not isinstance(kpis, str)
        for kpi in kpis
    }  # fmt: skip
    asked = _asked()
    assert not sorted(promised - asked)
    assert set(metrics()) - {kpi for _, kpi in promised} == set(WITHOUT)
