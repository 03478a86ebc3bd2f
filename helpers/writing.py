"""Let a pretrained model write: a T5 by beams, a chat model by a prompt."""

import torch

from helpers.bars import progress


@torch.no_grad()
def write(model, tokenizer, documents, beams, longest, most=32):
    """Return the texts that an encoder–decoder writes, and their tokens.

    Documents are cut at `longest` tokens, texts at `most`; eight are written
    at a time, by `beams` beams, without chance; as in our own search, a text
    is done when as many texts have ended as there are beams.
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

    Of a document it is given the first `words` words; an answer has at most
    `most` tokens and is the likeliest, token by token.
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
