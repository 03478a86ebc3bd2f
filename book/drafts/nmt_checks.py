"""Checks of the exercises of the chapter on neural machine translation."""

import torch
import torch.nn.functional as F
from torch import nn

from helpers.checks import Case, Mistake, checks

ERRORS = (TypeError, ValueError, RuntimeError, AttributeError, IndexError)
SOS, EOS, SIZE = 27, 28, 29


@checks(
    equation="def-nmt-rule",
    hints=(
        "Split at the hyphens, translate each part, join with hyphens again.",
        "Walk over a part up to the first of a e i o u y; after a q, step over "
        "its u as well. What you walked over is the head.",
        "head = 0; while head < len(part) and part[head] not in 'aeiouy': "
        "head += 2 if part.startswith('qu', head) else 1",
    ),
)
def pig_latin(answer):
    whole = Mistake("the word is treated as one: each part between hyphens is "
                    "translated on its own", "onditioning-aircay")
    for word, right, mistakes in (
        ("apple", "appleway", [
            Mistake("after a vowel it is way, not ay", "appleay"),
            Mistake("a word that begins with a vowel stays and gets way",
                    "pplea" + "ay")]),
        ("school", "oolschay", [
            Mistake("only the first letter moves: all letters before the first "
                    "vowel do", "choolsay"),
            Mistake("the ending of other words is ay", "oolschway"),
            Mistake("the head is dropped: it moves to the end", "oolay")]),
        ("question", "estionquay", [
            Mistake("qu moves as one", "uestionqay"),
            Mistake("a u after a q is no vowel here: qu moves as one", "uestionqay")]),
        ("square", "aresquay", [
            Mistake("qu moves as one after other letters, too", "uaresqay")]),
        ("rhythm", "ythmrhay", [
            Mistake("y ends the head: it stops like a vowel", "rhythmay"),
            Mistake("y ends the head: it stops like a vowel", "rhythmway")]),
        ("yellow", "yelloway", [
            Mistake("y ends the head even in first place", "ellowyay"),
            Mistake("only a e i o u earn way: a y in front gets ay", "yellowway")]),
        ("hmm", "hmmay", [
            Mistake("a part without a vowel keeps its letters and gets ay",
                    "hmmway"),
            Mistake("a part without a vowel keeps its letters and gets ay", "hmm"),
            Mistake("a part may have no vowel: do not walk past its end",
                    raises=ERRORS + (StopIteration,))]),
        ("air-conditioning", "airway-onditioningcay", [
            Mistake("the word is treated as one: each part between hyphens is "
                    "translated on its own", "air-conditioningway"),
            Mistake("the parts are joined with hyphens again",
                    "airwayonditioningcay"), whole]),
    ):
        yield Case(f"pig_latin({word!r})", lambda word=word: answer(word), right,
                   mistakes)


def _count(gates, equation):
    def cases(answer):
        for d, h in ((7, 11), (32, 32), (1, 5)):
            right = gates * (d * h + h * h)
            yield Case(f"{cases.__name__}({d}, {h})", lambda d=d, h=h: answer(d, h),
                       right, [
                Mistake("biases are left out here", right + gates * h),
                Mistake("biases are left out here", right + 2 * gates * h),
                Mistake("a GRU has three maps of each kind, an LSTM four",
                        (7 - gates) * (d * h + h * h)),
                Mistake("this is one map of each kind", d * h + h * h),
                Mistake("the weights from the state, h², are missing",
                        gates * d * h),
                Mistake("the weights from the input, d h, are missing",
                        gates * h * h),
                Mistake("the state has h² weights a gate, not h",
                        gates * (d * h + h)),
                Mistake("the maps go from d to h: d h weights, not d²",
                        gates * (d * d + h * h)),
            ])
    return cases


_HINTS = ("Each gate has one matrix for the input and one for the state.",
          "The input's has d h entries, the state's h².")
gru_parameters, lstm_parameters = _count(3, None), _count(4, None)
gru_parameters.__name__, lstm_parameters.__name__ = (
    "gru_parameters", "lstm_parameters")
gru_parameters = checks(equation="nmt-parameters", hints=(
    *_HINTS, "3 * (d * h + h * h)"))(gru_parameters)
