"""Wrong answers to the exercises, each with its diagnosis, and right ways."""

import math

import torch

LABELS = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)
MATRIX = torch.outer(LABELS, LABELS).exp()


def score_open(y):
    return (y[..., :-1] * y[..., 1:]).sum(-1)


def score_twice(y):
    return (y * (y.roll(1, -1) + y.roll(-1, -1))).sum(-1)


def score_sign(y):
    return -(y * y.roll(-1, -1)).sum(-1)


def score_squares(y):
    return (y * y).sum(-1)


def score_two_apart(y):
    return (y * y.roll(-2, -1)).sum(-1)


def score_mean(y):
    return (y * y.roll(-1, -1)).double().mean(-1)


def score_agreements(y):
    return (y == y.roll(-1, -1)).sum(-1)


def score_flat_roll(y):
    return (y * y.roll(-1)).sum(-1)


def score_rolled_batch(y):
    return (y * y.roll(-1, 0)).sum(-1)


def score_summed(y):
    return (y * y.roll(-1, -1)).sum()


def score_unsummed(y):
    return y * y.roll(-1, -1)


def score_by_loop(y):
    n = y.shape[-1]
    return sum(y[..., k] * y[..., (k + 1) % n] for k in range(n))


def score_by_einsum(y):
    y = y.double()
    after = torch.cat([y[..., 1:], y[..., :1]], -1)
    return torch.einsum("...n,...n->...", y, after)


def _pulled(y, pull):
    return (torch.log1p(2 * torch.cosh(pull)) - y * pull).sum(-1)


def pseudo_sign(y):
    return -pseudo_by_cosh(y)


def pseudo_bits(y):
    return pseudo_by_cosh(y) / math.log(2)


def pseudo_one_neighbour(y):
    y = y.double()
    return _pulled(y, y.roll(1, -1))


def pseudo_next_neighbour(y):
    y = y.double()
    return _pulled(y, y.roll(-1, -1))


def pseudo_open(y):
    y = y.double()
    pull = torch.zeros_like(y)
    pull[..., 1:] += y[..., :-1]
    pull[..., :-1] += y[..., 1:]
    return _pulled(y, pull)


def pseudo_twice(y):
    y = y.double()
    return _pulled(y, 2 * (y.roll(1, -1) + y.roll(-1, -1)))


def pseudo_two_apart(y):
    y = y.double()
    return _pulled(y, y.roll(2, -1) + y.roll(-2, -1))


def pseudo_with_itself(y):
    y = y.double()
    pull = y.roll(1, -1) + y.roll(-1, -1)
    candidates = torch.stack([-pull, 0 * pull, pull]) + y * y
    return (candidates.logsumexp(0) - y * (pull + y)).sum(-1)


def pseudo_pulled_by_itself(y):
    y = y.double()
    return _pulled(y, y.roll(1, -1) + y + y.roll(-1, -1))


def pseudo_joint(y):
    return log_z_by_powers(y.shape[-1]) - score_by_loop(y)


def pseudo_joint_each(y):
    return y.shape[-1] * pseudo_joint(y)


def pseudo_without_zero(y):
    y = y.double()
    pull = y.roll(1, -1) + y.roll(-1, -1)
    return ((2 * torch.cosh(pull)).log() - y * pull).sum(-1)


def pseudo_unnumerated(y):
    y = y.double()
    pull = y.roll(1, -1) + y.roll(-1, -1)
    return torch.log1p(2 * torch.cosh(pull)).sum(-1)


def pseudo_mean(y):
    return pseudo_by_cosh(y) / y.shape[-1]


def pseudo_summed(y):
    return pseudo_by_cosh(y).sum()


def pseudo_by_cosh(y):
    y = y.double()
    return _pulled(y, y.roll(1, -1) + y.roll(-1, -1))


def pseudo_by_scores(y):
    """Set each label to its three values and score the whole ring."""
    total = 0.0
    for k in range(y.shape[-1]):
        scores = []
        for label in (-1, 0, 1):
            changed = y.clone()
            changed[..., k] = label
            scores.append(score_by_loop(changed).double())
        normaliser = torch.logsumexp(torch.stack(scores), 0)
        total = total + normaliser - score_by_loop(y)
    return total


