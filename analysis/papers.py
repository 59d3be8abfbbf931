"""What the papers print, and what earlier runs found: the one list of known values.

A report sets each beside what a file holds. `quantity` is a name that the kind's section measures
(sections/KIND.py), `where` the parameters for which the value is known: a value each, or the ends
of a range; a parameter that is not named may be anything.
"""
import dataclasses
import math
import typing

import numpy as np

KH16, EARLIER = "KH16", "dam"
CITATIONS = {KH16: "Krotov & Hopfield 2016, arXiv 1606.01164",
             EARLIER: "earlier runs of this program"}

ROUNDED = "printed, rounded"
FORMULA = "formula, evaluated here"
WORDS = "said in words"
MEASURED = "measured"
TALK = "from the talk"


@dataclasses.dataclass(frozen=True)
class Known:
    kind: str
    quantity: str
    where: dict
    value: typing.Any     # number, word, or function({parameter: value}); None: words alone
    source: str
    sure: str
    says: str = ""        # in words, what the number does not tell
    error: float = math.nan  # standard error, where one is given

    def of(self, cell):
        """The value at these parameters; NaN where the source gives none."""
        value = self.value(cell) if callable(self.value) else self.value
        return math.nan if value is None else value

    def cells(self, rows):
        """bool [cell]: where it is known."""
        mask = np.ones(len(rows), dtype=bool)
        for name, value in self.where.items():
            if name not in rows.dtype.names:
                return np.zeros(len(rows), dtype=bool)
            if isinstance(value, tuple):
                mask &= (value[0] <= rows[name]) & (rows[name] <= value[1])
            elif rows.dtype[name].kind == "f":
                mask &= np.isclose(rows[name], value)
            else:
                mask &= rows[name] == value
        return mask


def known(kind):
    return [entry for entry in KNOWN if entry.kind == kind]


def half_of_random_starts(cell):
    """N^2 / (6 ln N), the K_max of n = 3."""
    return cell["N"] ** 2 / (6 * math.log(cell["N"]))


SIZES = {"n": 3, "N": (50, 200)}  # of the paper's K_1/2
RANDOM = {"start": "random"}
POWER, RECTIFIED = {"energy": "power"}, {"energy": "rectified"}
HISTOGRAM = {"N": 100, "K": 2000, **RANDOM}  # the cells of the paper's overlap histograms
CROSSING = {"criterion": "recovered", "level": 0.5, **RANDOM}
SETS = "20 pattern sets of 50 starts"
HALF_SAYS = "power agrees with this"
ABOVE_SAYS = "power's formula; rectified lies a little above it"


def _capacity():
    for n, value in ((2, 11), (3, 360), (4, 7240)):
        yield Known("capacity", "K_max", {**POWER, "n": n, "N": 100}, value, KH16, ROUNDED)
    yield Known("capacity", "K_1/2", {**POWER, **SIZES, **RANDOM}, half_of_random_starts, KH16,
                FORMULA, HALF_SAYS)
    yield Known("capacity", "K_1/2", {**RECTIFIED, **SIZES, **RANDOM}, half_of_random_starts, KH16,
                FORMULA, ABOVE_SAYS)
    for energy in (POWER, RECTIFIED):
        for n in (2, 3):
            yield Known("capacity", "recovered share", {**energy, "n": n, **HISTOGRAM}, None, KH16,
                        WORDS, "above capacity: fails")
    yield Known("capacity", "recovered share", {**POWER, "n": 4, **HISTOGRAM}, None, KH16, WORDS,
                "the histogram peaks at 100")
    for energy in (POWER, RECTIFIED):
        yield Known("capacity", "recovered share", {**energy, "n": 5, **HISTOGRAM}, 1.0, KH16,
                    WORDS, "all 10,000 converge, in the one set it drew")
    for energy, n, value, error in ((POWER, 4, 0.446, 0.014), (RECTIFIED, 4, 0.976, 0.006),
                                    (POWER, 5, 1.000, math.nan), (RECTIFIED, 5, 0.997, math.nan)):
        yield Known("capacity", "recovered share", {**energy, "n": n, **HISTOGRAM}, value, EARLIER,
                    MEASURED, SETS, error)
    for n, value in ((4, 0.833), (6, 1.000)):
        yield Known("capacity", "recovered share, mirrors counted", {**POWER, "n": n, **HISTOGRAM},
                    value, EARLIER, MEASURED, SETS)
    for energy, N, K, value, error in ((POWER, 50, 125, 0.480, 0.023),
                                       (POWER, 100, 385, 0.455, 0.020),
                                       (RECTIFIED, 100, 530, 0.470, 0.020),
                                       (POWER, 200, 1270, 0.421, 0.023)):
        yield Known("capacity", "recovered share", {**energy, "n": 3, "N": N, "K": K, **RANDOM},
                    value, EARLIER, MEASURED, "", error)
    yield from _half_of_earlier_runs("capacity", "K_1/2", RANDOM)


