"""Checks of the exercises of the chapter on pseudo-likelihood."""

import itertools
import math

import torch

from helpers.exercises.checks import Case, Mistake, agree, checks

ARGUMENTS = (TypeError, ValueError, RuntimeError, AttributeError, IndexError)
ONES = math.log(1 + math.exp(-2) + math.exp(-4))
RING = [-1, 1, -1, 1, 0, 0, 1, -1]


@checks(
    equation="def-pl-score",
    hints=(
        "Each label is multiplied by the next one, and the last by the first.",
        "torch.roll(y, -1, -1), or y.roll(-1, -1), moves every label one seat "
        "along the last axis; the first comes to the end.",
        "(y * y.roll(-1, -1)).sum(-1)",
    ),
)
def score(answer):
    y = torch.tensor(RING)
    pairs = list(zip(RING, RING[1:] + RING[:1], strict=True))
    total = sum(a * b for a, b in pairs)
    apart = sum(a * b for a, b in zip(RING, RING[2:] + RING[:2], strict=True))
    yield Case(
        f"score(tensor({RING}))",
        lambda: answer(y),
        total,
        [
            Mistake("the closing edge from the last label to the first is "
                    "missing", total - RING[-1] * RING[0]),
            Mistake("every edge is counted twice", 2 * total),
            Mistake("the sign is turned round: agreement raises the score",
                    -total),
            Mistake("this is the sum of squares: multiply by the neighbour",
                    sum(a * a for a in RING)),
            Mistake("each label is multiplied by the one after the next", apart),
            Mistake("this is the mean over the edges: the score is their sum",
                    total / len(RING)),
            Mistake("this counts neighbours that agree: the score is a sum of "
                    "products", sum(a == b for a, b in pairs)),
            Mistake("one product for each edge: sum them up",
                    torch.tensor([a * b for a, b in pairs])),
        ],
    )
    batch = torch.tensor([[1, 1, -1], [0, 1, 1], [-1, -1, -1], [1, 0, -1]])
    each = torch.tensor([_ring_score(row) for row in batch.tolist()])
    flat = batch.flatten().roll(-1).reshape(4, 3)
    yield Case(
        "score(a batch of four rings of three)",
        lambda: answer(batch),
        each,
        [
            Mistake("without an axis, roll runs through the whole batch: "
                    "y.roll(-1, -1)", (batch * flat).sum(-1)),
            Mistake("the roll is along the batch: labels are along the last "
                    "axis", (batch * batch.roll(-1, 0)).sum(-1)),
            Mistake("y[i] is a whole ring of the batch: write y[..., i]",
                    (batch * batch.roll(-1, 0)).sum(0)),
            Mistake("the scores of the batch are added up: one for each ring "
                    "is wanted", each.sum()),
            Mistake("the sum is over the batch: labels are along the last axis",
                    (batch * batch.roll(-1, -1)).sum(0)),
            Mistake("a batch of shape (..., N) must do as well as one ring",
                    raises=ARGUMENTS),
        ],
    )
    yield Case(
        "score(all 81 rings of four labels)",
        lambda: answer(torch.tensor(_rings(4))),
        torch.tensor([_ring_score(ring) for ring in _rings(4)]),
    )
    yield Case(
        "score(tensor([1, 1]))",
        lambda: answer(torch.tensor([1, 1])),
        2,
        [Mistake("a ring of two has two edges, there and back", 1)],
    )


