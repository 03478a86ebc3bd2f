"""Checks of the exercises of the chapter on summarization."""

import math
from functools import cache

import torch
import torch.nn.functional as F

from helpers.exercises.checks import Case, Mistake, checks

ERRORS = (TypeError, ValueError, RuntimeError, AttributeError, LookupError,
          ArithmeticError, AssertionError)
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


@checks(
    equation="def-sum-rouge",
    hints=(
        "zip(tokens, tokens[1:]) gives pairs of neighbours; for any n, zip(*("
        "tokens[i:] for i in range(n))).",
        "Put the grams of each text into a Counter: a & b takes the smaller count "
        "of each, and .total() adds up.",
        "shared / max(1, size) is a share that is 0 for an empty text.",
    ),
)
def rouge_n(answer):
    text, reference = list("ababc"), list("aaab")
    order = Mistake("precision comes first: what is shared, over the prediction's "
                    "grams", (3 / 4, 3 / 5, 2 / 3))
    yield Case(
        "rouge_n(a b a b c, a a a b, 1), as lists of words",
        lambda: answer(text, reference, 1),
        (3 / 5, 3 / 4, 2 / 3),
        [
            order,
            Mistake("each kind of gram is counted once: a gram counts as often as "
                    "it occurs", (2 / 3, 1.0, 0.8)),
            Mistake("a gram is shared as often as it occurs in both, the smaller "
                    "count: b occurs once in the reference", (4 / 5, 1.0, 8 / 9)),
            Mistake("the last gram is missing: a text of m words has m − n + 1",
                    (2 / 4, 2 / 3, 4 / 7)),
            Mistake("F1 is the harmonic mean, not the arithmetic one",
                    (3 / 5, 3 / 4, 27 / 40)),
            Mistake("F1 lacks its factor 2", (3 / 5, 3 / 4, 1 / 3)),
            Mistake("three values are to be returned, precision, recall and F1",
                    2 / 3),
            Mistake("shares are wanted, not percent", (60.0, 75.0, 200 / 3)),
            Mistake("the grams are tuples in a Counter, which & intersects",
                    raises=ERRORS),
        ],
    )
    yield Case(
        "rouge_n(a b a b c, b a b a, 2)",
        lambda: answer(text, list("baba"), 2),
        (2 / 4, 2 / 3, 4 / 7),
        [
            Mistake("these are single words: for n = 2 count pairs of neighbours",
                    (4 / 5, 1.0, 8 / 9)),
            Mistake("the pairs do not overlap: every word but the last begins one",
                    (0.0, 0.0, 0.0)),
            Mistake("the last gram is missing: a text of m words has m − n + 1",
                    (2 / 3, 1.0, 0.8)),
            Mistake("the last gram is cut short: a text of m words has m − n + 1",
                    (2 / 5, 2 / 4, 4 / 9)),
            Mistake("a pair is ordered: b a is not a b", (3 / 4, 1.0, 6 / 7)),
        ],
    )
    yield Case("rouge_n(a, b, 1), which share nothing",
               lambda: answer(["a"], ["b"], 1), (0.0, 0.0, 0.0),
               [Mistake("F1 is 0 where nothing is shared: do not divide by 0",
                        raises=ZeroDivisionError),
                Mistake("NaN is no F1: 0 where nothing is shared",
                        (0.0, 0.0, math.nan))])
    empty = [Mistake("an empty text, or one shorter than n, has no grams: its "
                     "share is 0", raises=ZeroDivisionError),
             Mistake("of two empty texts, too, all is 0", (1.0, 1.0, 1.0)),
             Mistake("NaN is no share: 0 where nothing can be divided",
                     (math.nan, math.nan, math.nan)),
             Mistake("a text shorter than n has no grams", (1.0, 1 / 3, 1 / 2)),
             Mistake("a text shorter than n is no gram of its own, and what is "
                     "empty is not perfect", (1.0, 0.0, 0.0)),
             Mistake("NaN is no share: 0 where nothing can be divided",
                     (math.nan, 0.0, math.nan))]
    yield Case("rouge_n(a, a b c, 2)", lambda: answer(["a"], list("abc"), 2),
               (0.0, 0.0, 0.0), empty)
    yield Case("rouge_n of two empty texts, n = 2", lambda: answer([], [], 2),
               (0.0, 0.0, 0.0), empty)


