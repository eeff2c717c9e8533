# SPDX-License-Identifier: MIT
# Copyright (c) The roost authors
"""Drawings by matplotlib (Debian: python3-matplotlib). draw() yields a title, a file stem and a figure for each."""
import math

from . import figures

# Told apart with colour-blind eyes too (after Okabe and Ito); the subject has the strongest.
COLOURS = ["#7f7f7f", "#56b4e9", "#009e73", "#e69f00", "#cc79a7", "#f0e442", "#0072b2", "#999933"]
SUBJECT_COLOUR = "#d55e00"
ROWS_TO_A_PICTURE = 9
MOST_RATIO = 4.0  # bars are cut here, and say so


def available():
    """The module to draw with, or None."""
    try:
        import matplotlib
        matplotlib.use("Agg")
        import matplotlib.pyplot
    except ImportError:
        return None
    matplotlib.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False,
                                "svg.fonttype": "none", "savefig.dpi": 150, "figure.constrained_layout.use": True})
    return matplotlib.pyplot


def colours(names, subject):
    others = [n for n in names if n != subject]
    chosen = {n: COLOURS[i % len(COLOURS)] for i, n in enumerate(others)}
    if subject:
        chosen[subject] = SUBJECT_COLOUR
    return chosen


def pieces(rows, most=ROWS_TO_A_PICTURE):
    """Rows in parts of about the same length, none longer than `most`."""
    count = max(1, math.ceil(len(rows) / most))
    size = math.ceil(len(rows) / count)
    return [rows[i:i + size] for i in range(0, len(rows), size)]


def breakable(row):
    """A long name on two lines."""
    if len(row) <= 22 or ":" not in row:
        return row
    head, _, tail = row.partition(":")
    return f"{head}\n{tail}"