@checks(
    equation="pl-local",
    hints=(
        "Label n is pulled by h = y[n−1] + y[n+1], both around the ring. Its "
        "conditional log-probability is y[n] h minus the log of a sum.",
        "The sum has three terms, one for each value that the label could "
        "have: e^{−h} + 1 + e^{h}.",
        "torch.logsumexp(torch.stack([−h, 0 · h, h]), 0) − y · h, summed over "
        "the last axis, with y in double precision.",
    ),
)
def negative_log_pseudo_likelihood(answer):
    ones = torch.ones(5, dtype=torch.long)
    one_side = math.log(1 + math.exp(-1) + math.exp(-2))
    right = 5 * math.log(1 + math.exp(-2) + math.exp(-4))
    yield Case(
        "negative_log_pseudo_likelihood(five zeros)",
        lambda: answer(torch.zeros(5, dtype=torch.long)),
        5 * math.log(3),
        [
            Mistake("the sign is wrong: minus the logarithm of a probability "
                    "is never negative", -5 * math.log(3)),
            Mistake("this is in bits: the unit is the nat", 5 * math.log2(3)),
            Mistake("this is the mean over the labels: their sum is wanted",
                    math.log(3)),
            Mistake("the normaliser lacks the label 0: it sums over −1, 0 and "
                    "1", 5 * math.log(2)),
            Mistake("this is ln Z − s, the joint likelihood: normalise each "
                    "label over its own three values", _log_z(5)),
            Mistake("each label is normalised over all arrangements: only its "
                    "own three values enter", 5 * _log_z(5)),
            Mistake("one term for each label: sum over the last axis",
                    torch.full((5,), math.log(3))),
            Mistake("labels are integers: turn them into double precision "
                    "first", raises=ARGUMENTS),
        ],
    )
    yield Case(
        "negative_log_pseudo_likelihood(five ones)",
        lambda: answer(ones),
        5 * ONES,
        [
            Mistake("the sign is wrong: minus the logarithm of a probability "
                    "is never negative", -5 * ONES),
            Mistake("the score itself is missing: subtract y[n] h from the log "
                    "of the sum", 5 * (ONES + 2)),
            Mistake("only one neighbour pulls: a label has two",
                    5 * one_side),
            Mistake("the closing edge is missing: the first and the last label "
                    "are neighbours, too", 3 * ONES + 2 * one_side),
            Mistake("the edges are counted twice: h = y[n−1] + y[n+1]",
                    5 * math.log(1 + math.exp(-4) + math.exp(-8))),
            Mistake("the pull of a label contains the label itself: only its "
                    "two neighbours pull", _pseudo([1] * 5, (-1, 0, 1))),
            Mistake("the normaliser lacks the label 0: it sums over −1, 0 and "
                    "1", 5 * math.log(1 + math.exp(-4))),
            Mistake("each label is normalised over all arrangements: only its "
                    "own three values enter", 5 * (_log_z(5) - 5)),
            Mistake("this is ln Z − s, the joint likelihood: normalise each "
                    "label over its own three values", _log_z(5) - 5),
        ],
    )
    batch = torch.tensor([[1, 1, -1, 0], [0, 1, 1, 1], [-1, -1, 0, 1]])
    each = _pseudos(batch)
    yield Case(
        "negative_log_pseudo_likelihood(a batch of three rings of four)",
        lambda: answer(batch),
        each,
        [
            Mistake("the batch is added up: one value for each ring is wanted",
                    each.sum()),
            Mistake("only one neighbour pulls: a label has two",
                    _pseudos(batch, (-1,))),
            Mistake("only one neighbour pulls: a label has two",
                    _pseudos(batch, (1,))),
            Mistake("the neighbours are those two seats away: roll by one",
                    _pseudos(batch, (-2, 2))),
            Mistake("the pull of a label contains the label itself: only its "
                    "two neighbours pull",
                    _pseudos(batch, (-1, 0, 1))),
            Mistake("a batch of shape (..., N) must do as well as one ring",
                    raises=ARGUMENTS),
        ],
    )
    yield Case(
        "negative_log_pseudo_likelihood(tensor([1, -1]))",
        lambda: answer(torch.tensor([1, -1])),
        _pseudo([1, -1]),
        [Mistake("in a ring of two both neighbours are the same label, which "
                 "counts twice", _pseudo([1, -1], sides=(1,)))],
    )
    yield Case(
        "digits of negative_log_pseudo_likelihood(five ones)",
        lambda: _digits(answer(ones), right),
        "at least 10",
        [Mistake("precision is lost: compute with y.double()", "fewer than 10")],
    )


