"""What a chapter notebook imports.

A name is loaded from its module when it is first asked for, so that a
notebook depends on the helpers that it uses and on no others. For the same
reason torch, matplotlib and transformers, which are slow to import, are
imported inside functions wherever a module is useful without them.
"""

from importlib import import_module

HOME = {
    # the course: what a run is, and what it checks, records and shows
    "CourseError": "errors",
    "start": "run",
    "interactive": "notebook",
    "progress": "notebook",
    "show": "figures",
    "explore": "figures",
    "image_grid": "figures",
    "verify": "equations",
    "record": "records",
    "results": "records",
    "kept_sweep": "sweeps",
    "exercise": "exercises",
    "hint": "exercises",
    "solution": "exercises",
    "todo": "exercises",
    # data: fetched from package registries, and read
    "asset": "data.assets",
    "load_emoji": "data.images",
    "load_mnist": "data.images",
    "load_stamps": "data.images",
    "load_award_abstracts": "data.texts",
    "load_award_titles": "data.texts",
    "load_english_spanish": "data.texts",
    "load_english_words": "data.texts",
    "load_movie_reviews": "data.texts",
    "load_xsum_test": "data.texts",
    # models: pretrained, each from several formats
    "load_causal_lm": "models.causal_lm",
    "load_encoder": "models.encoder",
    "fresh": "models.encoder",
    "shortened": "models.encoder",
    "load_seq2seq": "models.seq2seq",
    "load_towers": "models.towers",
    # chapters: what a single one of them uses
    "Vocabulary": "chapters.nmt",
    "batches": "chapters.nmt",
    "by_length": "chapters.nmt",
    "decode": "chapters.nmt",
    "encode": "chapters.nmt",
    "fit": "chapters.nmt",
    "split_phrases": "chapters.nmt",
    "split_words": "chapters.nmt",
    "word_kinds": "chapters.nmt",
    "answer": "chapters.summarization",
    "first_sentence": "chapters.summarization",
    "load_own_summaries": "chapters.summarization",
    "load_summaries": "chapters.summarization",
    "names_kept": "chapters.summarization",
    "rouge": "chapters.summarization",
    "rouge_words": "chapters.summarization",
    "write": "chapters.summarization",
    "in_words": "chapters.bert_finetuning",
    "larger_expressions": "chapters.bert_finetuning",
    "logistic": "chapters.bert_finetuning",
    "order_text": "chapters.bert_finetuning",
    "split_rows": "chapters.bert_finetuning",
}

__all__ = list(HOME)


def __getattr__(name):
    if name not in HOME:
        raise AttributeError(f"helpers has no {name!r}; it has {', '.join(HOME)}")
    return getattr(import_module(f"helpers.{HOME[name]}"), name)


def __dir__():
    return __all__