lstm_parameters = checks(equation="nmt-parameters", hints=(
    *_HINTS, "4 * (d * h + h * h)"))(lstm_parameters)


@checks(
    equation="def-nmt-gru",
    hints=(
        "z and r are torch.sigmoid of a map of x plus a map of h.",
        "The candidate is tanh(Wih(x) + Whh(r * h)): r is inside Whh.",
        "return (1 - z) * h + z * g",
    ),
)
def GRUCell(answer):
    torch.manual_seed(1)
    x, h = torch.randn(3, 4), torch.randn(3, 5)
    cell = _built(answer, 4, 5)
    w = _weights(cell)
    def lin(name, v):
        return v @ w[f"{name}.weight"].T + w[f"{name}.bias"]
    z = torch.sigmoid(lin("Wiz", x) + lin("Whz", h))
    r = torch.sigmoid(lin("Wir", x) + lin("Whr", h))
    def new(r, inside):
        return torch.tanh(lin("Wih", x) + inside(r))
    inner, outer = lambda r: lin("Whh", r * h), lambda r: r * lin("Whh", h)
    g = new(r, inner)
    def mix(z, g):
        return (1 - z) * h + z * g
    right = mix(z, g)
    yield Case("GRUCell(4, 5)(x (3, 4), h (3, 5))", lambda: cell(x, h), right, [
        Mistake("z has changed sides: h' = (1 − z) h + z g", mix(1 - z, g)),
        Mistake("r stands behind W_hh: it multiplies h before W_hh is applied",
                mix(z, new(r, outer))),
        Mistake("this is torch's unit: r belongs inside W_hh, and z and 1 − z "
                "are exchanged", mix(1 - z, new(r, outer))),
        Mistake("the gate r is forgotten", mix(z, new(1.0, inner))),
        Mistake("r and z have changed places", mix(r, new(z, inner))),
        Mistake("the candidate has a sigmoid: it is tanh", mix(z, torch.sigmoid(
            lin("Wih", x) + lin("Whh", r * h)))),
        Mistake("the old state is lost: this is the candidate alone", g),
        Mistake("the candidate is added to the whole old state: (1 − z) h",
                h + z * g),
        Mistake("a gate is a sigmoid", raises=ERRORS),
    ])
    def closed():
        shut = _built(answer, 4, 5)
        nn.init.constant_(shut.Wiz.bias, -1e4)
        return shut(x, h)
    yield Case("the same with a gate z that is shut", closed, h, [
        Mistake("where z is 0 the state stays as it is: (1 − z) h")], atol=1e-6)
    def reached():
        unit = _built(answer, 4, 5)
        unit(x, h).sum().backward()
        return sum(p.grad is not None and bool(p.grad.any())
                   for p in unit.parameters())
    yield Case("how many of the 12 weights and biases get a gradient", reached, 12,
               [Mistake("the weights of r or of another map are not used", 10),
                Mistake("the weights of r or of another map are not used", 8)])


@checks(
    equation="def-nmt-additive",
    hints=(
        "Every key needs the query beside it: queries[:, None] has the shape "
        "(B, 1, H), and expand_as(keys) repeats it.",
        "self.score(torch.cat([q, keys], -1)) has the shape (B, S, 1).",
        "weights = scores.softmax(1); weights.transpose(1, 2) @ values",
    ),
)
def AdditiveAttention(answer):
    torch.manual_seed(2)
    q, k, v = torch.randn(2, 4), torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    layer = _built(answer, 4)
    net = layer.score
    def score(a, b):
        return net(torch.cat([a, b], -1)).detach()
    wide = q[:, None].expand_as(k)
    s = score(wide, k)
    def out(w, v=v):
        return (w.transpose(1, 2) @ v, w)
    yield Case("AdditiveAttention(4)(queries (2, 4), keys, values (2, 3, 4))",
               lambda: layer(q, k, v), out(s.softmax(1)), [
        Mistake("the softmax runs over the batch: over the keys, dimension 1",
                out(s.softmax(0))),
        Mistake("the softmax runs over a dimension of size 1, so all weights are "
                "1: over the keys, dimension 1", out(s.softmax(-1))),
        Mistake("the key stands before the query: the query comes first",
                out(score(k, wide).softmax(1))),
        Mistake("scores are no weights: a softmax is missing", out(s)),
        Mistake("the mixture is of keys: it is of values", out(s.softmax(1), k)),
        Mistake("context has the shape (B, 1, H)",
                (out(s.softmax(1))[0][:, 0], s.softmax(1))),
        Mistake("weights have the shape (B, S, 1)",
                (out(s.softmax(1))[0], s.softmax(1)[..., 0])),
        Mistake("context first, then weights", out(s.softmax(1))[::-1]),
        Mistake("shapes do not fit: repeat the query for every key, with "
                "queries[:, None].expand_as(keys)", raises=ERRORS),
    ])
    yield Case("the sums of the weights over the keys",
               lambda: layer(q, k, v)[1].sum(1), torch.ones(2, 1),
               [Mistake("weights of one query add up to 1")])
    yield Case("one key alone: the context is its value",
               lambda: layer(q, k[:, :1], v[:, :1])[0], v[:, :1],
               [Mistake("with a single key its weight is 1")])


