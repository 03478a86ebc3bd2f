"""Read the weights of an ONNX file without onnx, from its wire format.

An ONNX file is a protocol buffer: fields of a number, a kind and a content,
one after another. Of the many messages we need three, a graph, its nodes and
its tensors, and of these a few fields.
"""

import numpy as np

from helpers.errors import CourseError

GRAPH = 7  # of the file
NODE, INITIALIZER = 1, 5  # of the graph
INPUT, NODE_NAME, OPERATION = 1, 3, 4  # of a node
DIMS, TYPE, FLOATS, INTS, TENSOR_NAME, RAW = 1, 2, 4, 5, 8, 9  # of a tensor
DTYPES = {1: np.float32, 2: np.uint8, 3: np.int8, 6: np.int32, 7: np.int64}
PRODUCTS = ("MatMul", "MatMulInteger")


def read_onnx_weights(path):
    """Return the weights of an exported network: a dict of float32 arrays.

    The names are those of the torch modules that were exported, the shapes
    those of their parameters. Quantized ones are (q − zero point) · scale.
    The export drops the name of a linear layer's matrix and transposes it; the
    name is found from the path of the node that multiplies by it. Raises
    CourseError for a file that holds no such network.
    """
    try:
        (graph,) = [content for number, content in _fields(
            memoryview(path.read_bytes())) if number == GRAPH]
        tensors, products = _graph(graph)
        weights = {}
        for name in tensors:
            plain = name.removesuffix("_quantized")
            if plain.endswith((".weight", ".bias")):
                weights[plain] = _dequantized(name, tensors)
        for node, matrix in products:
            if matrix in tensors:
                module = node.strip("/").rpartition("/")[0].replace("/", ".")
                weights[f"{module}.weight"] = _dequantized(matrix, tensors).T
    except (ValueError, IndexError, KeyError, UnicodeDecodeError) as error:
        raise CourseError(f"{path} could not be read as ONNX: {error}") from error
    return weights


def _graph(graph):
    """Return the graph's tensors by name, and (path, matrix) of its multiplications."""
    tensors, products = {}, []
    for number, content in _fields(graph):
        if number == INITIALIZER:
            name, value = _tensor(content)
            tensors[name] = value
        elif number == NODE:
            inputs, name, operation = [], "", ""
            for field, text in _fields(content):
                if field == INPUT:
                    inputs.append(str(text, "utf-8"))
                elif field == NODE_NAME:
                    name = str(text, "utf-8")
                elif field == OPERATION:
                    operation = str(text, "utf-8")
            if operation in PRODUCTS:
                products.append((name, inputs[1]))
    return tensors, products


def _dequantized(name, tensors):
    value, plain = tensors[name], name.removesuffix("_quantized")
    if plain != name:
        shift = tensors[f"{plain}_zero_point"].astype(np.float32)
        value = (value.astype(np.float32) - shift) * tensors[f"{plain}_scale"]
    return np.array(value, np.float32)  # a writable copy


def _tensor(content):
    shape, kind, values, name = [], None, None, ""
    for number, field in _fields(content):
        if number == DIMS:
            shape += [field] if isinstance(field, int) else _varints(field)
        elif number == TYPE:
            kind = DTYPES.get(field)
        elif number == TENSOR_NAME:
            name = str(field, "utf-8")
        elif number == RAW:
            values = np.frombuffer(field, kind or np.uint8)
        elif number == FLOATS:
            values = np.frombuffer(field, np.float32)
        elif number == INTS:
            values = np.array([field] if isinstance(field, int)
                              else _varints(field))
    if kind is None or values is None:  # a kind that no weight of ours has
        return name, np.zeros(0)
    values = values.astype(np.int64).astype(kind) if kind is np.int8 else values
    return name, values.reshape(shape).astype(kind, copy=False)


def _fields(data):
    """Yield (number, content) of each field: a number, or a view of bytes."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        number, kind = key >> 3, key & 7
        if kind == 0:
            content, place = _varint(data, place)
        else:
            size = {1: 8, 5: 4}.get(kind)
            if kind == 2:
                size, place = _varint(data, place)
            if size is None or place + size > len(data):
                raise ValueError("its fields do not fit together")
            content, place = data[place:place + size], place + size
        yield number, content


def _varints(data):
    numbers, place = [], 0
    while place < len(data):
        number, place = _varint(data, place)
        numbers.append(number)
    return numbers


def _varint(data, place):
    """Return a whole number, seven bits to a byte, and the place behind it."""
    value = shift = 0
    while True:
        byte = data[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