@checks(
    equation="def-sum-attention",
    hints=(
        "scores = q @ k.transpose(-1, -2) / sqrt(D), of shape (B, H, T, S). What "
        "is hidden is a tensor of bools that fits this shape: "
        "key_padding_mask[:, None, None].",
        "The future is torch.ones(T, S, dtype=torch.bool).triu(1 + S - T). Set "
        "hidden scores to −inf, take the softmax in wide = torch.promote_types("
        "q.dtype, torch.float32) and set hidden weights to 0, which also turns a "
        "row of NaN into zeros.",
        "weights = scores.to(wide).masked_fill(hidden, -math.inf).softmax(-1)"
        ".masked_fill(hidden, 0); return (weights @ v.to(wide)).to(q.dtype)",
    ),
)
def scaled_dot_product_attention(answer):
    q, k, v = (_normal(2, 2, n, 4, seed=i) for i, n in enumerate((3, 5, 5)))
    crash = Mistake("the shapes do not fit: key_padding_mask (B, S) has to become "
                    "(B, 1, 1, S), and the triangle is (T, S)", raises=ERRORS)
    yield Case(
        "scaled_dot_product_attention(q, k, v), q (2, 2, 3, 4), k, v (2, 2, 5, 4)",
        lambda: answer(q, k, v),
        _attend(q, k, v),
        [
            Mistake("the scores are not divided by √D", _attend(q, k, v, scale=1)),
            Mistake("the scores are divided by D: by √D",
                    _attend(q, k, v, scale=1 / 4)),
            Mistake("the softmax is over the queries: the keys are the last "
                    "dimension", _attend(q, k, v, over=-2)),
            Mistake("these are the weights: they mix the values, weights @ v",
                    _attend(q, k, torch.eye(5).expand(2, 2, 5, 5))),
            Mistake("keys and values have changed places", _attend(q, v, k)),
            Mistake("the keys are mixed: the weights mix the values",
                    _attend(q, k, k)),
            crash,
        ],
        **CLOSE,
    )
    padding = torch.tensor([[False] * 5, [False, False, True, True, True]])
    yield Case(
        "… with key_padding_mask, True for the last three keys of the second row",
        lambda: answer(q, k, v, padding),
        _attend(q, k, v, padding),
        [
            Mistake("the padding mask is ignored", _attend(q, k, v)),
            Mistake("the mask is turned round: True means padding, which is hidden",
                    _attend(q, k, v, ~padding).nan_to_num(0)),
            Mistake("the mask is turned round: True means padding, which is hidden",
                    _attend(q, k, v, ~padding, fill=-1e9)),
            Mistake("a hidden score of 0 is still a score: −inf",
                    _attend(q, k, v, padding, fill=0.0)),
            Mistake("the weights of hidden keys are set to 0 after a softmax over "
                    "all keys: the others do not add up to 1",
                    _attend(q, k, v, padding, fill=None)),
            crash,
        ],
        **CLOSE,
    )
    yield Case(
        "… with causal=True and as many queries as keys",
        lambda: answer(k, k, v, causal=True),
        _attend(k, k, v, causal=0),
        [
            Mistake("causal is ignored", _attend(k, k, v)),
            *[Mistake("the wrong triangle is hidden: keys behind the query are the "
                      "future", wrong) for wrong in (
                          _attend(k, k, v, flipped=0), _attend(k, k, v, flipped=1),
                          _attend(k, k, v, flipped=1).nan_to_num(0),
                          _attend(k, k, v, flipped=1, fill=-1e9))],
            Mistake("a query may see its own position",
                    _attend(k, k, v, causal=-1)),
            Mistake("a query may see its own position",
                    _attend(k, k, v, causal=-1).nan_to_num(0)),
            Mistake("a query may see its own position",
                    _attend(k, k, v, causal=-1, fill=-1e9)),
            crash,
        ],
        **CLOSE,
    )
    yield Case(
        "… with causal=True, three queries and five keys",
        lambda: answer(q, k, v, causal=True),
        _attend(q, k, v, causal=2),
        [
            Mistake("the triangle begins at the first key: the queries are the "
                    "last positions, and query i may see keys up to i + S − T",
                    _attend(q, k, v, causal=0)),
            Mistake("one key too many is seen: up to i + S − T",
                    _attend(q, k, v, causal=3)),
            Mistake("causal is ignored where T and S differ", _attend(q, k, v)),
            crash,
        ],
        **CLOSE,
    )
    empty = torch.tensor([[False] * 5, [True] * 5])
    yield Case(
        "… of a row that is all padding",
        lambda: answer(q, k, v, empty)[1],
        torch.zeros(2, 3, 4),
        [
            Mistake("a softmax over nothing is NaN: a query that may see nothing "
                    "gets zeros", torch.full((2, 3, 4), math.nan)),
            Mistake("a query that may see nothing gets zeros, not the mean of what "
                    "is hidden", v[1].mean(-2, keepdim=True).expand(2, 3, 4)),
            crash,
        ],
        **CLOSE,
    )
    yield Case(
        "… and its gradient, of a row that is all padding: any NaN in it?",
        lambda: bool(_slope(answer, q, k, v, empty).isnan().any()),
        False,
        [Mistake("the result is right and its gradient NaN: a NaN that is covered "
                 "later still comes back. Hide scores with masked_fill, which keeps "
                 "it out, not by adding −inf", True),
         Mistake("no gradient gets through", raises=ERRORS)],
    )
    many, one = torch.zeros(1, 1, 196_608, 1).half(), torch.zeros(1, 1, 1, 1).half()
    yield Case(
        "… in half precision: the mean of 196,608 ones",
        lambda: answer(one, many, many + 1).double(),
        torch.ones(1, 1, 1, 1),
        [
            Mistake("the softmax is done in half precision, or its weights are made "
                    "half before they mix: single, up to the sum",
                    (one @ many.mT).softmax(-1) @ (many + 1)),
            Mistake("the softmax is done in half precision, or its weights are made "
                    "half before they mix: single, up to the sum",
                    ((one @ many.mT).softmax(-1).float() @ (many + 1).float())),
            Mistake("half and single precision meet: .float() on the values, too",
                    raises=RuntimeError),
        ],
        rtol=1e-3,
    )
    yield Case(
        "the type of the result for half, single and double precision",
        lambda: ", ".join(str(answer(q.to(kind), k.to(kind), v.to(kind)).dtype)[6:]
                          for kind in (torch.half, torch.float, torch.double)),
        "float16, float32, float64",
        [
            Mistake("the result has the type of the inputs: .to(q.dtype)",
                    "float32, float32, float32"),
            Mistake("the result has the type of the inputs: .to(q.dtype)",
                    "float32, float32, float64"),
            Mistake("half and single precision meet: .float() on the values, too",
                    raises=RuntimeError),
        ],
    )
    wide = [x.double() for x in (q, k, v)]
    yield Case(
        "… in double precision: are ten digits right?",
        lambda: bool((answer(*wide) - _attend(*wide)).abs().max() < 1e-10),
        True,
        [Mistake("double precision stays double, single is the least: "
                 "torch.promote_types(q.dtype, torch.float32)", False)],
    )