@checks(
    equation="def-nmt-dot",
    hints=(
        "queries.reshape(B, -1, H) makes one query and many look alike.",
        "scores = K(keys) @ Q(queries)ᵀ / √H has keys in rows, (B, S, k).",
        "weights = scores.softmax(1); weights.transpose(1, 2) @ self.V(values)",
    ),
)
def ScaledDotAttention(answer):
    torch.manual_seed(3)
    q, k, v = torch.randn(2, 5, 4), torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    layer = _built(answer, 4)
    yield Case("ScaledDotAttention(4)(queries (2, 5, 4), keys, values (2, 3, 4))",
               lambda: layer(q, k, v), _dot(layer, q, k, v), _dot_mistakes(
                   layer, q, k, v))
    yield Case("the same with queries (2, 4)", lambda: layer(q[:, 0], k, v),
               _dot(layer, q[:, :1], k, v),
               [Mistake("a single query has two dimensions: reshape it to "
                        "(B, 1, H)", raises=ERRORS)])
    yield Case("the sums of the weights over the keys",
               lambda: layer(q, k, v)[1].sum(1), torch.ones(2, 5),
               [Mistake("weights of one query add up to 1")])


@checks(
    equation="nmt-causal",
    hints=(
        "The scores are those of ScaledDotAttention, (B, S, k), keys in rows.",
        "Key i is in the future of query j if i > j: below the diagonal, "
        "torch.ones(S, S).tril(-1).",
        "scores.masked_fill(future, -1e7).softmax(1)",
    ),
)
def CausalScaledDotAttention(answer):
    torch.manual_seed(4)
    x = torch.randn(2, 4, 6)
    layer = _built(answer, 6)
    below = torch.ones(4, 4).tril(-1).bool()
    def use(mask):
        return _dot(layer, x, x, x, lambda s: s.masked_fill(mask, -1e7))
    free = _dot(layer, x, x, x)
    after = free[1].masked_fill(below, 0.0)
    values = F.linear(x, layer.V.weight, layer.V.bias).detach()
    yield Case("CausalScaledDotAttention(6)(x, x, x), x (2, 4, 6)",
               lambda: layer(x, x, x), use(below), [
        Mistake("nothing is masked: a query sees the future", free),
        Mistake("the mask is on the wrong triangle: keys are rows, so the "
                "future, i > j, is below the diagonal", use(below.T)),
        Mistake("a query may see its own place: only the strict future is "
                "masked, tril(-1)", use(torch.ones(4, 4).tril().bool())),
        Mistake("weights were set to 0 after the softmax and no longer add up "
                "to 1: mask the scores", (after.transpose(1, 2) @ values, after)),
        Mistake("scores of the future were set to 0, and exp(0) is 1: a large "
                "negative number", _dot(layer, x, x, x,
                                        lambda s: s.masked_fill(below, 0.0))),
        Mistake("a whole column is masked by −∞ and gives nan: only the strict "
                "future, tril(-1)", raises=ERRORS),
        *_dot_mistakes(layer, x, x, x, lambda s: s.masked_fill(below, -1e7)),
    ])
    yield Case("the largest weight on the future",
               lambda: layer(x, x, x)[1][:, below].abs().max(), 0.0,
               [Mistake("weights on the future are exactly 0: −1e7 before the "
                        "softmax")], atol=0.0)
    yield Case("the first query's weights", lambda: layer(x, x, x)[1][0, :, 0],
               torch.tensor([1.0, 0, 0, 0]),
               [Mistake("the first query sees itself alone")])


