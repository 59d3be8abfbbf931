#!/usr/bin/python3
"""Draw what `dam bench --visits --json` measured: the time of a visit against K and against N."""
import argparse
import json
import pathlib
import sys

sys.dont_write_bytecode = True  # nothing is written but the pictures

import plot  # noqa: E402  the first, as it chooses how matplotlib draws
import matplotlib  # noqa: E402
import canvas  # noqa: E402
from results import ResultError  # noqa: E402

BYTES = 8  # of a memory's span

matplotlib.rcParams["savefig.dpi"] = 100  # small enough to keep beside a text


class Visits:
    """One file of measurements; rows are as the program printed them."""

    def __init__(self, path):
        self.path = path
        try:
            report = json.loads(path.read_text())
            if report["bench"] != "visits":
                raise ResultError("holds no visits alone: make it by dam bench --visits --json")
            self.cpu, self.version = report["cpu"], report["version"]
            self.caches = {name: size for name, size in report["cache_bytes"].items() if size}
            self.rows = report["rows"]
            self.kernels = list(report["masked_additions_per_s"])
        except OSError as error:
            raise ResultError(error.strerror.lower()) from None
        except (ValueError, KeyError, TypeError):
            raise ResultError("not what dam bench --visits --json prints") from None

    def most_common(self, name):
        """The value of N or K at which the other one varies."""
        values = [row[name] for row in self.rows]
        return max(set(values), key=values.count)

    def against(self, x, kernel):
        """x, ns per memory of a visit, and ns that reading a memory takes, in order of x."""
        other = {"N": "K", "K": "N"}[x]
        rows = [row for row in self.rows
                if row["kernel"] == kernel and row[other] == self.most_common(other)]
        rows.sort(key=lambda row: row[x])
        return ([row[x] for row in rows],
                [1e9 * row["visit_alone_seconds_per_memory"] for row in rows],
                [1e9 * row["stream_bytes"] / row["K"] / row["stream_bytes_per_s"] for row in rows])


def draw(visits):
    figure, panels = canvas.panels(2, height=3.4)
    styles = list(zip(visits.kernels, canvas.styles(len(visits.kernels))))
    for axes, x in zip(panels, ("K", "N")):
        for kernel, (color, marker) in styles:
            at, time, reading = visits.against(x, kernel)
            axes.plot(at, time, color=color, marker=marker)
        axes.plot(at, reading, ":", color="0.3")
        axes.set_xscale("log")
        axes.set_yscale("log")
    low, high = (pick(limit) for pick, limit in zip((min, max), zip(*(axes.get_ylim()
                                                                     for axes in panels))))
    for axes in panels:
        axes.set_ylim(low, high)
        canvas.label_log(axes.yaxis)
    canvas.label_log(panels[1].xaxis)
    mark_caches(panels[0], visits)
    canvas.axis_label("K: stored memories", panels[0], "x")
    canvas.axis_label("N: neurons", panels[1], "x")
    canvas.axis_label("time of a visit / K [ns]", panels[0], "y")
    panels[0].set_title(canvas.settings({"N": visits.most_common("N")}))
    panels[1].set_title(canvas.settings({"K": visits.most_common("K")}))
    legend = [canvas.mark(color, marker, label=kernel) for kernel, (color, marker) in styles]
    legend += [canvas.mark("0.3", line=":", label="reading a buffer of that size"),
               canvas.mark("0.6", line="--", label="the doubles leave a cache")]
    canvas.frame(figure, "Visits by sums over the memories, flips apart",
                 {name: visits.rows[0][name] for name in ("energy", "n")}, legend,
                 [f"{visits.cpu}; dam {visits.version}; {visits.path.name}"])
    return figure


def mark_caches(axes, visits):
    """Where the array of a double for each memory is as large as a cache."""
    low, high = axes.get_xlim()
    for name, size in visits.caches.items():
        if low < size / BYTES < high:
            axes.axvline(size / BYTES, color="0.6", linestyle="--", linewidth=1)
            axes.annotate(name, (size / BYTES, 1), (3, -9), xycoords=("data", "axes fraction"),
                          textcoords="offset points", fontsize=canvas.SMALL, color="0.3")


def main(words):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", metavar="FILE.json", type=pathlib.Path)
    plot.add_output_arguments(parser)
    arguments = parser.parse_args(words)
    try:
        paths = plot.output_paths(arguments)
        try:
            figure = draw(Visits(arguments.file))
        except ResultError as error:
            raise ResultError(f"{arguments.file}: {error}") from None
        plot.save(figure, paths)
    except ResultError as error:
        print(f"bench.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
