"""Pairs of a document and its summary, and what is measured of a summary."""

import random
import re
from functools import cache
from pathlib import Path

import torch

from helpers.assets import asset
from helpers.datasets import load_award_titles
from helpers.errors import CourseError
from helpers.weights.reading import quiet

HELD_OUT = 200  # pairs for validation, and as many for the test
SHORT = {"xsum": "EdinburghNLP/xsum"}
ROUGE = ("rouge1", "rouge2", "rougeL")


def load_summaries(data):
    """Return pairs as a datasets.DatasetDict: train, validation, test.

    Each has the columns document and summary. "awards" stands for abstracts
    and titles of research awards, shuffled with a fixed seed; anything else is
    the name of a set on the hub ("xsum" stands for the assignment's) or a
    folder in its format, with these columns and three splits of its own.
    Raises CourseError for a set that cannot be had or lacks any of these.
    """
    from datasets import Dataset, DatasetDict, load_dataset

    if data == "awards":
        pairs = load_award_titles(asset("award_titles"))
        random.Random(182).shuffle(pairs)
        return DatasetDict({
            "train": Dataset.from_list(pairs[2 * HELD_OUT:]),
            "validation": Dataset.from_list(pairs[:HELD_OUT]),
            "test": Dataset.from_list(pairs[HELD_OUT:2 * HELD_OUT]),
        })
    try:
        with quiet():
            pairs = load_dataset(SHORT.get(data, str(data)))
    except Exception as error:  # whatever a reader of files or the hub raises
        raise CourseError(
            f"data = {data!r} is neither \"awards\" nor a folder or a set of the "
            f"hub that could be read: {error}"
        ) from error
    for split in ("train", "validation", "test"):
        columns = pairs[split].column_names if split in pairs else []
        if not {"document", "summary"} <= set(columns):
            raise CourseError(
                f"{data!r} has no split {split!r} with the columns document and "
                "summary"
            )
    return pairs


def load_own_summaries(path, many):
    """Return a reader's summaries, one a line, for the first `many` documents.

    Without a path there are none. Raises CourseError for a path that leads to
    no text, or to too few lines.
    """
    if not path:
        return []
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, TypeError, UnicodeDecodeError) as error:
        raise CourseError(f"own_summaries is no file: {path} ({error})") from error
    if len(lines) < many:
        raise CourseError(f"{path} has {len(lines)} lines, and this profile "
                          f"compares {many} documents: one line for each")
    return lines[:many]


def first_sentence(text):
    """Return a text up to its first full stop, question or exclamation mark."""
    return re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0]


def rouge(predictions, references):
    """Return F1 in percent, (N, 3): ROUGE-1, ROUGE-2 and ROUGE-L, with stems."""
    scores = [_scorer().score(*pair)
              for pair in zip(references, predictions, strict=True)]
    return 100 * torch.tensor([[score[kind].fmeasure for kind in ROUGE]
                               for score in scores], dtype=torch.double)


def rouge_words(text):
    """Return the words of a text as ROUGE compares them: stems, lower case."""
    from rouge_score.tokenizers import DefaultTokenizer

    return DefaultTokenizer(use_stemmer=True).tokenize(text)


def names_kept(texts, references, documents):
    """Return how many names the references have, and how many the texts keep.

    A name is a capitalised word of a reference, not its first and not behind a
    full stop, that occurs in the document; it counts once for each document.
    """
    groups = [{word for word in re.findall(
        r"(?<=[\w,;:'’)–-] )[A-Z][\w’'-]+", reference) if _has(document, word)}
        for reference, document in zip(references, documents, strict=True)]
    kept = sum(_has(text, name) for text, group in zip(texts, groups, strict=True)
               for name in group)
    return sum(map(len, groups)), kept


def _has(text, word):
    """Tell whether a word stands in a text, not just as a part of another."""
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


@cache
def _scorer():
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(ROUGE, use_stemmer=True)
