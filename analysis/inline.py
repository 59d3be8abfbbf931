"""A matplotlib figure as SVG inside a page, among others."""
import io
import re
import warnings
import xml.etree.ElementTree as ElementTree

import matplotlib.pyplot as plt

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
REFERENCE = re.compile(r"url\(#([^)]+)\)")

ElementTree.register_namespace("", SVG)
ElementTree.register_namespace("xlink", XLINK)


def svg(figure, prefix, words):
    """The figure's SVG element; its ids begin with `prefix`, `words` say what it shows.

    The figure is closed. ValueError: a text in it cannot be drawn.
    """
    file = io.StringIO()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing")  # the browser has other fonts
            figure.savefig(file, format="svg", metadata={"Date": None})
    finally:
        plt.close(figure)
    try:
        root = ElementTree.fromstring(file.getvalue())
    except ElementTree.ParseError as error:
        raise ValueError(str(error)) from None
    strip(root)
    rename(root, prefix)
    drop_ground(root)
    root.set("role", "img")
    root.set("aria-label", words)
    return ElementTree.tostring(root, encoding="unicode")


def strip(root):
    """Without metadata, and without styles, which would hold for the whole page."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{SVG}}}metadata", f"{{{SVG}}}style"):
                parent.remove(child)


def rename(root, prefix):
    """Ids that nothing refers to go; the others get the prefix, as do the references."""
    used = set()
    for element in root.iter():
        for name, value in element.attrib.items():
            if name == f"{{{XLINK}}}href" and value.startswith("#"):  # a picture is its own data
                used.add(value.removeprefix("#"))
                element.set(name, f"#{prefix}{value.removeprefix('#')}")
            elif "url(#" in value:
                used.update(REFERENCE.findall(value))
                element.set(name, REFERENCE.sub(rf"url(#{prefix}\1)", value))
    for element in root.iter():
        if element.get("id") in used:
            element.set("id", prefix + element.get("id"))
        else:
            element.attrib.pop("id", None)


def drop_ground(root):
    """The sheet's white: the page gives its own."""
    figure = root.find(f"{{{SVG}}}g")
    if figure is not None and len(figure) and "fill: #ffffff" in figure[0][0].get("style", ""):
        figure.remove(figure[0])
