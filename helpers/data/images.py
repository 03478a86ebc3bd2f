"""Readers that turn the files of an asset into tensors of images."""

import gzip
import io
import json
import pickle
import re
from pathlib import Path

import numpy as np
import torch

from helpers.data.registry import members_of_deb
from helpers.errors import CourseError


def load_mnist(path):
    """Read MNIST from what asset("mnist") returned.

    Returns four uint8 tensors: training images (60000, 28, 28), training
    labels (60000,), test images (10000, 28, 28) and test labels (10000,), in
    the order of the original files, whichever source they came from.
    """
    path = Path(path)
    arrays = _from_pickle(path) if path.is_file() else _from_idx(path)
    return tuple(torch.from_numpy(np.ascontiguousarray(array)) for array in arrays)


def load_emoji(path, style):
    """Read the named emoji of one style from a sheet of pictures and a table.

    `path` is the folder of asset("emoji_google") or asset("emoji_twitter").
    Returns a uint8 tensor of pictures (N, 64, 64, 3) on white and a list of
    N rows with `name` in lower case, `category` and `code`, the code points,
    from which families are found; both in the order of the standard. Flags,
    keys, parts of emoji and those that the style does not draw are left out.
    """
    from PIL import Image

    path = Path(path)
    rows = json.loads((path / "emoji.json").read_text())
    rows = [row for row in sorted(rows, key=lambda row: row["sort_order"])
            if row[f"has_img_{style}"] and row["category"] not in (
                "Flags", "Component")
            and not row["name"].startswith(("KEYCAP", "HASH KEY"))]
    with Image.open(path / "64.png") as file:
        sheet = file.convert("RGBA")
    white = Image.new("RGBA", sheet.size, "white")
    sheet = np.asarray(Image.alpha_composite(white, sheet).convert("RGB"))
    pictures = [sheet[66 * row["sheet_y"] + 1:][:64, 66 * row["sheet_x"] + 1:][:, :64]
                for row in rows]
    table = [{"name": row["name"].lower(), "category": row["category"],
              "code": row["unified"]} for row in rows]
    return torch.from_numpy(np.stack(pictures)), table


def load_stamps(path, size=128, colours=2000):
    """Read captioned photographs from Tux Paint's stamps.

    `path` is the Debian package, asset("photographs"). Letters, signs and
    cartoons are left out, by their folders and by their number of colours,
    and of equal captions all but the first. Returns a uint8 tensor of
    pictures (N, size, size, 3) on white and a list of N rows like those of
    `load_emoji`: `name` is the caption, `category` the top folder and `code`
    the file's name without its number.
    """
    from PIL import Image

    files = {Path(name): data for name, data in members_of_deb(
        path, lambda name: "/stamps/" in name and name.endswith((".png", ".txt")))}
    pictures, rows = [], {}
    for place in sorted(files):
        folders = place.parts[place.parts.index("stamps") + 1:-1]
        text = files.get(place.with_suffix(".txt"))
        if (place.suffix != ".png" or text is None or not folders
                or {"symbols", "cartoon", "cartoons"} & set(folders)):
            continue
        name = text.decode().splitlines()[0].strip(" .").lower()
        with Image.open(io.BytesIO(files[place])) as file:
            stamp = file.convert("RGBA")
        if name in rows or stamp.getcolors(colours) is not None:
            continue
        stamp.thumbnail((size, size))
        white = Image.new("RGBA", (size, size), "white")
        corner = [(size - side) // 2 for side in stamp.size]
        white.alpha_composite(stamp, tuple(corner))
        pictures.append(np.array(white.convert("RGB")))
        rows[name] = {"name": name, "category": folders[0],
                      "code": re.sub(r"[\d_-]+$", "", place.stem)}
    return torch.from_numpy(np.stack(pictures)), list(rows.values())


def _from_pickle(path):
    """Read the 50,000 / 10,000 / 10,000 split of grey levels over 256."""
    with gzip.open(path) as file:
        splits = load_arrays(file.read())
    images = [np.rint(np.asarray(x) * 256).astype(np.uint8).reshape(-1, 28, 28)
              for x, _ in splits]
    labels = [np.asarray(y).astype(np.uint8) for _, y in splits]
    return (np.concatenate(images[:2]), np.concatenate(labels[:2]),
            images[2], labels[2])


def _from_idx(folder):
    """Read the four IDX files: a header of big-endian sizes, then bytes."""
    parts = []
    for name, header in (("train-images-idx3-ubyte", 16),
                         ("train-labels-idx1-ubyte", 8),
                         ("t10k-images-idx3-ubyte", 16),
                         ("t10k-labels-idx1-ubyte", 8)):
        data = np.fromfile(folder / name, dtype=np.uint8, offset=header)
        parts.append(data.reshape(-1, 28, 28) if header == 16 else data)
    return parts


def load_arrays(data):
    """Unpickle numpy arrays in tuples and lists, and nothing else.

    Raises CourseError for a pickle that names any other class or function,
    before it is called.
    """
    return _ArrayUnpickler(io.BytesIO(data), encoding="latin1").load()


class _ArrayUnpickler(pickle.Unpickler):
    ALLOWED = {
        ("numpy", "ndarray"), ("numpy", "dtype"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("_codecs", "encode"),
    }

    def find_class(self, module, name):
        if (module, name) not in self.ALLOWED:
            raise CourseError(f"the file names {module}.{name}, which is no array")
        return super().find_class(module, name)