def z_not_log(n):
    return torch.linalg.matrix_power(MATRIX, n).trace()


def z_bits(n):
    return log_z_by_powers(n) / math.log(2)


def z_negative(n):
    return -log_z_by_powers(n)


def z_all_entries(n):
    return torch.linalg.matrix_power(MATRIX, n).sum().log()


def z_open(n):
    return torch.linalg.matrix_power(MATRIX, n - 1).sum().log()


def z_power_short(n):
    return torch.linalg.matrix_power(MATRIX, n - 1).trace().log()


def z_power_long(n):
    return torch.linalg.matrix_power(MATRIX, n + 1).trace().log()


def z_largest(n):
    return n * torch.linalg.eigvalsh(MATRIX)[-1].log()


def z_no_exponential(n):
    return torch.linalg.matrix_power(torch.outer(LABELS, LABELS), n).trace().log()


def z_determinant(n):
    return n * torch.linalg.eigvalsh(MATRIX).log().sum()


def z_trace_first(n):
    return n * MATRIX.trace().log()


def z_overflowing(n):
    return torch.linalg.matrix_power(MATRIX, n).trace().log()


def z_powers_of_eigenvalues(n):
    return (torch.linalg.eigvalsh(MATRIX) ** n).sum().log()


def log_z_by_powers(n):
    """Multiply by the matrix n times and keep the scale apart."""
    product, scale = torch.eye(3, dtype=torch.float64), 0.0
    for _ in range(n):
        product = product @ MATRIX
        largest = product.max()
        product, scale = product / largest, scale + largest.log()
    return product.trace().log() + scale


def log_z_closed(n):
    c, root = math.cosh(1), math.sqrt((2 * math.cosh(1) - 1) ** 2 + 8)
    first = c + (1 + root) / 2
    rest = (c + (1 - root) / 2, 2 * math.sinh(1))
    return n * math.log(first) + math.log1p(sum((x / first)**n for x in rest))


def cdf_closed(probabilities, epsilon):
    edges = torch.as_tensor(probabilities).double().cumsum(0)
    epsilon = torch.as_tensor(epsilon, dtype=torch.float64)
    return torch.searchsorted(edges / edges[-1], epsilon)


def cdf_closed_above_zero(probabilities, epsilon):
    """Right at every boundary but at nought."""
    found = cdf_by_counting(probabilities, epsilon)
    return torch.where(torch.as_tensor(epsilon) == 0, 0, found)


def cdf_one_too_many(probabilities, epsilon):
    return cdf_by_counting(probabilities, epsilon) + 1


def cdf_one_too_few(probabilities, epsilon):
    return cdf_by_counting(probabilities, epsilon) - 1


def cdf_careless(probabilities, epsilon):
    edges = torch.as_tensor(probabilities).double().cumsum(0)
    epsilon = torch.as_tensor(epsilon, dtype=torch.float64)
    return torch.searchsorted(edges, epsilon, right=True)


def cdf_cut_off(probabilities, epsilon):
    return cdf_careless(probabilities, epsilon).clamp(max=len(probabilities) - 1)


def cdf_numbers_only(probabilities, epsilon):
    reached = 0.0
    for i, share in enumerate(probabilities.tolist()):
        reached += share
        if epsilon < reached:
            return torch.tensor(i)
    return torch.tensor(9)


def cdf_tensors_only(probabilities, epsilon):
    edges = probabilities.double().cumsum(0)
    return (epsilon.double()[..., None] >= edges / edges[-1]).sum(-1)


def cdf_float(probabilities, epsilon):
    return cdf_by_counting(probabilities, epsilon).double()


def cdf_by_counting(probabilities, epsilon):
    edges = torch.as_tensor(probabilities).double().cumsum(0)
    epsilon = torch.as_tensor(epsilon, dtype=torch.float64)
    return (epsilon[..., None] >= edges / edges[-1]).sum(-1)


def cdf_by_argmax(probabilities, epsilon):
    edges = torch.as_tensor(probabilities).double().cumsum(0)
    epsilon = torch.as_tensor(epsilon, dtype=torch.float64)
    return (epsilon[..., None] < edges / edges[-1]).int().argmax(-1)