@checks(
    equation="def-sum-heads",
    hints=(
        "The queries come from x, keys and values from memory, each through its "
        "own linear map and then through self.split.",
        "scaled_dot_product_attention gives (B, H, T, D / H). Put the heads behind "
        "the positions again, transpose(1, 2), before you join them.",
        "return self.out(mixed.transpose(1, 2).flatten(2))",
    ),
)
def MultiheadAttention(answer):  # noqa: N802, the name of the exercise
    weights = _weights(_linears({name: (4, 4) for name in ("q", "k", "v", "out")}))
    x, memory = _normal(2, 3, 4, seed=1), _normal(2, 5, 4, seed=2)
    padding = torch.tensor([[False] * 5, [False, False, True, True, True]])

    def ask(*given, **named):
        return _filled(answer, (4, 2), weights)(*given, **named)

    crash = Mistake("the shapes do not fit: heads are made by self.split, and "
                    "joined by transpose(1, 2) and flatten(2)", raises=ERRORS)
    yield Case(
        "MultiheadAttention(4, 2)(x, memory), x (2, 3, 4), memory (2, 5, 4)",
        lambda: ask(x, memory),
        _heads(weights, x, memory),
        [
            Mistake("the last linear map, out, is missing",
                    _heads(weights, x, memory, out=False)),
            Mistake("there is one head here: split queries, keys and values",
                    _heads(weights, x, memory, heads=1)),
            Mistake("the heads are joined before they stand behind the positions: "
                    "transpose(1, 2) first",
                    _heads(weights, x, memory, join=lambda m: m.reshape(2, 3, 4))),
            Mistake("keys and values come from memory, not from x",
                    _heads(weights, x, x)),
            Mistake("keys and values have changed places",
                    _heads(weights, x, memory, names=("q", "v", "k"))),
            Mistake("the queries come from x, keys and values from memory",
                    _heads(weights, memory, x)),
            crash,
        ],
        **CLOSE,
    )
    yield Case(
        "MultiheadAttention(4, 2)(x, memory, padding_mask)",
        lambda: ask(x, memory, padding),
        _heads(weights, x, memory, padding),
        [Mistake("the padding mask is not handed on", _heads(weights, x, memory)),
         crash],
        **CLOSE,
    )
    yield Case(
        "MultiheadAttention(4, 2)(x, x, causal=True)",
        lambda: ask(x, x, causal=True),
        _heads(weights, x, x, causal=0),
        [Mistake("causal is not handed on", _heads(weights, x, x)), crash],
        **CLOSE,
    )


