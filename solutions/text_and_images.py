"""Derived from book/chapters/text_and_images.md, whose solutions it holds."""

import itertools
import math
import re

import torch
import torch.nn.functional as F


def l2_normalize(x):
    """Return x (…, D) with each vector of the last dimension at length 1."""
    return x / x.norm(dim=-1, keepdim=True).clamp(min=1e-12)


def contrastive_loss(image_features, text_features, log_temperature):
    """Return the symmetric contrastive loss, a scalar tensor: def-ti-loss."""
    logits = image_features @ text_features.T * log_temperature.exp()
    right = torch.arange(len(logits))
    return (F.cross_entropy(logits, right)
            + F.cross_entropy(logits.T, right)) / 2


def info_nce(joint, scores, size):
    """Return L_B of `scores` and E[log m], by enumeration of all batches.

    `joint` (X, Y) holds p(x, y), and `scores` has the same shape.
    """
    px, py = joint.sum(1), joint.sum(0)
    ratio = joint / (px[:, None] * py)
    loss = log_m = 0.0
    for x, first in itertools.product(*map(range, joint.shape)):
        for others in itertools.product(range(len(py)), repeat=size - 1):
            captions = [first, *others]
            weight = joint[x, first] * py[list(others)].prod()
            loss -= weight * scores[x, captions].log_softmax(0)[0]
            log_m += weight * ratio[x, captions].mean().log()
    return loss, log_m


def kin(row):
    """Return the two keys of a row that the rest of its family shares."""
    aside = {"1F468", "1F469", "1F9D1", "200D", "FE0F", "2640", "2642",
             "27A1", "1F9B0", "1F9B1", "1F9B2", "1F9B3", "2194", "2195"}
    plain = set("""man woman men women person people boy girl adult with and
        face facing left right up down leftwards rightwards upwards downwards
        red orange yellow green blue purple brown black white pink grey light
        heavy large medium small""".split())
    code = [part for part in row["code"].split("-") if part not in aside]
    words = [word for word in re.findall(r"\w+", row["name"])
             if word not in plain]
    return ("code", *code), ("name", *words)


def small_copies(pictures, size=16):
    """Return pictures (N, H, W, 3) as vectors of size × size colours."""
    images = pictures.permute(0, 3, 1, 2).float()
    return F.interpolate(images, size=(size, size), mode="area").flatten(1)


def look_alike(vectors, threshold):
    """Return the pairs of rows (M, 2) whose correlation is above threshold."""
    vectors = F.normalize(vectors, dim=-1)
    return ((vectors @ vectors.T).triu(1) > threshold).nonzero()


def families(table, pictures, features, pixels=0.93, cosine=0.8):
    """Return the number of each row's family, a tensor (N,)."""
    parent, seen = list(range(len(table))), {}

    def root(i):
        while parent[i] != i:
            i = parent[i]
        return i

    for i, row in enumerate(table):
        for key in kin(row):
            parent[root(i)] = root(seen.setdefault(key, i))
    copies = small_copies(pictures)
    for pairs in (look_alike(copies - copies.mean(1, keepdim=True), pixels),
                  look_alike(features - features.mean(0), cosine)):
        for i, j in pairs.tolist():
            parent[root(i)] = root(j)
    return torch.tensor([root(i) for i in range(len(table))])


def split_families(family, sizes, generator, board=(), largest=30):
    """Return a part of about each of `sizes` positions, and then the rest.

    No family is in two parts. Those of the positions `board` are in the last
    part before the rest.
    """
    counts, room = family.bincount(), list(sizes)
    part = {number: len(sizes) - 1 for number in family[list(board)].tolist()}
    room[-1] -= int(sum(counts[number] for number in part))
    numbers = family.unique()
    order = torch.randperm(len(numbers), generator=generator)
    for number in numbers[order].tolist():
        size = int(counts[number])
        fits = [i for i in range(len(room)) if size <= min(largest, room[i])]
        if fits and number not in part:
            part[number] = fits[0]
            room[fits[0]] -= size
    place = torch.tensor([part.get(n, len(sizes)) for n in family.tolist()])
    return [(place == i).nonzero()[:, 0] for i in range(len(sizes) + 1)]


class Projection(torch.nn.Module):
    """A linear map from standardised features (N, D) to unit vectors."""

    def __init__(self, features, width, generator):
        super().__init__()
        self.mean, self.deviation = features.mean(0), features.std(0) + 1e-6
        size = features.shape[1]
        self.matrix = torch.nn.Parameter(torch.randn(
            size, width, generator=generator) / size**0.5)

    def forward(self, features, keep=None):
        """Return unit vectors (N, width); `keep` (N, D) is for dropout."""
        x = (features - self.mean) / self.deviation
        return l2_normalize((x if keep is None else x * keep) @ self.matrix)


def drop(features, share, generator):
    """Return factors (N, D): 0 for a `share` of them, the others of mean 1."""
    kept = torch.rand(features.shape, generator=generator) >= share
    return kept / (1 - share)


def train_projections(images, texts, generator, dropout=0.7, steps=300,
                      scale=14.0, rate=2e-3, width=256, batch=256):
    """Return two Projections, and t, trained on pairs of features."""
    t = torch.nn.Parameter(torch.tensor(scale).log())
    see, read = (Projection(x, width, generator) for x in (images, texts))
    optimiser = torch.optim.AdamW([see.matrix, read.matrix, t], rate,
                                  weight_decay=0.1)
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = rate * (1 - step / steps)
        rows = torch.randperm(len(images), generator=generator)[:batch]
        x, y = images[rows], texts[rows]
        loss = contrastive_loss(see(x, drop(x, dropout, generator)),
                                read(y, drop(y, dropout, generator)), t)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return see.requires_grad_(False), read.requires_grad_(False), t.item()


def retrieve(query, features, k):
    """Return positions (…, k) of the nearest features: def-ti-retrieve."""
    similarity = query @ features.T
    return similarity.topk(min(k, len(features))).indices


def recall_at_k(similarity, k):
    """Return the share of rows whose match is in the top k: def-ti-recall."""
    right = similarity.diag()[:, None]
    return ((similarity > right).sum(1) < k).float().mean().item()


def zero_shot(image_features, class_features):
    """Return the nearest class of each image, (N,): def-ti-zero-shot."""
    return (image_features @ class_features.T).argmax(1)
