"""Turn any value into an array to compare, and into a short text to show."""

import numpy as np

LONGEST = 200  # characters of a value that is neither a number nor an array
SHOWN = 6  # numbers of an array


def as_array(value):
    """Return numbers as a float64 numpy array.

    `value` is a number, an array, a torch tensor, which is detached, or a list
    or tuple of such with equal shapes, which becomes the first axis. Raises
    TypeError for None, text, complex numbers and whatever else is not real.

    >>> as_array([1, (2, 3)[0]])
    array([1., 2.])
    >>> as_array(1j)
    Traceback (most recent call last):
    TypeError: complex is not a real number or an array of such
    """
    if isinstance(value, (list, tuple)):
        parts = [as_array(element) for element in value]
        if len({part.shape for part in parts}) > 1:
            raise TypeError("the elements have different shapes")
        return np.array(parts, dtype=np.float64)
    kind = type(value).__name__
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.numpy() if value.is_complex() else value.double().numpy()
    try:
        array = np.asarray(value)
        if array.dtype.kind in "biuf" or (array.dtype.kind == "O"
                                          and value is not None):
            return array.astype(np.float64)
    except (TypeError, ValueError, RuntimeError):
        pass
    raise TypeError(f"{kind} is not a real number or an array of such")


def as_scalar(value):
    """Return one bool, int, float or text as Python's own.

    `value` may be an array or a tensor of one element. Raises TypeError for
    anything else.

    >>> as_scalar(np.array([3]))
    3
    """
    if getattr(value, "size", None) == 1 or getattr(value, "numel", int)() == 1:
        value = value.item()
    if isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{type(value).__name__} is not one number or text")


def text_of(value, digits=6):
    """Return a short text for a message, numbers with `digits` digits.

    An array shows its first six numbers and its shape.

    >>> text_of((2, np.array([1.0, 2.5])))
    '(2, [1, 2.5] of shape (2,))'
    """
    if isinstance(value, (tuple, list)):
        return "(" + ", ".join(text_of(element, digits) for element in value) + ")"
    if isinstance(value, (str, bool, int)) or value is None:
        return repr(value)
    try:
        array = as_array(value)
    except TypeError:
        text = repr(value)
        return text if len(text) < LONGEST else text[:LONGEST] + " …"
    if array.ndim == 0:
        return f"{array.item():.{digits}g}"
    numbers = ", ".join(f"{x:.{digits}g}" for x in array.flat[:SHOWN])
    more = ", …" if array.size > SHOWN else ""
    return f"[{numbers}{more}] of shape {array.shape}"
