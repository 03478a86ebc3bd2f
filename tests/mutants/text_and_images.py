"""Wrong answers to the exercises, each with its diagnosis, and right ways."""

import torch
import torch.nn.functional as F


def normal(dim=-1, p=2, power=1, floor=1e-12):
    return lambda x: x / (x.norm(p=p, dim=dim, keepdim=True) ** power).clamp(min=floor)


def loss(scale=torch.exp, rows=0.5, columns=0.5, reduction="mean"):
    def contrastive_loss(image_features, text_features, log_temperature):
        logits = image_features @ text_features.T * scale(log_temperature)
        right = torch.arange(len(logits))
        return (rows * F.cross_entropy(logits, right, reduction=reduction)
                + columns * F.cross_entropy(logits.T, right, reduction=reduction))

    return contrastive_loss


def loss_by_log_softmax(image_features, text_features, log_temperature):
    logits = torch.einsum("id,jd->ij", image_features, text_features)
    logits = logits * log_temperature.exp()
    both = logits.log_softmax(0).diagonal() + logits.log_softmax(1).diagonal()
    return -both.mean() / 2


def detached(image_features, text_features, log_temperature):
    return loss()(image_features, text_features, torch.tensor(log_temperature.item()))


def nearest(pick):
    return lambda query, features, k: pick(query @ features.T, min(k, len(features)))


def recall(share=lambda hits, k: hits.float().mean().item(), flip=False, sign=1,
           above=torch.gt, fewer=0):
    def recall_at_k(similarity, k):
        s = sign * (similarity.T if flip else similarity)
        return share(above(s, s.diag()[:, None]).sum(1) < k + fewer, k)

    return recall_at_k


def recall_by_topk(similarity, k):
    found = similarity.topk(k, dim=1).indices
    return float((found == torch.arange(len(found))[:, None]).any(1).double().mean())


WRONG = {
    "l2_normalize": {
        "columns": (normal(dim=0), "columns are normalised"),
        "whole": (lambda x: x / x.norm(), "whole matrix"),
        "absolute": (normal(p=1), "absolute values"),
        "squared": (normal(power=2), "root is missing"),
        "softmax": (lambda x: x.softmax(-1), "a softmax"),
        "second dimension": (normal(dim=1), "leading dimensions"),
        "no floor": (normal(floor=0), "zero vector"),
    },
    "contrastive_loss": {
        "rows": (loss(rows=1, columns=0), "only images choose"),
        "columns": (loss(rows=0, columns=1), "only texts choose"),
        "added": (loss(rows=1, columns=1), "directions are added"),
        "no exponential": (loss(scale=lambda t: t), "log_temperature itself"),
        "divided": (loss(scale=lambda t: (-t).exp()), "divided by exp"),
        "no temperature": (loss(scale=lambda t: 1), "plays no part"),
        "sum": (loss(reduction="sum"), "sum over pairs"),
        "sign": (loss(rows=-0.5, columns=-0.5), "sign is wrong"),
        "detached": (detached, "is a parameter"),
    },
    "retrieve": {
        "farthest": (nearest(lambda s, k: (-s).topk(k).indices), "farthest"),
        "backwards": (nearest(lambda s, k: s.topk(k).indices.flip(-1)),
                      "must come first"),
        "values": (nearest(lambda s, k: s.topk(k).values), "similarities are"),
        "all": (nearest(lambda s, k: s.argsort(-1, descending=True)), "all are"),
        "sorted": (nearest(lambda s, k: s.topk(k).indices.sort(-1).values),
                   "order of their positions"),
        "no bound": (lambda q, f, k: (q @ f.T).topk(k).indices, "fewer than k"),
    },
    "recall_at_k": {
        "count": (recall(lambda hits, k: hits.sum().item()), "number of hits"),
        "percent": (recall(lambda hits, k: 100 * hits.float().mean().item()),
                    "percentage"),
        "itself": (recall(above=torch.ge), "nothing counts as a hit"),
        "columns": (recall(flip=True), "columns are taken"),
        "over k": (recall(lambda hits, k: hits.float().mean().item() / k),
                   "divided by k"),
        "tensor": (recall(lambda hits, k: hits.float().mean()), "Python float"),
    },
    "zero_shot": {
        "best picture": (lambda u, c: (u @ c.T).argmax(0), "best picture"),
        "farthest": (lambda u, c: (u @ c.T).argmin(1), "farthest class"),
        "similarities": (lambda u, c: u @ c.T, "similarities are"),
        "largest": (lambda u, c: (u @ c.T).max(1).values, "largest similarity"),
        "softmax": (lambda u, c: (u @ c.T).softmax(1), "probabilities are"),
        "untransposed": (lambda u, c: (u @ c).argmax(1), "without transposing"),
        "squeezed": (lambda u, c: (u @ c.T).argmax(1).squeeze(), "shape (N,)"),
    },
}

RIGHT = {
    "l2_normalize": {"library": lambda x: F.normalize(x, dim=-1)},
    "contrastive_loss": {"log-softmax": loss_by_log_softmax, "weights": loss()},
    "retrieve": {"sorting": nearest(
        lambda s, k: s.argsort(-1, descending=True)[..., :k])},
    "recall_at_k": {"top-k": recall_by_topk},
    "zero_shot": {"distance": lambda u, c: torch.cdist(u, c).argmin(1)},
}