@checks(
    equation="def-sum-layer",
    hints=(
        "m is x alone, or torch.cat([past_kv, x], 1). The queries are x, keys and "
        "values come from m.",
        "Each part: x = norm(x + self.dropout(part)). A decoder has three parts "
        "and an encoder two, so the last norm is self.norms[-1].",
        "return x, m if use_cache else None. Note that m is what came in, not "
        "what goes out.",
    ),
)
def TransformerLayer(answer):  # noqa: N802, the name of the exercise
    x, e, past = (_normal(2, n, 4, seed=n) for n in (3, 5, 2))
    hidden = torch.tensor([[False] * 5, [False, True, True, True, True]])
    mask = torch.tensor([[False] * 3, [False, False, True]])
    crash = Mistake("the shapes do not fit, or a name is misspelled: __init__ stays "
                    "as it is given", raises=ERRORS)

    def call(decoder, *given, p=0.0, train=False):
        made = _filled(answer, (decoder, 4, 2, 6, p), _layer_weights(decoder))
        return made.train(train)(*_copied(given))

    for decoder, name in ((False, "an encoder"), (True, "a decoder")):
        given = (x, mask, None, None) if not decoder else (x, None, e, hidden)
        yield Case(
            f"the output of {name}'s layer, TransformerLayer({decoder}, 4, 2, 6, 0)",
            lambda given=given, decoder=decoder: call(decoder, *given)[0],
            _layer(decoder, *given),
            [
                *([Mistake("the encoder's padding mask is not handed on",
                           _layer(True, x, None, e)),
                   Mistake("a decoder's attention to itself is causal",
                           _layer(True, x, None, e, hidden, causal=False)),
                   Mistake("the attention to the encoder's output is missing",
                           _layer(True, x, None, e, hidden, cross=False))]
                  if decoder else
                  [Mistake("the padding mask is not handed on", _layer(False, x)),
                   Mistake("an encoder sees the whole text: causal is for decoders",
                           _layer(False, x, mask, causal=True))]),
                *[Mistake("a residual is missing: norm(x + part)",
                          _layer(decoder, *given, bare=bare))
                  for bare in ((0, 1, 2), (0,), (1,), (2,))],
                Mistake("the input is normalised, not the sum: norm(x + part)",
                        _layer(decoder, *given, pre=True)),
                *[Mistake("the norms have changed places: norms[0] follows the "
                          "first part, the last one the last",
                          _layer(decoder, *given, order=order))
                  for order in ((-1, 1, 0), (0, 1, 1), (0, 0, 0), (0, 0, -1))],
                Mistake("the output and the cache are both returned: a pair",
                        _layer(decoder, *given)[0]),
                crash,
            ],
            **CLOSE,
        )
    yield Case(
        "the output of a decoder's layer with a past of two positions",
        lambda: call(True, x, None, e, hidden, True, past)[0],
        _layer(True, x, None, e, hidden, past=past),
        [
            Mistake("the past is ignored: keys and values come from past and x",
                    _layer(True, x, None, e, hidden)),
            Mistake("the past stands behind the new positions: it comes first",
                    _layer(True, x, None, e, hidden, past=past, behind=True)),
            Mistake("the new positions alone go on: the queries are x",
                    _layer(True, torch.cat([past, x], 1), None, e, hidden)),
            Mistake("with a past the new positions still may not see each other's "
                    "future", _layer(True, x, None, e, hidden, past=past,
                                     causal=False)),
            crash,
        ],
        **CLOSE,
    )
    yield Case(
        "the caches that come out: of a first call, with that past, and without "
        "use_cache",
        lambda: ", ".join(_described(call(True, x, None, e, hidden, use, given)[1])
                          for use, given in ((True, None), (True, past),
                                             (False, past))),
        "tensor (2, 3, 4), tensor (2, 5, 4), None",
        [
            Mistake("the new positions alone come out: past and new inputs are kept",
                    "tensor (2, 3, 4), tensor (2, 3, 4), None"),
            Mistake("without use_cache there is no cache: None",
                    "tensor (2, 3, 4), tensor (2, 5, 4), tensor (2, 5, 4)"),
            Mistake("with use_cache the cache comes out: m",
                    "None, None, None"),
            Mistake("a first call has no past, and yet a cache: x",
                    "None, tensor (2, 5, 4), None"),
            crash,
        ],
    )
    for old, name in ((None, "of a first call"), (past, "with that past")):
        kept = [x] if old is None else [old, x]
        own = _heads(_layer_weights(True), x, torch.cat(kept, 1),
                     causal=0 if old is None else 2, prefix="self_attn.")
        out = _layer(True, x, None, e, hidden, past=old)
        yield Case(
            f"the cache {name}",
            lambda old=old: call(True, x, None, e, hidden, True, old)[1],
            torch.cat(kept, 1),
            [
                Mistake("the cache holds the layer's inputs, not its outputs",
                        torch.cat([*kept[:-1], out], 1)),
                Mistake("the cache holds x as it came in, and x was changed in place "
                        "(+=)", torch.cat([*kept[:-1], x + own], 1)),
                Mistake("the past stands behind the new positions: it comes first",
                        torch.cat(kept[::-1], 1)),
                crash,
            ],
            **CLOSE,
        )
    for train, name in ((True, "in training mode"), (False, "in evaluation mode")):
        yield Case(
            f"the output of a decoder's layer whose dropout takes all, p_drop = 1, "
            f"{name}",
            lambda train=train: call(True, x, None, e, hidden, p=1.0,
                                     train=train)[0],
            _layer(True, x, None, e, hidden, share=(0,) * 3 if train else (1,) * 3),
            [
                Mistake("dropout is missing: norm(x + self.dropout(part))",
                        _layer(True, x, None, e, hidden)),
                Mistake("dropout acts on the part that is added, not on the sum",
                        _layer_weights(True)["norms.2.bias"].expand(2, 3, 4)),
                Mistake("dropout acts on every part",
                        _layer(True, x, None, e, hidden, share=(0, 0, 1))),
                Mistake("dropout acts on every part",
                        _layer(True, x, None, e, hidden, share=(0, 1, 1))),
                Mistake("dropout ends with the training: self.dropout(part)",
                        _layer(True, x, None, e, hidden, share=(0,) * 3)),
                crash,
            ],
            **CLOSE,
        )


