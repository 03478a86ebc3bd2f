"""Four ways to write greedily and transformers' generate, timed in one run.

    python -m tests.benchmarks.benchmark_summarization

A batch of eight documents of 256 tokens, texts of 256 tokens, one core. The ways
take turns, round after round, so that a slow moment of the machine hits all alike;
a time is the median over the rounds, after a first one that does not count. Ours
must write the same tokens in all four, and the model is such that they differ from
row to row and change along a text. The rival for kept inputs is the assignment's
contract made quick: the keys and values of the document are kept, those of the text
are projected anew.
"""

import statistics
from time import perf_counter

import torch
from transformers import BartConfig, BartForConditionalGeneration

from solutions.summarization import Transformer, attend, greedy, project

BATCH, SOURCE, TARGET = 8, 256, 256
WORDS, WIDTH, HEADS, INNER, LAYERS = 500, 128, 4, 512, 2


def ours():
    """Return a model whose large weights make it write lively texts."""
    torch.manual_seed(0)
    model = Transformer(WORDS, WIDTH, HEADS, INNER, LAYERS, 0.0)
    for weight in model.parameters():
        if weight.ndim > 1:
            torch.nn.init.normal_(weight, std=0.25)
    return model.eval()


def theirs():
    """Return a BART of equal sizes."""
    torch.manual_seed(0)
    sizes = {f"{side}_{what}": number for side in ("encoder", "decoder")
             for what, number in (("layers", LAYERS), ("attention_heads", HEADS),
                                  ("ffn_dim", INNER))}
    return BartForConditionalGeneration(BartConfig(
        vocab_size=WORDS, d_model=WIDTH, max_position_embeddings=512,
        pad_token_id=0, bos_token_id=1, eos_token_id=1, decoder_start_token_id=1,
        forced_eos_token_id=None, **sizes)).eval()


@torch.no_grad()
def inputs_with_document(model, x, mask, length):
    """Write with kept inputs, and the document's keys and values kept too."""
    e = model.encode(x, mask)
    layers = model.decoder.layers
    cross = [project(layer.cross_attn, e) for layer in layers]
    past = [e[:, :0]] * LAYERS
    y = torch.full_like(x[:, :1], model.eos)
    for t in range(length):
        s = model.decoder.place(model.embedding(y[:, -1:]), t)
        for i, layer in enumerate(layers):
            past[i] = torch.cat([past[i], s], 1)
            s = layer.norms[0](s + layer.self_attn(s, past[i], None, True))
            s = layer.norms[1](s + attend(layer.cross_attn, s, *cross[i], mask))
            s = layer.norms[2](s + layer.ffn(s))
        y = torch.cat([y, model.logits(s).argmax(-1)], 1)
    return y[:, 1:]


def main(rounds=3):
    torch.set_num_threads(1)
    model, bart = ours(), theirs()
    x = torch.randint(2, WORDS, (BATCH, SOURCE))
    mask = torch.zeros_like(x, dtype=torch.bool)
    ways = {name: lambda name=name: greedy(model, x, mask, TARGET, name)
            for name in ("nothing", "document", "inputs", "keys and values")}
    ways["inputs, with the document's keys"] = lambda: inputs_with_document(
        model, x, mask, TARGET)
    ways["transformers"] = lambda: bart.generate(
        x, max_new_tokens=TARGET, min_new_tokens=TARGET, do_sample=False,
        num_beams=1)
    times, texts = {name: [] for name in ways}, {}
    for way in ways.values():
        way()
    for _ in range(rounds):
        for name, way in ways.items():
            begun = perf_counter()
            texts[name] = way()
            times[name].append(perf_counter() - begun)
    best = statistics.median(times["keys and values"])
    print("| kept | seconds | tokens a second | over keys and values |")
    print("|---|---:|---:|---:|")
    for name, found in times.items():
        seconds = statistics.median(found)
        print(f"| {name} | {seconds:.2f} | {BATCH * TARGET / seconds:.0f} "
              f"| {seconds / best:.2f} |")
    text = texts["keys and values"]
    same = {name: torch.equal(found, text) for name, found in texts.items()
            if name != "transformers"}
    print(f"tokens equal: {same}")
    print(f"different texts: {len(set(map(tuple, text.tolist())))} of {BATCH}, "
          f"different tokens in the first: {len(set(text[0].tolist()))}")


if __name__ == "__main__":
    main()
