# SPDX-License-Identifier: MIT
# Copyright (c) The roost authors
"""One HTML page, nothing fetched from elsewhere: tables, and the plots as SVG. SVG and PNG files go beside it."""
import base64
import html
import io
from pathlib import Path

from . import figures, plots

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #222; max-width: 75em; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px }
th, td { border-bottom: 1px solid #ddd; padding: .25em .7em; text-align: right; white-space: nowrap }
th:first-child, td:first-child { text-align: left }
tr:last-child td { font-weight: bold; border-top: 2px solid #888 }
td.best { background: #e8f4e8 } td.failed { color: #a00 }
figure { margin: 1.5em 0 } figcaption { font-weight: bold } img { max-width: 100%; height: auto }
.wide { overflow-x: auto }
"""


def cell(text, tag="td"):
    kind = ' class="failed"' if text in ("failed", "all failed") else ' class="best"' if text.startswith("1.00 ±") else ""
    return f"<{tag}{kind}>{html.escape(text.replace('**', ''))}</{tag}>"


def table(rows):
    head = "".join(cell(c, "th") for c in rows[0])
    body = "\n".join("<tr>" + "".join(cell(c) for c in r) + "</tr>" for r in rows[1:])
    return f'<div class="wide"><table>\n<tr>{head}</tr>\n{body}\n</table></div>'


def picture(title, svg):
    """As an image, not inline: the pictures' names for their parts would meet."""
    data = base64.b64encode(svg).decode("ascii")
    return (f'<figure><figcaption>{html.escape(title)}</figcaption>'
            f'<img alt="{html.escape(title)}" src="data:image/svg+xml;base64,{data}"></figure>')


def drawn(path, results, names, subject, plt):
    """HTML of all plots; their files written beside the page."""
    parts = []
    for title, stem, figure in plots.draw(results, names, subject, plt):
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg")
        target = Path(path).with_suffix("")
        Path(f"{target}-{stem}.svg").write_bytes(buffer.getvalue())
        figure.savefig(f"{target}-{stem}.png")
        plt.close(figure)
        parts.append(picture(title, buffer.getvalue()))
    return parts


def compose(results, names, subject, footer, pictures):
    parts = ['<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Allocators compared</title>',
             f"<style>{STYLE}</style></head><body><h1>Allocators compared</h1>", f"<p>{html.escape(footer)}</p>", *pictures]
    for key, title in figures.TITLES:
        parts += [f"<h2>{title}, ratio to the best of the row (less is better)</h2>",
                  table(figures.table(results, names, key, subject))]
    wrong = figures.failures(results)
    if wrong:
        parts.append("<h2>Failed</h2><ul>" + "".join(
            f"<li>{html.escape(row)}: {html.escape(name)}: {html.escape(said)}</li>" for row, name, said in wrong) + "</ul>")
    return "\n".join([*parts, "</body></html>", ""])


def write(path, results, names, subject, footer, tell):
    plt = plots.available()
    if plt is None:
        tell("compare.py: matplotlib is missing (Debian: python3-matplotlib), the plots are left out")
    pictures = drawn(path, results, names, subject, plt) if plt else []
    Path(path).write_text(compose(results, names, subject, footer, pictures), encoding="utf-8")
    tell(f"wrote {path}")