@checks(
    equation="def-nmt-positions",
    hints=(
        "One angle for each position and each pair of columns: (length, width/2).",
        "omega = 10_000 ** (-torch.arange(0, width, 2) / width)",
        "torch.stack([angle.sin(), angle.cos()], -1).flatten(1)",
    ),
)
def positional_encoding(answer):
    t = torch.arange(6)[:, None].float()
    even = torch.arange(0, 8, 2)
    def angle(e, base=10000.0, t=t):
        return t * base ** -e
    def weave(a):
        return torch.stack([a.sin(), a.cos()], -1).flatten(1)
    right = weave(angle(even / 8))
    a = angle(even / 8)
    yield Case("positional_encoding(6, 8)", lambda: answer(6, 8), right, [
        Mistake("sines and cosines stand in two halves: they alternate",
                torch.cat([a.sin(), a.cos()], 1)),
        Mistake("sine and cosine have changed places: even columns are sines",
                torch.stack([a.cos(), a.sin()], -1).flatten(1)),
        Mistake("the exponent is 2i/width, with i the number of the pair",
                weave(angle(even / 16))),
        Mistake("the exponent counts 2i twice", weave(angle(even / 4))),
        Mistake("the base is 10,000", weave(angle(even / 8, 1000.0))),
        Mistake("the base is 10,000", weave(angle(even / 8, 100.0))),
        Mistake("positions count from 0", weave(angle(even / 8, t=t + 1))),
        Mistake("the frequencies grow: the exponent is negative",
                weave(angle(-even / 8))),
        Mistake("the table is transposed: (length, width)", right.T),
        Mistake("each column has a frequency of its own: a sine and a cosine "
                "share one", torch.where(torch.arange(8) % 2 == 0, angle(
                    torch.arange(8) / 8).sin(), angle(torch.arange(8) / 8).cos())),
    ])
    yield Case("the first row of positional_encoding(3, 4)",
               lambda: answer(3, 4)[0], torch.tensor([0.0, 1, 0, 1]),
               [Mistake("at position 0 all sines are 0 and all cosines 1")])
    yield Case("the length of each row of positional_encoding(50, 32)",
               lambda: answer(50, 32).square().sum(-1), torch.full((50,), 16.0),
               [Mistake("sin² + cos² of each pair is 1")])


@checks(
    equation="def-nmt-encoder",
    hints=(
        "x = embedding(tokens) + positions(length, width), once at the start.",
        "An attention returns context and weights: take [0].",
        "for each layer: x = x + attention(x, x, x)[0]; x = x + mlp(x)",
    ),
)
def TransformerEncoder(answer):
    torch.manual_seed(5)
    tokens = torch.tensor([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]])
    model = _built(answer, 12, 8, 3)
    P = model.positions(5, 8)

    def run(start=P, layers=3, own=True, net=True, each=None, first="attention"):
        x = model.embedding(tokens).detach() + start
        pairs = list(zip(model.attention, model.mlp, strict=True))
        for attention, mlp in pairs[:layers]:
            def look(x, a=attention):
                return _dot(a, x, x, x)[0]
            if each is not None:
                x = x + each
            if first == "mlp":
                x = x + mlp(x).detach()
            x = look(x) + (x if own else 0)
            if first != "mlp":
                x = mlp(x).detach() + (x if net else 0)
        return x

    yield Case("TransformerEncoder(12, 8, 3)(tokens (2, 5))",
               lambda: model(tokens), run(), [
        Mistake("the positions are missing", run(0.0)),
        Mistake("the attention is not added to its input", run(own=False)),
        Mistake("the map is not added to its input", run(net=False)),
        Mistake("neither part is added to its input", run(own=False, net=False)),
        Mistake("only one layer is used", run(layers=1)),
        Mistake("positions are added in every layer: once, at the start",
                run(0.0, each=P)),
        Mistake("the map comes before the attention", run(first="mlp")),
        Mistake("attention returns context and weights: take [0]", raises=ERRORS),
    ])
    yield Case("the shape for tokens (1, 7)",
               lambda: str(tuple(model(torch.zeros(1, 7).long()).shape)),
               "(1, 7, 8)", [Mistake("the positions are those of another length: "
                                     "tokens.shape[1]", raises=ERRORS)])
    yield Case("a row alone gives what it gives in a batch",
               lambda: model(tokens[1:]), run()[1:],
               [Mistake("rows of a batch must not mix")])


