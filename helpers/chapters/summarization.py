"""Documents with summaries, measures of a summary, and models that write one."""

import random
import re
from functools import cache
from pathlib import Path

import torch

from helpers.data.assets import asset
from helpers.data.texts import load_award_titles
from helpers.errors import CourseError
from helpers.models.loading import quiet
from helpers.notebook import progress

HELD_OUT = 200  # pairs for validation, and as many for the test
SHORT = {"xsum": "EdinburghNLP/xsum"}
ROUGE = ("rouge1", "rouge2", "rougeL")


def load_summaries(data):
    """Return pairs as a datasets.DatasetDict: train, validation, test.

    Each has the columns document and summary. "awards" stands for abstracts
    and titles of research awards, shuffled with a fixed seed; anything else is
    the name of a set on the hub ("xsum" stands for the assignment's) or a
    folder in its format, with these columns and three splits of its own.
    Raises CourseError for a set that cannot be loaded or lacks any of these.
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
    except Exception as error:  # readers of files and the hub raise many kinds
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

    A name is a capitalized word of a reference, not its first and not after a
    full stop, that occurs in the document; it counts once for each document.
    """
    groups = [{word for word in re.findall(
        r"(?<=[\w,;:'’)–-] )[A-Z][\w’'-]+", reference) if _has(document, word)}
        for reference, document in zip(references, documents, strict=True)]
    kept = sum(_has(text, name) for text, group in zip(texts, groups, strict=True)
               for name in group)
    return sum(map(len, groups)), kept


@torch.no_grad()
def write(model, tokenizer, documents, beams, longest, most=32):
    """Return the summaries that an encoder–decoder writes, and their tokens.

    Documents are truncated at `longest` tokens, summaries at `most`. Eight are
    written at a time by beam search with `beams` beams, without sampling, which
    stops as the chapter's own does: when as many hypotheses have ended as there
    are beams.
    """
    texts, tokens = [], []
    for first in progress(range(0, len(documents), 8), "writing"):
        batch = tokenizer(documents[first:first + 8], truncation=True,
                          max_length=longest, padding=True, return_tensors="pt")
        rows = model.eval().generate(
            **batch.to(model.device), num_beams=beams, do_sample=False,
            max_new_tokens=most, early_stopping=beams > 1)
        tokens += rows.tolist()
        texts += tokenizer.batch_decode(rows, skip_special_tokens=True)
    return texts, tokens


@torch.no_grad()
def answer(model, tokenizer, question, documents, words, most):
    """Return a chat model's answers to a question about each document.

    The prompt holds the first `words` words of the document. An answer has at
    most `most` tokens and is decoded greedily.
    """
    texts = []
    for document in progress(documents, "answering"):
        prompt = f"{question}\n\n{' '.join(document.split()[:words])}"
        given = tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}], add_generation_prompt=True,
            return_tensors="pt", return_dict=True).to(model.device)
        row = model.generate(**given, do_sample=False, max_new_tokens=most)[0]
        texts.append(tokenizer.decode(row[given["input_ids"].shape[1]:],
                                      skip_special_tokens=True).strip())
    return texts


def _has(text, word):
    """Tell whether a text contains a word, and not just as a part of another."""
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


@cache
def _scorer():
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(ROUGE, use_stemmer=True)