@checks(
    equation="pl-trace",
    hints=(
        "The matrix is torch.outer(labels, labels).exp() with the labels −1, "
        "0, 1 in double precision. Its trace after n multiplications is Z.",
        "tr Aⁿ is the sum of the n-th powers of the eigenvalues; "
        "torch.linalg.eigvalsh gives them. All three are positive.",
        "ln Σ λⁿ = logsumexp(n ln λ), which does not overflow.",
    ),
)
def log_partition(answer):
    matrix = torch.outer(torch.tensor([-1.0, 0, 1]), torch.tensor([-1.0, 0, 1]))
    matrix = matrix.double().exp()
    top = math.log(torch.linalg.eigvalsh(matrix)[-1])

    def power(n):
        return torch.linalg.matrix_power(matrix, n)

    yield Case(
        "log_partition(5)",
        lambda: answer(5),
        _log_z(5),
        [
            Mistake("this is Z: its logarithm is wanted", math.exp(_log_z(5))),
            Mistake("this is −ln Z", -_log_z(5)),
            Mistake("this is in bits: the unit is the nat",
                    _log_z(5) / math.log(2)),
            Mistake("the trace is forgotten: all entries of Aⁿ are summed, "
                    "which is an open chain of n + 1 labels",
                    power(5).sum().log()),
            Mistake("this is an open chain: the edge that closes the ring is "
                    "missing, and Z is a trace", power(4).sum().log()),
            Mistake("the power is off by one: a ring of n labels has n edges",
                    power(4).trace().log()),
            Mistake("the power is off by one: a ring of n labels has n edges",
                    power(6).trace().log()),
            Mistake("only the largest eigenvalue is used: Z has all three",
                    5 * top),
            Mistake("the matrix holds the products ab: its entries are e^{ab}",
                    5 * math.log(2)),
            Mistake("this is the logarithm of the product of the eigenvalues, "
                    "a determinant: their powers are summed",
                    5 * matrix.det().log()),
            Mistake("this is n ln tr A: raise A to the power n before taking "
                    "the trace", 5 * matrix.trace().log()),
        ],
        rtol=1e-9,
    )
    yield Case(
        "log_partition(1)",
        lambda: answer(1),
        math.log(1 + 2 * math.e),
        [Mistake("a ring of one label has one edge, from the label to itself",
                 math.log(3))],
        rtol=1e-9,
    )
    yield Case(
        "log_partition(1000)",
        lambda: answer(1000),
        1000 * top,
        [
            Mistake("Z overflows: take logarithms of the eigenvalues before "
                    "you raise them to a power", math.inf),
            Mistake("Z overflows: take logarithms of the eigenvalues before "
                    "you raise them to a power", math.nan),
            Mistake("Z overflows: take logarithms of the eigenvalues before "
                    "you raise them to a power", raises=OverflowError),
            Mistake("there are 3ⁿ arrangements: use the matrix, not the list",
                    raises=(RuntimeError, MemoryError)),
        ],
        rtol=1e-9,
    )


@checks(
    equation="def-pl-inverse",
    hints=(
        "The upper ends of the pieces are probabilities.cumsum(0). The answer "
        "is the number of upper ends that are not above ε.",
        "torch.searchsorted(edges, ε, right=True) counts the edges ≤ ε. Edges "
        "and ε must have one dtype.",
        "In floating point the last edge may come out a little below 1. "
        "Divide the edges by the last one.",
    ),
)
def inverse_cdf(answer):
    p = torch.tensor([0.25, 0.5, 0.25], dtype=torch.float64)
    yield Case(
        "inverse_cdf(tensor([0.25, 0.5, 0.25]), 0.3)",
        lambda: answer(p, 0.3),
        1,
        [
            Mistake("indices begin at 0: this is one too many", 2),
            Mistake("this is the index of the piece before", 0),
            Mistake("ε may be a plain number: torch.as_tensor(ε)",
                    raises=ARGUMENTS),
        ],
    )
    yield Case(
        "inverse_cdf(tensor([0.25, 0.5, 0.25]), 0.25)",
        lambda: answer(p, 0.25),
        1,
        [Mistake("the lower end of a piece belongs to it and the upper one "
                 "does not: C_{i−1} ≤ ε < C_i", 0)],
    )
    yield Case(
        "inverse_cdf(tensor([0, 0.5, 0.5]), 0.0)",
        lambda: answer(torch.tensor([0, 0.5, 0.5]), 0.0),
        1,
        [Mistake("a word of probability 0 has been returned: its piece is "
                 "empty if the upper end is open", 0)],
    )
    grid = torch.tensor([[0.0, 0.2, 0.25], [0.74, 0.75, 0.99]]).double()
    yield Case(
        "inverse_cdf(tensor([0.25, 0.5, 0.25]), a tensor of shape (2, 3))",
        lambda: answer(p, grid),
        torch.tensor([[0, 0, 1], [1, 2, 2]]),
        [Mistake("a tensor of numbers must do as well as one: "
                 "torch.searchsorted takes both", raises=ARGUMENTS)],
    )
    tenths = torch.full((10,), 0.1, dtype=torch.float64)
    yield Case(
        "inverse_cdf(ten tenths, 1 − 2⁻⁵³)",
        lambda: answer(tenths, 1 - 2**-53),
        9,
        [
            Mistake("no piece was found, since the sum of ten tenths is a "
                    "little below 1 in floating point: divide by the last edge",
                    10),
            Mistake("no piece was found, since the sum of ten tenths is a "
                    "little below 1 in floating point: divide by the last edge",
                    raises=(IndexError, ValueError, StopIteration, RuntimeError,
                            TypeError)),
        ],
        rtol=0, atol=1e-9,
    )
    yield Case(
        "inverse_cdf(ten tenths and a 0, 1 − 2⁻⁵³)",
        lambda: answer(torch.cat([tenths, torch.zeros(1).double()]), 1 - 2**-53),
        9,
        [Mistake("a word of probability 0 has been returned: divide by the "
                 "last edge instead of cutting the index off", 10)],
        rtol=0, atol=1e-9,
    )
    yield Case(
        "tensor([7, 8, 9])[inverse_cdf(tensor([0.25, 0.5, 0.25]), 0.3)]",
        lambda: torch.tensor([7, 8, 9])[answer(p, 0.3)],
        8,
        [Mistake("an index is wanted, an integer", raises=ARGUMENTS)],
    )