def bars(axes, results, names, key, rows, colour):
    """Horizontal bars, one group to a row, the best of the row at 1."""
    thick = 0.84 / max(1, len(names))
    found = figures.ratios(results, key)
    for i, name in enumerate(names):
        for place, row in enumerate(rows):
            at = place - 0.42 + thick * (i + 0.5)
            ratio = found.get(name, {}).get(row)
            if ratio is None:
                if results[row].get(name):
                    axes.text(0.02, at, "failed", va="center", fontsize=6, color=colour[name])
                continue
            shown = min(ratio, MOST_RATIO)
            axes.barh(at, shown, thick * 0.9, color=colour[name], label=name if place == 0 else None)
            spread = figures.summarise(results[row][name], key)[1] / 200 * ratio
            if ratio <= MOST_RATIO:
                axes.errorbar(ratio, at, xerr=min(spread, ratio), color="#333333", linewidth=0.6)
            axes.text(max(shown, shown + spread if ratio <= MOST_RATIO else 0) + 0.04, at,
                      f"{ratio:.2f}" + (" →" if ratio > MOST_RATIO else ""), va="center", fontsize=6)
    axes.axvline(1, color="#333333", linewidth=0.8)
    axes.set_yticks(range(len(rows)), [breakable(r) for r in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    most = max((found[n][r] for n in found for r in rows if r in found[n]), default=1)
    axes.set_xlim(0, max(2.0, min(most * 1.1, MOST_RATIO)) + 0.6)
    axes.grid(axis="x", color="#dddddd", linewidth=0.5)
    axes.set_axisbelow(True)


def legend(figure, names, colour, plt):
    """In a strip of its own above all panels."""
    handles = [plt.Rectangle((0, 0), 1, 1, color=colour[n]) for n in names]
    across = min(len(names), 8)
    strip = (0.15 + 0.22 * math.ceil(len(names) / across)) / figure.get_size_inches()[1]
    figure.get_layout_engine().set(rect=(0, 0, 1, 1 - strip))
    figure.legend(handles, names, loc="upper center", ncol=across, frameon=False)


def ratio_pictures(results, names, subject, plt):
    colour = colours(names, subject)
    parts = pieces(list(results))
    for number, rows in enumerate(parts):
        height = 1.1 + len(rows) * (0.13 * len(names) + 0.12)
        picture, (left, right) = plt.subplots(1, 2, figsize=(11, height), sharey=True)
        bars(left, results, names, "cost", rows, colour)
        bars(right, results, names, "rss_kib", rows, colour)
        left.set_xlabel("time, ratio to the best of the row")
        right.set_xlabel("peak RSS, ratio to the most compact of the row")
        legend(picture, names, colour, plt)
        part = f", {number + 1} of {len(parts)}" if len(parts) > 1 else ""
        yield f"Ratios{part}", f"ratios-{number + 1}", picture


def scatter_picture(results, names, subject, plt):
    """Each allocator's geometric means, with its rows as small points."""
    colour = colours(names, subject)
    time, memory = figures.ratios(results, "cost"), figures.ratios(results, "rss_kib")
    picture, axes = plt.subplots(figsize=(8, 5.5))
    means = []
    for name in names:
        both = [r for r in time.get(name, {}) if r in memory.get(name, {})]
        if not both:
            continue
        axes.scatter([time[name][r] for r in both], [memory[name][r] for r in both], s=10, color=colour[name], alpha=0.45,
                     linewidths=0)
        x, y = figures.geomean(time[name][r] for r in both), figures.geomean(memory[name][r] for r in both)
        axes.scatter([x], [y], s=110, color=colour[name], edgecolors="#333333", linewidths=0.8, zorder=3)
        means.append((y, x, name))
    axes.set_xscale("log")
    axes.set_yscale("log")
    plain_ticks(axes.xaxis, [r for by_row in time.values() for r in by_row.values()])
    plain_ticks(axes.yaxis, [r for by_row in memory.values() for r in by_row.values()])
    handles = [plt.Line2D([], [], marker="o", linestyle="", color=colour[n], markeredgecolor="#333333", markersize=9,
                          label=f"{n}  {x:.2f}, {y:.2f}") for y, x, n in means]
    if handles:
        axes.legend(handles=handles, title="geometric mean: time, RSS", loc="center left", bbox_to_anchor=(1.01, 0.5),
                    frameon=False)
    axes.set_xlabel("time, ratio to the best of the row")
    axes.set_ylabel("peak RSS, ratio to the most compact")
    axes.grid(color="#dddddd", linewidth=0.5)
    axes.set_axisbelow(True)
    return "Time against memory: large points are geometric means over the rows", "time-rss", picture


def plain_ticks(axis, values):
    """Ticks of a logarithmic axis as plain numbers, few enough not to touch."""
    import matplotlib.ticker as ticker
    most = max(values, default=1)
    places = [1, 1.25, 1.5, 2, 2.5, 3] if most <= 4 else [1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000]
    axis.set_major_locator(ticker.FixedLocator([p for p in places if p <= most * 1.3]))
    axis.set_major_formatter(ticker.FuncFormatter(lambda v, _: f"{v:g}"))
    axis.set_minor_locator(ticker.NullLocator())


def scaling_picture(results, names, subject, plt):
    """Operations per second against threads, a panel for each family of rows; None where there is none."""
    families = figures.thread_families(results)
    if not families:
        return None
    colour = colours(names, subject)
    across = min(len(families), 3)
    down = math.ceil(len(families) / across)
    picture, grid = plt.subplots(down, across, figsize=(4 * across + 0.5, 3.2 * down + 0.4), squeeze=False)
    for axes, (family, by_threads) in zip(grid.flat, families.items()):
        for name in names:
            points = [(n, figures.summarise(results[row].get(name, []), "cost")) for n, row in by_threads.items()]
            points = [(n, 1e3 / f[0]) for n, f in points if f and f[0]]
            axes.plot([n for n, _ in points], [v for _, v in points], marker="o", markersize=4, color=colour[name],
                      linewidth=2 if name == subject else 1.2, zorder=3 if name == subject else 2)
        axes.set_title(family, fontsize=9)
        axes.set_xscale("log", base=2)
        axes.set_xticks(list(by_threads), [str(n) for n in by_threads])
        axes.minorticks_off()
        axes.set_ylim(bottom=0)
        axes.set_xlabel("threads")
        axes.set_ylabel("million operations / s")
        axes.grid(color="#dddddd", linewidth=0.5)
    for axes in list(grid.flat)[len(families):]:
        axes.set_visible(False)
    legend(picture, names, colour, plt)
    return "Scaling by threads: more is better", "scaling", picture


def draw(results, names, subject, plt):
    """Everything there is to draw: title, file stem, figure."""
    yield from ratio_pictures(results, names, subject, plt)
    yield scatter_picture(results, names, subject, plt)
    scaling = scaling_picture(results, names, subject, plt)
    if scaling:
        yield scaling