@checks(
    equation="def-sum-positions",
    hints=(
        "The length of the past is past_kvs[0].shape[1], and 0 where there are no "
        "caches.",
        "Loop over the layers and their caches together; what a layer returns as "
        "x goes into the next.",
        "x, cache = layer(x, padding_mask, encoder_out, encoder_padding_mask, "
        "use_cache, past_kv); caches.append(cache)",
    ),
)
def TransformerStack(answer):  # noqa: N802, the name of the exercise
    x, e = _normal(2, 3, 4, seed=3), _normal(2, 5, 4, seed=4)
    hidden = torch.tensor([[False] * 5, [False, True, True, True, True]])
    past = [_normal(2, 6, 4, seed=5), _normal(2, 6, 4, seed=6)]
    weights = _stack_weights(2)
    crash = Mistake("the shapes do not fit, or a name is misspelled: __init__ and "
                    "place stay as they are given", raises=ERRORS)

    def call(*given, weights=weights, decoder=True):
        return _filled(answer, (decoder, 2, 4, 2, 6, 0.5, 10),
                       weights)(*_copied(given))

    yield Case(
        "the output of a decoder of two layers, without a past",
        lambda: call(x, None, e, hidden)[0],
        _stack(weights, x, e, hidden),
        [
            Mistake("the positions are missing: self.place(x, …)",
                    _stack(weights, x, e, hidden, place=False)),
            Mistake("the layers do not follow one another: each gets the last "
                    "one's output", _stack(weights, x, e, hidden, chain=False)),
            Mistake("one layer is applied: all of them are",
                    _stack(weights, x, e, hidden, layers=1)),
            Mistake("the encoder's padding mask is not handed on",
                    _stack(weights, x, e, None)),
            crash,
        ],
        **CLOSE,
    )
    mask = torch.tensor([[False] * 3, [False, False, True]])
    own = _stack_weights(2, decoder=False)
    yield Case(
        "the output of an encoder of two layers, with a padding mask",
        lambda: call(x, mask, weights=own, decoder=False)[0],
        _stack(own, x, padding=mask, decoder=False),
        [Mistake("the padding mask is not handed on",
                 _stack(own, x, decoder=False)), crash],
        **CLOSE,
    )
    yield Case(
        "the output with caches of six positions",
        lambda: call(x, None, e, hidden, True, past)[0],
        _stack(weights, x, e, hidden, past),
        [
            Mistake("the positions begin at 0 again: they go on behind the past",
                    _stack(weights, x, e, hidden, past, start=0)),
            Mistake("the length of the past is dimension 1 of a cache, not the "
                    "batch or the number of caches",
                    _stack(weights, x, e, hidden, past, start=2)),
            Mistake("the positions begin one too late, or one too early: a past "
                    "of i positions has 0 to i − 1",
                    _stack(weights, x, e, hidden, past, start=7)),
            Mistake("the positions begin one too late, or one too early: a past "
                    "of i positions has 0 to i − 1",
                    _stack(weights, x, e, hidden, past, start=5)),
            Mistake("all layers get the first one's cache: each has its own",
                    _stack(weights, x, e, hidden, past[:1] * 2)),
            Mistake("the caches do not reach the layers",
                    _stack(weights, x, e, hidden, start=6)),
            crash,
        ],
        **CLOSE,
    )
    yield Case(
        "the caches that come out, and what comes out without use_cache",
        lambda: ", ".join(_described(call(x, None, e, hidden, use, given)[1])
                          for use, given in ((True, past), (True, None),
                                             (False, None))),
        "list (2, 9, 4) (2, 9, 4), list (2, 3, 4) (2, 3, 4), None",
        [
            Mistake("without use_cache None takes the place of the list",
                    "list (2, 9, 4) (2, 9, 4), list (2, 3, 4) (2, 3, 4), list "
                    "None None"),
            Mistake("the last layer's cache alone comes out: a list of all",
                    "tensor (2, 9, 4), tensor (2, 3, 4), None"),
            Mistake("use_cache does not reach the layers",
                    "list None None, list None None, None"),
            Mistake("with use_cache the list of caches comes out, too",
                    "None, None, None"),
            crash,
        ],
    )

    def steps():
        caches, found = None, []
        for i in range(3):
            out, caches = call(x[:, i:i + 1], None, e, hidden, True, caches)
            found.append(out)
        return torch.cat(found, 1)

    yield Case(
        "the output, one position after another, with the caches of the last call",
        steps,
        _stack(weights, x, e, hidden),
        [Mistake("the caches come out in the layers' order",
                 _stack_by_exchanged_caches(weights, x, e, hidden)), crash],
        **CLOSE,
    )


@checks(
    equation="def-sum-transformer",
    hints=(
        "The table E is self.embedding.weight, (V, D): the logits of a state are "
        "its products with all rows.",
        "Move the labels one place to the right, y.roll(1, 1), and put EOS in "
        "first place. Where −100 stands, the decoder reads self.pad.",
        "e = self.encode(input_ids, padding_mask); states, _ = self.decode(y, e, "
        "padding_mask); return self.logits(states)",
    ),
)
def Transformer(answer):  # noqa: N802, the name of the exercise
    weights = _model_weights()
    ids = torch.tensor([[1, 4, 5, 3], [6, 3, 2, 2]])
    padding = ids == 2
    y = torch.tensor([[5, 6, 7, 3], [4, 3, -100, -100]])
    made = lambda: _filled(  # noqa: E731
        answer, (8, 4, 2, 6, 1, 0.5, 2, 3), weights)
    crash = Mistake("the shapes do not fit, or a name is misspelled: __init__, "
                    "encode and decode stay as they are given", raises=ERRORS)
    states = _normal(2, 3, 4, seed=8)
    table = weights["embedding.weight"]
    yield Case(
        "Transformer(8, 4, 2, 6, 1, 0.5, pad=2, eos=3).logits(states), states "
        "(2, 3, 4)",
        lambda: made().logits(states),
        states @ table.T,
        [
            Mistake("these are log-probabilities: logits, without a softmax",
                    (states @ table.T).log_softmax(-1)),
            Mistake("these are probabilities: logits, without a softmax",
                    (states @ table.T).softmax(-1)),
            Mistake("the logits are divided by √D: plain products",
                    states @ table.T / 2),
            crash,
        ],
        **CLOSE,
    )
    right, plain = torch.tensor([[3, 5, 6, 7], [3, 4, 3, 2]]), y.where(y >= 0, 2)
    begin = torch.arange(4) == 0

    def model(read, ids=ids, padding=padding, **second):
        return _model(weights, ids, padding, read, **second)

    yield Case(
        "Transformer(8, 4, 2, 6, 1, 0.5, pad=2, eos=3)(input_ids, padding_mask, "
        "labels)",
        lambda: made()(ids, padding, y.clone()),
        model(right),
        [
            Mistake("the decoder reads the labels themselves, and sees what it is "
                    "to predict: move them one place to the right", model(plain)),
            Mistake("the labels are moved to the left: to the right, behind EOS",
                    model(torch.cat([plain[:, 1:], right[:, :1]], 1))),
            Mistake("what fell off behind has come in again in front: first place "
                    "is for EOS", model(plain.roll(1, 1))),
            Mistake("EOS stands in front, not padding",
                    model(right.masked_fill(begin, 2))),
            Mistake("EOS is self.eos, whatever its number",
                    model(right.masked_fill(begin, 1))),
            Mistake("padding is self.pad, whatever its number",
                    model(right.where(right != 2, 0))),
            Mistake("the padding mask reaches the encoder and has to reach the "
                    "decoder, too", model(right, second=None)),
            Mistake("the padding mask does not reach the encoder",
                    model(right, padding=None, second=padding)),
            Mistake("there are as many positions as labels: the last label is "
                    "predicted, not read",
                    model(torch.cat([right[:, :1], plain], 1))),
            Mistake("no place is left for −100 in an embedding: self.pad there",
                    raises=IndexError),
            crash,
        ],
        **CLOSE,
    )
    yield Case(
        "the labels after the call",
        lambda: (mine := y.clone(), made()(ids, padding, mine))[0],
        y,
        [Mistake("the caller's labels were changed: work on a copy", changed)
         for changed in (right, plain)] + [crash],
    )


