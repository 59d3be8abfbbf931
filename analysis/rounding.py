"""Numbers as text, with the digits that they support."""
import math

import numpy as np

NONE = "\N{EN DASH}"  # where there is no value
MINUS = "\N{MINUS SIGN}"
DIGITS = 4            # of a number that comes without an interval


def number(value, places=None):
    """A number or word as text, to so many places after the point; fewer than none round to tens,
    hundreds, ..."""
    if isinstance(value, (str, np.str_)):
        return str(value)
    if math.isnan(value):
        return NONE
    if value < 0:
        return MINUS + number(-value, places)
    if math.isinf(value):
        return "\N{INFINITY}"
    if isinstance(value, (int, np.integer)) and places is None:
        return grouped(f"{value:,}")
    if places is None:
        places = DIGITS - 1 - magnitude(value)
        if places > DIGITS + 2:
            return f"{value:.{DIGITS - 1}g}"
        text = f"{round(value, places):,.{max(places, 0)}f}"
        return grouped(text.rstrip("0").rstrip(".") if "." in text else text)
    return grouped(f"{round(value, places):,.{max(places, 0)}f}")


def grouped(text):
    """Without the comma of four digits: 1000, but 10,000."""
    return text.replace(",", "") if text.find(",") == 1 and text.count(",") == 1 else text


def signed(value):
    """With one place and always a sign, but none for nothing."""
    text = f"{value:+.1f}".replace("-", MINUS)
    return "0" if text[1:] == "0.0" else text


def magnitude(value):
    """The power of ten of the first digit."""
    return math.floor(math.log10(abs(value))) if value else 0


def places(low, high):
    """The places after the point that an interval supports: two digits of its half width."""
    half = (high - low) / 2
    return 1 - magnitude(half) if 0 < half < math.inf else None


def interval(value, low, high):
    """ "375 (362 to 388)", or the value alone where nothing is known of its error."""
    if not (math.isfinite(value) and math.isfinite(low) and math.isfinite(high)):
        return number(value)
    digits = places(low, high)
    return f"{number(value, digits)} ({number(low, digits)} to {number(high, digits)})"