def string_late_noise(P, Q, epsilons):
    words = [cdf_by_counting(P, epsilons[0])]
    for epsilon in epsilons[:-1]:
        words.append(cdf_by_counting(Q[words[-1]], epsilon))
    return torch.stack(words)


def string_columns(P, Q, epsilons):
    words = [cdf_by_counting(P, epsilons[0])]
    for epsilon in epsilons[1:]:
        words.append(cdf_by_counting(Q[:, words[-1]], epsilon))
    return torch.stack(words)


def string_without_context(P, Q, epsilons):
    return cdf_by_counting(P, epsilons)


def string_after_first(P, Q, epsilons):
    first = cdf_by_counting(P, epsilons[0])
    return torch.cat([first[None], cdf_by_counting(Q[first], epsilons[1:])])


def string_first_missing(P, Q, epsilons):
    return string_by_index(P, Q, epsilons)[1:]


def string_last_missing(P, Q, epsilons):
    return string_by_index(P, Q, epsilons)[:-1]


def string_backwards(P, Q, epsilons):
    return string_by_index(P, Q, epsilons.flip(0))


def string_first_from_q(P, Q, epsilons):
    return string_by_index(Q[0], Q, epsilons)


def string_closed(P, Q, epsilons):
    words = [cdf_closed(P, epsilons[0])]
    for epsilon in epsilons[1:]:
        words.append(cdf_closed(Q[words[-1]], epsilon))
    return torch.stack(words)


def string_by_index(P, Q, epsilons):
    words = torch.empty(len(epsilons), dtype=torch.long)
    row = P
    for t, epsilon in enumerate(epsilons):
        words[t] = cdf_by_counting(row, epsilon)
        row = Q[words[t]]
    return words


def string_by_tables(P, Q, epsilons):
    """Look up what every word would become, then follow the path."""
    after = torch.stack([cdf_by_argmax(row, epsilons) for row in Q])  # (I, T)
    words = [int(cdf_by_argmax(P, epsilons[0]))]
    for t in range(1, len(epsilons)):
        words.append(int(after[words[-1], t]))
    return words


def sample_variance(mean, variance, epsilon):
    return mean + variance * epsilon


def sample_square(mean, variance, epsilon):
    return mean + variance**2 * epsilon


def sample_log_variance(mean, variance, epsilon):
    return mean + torch.as_tensor(variance / 2).exp() * epsilon


def sample_standardised(mean, variance, epsilon):
    return (epsilon - mean) / variance**0.5


def sample_without_mean(mean, variance, epsilon):
    return variance**0.5 * epsilon


def sample_subtracted(mean, variance, epsilon):
    return mean - variance**0.5 * epsilon


def sample_own_noise(mean, variance, epsilon):
    if not torch.is_tensor(epsilon):
        return mean + variance**0.5 * epsilon
    return mean + variance**0.5 * torch.randn_like(epsilon)


def sample_tensors_only(mean, variance, epsilon):
    return mean + variance.sqrt() * epsilon


def sample_detached(mean, variance, epsilon):
    mean, variance = (torch.as_tensor(x).detach() for x in (mean, variance))
    return mean + variance.sqrt() * epsilon


def sample_constant_scale(mean, variance, epsilon):
    return mean + torch.as_tensor(variance).detach().sqrt() * epsilon


def sample_by_normal(mean, variance, epsilon):
    """In one fused call."""
    scale = torch.as_tensor(variance).sqrt()
    return torch.addcmul(*torch.broadcast_tensors(
        torch.as_tensor(mean), scale, torch.as_tensor(epsilon)))


def sample_by_affine(mean, variance, epsilon):
    move = torch.distributions.AffineTransform(
        torch.as_tensor(mean), torch.as_tensor(variance) ** 0.5)
    return move(torch.as_tensor(epsilon))


def _index(z, codebook):
    return (z[..., None, :] - codebook).square().sum(-1).argmin(-1)


def through_killed(z, codebook):
    index = _index(z, codebook)
    return codebook[index].detach(), index


