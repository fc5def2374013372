"""The pages: the workbench, each widget alone, and a finished run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import panel as pn
from panel.viewable import Viewable

from alphaforge.widgets import theme
from alphaforge.widgets.blotter import Blotter
from alphaforge.widgets.chart import Chart
from alphaforge.widgets.component import Component, Pulse, Selection
from alphaforge.widgets.controls import Header, Status
from alphaforge.widgets.desk import Desk
from alphaforge.widgets.equity import Equity
from alphaforge.widgets.ladder import Ladder
from alphaforge.widgets.risk import Risk
from alphaforge.widgets.ticket import OrderTicket

TEMPLATES = Path(__file__).parent / "templates"


class Page:
    """A template, what fills its slots, and the components that the pump drives."""

    def __init__(
        self,
        title: str,
        template: str,
        slots: Mapping[str, Viewable],
        components: tuple[Component, ...],
        selection: Selection,
    ) -> None:
        self.components = components
        self.pulse = Pulse(theme=selection.theme)
        self.pulse.param.watch(lambda event: setattr(selection, "theme", event.new), "theme")
        # Read as text: Panel gives a template its own environment, in which `base` is a variable.
        text = (TEMPLATES / "page.html").read_text(encoding="utf-8")
        body = (TEMPLATES / f"{template}.html").read_text(encoding="utf-8")
        self.template = pn.Template(text.replace("<!-- body -->", body), design=theme.PlainDesign)
        self.template.add_variable("af_stylesheet", theme.stylesheet_url())
        self.template.add_variable("af_script", theme.script_url())
        self.template.add_variable("af_theme", selection.theme)
        self.template.add_variable("af_follows", selection.follows)
        self.template.add_variable("af_live", bool(components))
        self.template.add_variable("af_title", title)
        if components:
            self.template.add_panel("pulse", self.pulse)
        for name, slot in slots.items():
            self.template.add_panel(name, slot)


def workbench_page(desk: Desk, selection: Selection) -> Page:
    """Return everything on one page."""
    header, chart, status = Header(desk), Chart(desk, selection), Status()
    ladder, ticket = Ladder(desk, selection), OrderTicket(desk, selection)
    equity, risk = Equity(desk, selection), Risk(desk)
    blotter = Blotter(desk, panes=("Equity",))
    slots = {
        "header": header.root,
        "chart_head": chart.head,
        "chart": chart.root,
        "overlay": chart.overlay,
        "ladder": ladder.root,
        "ticket": ticket.root,
        "blotter": blotter.root,
        "equity": equity.root,
        "risk": risk.root,
        "status": status.root,
    }
    components: tuple[Component, ...] = (
        header,
        chart,
        ladder,
        ticket,
        blotter,
        equity,
        risk,
        status,
    )
    return Page("AlphaForge workbench", "workbench", slots, components, selection)


def chart_page(desk: Desk, selection: Selection) -> Page:
    """Return the chart alone."""
    chart = Chart(desk, selection)
    slots = {"chart_head": chart.head, "chart": chart.root, "overlay": chart.overlay}
    return Page(f"{selection.symbol} chart", "chart", slots, (chart,), selection)


def ladder_page(desk: Desk, selection: Selection) -> Page:
    """Return the depth ladder alone."""
    return _single(f"{selection.symbol} depth", Ladder(desk, selection), selection)


def positions_page(desk: Desk, selection: Selection) -> Page:
    """Return the positions alone."""
    return _single("Positions", Blotter(desk, ("Positions",)), selection)


def orders_page(desk: Desk, selection: Selection) -> Page:
    """Return orders and fills."""
    return _single("Orders", Blotter(desk, ("Orders", "Fills")), selection)


def equity_page(desk: Desk, selection: Selection) -> Page:
    """Return the session's equity curve alone."""
    return _single("Equity", Equity(desk, selection), selection)


def risk_page(desk: Desk, selection: Selection) -> Page:
    """Return the limits alone."""
    return _single("Risk", Risk(desk), selection)


def _single(title: str, component: Component, selection: Selection) -> Page:
    return Page(title, "single", {"widget": component.root}, (component,), selection)


#: Every live page by its route.
PAGES: dict[str, Callable[[Desk, Selection], Page]] = {
    "workbench": workbench_page,
    "chart": chart_page,
    "ladder": ladder_page,
    "positions": positions_page,
    "orders": orders_page,
    "equity": equity_page,
    "risk": risk_page,
}