@checks(
    equation="def-pl-sample",
    hints=(
        "The first word is inverse_cdf(P, epsilons[0]).",
        "Every later word uses the row of Q of the word before it, and its own "
        "number: inverse_cdf(Q[word], epsilons[t]).",
        "Collect the words in a list and return torch.stack(words).",
    ),
)
def sample_bigram(answer):
    P = torch.tensor([0.25, 0.25, 0.5], dtype=torch.float64)
    Q = torch.tensor([[0.125, 0.75, 0.125], [0.5, 0.125, 0.375],
                      [0.25, 0.5, 0.25]], dtype=torch.float64)
    noise = torch.tensor([0.65, 0.85, 0.45, 0.85, 0.4, 0.35, 0.95, 0.7],
                         dtype=torch.float64)
    yield Case(
        "sample_bigram(P, Q, eight numbers)",
        lambda: answer(P, Q, noise),
        _string(P, Q, noise),
        [
            Mistake("word t + 1 is made from the number of word t: it needs "
                    "its own", _string(P, Q, noise, shift=1)),
            Mistake("a column of Q is used: the probabilities after word i are "
                    "in row i", _string(P, Q.T, noise)),
            Mistake("each word is drawn from P: the later ones come from Q",
                    torch.tensor([_pick(P, e) for e in noise])),
            Mistake("each word follows the first one: it follows the word "
                    "before it", _string(P, Q, noise, after_first=True)),
            Mistake("the first word comes from P, not from a row of Q",
                    _string(Q[0], Q, noise)),
            Mistake("one word for each number: the first is missing",
                    _string(P, Q, noise)[1:]),
            Mistake("one word for each number: the last is missing",
                    _string(P, Q, noise)[:-1]),
            Mistake("one word for each number: this is one too many",
                    _string(P, Q, [*noise, noise[-1]])),
            Mistake("the numbers are used from the last to the first",
                    _string(P, Q, noise.flip(0))),
            Mistake("draw nothing: the string is a function of the numbers",
                    raises=AssertionError),
        ],
    )
    yield Case(
        "sample_bigram(P, Q, tensor([0.5]))",
        lambda: answer(P, Q, torch.tensor([0.5], dtype=torch.float64)),
        torch.tensor([2]),
        [Mistake("ε = C_i belongs to the next word: use your inverse_cdf",
                 torch.tensor([1]))],
    )
    cube = [torch.tensor(e).double() / 8
            for e in itertools.product(range(8), repeat=3)]
    yield Case(
        "sample_bigram(P, Q, all 512 triples of eighths)",
        lambda: torch.stack([torch.as_tensor(answer(P, Q, e)) for e in cube]),
        torch.stack([_string(P, Q, e) for e in cube]),
        [Mistake("ε = C_i belongs to the next word: use your inverse_cdf",
                 torch.stack([_string(P, Q, e, closed=True) for e in cube]))],
    )


