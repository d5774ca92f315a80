"""Figures by group: accuracy by phenomenon of the pairs, bytes by group of tensors."""

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from qlora_core.data.phenomena import MAX_PHENOMENA, OTHERS
from qlora_core.evaluation.scores import Result
from qlora_core.language import N_, number
from qlora_core.language import gettext as _
from qlora_core.ui.charts.style import GREY, SMALL, make_figure, name_x_axis, safe
from qlora_core.ui.palette import ACCENT, UNTRAINED_HEAD

#: What the page calls the groups of ``models.footprint``.
TENSOR_GROUPS = {
    "embeddings": N_("Embeddings"),
    "encoder": N_("Encoder matrices"),
    "quantization_constants": N_("Quantisation<br>constants"),
    "encoder_other": N_("Encoder biases,<br>LayerNorms"),
    "head": N_("Pooler, classifier"),
    "adapter": N_("Adapter"),
}
MEGABYTE = 1_000_000
Groups = Mapping[str, Mapping[str, Any]]  #: accuracy and n, by phenomenon


def phenomenon_figure(result: Result) -> go.Figure | None:
    """Accuracy before and after for each phenomenon, in groups by label; None where the data name no phenomena."""
    by_name = result.get("by_phenomenon")
    if not by_name or not {"untrained_head", "finetuned"} <= by_name.keys():
        return None
    by_name = _told_apart(by_name)
    before, after = by_name["untrained_head"], by_name["finetuned"]
    ticks: list[str] = []
    rows: list[str | None] = []
    for words, names in _groups_by_label(result, by_name).items():
        ticks.append(f"<b>{words}</b>")
        rows.append(None)
        for name in sorted(names, key=lambda name: after[name]["accuracy"], reverse=True):
            ticks.append(f"{_(OTHERS) if name == OTHERS else safe(name, 24)} ({after[name]['n']:d})")
            rows.append(name)
    figure = go.Figure()
    places = [(place, name) for place, name in enumerate(rows) if name is not None]
    figure.add_scatter(
        x=[x for _, name in places for x in (before[name]["accuracy"], after[name]["accuracy"], None)],
        y=[y for place, _ in places for y in (place, place, None)],
        mode="lines", line={"color": GREY, "width": 2}, showlegend=False, hoverinfo="skip",
    )  # fmt: skip
    for words, colour, symbol, answers in (
        (_("before (untrained head)"), UNTRAINED_HEAD, "circle-open", before),
        (_("after (fine-tuned)"), ACCENT, "diamond", after),
    ):
        figure.add_scatter(
            x=[answers[name]["accuracy"] for _, name in places],
            y=[place for place, _ in places],
            mode="markers",
            name=words,
            marker={"color": colour, "symbol": symbol, "size": 10, "line": {"width": 2, "color": colour}},
            hovertemplate="%{x:.3f}<extra>" + words + "</extra>",
        )
    better = sum(after[name]["accuracy"] > before[name]["accuracy"] for _, name in places)
    worse = sum(after[name]["accuracy"] < before[name]["accuracy"] for _, name in places)
    title = _("Of {n} phenomena, {better} are answered better after fine-tuning and {worse} worse").format(
        n=len(places), better=better, worse=worse
    )
    make_figure(figure, title, 60 + 22 * len(ticks), below=45)
    name_x_axis(figure, _("Accuracy, 0 to 1 (pairs in brackets)"), range=[-0.03, 1.03], tickvals=[0, 0.5, 1])
    return figure.update_yaxes(tickvals=list(range(len(ticks))), ticktext=ticks, range=[len(ticks) - 0.4, -0.6])


def _told_apart(by_name: Mapping[str, Groups]) -> Mapping[str, Groups]:
    """At most so many phenomena as can be drawn: results of earlier versions may name any number."""
    sizes = {name: group["n"] for name, group in by_name["finetuned"].items()}
    if len(sizes) <= MAX_PHENOMENA + 1:  # the others among them
        return by_name
    named = set(sorted(sizes, key=lambda name: sizes[name], reverse=True)[:MAX_PHENOMENA])
    return {answerer: _merged(groups, named) for answerer, groups in by_name.items()}


def _merged(groups: Groups, named: set[str]) -> Groups:
    rest = [group for name, group in groups.items() if name not in named]
    n = sum(group["n"] for group in rest)
    others = {"accuracy": sum(group["accuracy"] * group["n"] for group in rest) / max(n, 1), "n": n}
    return {**{name: group for name, group in groups.items() if name in named}, OTHERS: others}


def _groups_by_label(result: Result, by_name: Mapping[str, Groups]) -> dict[str, list[str]]:
    """Phenomena by their pairs' label.

    The majority baseline answers every pair alike, so it is right on all or on none of the pairs of one label.
    """
    majority = by_name.get("majority", {})
    cells = result["metrics"].get("majority", {}).get("confusion", {})
    answers_same = cells.get("true_positive", 0) + cells.get("false_positive", 0) > 0
    same, different, both = _("label: same"), _("label: different"), _("both labels")
    groups: dict[str, list[str]] = {same: [], different: [], both: []}
    for name in by_name["finetuned"]:
        right = majority.get(name, {}).get("accuracy")
        if right not in (0, 1):
            groups[both].append(name)
        else:
            groups[same if (right == 1) == answers_same else different].append(name)
    return {words: names for words, names in groups.items() if names}


def memory_figure(result: Result) -> go.Figure:
    """Megabytes by group of tensors, in float32 and as they are held; old results know the float32 total alone."""
    quantization = result["quantization"]
    held: Mapping[str, int] = quantization["bytes"]
    whole: Mapping[str, int] = quantization.get("bytes_float32_by_group", {})
    total, total_whole = sum(held.values()), sum(whole.values()) or quantization["bytes_float32"]
    everything = _("Everything")
    ticks = [f"<b>{everything}</b>", *(_(words) for group, words in TENSOR_GROUPS.items() if group in held)]
    groups = [group for group in TENSOR_GROUPS if group in held]
    figure = go.Figure()
    for words, sizes, sum_of_all, colour, pattern in (
        (_("held"), held, total, ACCENT, ""),
        ("float32", whole, total_whole, UNTRAINED_HEAD, "/"),
    ):
        megabytes = [sum_of_all / MEGABYTE, *(sizes[group] / MEGABYTE if group in sizes else None for group in groups)]
        figure.add_bar(
            orientation="h",
            name=words,
            y=ticks,
            x=megabytes,
            marker={"color": colour, "pattern": {"shape": pattern, "size": 6}},
            text=["" if size is None else _label(size, words) for size in megabytes],
            textposition="outside",
            textfont={"size": SMALL},
            cliponaxis=False,
            hoverinfo="skip",
        )
    title = (
        _("The model's tensors take {held} MB instead of {whole} MB in float32")
        if whole
        else _("Base model and adapter take {held} MB instead of {whole} MB of the base model in float32")
    ).format(held=number(total / MEGABYTE, ".1f"), whole=number(total_whole / MEGABYTE, ".1f"))
    make_figure(figure, title, 60 + 50 * len(ticks), barmode="group", bargap=0.2)
    most = 1.8 * max(total, total_whole) / MEGABYTE
    name_x_axis(figure, _("Size in MB (1 MB = 1,000,000 bytes)"), range=[0, most])
    return figure.update_yaxes(autorange="reversed", showgrid=False)


def _label(megabytes: float, words: str) -> str:
    return _("{size} MB {kind}").format(size=number(megabytes, ".1f"), kind=words)
