"""Draws a chart as SVG without a browser, and makes it readable by those who do not see it."""

from __future__ import annotations

import itertools
import json
from functools import lru_cache
from xml.etree import ElementTree as ET

import vl_convert

from wellheard.reports.charts import Chart

SVG = "http://www.w3.org/2000/svg"
VEGA_LITE = "6.4"
SPOKEN = ("aria-label", "aria-roledescription", "role", "aria-hidden")
_numbers = itertools.count(1)

ET.register_namespace("", SVG)


def svg(chart: Chart, css_class: str = "") -> str:
    """The chart as an SVG element for a page: one image with one description, a tooltip a mark, no style attribute."""
    spec = json.dumps(chart.drawn.to_dict(validate=False), sort_keys=True, default=str)
    return _readable(_drawn(spec), chart.words, css_class)


@lru_cache(maxsize=128)
def _drawn(spec: str) -> str:
    return str(vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE, allowed_base_urls=[]))


def _readable(text: str, words: str, css_class: str) -> str:
    root = ET.fromstring(text)
    number = next(_numbers)
    for element in root.iter():
        label = element.get("aria-label")
        marked = element.get("aria-roledescription") in ("point", "bar", "circle") and label
        for name in SPOKEN:
            element.attrib.pop(name, None)
        if marked and label:
            tip = ET.SubElement(element, f"{{{SVG}}}title")
            tip.text = label
            element.set("class", "mark")
        _renumber(element, number)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("role", "img")
    root.set("aria-label", words)
    root.set("class", f"chart {css_class}".strip())
    return ET.tostring(root, encoding="unicode")


def _renumber(element: ET.Element, number: int) -> None:
    """Ids of one drawing must not meet those of another on the page."""
    if (own := element.get("id")) is not None:
        element.set("id", f"c{number}-{own}")
    for name, value in element.attrib.items():
        if value.startswith("url(#"):
            element.set(name, value.replace("url(#", f"url(#c{number}-"))