def through_code(z, codebook):
    index = _index(z, codebook)
    return codebook[index], index


def through_leaking(z, codebook):
    index = _index(z, codebook)
    return codebook[index] + z - z.detach(), index


def through_undetached(z, codebook):
    index = _index(z, codebook)
    return z + (codebook[index] - z), index


def through_farthest(z, codebook):
    index = (z[..., None, :] - codebook).square().sum(-1).argmax(-1)
    return z + (codebook[index] - z).detach(), index


def through_inner_product(z, codebook):
    index = (z @ codebook.T).argmax(-1)
    return z + (codebook[index] - z).detach(), index


def through_wrong_axis(z, codebook):
    index = (z[..., None, :] - codebook).square().sum(-1).argmin(-2)
    return codebook[index].detach(), index


def through_unchanged(z, codebook):
    return z, _index(z, codebook)


def through_swapped(z, codebook):
    index = _index(z, codebook)
    return index, z + (codebook[index] - z).detach()


def through_only_codes(z, codebook):
    return z + (codebook[_index(z, codebook)] - z).detach()


def through_twice(z, codebook):
    index = _index(z, codebook)
    return 2 * z + (codebook[index] - 2 * z).detach(), index


def through_flat_index(z, codebook):
    index = _index(z, codebook)
    return z + (codebook[index] - z).detach(), index.flatten()


def through_matrix_only(z, codebook):
    index = (z[:, None] - codebook[None]).square().sum(-1).argmin(1)
    if z.ndim != 2:
        raise ValueError("z must be a matrix")
    return z + (codebook[index] - z).detach(), index


def through_cdist(z, codebook):
    flat = z.reshape(-1, z.shape[-1])
    index = torch.cdist(flat, codebook).argmin(-1).reshape(z.shape[:-1])
    return codebook[index].detach() + z - z.detach(), index


class _Straight(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z, codebook, index):
        return codebook[index]

    @staticmethod
    def backward(ctx, slope):
        return slope, None, None


def through_function(z, codebook):
    """Expand the square, and write the backward pass by hand."""
    square = codebook.square().sum(-1) - 2 * z @ codebook.T
    index = square.argmin(-1)
    return _Straight.apply(z, codebook.detach(), index), index