class Toy:
    """A model whose next logits depend on the document and all tokens so far.

    Its states are its logits, and its one cache holds the tokens so far.
    """

    pad, eos = 0, 1

    def __init__(self, spread=2.0, ending=0.0, seed=0):
        self.spread, self.ending, self.seed = spread, ending, seed

    def encode(self, input_ids, padding_mask):
        return (input_ids * ~padding_mask).sum(1)[:, None, None].double()

    def logits(self, states):
        return states

    def decode(self, tokens, encoder_out, encoder_padding_mask, use_cache=False,
               past_kvs=None):
        e, padding_mask = encoder_out, encoder_padding_mask
        new = tokens[..., None].double()
        text = new if past_kvs is None else torch.cat([past_kvs[0], new], 1)
        if not len(text) == len(e) == len(padding_mask):
            raise RuntimeError(
                f"there are {len(text)} rows of tokens, {len(e)} of the encoder's "
                f"output and {len(padding_mask)} of its mask")
        documents = (13 * e.flatten() + padding_mask.sum(1)).tolist()
        seeds = [int(one + sum((i + 2) * 31 * int(k) for i, k in enumerate(row)))
                 for one, row in zip(documents, text[..., 0].tolist(), strict=True)]
        logits = torch.stack([self._logits(number) for number in seeds])
        return logits[:, None], [text] if use_cache else None

    def _logits(self, number):
        logits = self.spread * _dice(number + 100_003 * self.seed)
        logits[self.eos] += self.ending
        return logits


@cache
def _dice(number):
    """Return five normal numbers that belong to a whole number."""
    return _normal(5, seed=number).double()


@checks(
    equation="def-sum-beam",
    hints=(
        "Repeat the encoder's output and its mask K times, repeat_interleave(K, "
        "0). Let the sums of log-probabilities be (B, K), 0 for the first beam "
        "and −inf for the others.",
        "Add the new log-probabilities, (B · K, V), and look at each document's "
        "K · V sums together: topk(2 * K). Place // V is the beam, place % V the "
        "token. Those of the first K that end are finished, and the best K that "
        "do not end go on.",
        "rows = b · K + beam tells for each survivor which row it goes on from: "
        "written = cat([written[rows], token], 1), and past = [cache[rows] for "
        "cache in past].",
    ),
)
def beam_search(answer):
    ids = torch.tensor([[2, 3, 4], [4, 2, 0]])
    padding = ids == 0
    crash = Mistake("the shapes do not fit: the model's batch has B · K rows, row b "
                    "K + i being beam i of document b", raises=ERRORS)

    def call(model, beams, longest, alpha, rows=slice(None)):
        return _texts(answer(model, ids[rows], padding[rows], beams, longest,
                             alpha))

    def right(model, beams, longest, alpha, rows=slice(None), **changes):
        return _texts(_search(model, ids[rows], padding[rows], beams, longest,
                              alpha, **changes))

    for model, beams, longest, alpha in SEARCHES:
        given = model, beams, longest, alpha
        yield Case(
            f"beam_search(toy, ids, mask, num_beams={beams}, max_length={longest}, "
            f"length_penalty={alpha:g}), two documents",
            lambda given=given: call(*given),
            right(*given),
            [
                *(Mistake(says, right(*given, **change))
                  for says, change in SEARCH_MISTAKES),
                Mistake("a document has no finished text: each has a search of its "
                        "own, and what is left at max_length counts",
                        raises=ValueError),
                crash,
            ],
        )
    given = Toy(1.0, -1.0), 3, 6, 1.0, slice(1, 2)
    yield Case(
        "beam_search of the second document alone",
        lambda: call(*given), right(*given), [crash],
    )
    given = Toy(1.0, -1.0), 40, 3, 1.0
    yield Case(
        "beam_search with 40 beams, more than there are texts",
        lambda: call(*given), right(*given),
        [crash],
    )


