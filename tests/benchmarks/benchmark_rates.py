"""How far the rate decides what chapter 11's main encoder reaches.

    python -m tests.benchmarks.benchmark_rates

The recipe of the chapter, three epochs, five seeds for each rate, judged on the
validation rows, all of them and those with "minus". The chapter chooses among
fewer rates with two seeds; this shows what the choice is worth. A rate takes about
a minute.
"""

import copy
import sys

import torch

from helpers import asset, load_encoder, shortened, split_rows
from solutions.bert_finetuning import (
    SentenceClassifier,
    fine_tune,
    predict,
    take,
    verbal_arithmetic,
)

RATES = (1e-4, 1.4e-4, 2e-4, 2.8e-4, 4e-4)
SIZES = (112, 16, 384), (28, 4, 96), (50, 1, 109)


def prepared():
    """Return the encoder, its inputs, the labels and the rows of the chapter."""
    texts, labels = zip(*sorted(verbal_arithmetic()), strict=True)
    labels = torch.tensor(labels)
    training, validation, _ = split_rows(
        labels, SIZES, torch.Generator().manual_seed(0))
    encoder, read = shortened(*load_encoder(asset("minilm_l6")), list(texts))
    minus = torch.tensor([" minus " in texts[i] for i in validation])
    return encoder, read(list(texts)), labels, training, validation, minus


def right(rate, seed, encoder, inputs, labels, training, validation, minus):
    """Return the share of right answers, of all rows and of those with minus."""
    torch.manual_seed(seed)
    model = SentenceClassifier(copy.deepcopy(encoder), 3)
    model, _ = fine_tune(model, take(inputs, training), labels[training], rate, 3,
                         seed)
    hits = (predict(model, take(inputs, validation)) == labels[validation]).double()
    return torch.stack([hits.mean(), hits[minus].mean()])


def main(rates):
    torch.set_num_threads(1)
    ready = prepared()
    print("| rate | validation | minus alone |\n|---:|---:|---:|")
    for rate in rates:
        found = torch.stack([right(rate, seed, *ready) for seed in range(5)])
        cells = [f"{mean:.3f} ± {spread / 5**0.5:.3f}" for mean, spread in zip(
            found.mean(0).tolist(), found.std(0).tolist(), strict=True)]
        print(f"| {rate:g} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main(list(map(float, sys.argv[1:])) or RATES)
