#!/usr/bin/python3
"""compare.py ONE.h5 OTHER.h5: are two result files the same, byte for byte?

Every dataset, its type, shape, bytes and attributes, but for /provenance and /failures, which may
differ between runs. Prints each difference; exits with 1 where there is one.
"""
import sys

import h5py

MAY_DIFFER = ("provenance", "failures")


def objects_of(file):
    """Every object's path -> the object, without what may differ."""
    objects = {"/": file["/"]}
    file.visititems(lambda path, thing: objects.__setitem__(path, thing))
    return {path: thing for path, thing in objects.items() if path.split("/")[0] not in MAY_DIFFER}


def attribute_bytes(thing):
    attributes = {}
    for name in thing.attrs:
        attribute = thing.attrs.get_id(name)
        value = thing.attrs[name]
        attributes[name] = (str(attribute.dtype), attribute.shape,
                            value.encode() if isinstance(value, str) else value.tobytes())
    return attributes


def differences_between(path, one, other):
    if type(one) is not type(other):
        yield f"{path}: a {type(one).__name__} and a {type(other).__name__}"
        return
    if attribute_bytes(one) != attribute_bytes(other):
        yield f"{path}: attributes differ"
    if not isinstance(one, h5py.Dataset):
        return
    if not one.id.get_type().equal(other.id.get_type()):
        yield f"{path}: types {one.dtype} and {other.dtype}"
    elif one.shape != other.shape:
        yield f"{path}: shapes {one.shape} and {other.shape}"
    elif one[()].tobytes() != other[()].tobytes():
        yield f"{path}: bytes differ"


def differences(one_name, other_name):
    """A list of lines, empty for equal files."""
    with h5py.File(one_name, "r") as one_file, h5py.File(other_name, "r") as other_file:
        one, other = objects_of(one_file), objects_of(other_file)
        lines = [f"{path}: in one file only" for path in sorted(one.keys() ^ other.keys())]
        for path in sorted(one.keys() & other.keys()):
            lines += differences_between(path, one[path], other[path])
    return lines


def main():
    lines = differences(*sys.argv[1:3])
    print("\n".join(lines) if lines else "equal")
    sys.exit(bool(lines))


if __name__ == "__main__":
    main()