@checks(
    equation="def-pl-reparam",
    hints=(
        "Stretch the noise by the standard deviation and move it by the mean.",
        "The second argument is a variance; its square root is σ.",
        "variance ** 0.5 serves numbers and tensors alike.",
    ),
)
def reparameterize(answer):
    yield Case(
        "reparameterize(1.0, 4.0, 0.5)",
        lambda: answer(1.0, 4.0, 0.5),
        2.0,
        [
            Mistake("the second argument is a variance: take its square root",
                    3.0),
            Mistake("the variance is squared: take its square root", 9.0),
            Mistake("the second argument is a variance, not its logarithm",
                    1 + math.exp(2.0) / 2),
            Mistake("the second argument is a variance, not its logarithm",
                    1 + math.exp(4.0) / 2),
            Mistake("the noise is subtracted", 0.0),
            Mistake("the mean is missing", 1.0),
            Mistake("this takes mean and noise apart: (ε − ẑ)/σ turns a "
                    "sample into noise", -0.25),
            Mistake("plain numbers must do as well as tensors: variance ** 0.5",
                    raises=(TypeError, AttributeError)),
        ],
        rtol=1e-6,
    )
    mean, noise = torch.tensor([[0.0], [1.0]]), torch.tensor([0.5, -1.0, 2.0])
    yield Case(
        "reparameterize(means (2, 1), a variance of 9, noise (3,)), twice",
        lambda: _twice(lambda: answer(mean, torch.tensor(9.0), noise)),
        "the same",
        [Mistake("two equal calls differ: use the noise passed, and draw none",
                 "different")],
    )
    yield Case(
        "reparameterize(means (2, 1), a variance of 9, noise (3,))",
        lambda: answer(mean, torch.tensor(9.0), noise),
        torch.tensor([[1.5, -3.0, 6.0], [2.5, -2.0, 7.0]]),
        [Mistake("the three arguments must broadcast", raises=ARGUMENTS)],
    )
    yield Case(
        "the gradient of reparameterize(mean, variance, 0.5) at (1, 4)",
        lambda: _gradient(lambda m, v: answer(m, v, torch.tensor(0.5)), 1.0, 4.0),
        [1.0, 0.125],
        [
            Mistake("no gradient reaches mean and variance: .item(), float(), "
                    ".data and .detach() cut it off", raises=ARGUMENTS),
            Mistake("no gradient reaches mean and variance: .item(), float(), "
                    ".data and .detach() cut it off", [0.0, 0.0]),
            Mistake("the gradient in the variance is cut off", [1.0, 0.0]),
            Mistake("the gradient in the mean is cut off", [0.0, 0.125]),
        ],
    )