def _half_of_earlier_runs(kind, quantity, where):
    for energy, N, value in ((POWER, 50, 124), (POWER, 100, 375), (RECTIFIED, 100, 500),
                             (POWER, 200, 1155)):
        yield Known(kind, quantity, {**energy, "n": 3, "N": N, **where}, value, EARLIER, MEASURED,
                    "hundreds of pattern sets")


def _xor():
    yield Known("xor", "solved", {**POWER, "n": 1}, "no", KH16, WORDS, "E is zero")
    for n in range(2, 61):
        yield Known("xor", "solved", {**POWER, "n": n}, "yes" if n % 2 else "no", KH16, WORDS,
                    "C_n xyz" if n % 2 else "E is constant")
    for n in range(2, 61):
        yield Known("xor", "solved", {**RECTIFIED, "n": n}, "yes", KH16, WORDS)


def _threshold():
    yield Known("threshold", "K_1/2", {**POWER, **SIZES, **CROSSING}, half_of_random_starts, KH16,
                FORMULA, HALF_SAYS)
    yield Known("threshold", "K_1/2", {**RECTIFIED, **SIZES, **CROSSING}, half_of_random_starts,
                KH16, FORMULA, ABOVE_SAYS)
    yield from _half_of_earlier_runs("threshold", "K_1/2", CROSSING)
    yield Known("threshold", "K_max", {"criterion": "unstable_spins", "level": 0.005, **POWER,
                                       "n": 2},
                lambda cell: 0.14 * cell["N"], KH16, ROUNDED, "alpha_2 of about 0.14, for large N")


# The paper's nets are energies of memories; with another activation n means nothing.
MNIST = {"dataset": "mnist", "K": 2000, "form": "memory", "activation": "rectified"}
ALL_IMAGES = {"training": 0, "validation": 0}  # trained on all 60,000
STEPS = {"minibatch": 1000, "decay": 0.998}    # what an epoch means
NOT_CERTAIN = ("which value belongs to which n is not certain; 1.4 to 1.8 over the n; after 3000 "
               "epochs")
CONTRIBUTING = "it counts those above 0.9 of the largest contribution"


def _classify():
    for n, value in ((2, 1.51), (3, 1.44), (20, 1.61), (30, 1.80)):
        yield Known("classify", "test error [%]", {**MNIST, **ALL_IMAGES, "n": n}, value, KH16,
                    TALK, NOT_CERTAIN)
    for n, epochs in ((2, "179 to 312"), (3, "158 to 262")):
        yield Known("classify", "first epoch with a test error under 2 %",
                    {**MNIST, **ALL_IMAGES, **STEPS, "n": n}, None, KH16, WORDS, epochs)
    yield Known("classify", "first epoch with a test error under 2 %",
                {**MNIST, **ALL_IMAGES, **STEPS, "n": (4, 60)}, None, KH16, WORDS,
                "earlier than 158 to 262, the epochs of n = 3")


def _anatomy():
    for n in (2, 3):
        yield Known("anatomy", "classes on, mean of the memories", {**MNIST, "n": n}, None, KH16,
                    WORDS, "3 to 5 classes; its cutoff, near 1, is not given")
    yield Known("anatomy", "share of memories with one class on", {**MNIST, "n": 30}, None, KH16,
                WORDS, "more than 0.4; its cutoff, near 1, is not given")
    yield Known("anatomy", "share of images with a single contributing memory",
                {**MNIST, "n": 30, "share": 0.9}, None, KH16, WORDS,
                f"more than 8000 of 10,000; {CONTRIBUTING}")


KNOWN = [*_capacity(), *_xor(), *_threshold(), *_classify(), *_anatomy()]
