"""What a chapter notebook imports.

A name is loaded from its module when it is first asked for, so that a
notebook depends on the helpers that it uses and on no others.
"""

from importlib import import_module

HOME = {
    "CourseError": "errors",
    "start": "session",
    "interactive": "session",
    "progress": "bars",
    "exercise": "exercises",
    "hint": "exercises",
    "solution": "exercises",
    "todo": "exercises",
    "verify": "equations",
    "record": "records",
    "results": "records",
    "asset": "assets",
    "load_causal_lm": "weights.causal_lm",
    "load_encoder": "weights.encoder",
    "load_seq2seq": "weights.seq2seq",
    "fresh": "weights.encoder",
    "shortened": "weights.encoder",
    "in_words": "number_words",
    "larger_expressions": "number_words",
    "order_text": "number_words",
    "logistic": "classification",
    "split_rows": "classification",
    "load_award_abstracts": "datasets",
    "load_award_titles": "datasets",
    "load_xsum_test": "datasets",
    "load_english_words": "datasets",
    "load_english_spanish": "datasets",
    "load_towers": "weights.towers",
    "load_emoji": "datasets",
    "load_mnist": "datasets",
    "load_movie_reviews": "datasets",
    "load_stamps": "datasets",
    "load_summaries": "summaries",
    "load_own_summaries": "summaries",
    "first_sentence": "summaries",
    "rouge": "summaries",
    "rouge_words": "summaries",
    "names_kept": "summaries",
    "write": "writing",
    "answer": "writing",
    "kept_sweep": "sweeps",
    "Vocabulary": "characters",
    "batches": "characters",
    "by_length": "characters",
    "decode": "characters",
    "encode": "characters",
    "fit": "characters",
    "split_phrases": "characters",
    "split_words": "characters",
    "word_kinds": "characters",
    "explore": "figures",
    "image_grid": "figures",
    "show": "figures",
}

__all__ = list(HOME)


def __getattr__(name):
    if name not in HOME:
        raise AttributeError(f"helpers has no {name!r}; it has {', '.join(HOME)}")
    return getattr(import_module(f"helpers.{HOME[name]}"), name)


def __dir__():
    return __all__