@checks(
    equation="def-nmt-decoder",
    hints=(
        "As in the encoder, with a second attention between the two parts.",
        "context, weights = attention(x, annotations, annotations): x asks, the "
        "annotations answer.",
        "Collect the weights in a list, and return self.out(x), that list.",
    ),
)
def TransformerDecoder(answer):
    torch.manual_seed(6)
    tokens, a = torch.tensor([[3, 1, 4, 1], [9, 2, 6, 5]]), torch.randn(2, 6, 8)
    model = _built(answer, 12, 8, 2)

    def run(mask=True, order="own", cross=None, residual=True, start=None):
        T = tokens.shape[1]
        x = model.embedding(tokens).detach() + (
            model.positions(T, 8) if start is None else start)
        future, maps = torch.ones(T, T).tril(-1).bool(), []
        hide = (lambda s: s.masked_fill(future, -1e7)) if mask else None
        for own, other, mlp in zip(model.self_attention, model.attention,
                                   model.mlp, strict=True):
            def keep(old):
                return old if residual else 0
            def back(x, own=own, keep=keep):
                return _dot(own, x, x, x, hide)[0] + keep(x)
            if order == "own":
                x = back(x)
            source = x if cross == "self" else a
            context, weights = _dot(other, x, source, source)
            x = context + keep(x)
            if order != "own":
                x = back(x)
            x = mlp(x).detach() + keep(x)
            maps.append(weights)
        return F.linear(x, model.out.weight, model.out.bias).detach(), maps

    logits, maps = run()
    yield Case("TransformerDecoder(12, 8, 2)(tokens (2, 4), annotations (2, 6, 8))",
               lambda: model(tokens, a), (logits, maps), [
        Mistake("the decoder looks at its own future: self_attention is causal",
                run(mask=False)),
        Mistake("the decoder looks at the source before itself: self_attention "
                "comes first", run(order="other")),
        Mistake("the second attention looks at the target: keys and values are "
                "the annotations", run(cross="self")),
        Mistake("the parts are not added to their inputs", run(residual=False)),
        Mistake("the positions are missing", run(start=0.0)),
        Mistake("logits are wanted, no softmax", (logits.softmax(-1), maps)),
        Mistake("these are log probabilities: logits are wanted",
                (logits.log_softmax(-1), maps)),
        Mistake("the weights of every layer are wanted, in a list",
                (logits, maps[-1])),
        Mistake("the weights of every layer are wanted, in a list",
                (logits, maps[-1:])),
        Mistake("logits alone: return the list of weights, too", logits),
        Mistake("something does not fit: attention(x, annotations, annotations) "
                "returns context and weights", raises=ERRORS),
    ])
    yield Case("the first logits when the last token changes",
               lambda: model(torch.tensor([[3, 1, 4, 7], [9, 2, 6, 0]]), a)[0][:, :3],
               logits[:, :3], [Mistake("a logit depends on a later token")])
    yield Case("the number of weights for 2 layers",
               lambda: len(model(tokens, a)[1]), 2,
               [Mistake("one weight tensor for each layer", 1)])