# chosen so that each mistake gives a text of its own at the first that shows it
SEARCHES = (
    (Toy(2.0, 0.0, 2), 4, 6, 1.0), (Toy(1.0, -1.0, 3), 4, 6, 2.0),
    (Toy(2.0, 0.5, 3), 4, 5, 2.0), (Toy(1.5), 4, 6, 0.0), (Toy(), 1, 5, 1.0),
    (Toy(1.0, -30.0), 2, 4, 1.0),
)
SEARCH_MISTAKES = (
    ("the EOS at the end belongs to the text", {"ending": False}),
    ("the EOS that begins is no part of the text", {"beginning": True}),
    ("the rows are those of the first document: row b K + beam", {"offset": False}),
    ("the documents alternate in the rows: those of one stand together, "
     "repeat_interleave(K, 0)", {"tiled": True}),
    ("the caches stay where they were: survivors go on from other rows' past, past "
     "= [cache[rows] for cache in past]", {"reorder": False}),
    ("the texts stay where they were: survivors go on from other rows' texts, "
     "written[rows]", {"texts": False}),
    ("one beam is searched, or all are alike: num_beams of them, of which one alone "
     "counts at the start", {"alike": True}),
    ("the log-probabilities do not add up over the steps", {"carry": False}),
    ("log-probabilities add up, not probabilities: log_softmax", {"log": False}),
    ("texts that have ended go on in the search: set them aside",
     {"retire": False}),
    ("of the best 2 K continuations only the first K may finish", {"wide": 2}),
    ("each document has a search of its own: the first with K finished texts ends "
     "that of all", {"until": any}),
    ("what is left at max_length counts as finished, too", {"left": False}),
    ("the length penalty is not applied: divide by the length to the power α",
     {"penalty": lambda n, ended, a: 1.0}),
    ("the score is multiplied by the length penalty: divide",
     {"penalty": lambda n, ended, a: n**-a}),
    ("the first finished text wins: compare all by their score",
     {"choose": lambda found: found[0]}),
    ("the worst text wins: the best has the largest score", {"choose": min}),
    ("|y| counts EOS, too", {"penalty": lambda n, ended, a: max(1, n - ended) ** a}),
    ("|y| counts EOS, too, but not the one that begins",
     {"penalty": lambda n, ended, a: (n + 1) ** a}),
)


def _texts(found):
    """Return lists of tokens as one text, which a message can show."""
    if found is None:
        return None
    return " | ".join(" ".join(str(int(k)) for k in text) for text in found)


def _search(model, ids, padding, beams, longest, alpha, *, ending=True,
            beginning=False, reorder=True, texts=True, offset=True, alike=False,
            tiled=False, carry=True, retire=True, log=True, left=True, wide=1,
            until=all, penalty=lambda n, ended, a: n**a, choose=max):
    """Search beam by beam, in plain Python, with one thing changed."""
    e = model.encode(ids, padding)
    # a beam: sum of log p, its text, and the text that its cache holds
    live = [[(0.0, [], [])] * (beams if alike else 1) for _ in ids]
    done = [[] for _ in ids]
    for n in range(1, longest + 1):
        before, live = live, []
        for b, slots in enumerate(before):
            more = []
            for i, (total, _, past) in enumerate(slots):
                read = torch.tensor([[model.eos, *past]])
                row = (b * beams + i) % len(ids) if tiled else b
                one = slice(row, row + 1)
                logits = model.decode(read, e[one], padding[one])[0][0, -1]
                values = logits.log_softmax(-1) if log else logits.softmax(-1)
                more += [(total * carry + value, i, k)
                         for k, value in enumerate(values.tolist())]
            more.sort(key=lambda one: (-one[0], one[1:]))
            source = before[b if offset else 0]
            found = [(total, source[i][1] + [k], source[i][2] + [k])
                     for total, i, k in more]
            ends = [k == model.eos for _, _, k in more]
            for (total, text, _), end in list(zip(found, ends, strict=True))[
                    :wide * beams]:
                if (end or n == longest and left) and len(done[b]) < beams:
                    score = total / penalty(n, end, alpha)
                    done[b].append((score, text[:-1] if end and not ending else text))
            kept = [one for one, end in zip(found, ends, strict=True)
                    if not (end and retire)][:beams]
            own = slots + slots[:1] * (beams - len(slots))
            live.append([
                (total, text if texts else mine[1] + text[-1:],
                 past if reorder else mine[2] + text[-1:])
                for (total, text, past), mine in zip(kept, own, strict=False)])
        if until(len(some) == beams for some in done):
            break
    return [[model.eos] * beginning + (choose(some)[1] if some else [])
            for some in done]