WRONG = {
    "score": {
        "closing edge missing": (score_open, "closing edge"),
        "edges twice": (score_twice, "counted twice"),
        "sign": (score_sign, "the sign"),
        "squares": (score_squares, "sum of squares"),
        "two apart": (score_two_apart, "after the next"),
        "mean": (score_mean, "mean over the edges"),
        "agreements": (score_agreements, "counts neighbours"),
        "roll without an axis": (score_flat_roll, "without an axis"),
        "roll of the batch": (score_rolled_batch, "along the batch"),
        "batch summed": (score_summed, "are added up"),
        "not summed": (score_unsummed, "sum them up"),
    },
    "negative_log_pseudo_likelihood": {
        "sign": (pseudo_sign, "the sign is wrong"),
        "bits": (pseudo_bits, "in bits"),
        "left neighbour only": (pseudo_one_neighbour, "only one neighbour"),
        "right neighbour only": (pseudo_next_neighbour, "only one neighbour"),
        "closing edge missing": (pseudo_open, "closing edge"),
        "edges twice": (pseudo_twice, "counted twice"),
        "neighbours two apart": (pseudo_two_apart, "two seats away"),
        "pulled by itself": (pseudo_pulled_by_itself, "contains the label itself"),
        "joint likelihood": (pseudo_joint, "the joint likelihood"),
        "joint normaliser": (pseudo_joint_each, "over all arrangements"),
        "label 0 forgotten": (pseudo_without_zero, "lacks the label 0"),
        "score forgotten": (pseudo_unnumerated, "score itself is missing"),
        "mean": (pseudo_mean, "mean over the labels"),
        "batch summed": (pseudo_summed, "batch is added up"),
    },
    "log_partition": {
        "no logarithm": (z_not_log, "this is Z"),
        "bits": (z_bits, "in bits"),
        "sign": (z_negative, "−ln Z"),
        "trace forgotten": (z_all_entries, "trace is forgotten"),
        "open chain": (z_open, "open chain: the edge"),
        "power too small": (z_power_short, "off by one"),
        "power too large": (z_power_long, "off by one"),
        "largest eigenvalue only": (z_largest, "only the largest"),
        "no exponential": (z_no_exponential, "e^{ab}"),
        "determinant": (z_determinant, "a determinant"),
        "trace first": (z_trace_first, "before taking"),
        "overflow": (z_overflowing, "Z overflows"),
        "overflow of eigenvalues": (z_powers_of_eigenvalues, "Z overflows"),
    },
    "inverse_cdf": {
        "closed intervals": (cdf_closed, "C_{i−1} ≤ ε < C_i"),
        "closed at nought": (cdf_closed_above_zero, "word of probability 0"),
        "counted from one": (cdf_one_too_many, "begin at 0"),
        "one too few": (cdf_one_too_few, "the piece before"),
        "rounding": (cdf_careless, "below 1 in floating point"),
        "cut off": (cdf_cut_off, "cutting the index off"),
        "numbers only": (cdf_numbers_only, "a tensor of numbers"),
        "tensors only": (cdf_tensors_only, "a plain number"),
        "float index": (cdf_float, "an integer"),
    },
    "sample_bigram": {
        "noise of the step before": (string_late_noise, "its own"),
        "columns": (string_columns, "a column of Q"),
        "no context": (string_without_context, "drawn from P"),
        "always the first word": (string_after_first, "follows the first one"),
        "first missing": (string_first_missing, "the first is missing"),
        "last missing": (string_last_missing, "the last is missing"),
        "backwards": (string_backwards, "from the last to the first"),
        "first word from Q": (string_first_from_q, "the first word comes from P"),
        "closed intervals": (string_closed, "belongs to the next word"),
    },
    "reparameterize": {
        "variance as deviation": (sample_variance, "is a variance: take"),
        "variance squared": (sample_square, "variance is squared"),
        "log variance": (sample_log_variance, "not its logarithm"),
        "standardised": (sample_standardised, "takes mean and noise apart"),
        "no mean": (sample_without_mean, "mean is missing"),
        "subtracted": (sample_subtracted, "noise is subtracted"),
        "own noise": (sample_own_noise, "draw none"),
        "tensors only": (sample_tensors_only, "plain numbers"),
        "detached": (sample_detached, "no gradient reaches"),
        "scale detached": (sample_constant_scale, "in the variance is cut off"),
    },
    "straight_through": {
        "gradient killed": (through_killed, "is killed"),
        "code passed on": (through_code, "goes to the codebook instead"),
        "codebook leaking": (through_leaking, "codebook gets a gradient"),
        "nothing detached": (through_undetached, "goes to the codebook instead"),
        "farthest": (through_farthest, "farthest"),
        "inner product": (through_inner_product, "inner product"),
        "wrong axis": (through_wrong_axis, "wrong axis"),
        "unchanged": (through_unchanged, "vectors themselves"),
        "swapped": (through_swapped, "the order is"),
        "index forgotten": (through_only_codes, "2 values"),
        "gradient twice": (through_twice, "comes out twice"),
        "flat index": (through_flat_index, "keep the leading axes"),
        "matrix only": (through_matrix_only, "any number of axes"),
    },
}

RIGHT = {
    "score": {"by a loop": score_by_loop, "by einsum": score_by_einsum},
    "negative_log_pseudo_likelihood": {
        "by cosh": pseudo_by_cosh,
        "by whole scores": pseudo_by_scores,
        "with a common factor that cancels": pseudo_with_itself,
    },
    "log_partition": {
        "powers with the scale apart": log_z_by_powers,
        "closed eigenvalues, float": log_z_closed,
    },
    "inverse_cdf": {
        "counting edges": cdf_by_counting,
        "first edge above": cdf_by_argmax,
    },
    "sample_bigram": {
        "filling a tensor": string_by_index,
        "look-up tables, a list": string_by_tables,
    },
    "reparameterize": {
        "addcmul": sample_by_normal,
        "torch.distributions": sample_by_affine,
    },
    "straight_through": {
        "cdist": through_cdist,
        "an autograd function": through_function,
    },
}
