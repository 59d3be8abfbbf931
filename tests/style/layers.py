#!/usr/bin/python3
"""layers.py ROOT: includes and calls follow the layers, whose arrows point one way.

cli -> run -> kinds -> dist -> engine; study is used by kinds, run and cli.
"""
import pathlib
import re
import sys

# What each layer may include, itself and the public headers <dam/...> besides. Only the engine
# sees the engine's private headers.
BELOW = {
    "engine": set(),
    "dist": set(),
    "study": set(),
    "kinds": {"study", "dist"},
    "run": {"study", "kinds", "dist"},
    "cli": {"study", "kinds", "dist", "run"},
}

# Which layers may include a library's headers. "include" stands for the public headers.
LIBRARIES = {
    r"mpi": {"kinds", "dist", "run", "cli"},
    r"(hdf5|H5)": {"run", "cli"},
    r"yaml": {"study"},
}

# What ends every rank or names them all, and the only files that may.
ONLY = {
    r"MPI_COMM_WORLD\b": ["src/cli/main.c"],
    r"MPI_Abort\s*\(": ["src/cli/main.c"],
    r"(exit|quick_exit)\s*\(": ["src/cli/main.c"],
    # In the handler of SIGTERM; in a child process, which is no rank.
    r"(_exit|_Exit)\s*\(": ["src/run/stop.c", "src/cli/isolate.c"],
}

COMMENTS_AND_STRINGS = re.compile(
    r'/\*.*?\*/|//[^\n]*|(?<!include )"(?:\\.|[^"\\\n])*"', re.DOTALL)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def code_of(path):
    """The text without comments and strings, its lines kept."""
    return COMMENTS_AND_STRINGS.sub(
        lambda match: "\n" * match[0].count("\n"), path.read_text(encoding="utf-8"))


def complaints_about(name, layer, code):
    for match in INCLUDE.finditer(code):
        quote, header = match.groups()
        where = f"{name}:{code.count(chr(10), 0, match.start(2)) + 1}"
        target = header.split("/")[0]
        if ".." in header:
            yield f"{where}: {header}: name headers from their layer's folder"
        elif quote == "<" and target in BELOW:
            yield f"{where}: {header}: quotes are for the project's own headers"
        elif layer == "include" and quote == '"':
            yield f"{where}: {header}: a public header includes public headers alone"
        elif quote == '"' and target in BELOW and target not in BELOW[layer] | {layer}:
            yield f"{where}: {layer} may not include {header}"
        for library, layers in LIBRARIES.items():
            if quote == "<" and re.match(library, header) and layer not in layers:
                yield f"{where}: {layer} may not include <{header}>"
    for pattern, owners in ONLY.items():
        for match in re.finditer(r"\b" + pattern, code) if name not in owners else ():
            line = code.count("\n", 0, match.start()) + 1
            yield f"{name}:{line}: {match[0]}: only {' and '.join(owners)} may"


def main():
    root = pathlib.Path(sys.argv[1])
    files = sorted(root.glob("include/**/*.h")) + sorted(root.glob("src/**/*.[ch]"))
    complaints = []
    for path in files:
        name = path.relative_to(root).as_posix()
        layer = "include" if name.startswith("include/") else name.split("/")[1]
        complaints += complaints_about(name, layer, code_of(path))
    print("\n".join(complaints) if complaints else f"{len(files)} files follow the layers")
    sys.exit(bool(complaints) or not files)


main()
