"""Draws the medians: orders per second and median latency by concurrency, a panel for each exchange latency.

Runs in the peers' environment, where matplotlib is: ``plot.py medians.json out.png``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def main(source: str, target: str) -> None:
    """Draw."""
    rows = json.loads(Path(source).read_text())
    latencies = sorted({row[1] for row in rows})
    titles = sorted({row[0] for row in rows})
    colours = dict(zip(titles, plt.colormaps["tab10"].colors, strict=False))
    figure, panels = plt.subplots(2, len(latencies), figsize=(6 * len(latencies), 8), squeeze=False)
    for column, latency in enumerate(latencies):
        shown = [row for row in rows if row[1] == latency]
        concurrencies = sorted({row[2] for row in shown})
        present = [title for title in titles if any(row[0] == title for row in shown)]
        width = 0.8 / len(present)
        for place, title in enumerate(present):
            figures = {row[2]: row[3] for row in shown if row[0] == title}
            at = [index + place * width for index, _ in enumerate(concurrencies)]
            panels[0][column].bar(
                at, [figures[c]["orders_per_second"] for c in concurrencies], width, label=title, color=colours[title]
            )
            panels[1][column].bar(
                at, [figures[c]["p50"] / 1000 for c in concurrencies], width, label=title, color=colours[title]
            )
        for row, label in ((0, "orders per second"), (1, "median latency, ms (log)")):
            panel = panels[row][column]
            panel.set_xticks(
                [index + 0.4 - width / 2 for index, _ in enumerate(concurrencies)],
                [f"{c} at once" for c in concurrencies],
            )
            panel.set_ylabel(label)
            panel.set_title(f"exchange latency {latency} ms")
        panels[1][column].set_yscale("log")
    # Room for the legend above the bars.
    panels[0][0].set_ylim(top=panels[0][0].get_ylim()[1] * 1.35)
    panels[0][0].legend(fontsize="small", loc="upper left")
    figure.tight_layout()
    figure.savefig(target, dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