def _normal(*shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def _attend(q, k, v, padding=None, causal=None, *, scale=None, over=-1,
            fill=-math.inf, flipped=None):
    """Return attention, or what a mistake gives; keys up to i + causal seen.

    With `flipped`, those before i + flipped are hidden.
    """
    scores = torch.einsum("bhtd,bhsd->bhts", q, k)
    scores = scores * (scale or q.shape[-1] ** -0.5)
    T, S = scores.shape[-2:]
    hidden = torch.zeros(1, 1, T, S, dtype=torch.bool)
    if causal is not None:
        hidden = hidden | (torch.arange(S) > torch.arange(T)[:, None] + causal)
    if flipped is not None:
        hidden = hidden | (torch.arange(S) < torch.arange(T)[:, None] + flipped)
    if padding is not None:
        hidden = hidden | padding[:, None, None]
    if fill is None:
        weights = scores.softmax(over) * ~hidden
    else:
        weights = scores.masked_fill(hidden, fill).softmax(over)
    return torch.einsum("bhts,bhsd->bhtd", weights, v)


def _slope(answer, q, k, v, padding):
    q = q.clone().requires_grad_()
    answer(q, k, v, padding).square().sum().backward()
    return q.grad


def _linears(shapes):
    """Return the shapes of linear layers' parameters by their names."""
    return {f"{name}.{part}": shape if part == "weight" else shape[:1]
            for name, shape in shapes.items() for part in ("weight", "bias")}


def _weights(shapes, seed=1, spread=0.7):
    dice = torch.Generator().manual_seed(seed)
    return {name: spread * torch.randn(shape, generator=dice)
            for name, shape in shapes.items()}


def _copied(given):
    """Return arguments that an answer may write to."""
    return [x.clone() if isinstance(x, torch.Tensor) else
            [*x] if isinstance(x, list) else x for x in given]


def _filled(answer, sizes, weights):
    """Return an instance of a reader's class that has the weights given."""
    made = answer(*sizes)
    strangers = made.load_state_dict(weights, strict=False).unexpected_keys
    if strangers:
        raise AttributeError(f"there is no parameter {strangers[0]}")
    return made.eval()


def _affine(weights, name, x):
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def _heads(weights, x, memory, padding=None, causal=None, *, prefix="", heads=2,
           out=True, names=("q", "k", "v"), join=None):
    q, k, v = (_affine(weights, prefix + name, t).unflatten(-1, (heads, -1))
               .transpose(1, 2) for name, t in zip(names, (x, memory, memory),
                                                   strict=True))
    mixed = _attend(q, k, v, padding, causal)
    mixed = join(mixed) if join else mixed.transpose(1, 2).flatten(2)
    return _affine(weights, f"{prefix}out", mixed) if out else mixed


def _layer_shapes(decoder, prefix=""):
    attentions = ("self_attn", "cross_attn") if decoder else ("self_attn",)
    return {
        **_linears({f"{prefix}{kind}.{name}": (4, 4) for kind in attentions
                    for name in ("q", "k", "v", "out")}),
        **_linears({f"{prefix}ffn.0": (6, 4), f"{prefix}ffn.2": (4, 6)}),
        **_linears({f"{prefix}norms.{i}": (4,) for i in range(2 + decoder)}),
    }


def _layer_weights(decoder):
    return _weights(_layer_shapes(decoder))


def _layer(decoder, x, padding=None, e=None, hidden=None, *, past=None,
           weights=None, prefix="", causal=..., cross=True, bare=(), pre=False,
           order=(0, 1, -1), share=(1, 1, 1), behind=False):
    """Return a layer's output, or what a mistake gives.

    Parts in `bare` have no residual, `share` of each part is added, and norm
    order[i] follows part i.
    """
    given = weights or _layer_weights(decoder)
    parts = [x] if past is None else [x, past] if behind else [past, x]
    before = 0 if past is None else past.shape[1]
    causal = decoder if causal is ... else causal

    def norm(i, y):
        name = f"{prefix}norms.{order[i] % (2 + decoder)}"
        return F.layer_norm(y, (4,), given[f"{name}.weight"], given[f"{name}.bias"])

    def add(i, y, part):
        if pre:
            return y + part(norm(i, y))
        return norm(i, (i not in bare) * y + share[i] * part(y))

    x = add(0, x, lambda y: _heads(
        given, y, y if past is None else torch.cat(parts, 1), padding,
        before if causal else None, prefix=f"{prefix}self_attn."))
    if decoder and cross:
        x = add(1, x, lambda y: _heads(given, y, e, hidden,
                                       prefix=f"{prefix}cross_attn."))
    return add(2, x, lambda y: _affine(given, f"{prefix}ffn.2", _affine(
        given, f"{prefix}ffn.0", y).clamp(min=0)))


def _stack_weights(layers, prefix="", decoder=True, seed=1, positions=10):
    shapes = {f"{prefix}positions.weight": (positions, 4),
              **_linears({f"{prefix}norm": (4,)})}
    for i in range(layers):
        shapes |= _layer_shapes(decoder, f"{prefix}layers.{i}.")
    return _weights(shapes, seed)


def _stack(weights, x, e=None, hidden=None, past=None, *, prefix="", decoder=True,
           padding=None, start=None, place=True, chain=True, layers=None):
    start = (past[0].shape[1] if past else 0) if start is None else start
    if place:
        x = x + weights[f"{prefix}positions.weight"][start:start + x.shape[1]]
        x = F.layer_norm(x, (4,), weights[f"{prefix}norm.weight"],
                         weights[f"{prefix}norm.bias"])
    count = len({name.split("layers.")[1].split(".")[0] for name in weights
                 if name.startswith(f"{prefix}layers.")})
    first = x
    for i in range(layers or count):
        x = _layer(decoder, x if chain else first, padding, e, hidden,
                   past=past[i] if past else None, weights=weights,
                   prefix=f"{prefix}layers.{i}.")
    return x


def _stack_by_exchanged_caches(weights, x, e, hidden):
    """Return the output, step by step, of two layers that exchange their caches."""
    caches, found = [x[:, :0]] * 2, []
    for t in range(x.shape[1]):
        one = x[:, t:t + 1] + weights["positions.weight"][t]
        one = F.layer_norm(one, (4,), weights["norm.weight"], weights["norm.bias"])
        grown = []
        for i, past in enumerate(caches):
            grown.append(torch.cat([past, one], 1))
            one = _layer(True, one, None, e, hidden, past=past, weights=weights,
                         prefix=f"layers.{i}.")
        caches = grown[::-1]
        found.append(one)
    return torch.cat(found, 1)


def _model_weights():
    return {"embedding.weight": _normal(8, 4, seed=7),
            **_stack_weights(1, "encoder.", False, 2, 512),
            **_stack_weights(1, "decoder.", True, 3, 512)}


def _model(weights, ids, padding, tokens, second=...):
    table = weights["embedding.weight"]
    e = _stack(weights, table[ids], prefix="encoder.", decoder=False,
               padding=padding)
    states = _stack(weights, table[tokens], e,
                    padding if second is ... else second, prefix="decoder.")
    return states @ table.T


def _described(caches):
    """Return the kind and shapes of what a stack returns as its caches."""
    if caches is None:
        return "None"
    if isinstance(caches, torch.Tensor):
        return f"tensor {tuple(caches.shape)}"
    return "list " + " ".join("None" if cache is None else str(tuple(cache.shape))
                              for cache in caches)
