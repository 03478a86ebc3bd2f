"""Classification without a network: splits by label, logistic regression."""

import torch
import torch.nn.functional as F


def logistic(features, labels, decay, classes=3):
    """Fit softmax(W x + b) to features (N, D), float64, and labels (N,).

    Returns W (classes, D) and b (classes,). The mean loss in nats has
    decay · |W|² added to it and is convex; L-BFGS finds its minimum.
    """
    W = features.new_zeros(classes, features.shape[1]).requires_grad_()
    b = features.new_zeros(classes).requires_grad_()
    method = torch.optim.LBFGS([W, b], max_iter=200,
                               line_search_fn="strong_wolfe")

    def loss():
        method.zero_grad()
        value = F.cross_entropy(features @ W.T + b, labels)
        value = value + decay * W.square().sum()
        value.backward()
        return value

    method.step(loss)
    return W.detach(), b.detach()


def split_rows(labels, sizes, generator):
    """Return a tensor of rows for each part, drawn label by label.

    `labels` has shape (N,). Of each label, sizes[part][label] rows go to each
    part; all parts together take every row, or a ValueError is raised.
    """
    parts = [[] for _ in sizes]
    for label, counts in enumerate(zip(*sizes, strict=True)):
        rows = (labels == label).nonzero()[:, 0]
        if sum(counts) != len(rows):
            raise ValueError(f"label {label} has {len(rows)} rows, and the parts "
                             f"take {sum(counts)}")
        rows = rows[torch.randperm(len(rows), generator=generator)]
        for part, chosen in zip(parts, rows.split(counts), strict=True):
            part.append(chosen)
    return [torch.cat(part) for part in parts]