@checks(
    equation="def-nmt-greedy",
    hints=(
        "Begin with torch.full((batch_size,), SOS); each turn calls step with "
        "the last tokens and the last state.",
        "Remember which rows have ended, and give them EOS from then on.",
        "tokens = logits.argmax(-1).masked_fill(ended, EOS)",
    ),
)
def greedy_decode(answer):
    plan = torch.tensor([[5, 6, EOS, 9, 9], [7, EOS, 3, 4, 9], [1, 2, 3, EOS, 9]])
    right = torch.tensor([[5, 6, EOS, EOS], [7, EOS, EOS, EOS], [1, 2, 3, EOS]])
    seen = []

    def step(tokens, state):
        seen.append(tokens.tolist())
        logits = F.one_hot(plan[:, min(state, 4)], SIZE).float()
        return logits + 0.1 * torch.arange(SIZE) / SIZE, state + 1

    yield Case("greedy_decode with a step that knows three words",
               lambda: answer(step, 0, 3, 9), right, [
        Mistake("the state is not carried on: step returns the next one",
                plan[:, :1].expand(3, 9)),
        Mistake("SOS is part of the result: leave it out",
                torch.cat([torch.full((3, 1), SOS), right], 1)),
        Mistake("a row that has given EOS goes on with EOS", plan[:, :4]),
        Mistake("a row that has given EOS goes on with EOS, and all ends when "
                "every row has one", torch.cat([plan, plan[:, -1:].expand(3, 4)], 1)),
        Mistake("all ends when every row has its EOS, not only at max_length",
                torch.cat([right, torch.full((3, 5), EOS)], 1)),
        Mistake("all rows are cut when the first one ends", right[:, :2]),
        Mistake("the argmax runs over the batch: over the vocabulary, dim −1",
                raises=ERRORS),
    ])
    def fed():
        seen.clear()
        answer(step, 0, 3, 9)
        return str(seen[:2])
    yield Case("what step is given first and second", fed,
               str([[SOS] * 3, [5, 7, 1]]), [
        Mistake("it begins with EOS: with SOS", str([[EOS] * 3, [5, 7, 1]])),
        Mistake("SOS is fed again: the last tokens are", str([[SOS] * 3] * 2)),
    ])
    yield Case("greedy_decode(step, 0, 3, max_length=2)",
               lambda: answer(step, 0, 3, 2), right[:, :2],
               [Mistake("max_length is not kept", right),
                Mistake("max_length counts the characters written",
                        right[:, :1]), Mistake("max_length counts the characters "
                                               "written", right[:, :3])])
    yield Case("the type of the result", lambda: str(answer(step, 0, 3, 2).dtype),
               "torch.int64", [Mistake("a LongTensor is wanted", raises=ERRORS)])


def _built(answer, *sizes):
    torch.manual_seed(7)
    return answer(*sizes)


def _weights(module):
    return {name: p.detach() for name, p in module.named_parameters()}


def _dot(layer, q, k, v, change=None, scale=0.5, dim=1, project=True,
         exchange=False):
    """Return context and weights of dot-product attention from its weights."""
    maps = {n: F.linear(t, getattr(layer, n).weight, getattr(layer, n).bias).detach()
            for n, t in (("Q", k if exchange else q), ("K", q if exchange else k),
                         ("V", v))}
    if exchange:
        maps["Q"], maps["K"] = maps["K"], maps["Q"]
    scores = maps["K"] @ maps["Q"].transpose(1, 2) / k.shape[-1] ** scale
    weights = (scores if change is None else change(scores)).softmax(dim)
    values = maps["V"] if project else v
    return weights.transpose(1, 2) @ values, weights


def _dot_mistakes(layer, q, k, v, change=None):
    context, weights = _dot(layer, q, k, v, change)
    def vary(**options):
        return _dot(layer, q, k, v, change, **options)
    return [
        Mistake("the scale is missing: divide by the root of H", vary(scale=0)),
        Mistake("divided by H: by its root", vary(scale=1)),
        Mistake("multiplied by the root of H: divide", vary(scale=-0.5)),
        Mistake("the softmax runs over the queries: over the keys, dimension 1",
                vary(dim=2)),
        Mistake("the softmax runs over the batch: over the keys, dimension 1",
                vary(dim=0)),
        Mistake("the values have not passed their linear map V",
                vary(project=False)),
        Mistake("Q and K have changed places", vary(exchange=True)),
        Mistake("weights have keys in rows, (B, S, k)",
                (context, weights.transpose(1, 2))),
        Mistake("context first, then weights", (weights, context)),
        Mistake("shapes do not fit: scores are K(keys) @ Q(queries).transpose(1, "
                "2), of shape (B, S, k)", raises=ERRORS),
    ]