@checks(
    equation="pl-straight",
    hints=(
        "z[..., None, :] − codebook has shape (..., K, D): the vector to every "
        "code. Square it and sum over the last axis.",
        "The index is the argmin over the codes, codebook[index] the nearest "
        "ones.",
        "z + (codebook[index] − z).detach() has the value of the code and the "
        "gradient of z. Return it and the index.",
    ),
)
def straight_through(answer):
    codes = torch.tensor([[0.0, 0.0], [3.0, 0.5], [-1.0, 1.0], [1.0, -2.0]])
    z = torch.tensor([[0.9, 0.4], [2.0, -0.5], [-0.6, 0.3], [0.2, -1.2],
                      [-2.0, 3.0]])
    k = torch.tensor([min(range(4), key=lambda j: math.dist(row, codes[j].tolist()))
                      for row in z.tolist()])
    aligned = (z @ codes.T).argmax(-1)
    far = torch.cdist(z, codes).argmax(-1)
    yield Case(
        "straight_through(five vectors in the plane, four codes)",
        lambda: answer(z, codes),
        (codes[k], k),
        [
            Mistake("these are the farthest codes, not the nearest",
                    (codes[far], far)),
            Mistake("the largest inner product is not the smallest distance",
                    (codes[aligned], aligned)),
            Mistake("the vectors themselves are returned: forwards z̄ is the "
                    "nearest code", (z, k)),
            Mistake("the order is (z̄, index)", (k, codes[k])),
            Mistake("the nearest is searched along the wrong axis: for each "
                    "vector, compare the codes",
                    raises=(IndexError, RuntimeError)),
            Mistake("the nearest is searched along the wrong axis: for each "
                    "vector, compare the codes", _wrong_axis(z, codes)),
        ],
    )
    weight = torch.tensor([[1.0, -2.0], [0.5, 3.0], [2.0, 0.0], [-1.0, 1.0],
                           [4.0, 2.0]])
    total = torch.zeros(4, 2).index_add(0, k, weight)
    zero_z, zero_codes = torch.zeros(5, 2), torch.zeros(4, 2)
    killed = ("the gradient to z is killed: add to z the detached difference "
              "between the code and z")
    yield Case(
        "the gradients of (z̄ · w).sum() in z and in the codebook",
        lambda: tuple(_gradients(
            lambda a, b: (answer(a, b)[0] * weight).sum(), z, codes)),
        (weight, zero_codes),
        [
            Mistake("the codebook gets a gradient through z̄: detach the whole "
                    "difference", (weight, total)),
            Mistake("the gradient goes to the codebook instead of to z: detach "
                    "the difference, and not z", (zero_z, total)),
            Mistake(killed, (zero_z, zero_codes)),
            Mistake(killed, raises=RuntimeError),
            Mistake("the gradient to z comes out twice", (2 * weight, zero_codes)),
        ],
    )
    cube = torch.stack([z[:4].reshape(2, 2, 2), -z[:4].reshape(2, 2, 2)])
    near = torch.cdist(cube.reshape(-1, 2), codes).argmin(-1).reshape(2, 2, 2)
    yield Case(
        "straight_through(vectors of shape (2, 2, 2, 2), four codes)",
        lambda: answer(cube, codes),
        (codes[near], near),
        [
            Mistake("z may have any number of axes before the last",
                    raises=ARGUMENTS),
            Mistake("the index must keep the leading axes of z",
                    (codes[near], near.flatten())),
        ],
    )


def _rings(n):
    return list(itertools.product((-1, 0, 1), repeat=n))


def _ring_score(ring):
    return sum(ring[k] * ring[(k + 1) % len(ring)] for k in range(len(ring)))


def _log_z(n):
    return math.log(sum(math.exp(_ring_score(ring)) for ring in _rings(n)))


def _pseudo(ring, sides=(-1, 1)):
    """Return −ln P̃ when the labels at `sides` of a label pull it."""
    n, total = len(ring), 0.0
    for k, label in enumerate(ring):
        pull = sum(ring[(k + side) % n] for side in sides)
        total += math.log(1 + 2 * math.cosh(pull)) - label * pull
    return total


def _pseudos(batch, sides=(-1, 1)):
    return torch.tensor([_pseudo(row, sides) for row in batch.tolist()]).double()


def _pick(p, e, closed=False):
    """Return the index by adding up; `closed` gives an edge to the left."""
    reached, total = 0.0, float(sum(p))
    for i, share in enumerate(p.tolist()):
        reached += share / total
        if e < reached or (closed and e <= reached):
            return i
    return len(p) - 1


def _string(P, Q, noise, shift=0, after_first=False, closed=False):
    """Return the string; `shift` makes word t + 1 of an earlier number."""
    words = [_pick(P, noise[0], closed)]
    for t in range(1, len(noise)):
        row = Q[words[0] if after_first else words[-1]]
        words.append(_pick(row, noise[t - shift], closed))
    return torch.tensor(words)


def _wrong_axis(z, codes):
    index = torch.cdist(z, codes).argmin(0)
    return codes[index], index


def _gradient(function, *values):
    given = [torch.tensor(value, requires_grad=True) for value in values]
    found = torch.autograd.grad(function(*given), given, allow_unused=True)
    return [0.0 if g is None else g.item() for g in found]


def _gradients(function, *tensors):
    given = [tensor.clone().requires_grad_() for tensor in tensors]
    found = torch.autograd.grad(function(*given), given, allow_unused=True)
    return [torch.zeros_like(t) if g is None else g
            for t, g in zip(given, found, strict=True)]


def _twice(call):
    return "the same" if agree(call(), call(), 0, 1e-6) else "different"


def _digits(got, exact):
    return "at least 10" if agree(got, exact, 1e-10, 0) else "fewer than 10"
