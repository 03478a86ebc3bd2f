"""Checks of the exercises of the chapter on sampling from a language model."""

import math
from functools import cache

import numpy as np
import torch

from helpers.exercises.checks import Case, Mistake, checks

ERRORS = (TypeError, ValueError, RuntimeError, AttributeError, IndexError)
WORDS = 12  # of the tiny model
TEXT = (3, 1, 4, 1, 5, 9, 2, 6)


@checks(
    equation="def-ls-likelihood",
    hints=(
        "One call of the model scores all positions: model(input_ids).logits has "
        "shape (1, T, V). What does the row at position t predict?",
        "Row t predicts the token at t + 1. Drop the last row of the logits and "
        "the first token, and pick from each row the token that came.",
        "log_p = model(input_ids).logits[:, :-1].log_softmax(-1); then "
        "log_p.gather(-1, input_ids[:, 1:, None]).sum().item()",
    ),
)
def log_likelihood(answer):
    model, ids = tiny(), torch.tensor([TEXT])
    scores = _logits(ids)  # (T, V)
    log_p = scores - _logsumexp(scores)
    rows = np.arange(len(TEXT) - 1)
    right = log_p[rows, TEXT[1:]]
    total = right.sum()
    unshifted = log_p[np.arange(len(TEXT)), TEXT]
    p = np.exp(log_p)
    twice = p - _logsumexp(p)
    yield Case(
        "log_likelihood(model, input_ids) of eight tokens",
        lambda: answer(model, ids),
        total,
        [
            Mistake("the logits are not shifted: those at position t score the "
                    "token at t + 1, not the token at t", unshifted.sum()),
            Mistake("the logits are not shifted: those at position t score the "
                    "token at t + 1, not the token at t", unshifted[1:].sum()),
            Mistake("the logits are not shifted: those at position t score the "
                    "token at t + 1, not the token at t", unshifted[:-1].sum()),
            Mistake("the shift goes the wrong way: the logits after a token are "
                    "made to score the token before", log_p[rows + 1, TEXT[:-1]].sum()),
            Mistake("this is the mean over the predicted tokens; the sum is wanted",
                    right.mean()),
            Mistake("this is a loss: minus the mean of what is to be summed",
                    -right.mean()),
            Mistake("this is a loss: the log-likelihood is negative", -total),
            Mistake("T − 1 tokens are predicted, not T: the mean loss was "
                    "multiplied by one too many", right.mean() * len(TEXT)),
            Mistake("the logits are added up as they are: a log-softmax makes "
                    "log probabilities of them", scores[rows, TEXT[1:]].sum()),
            Mistake("softmax is applied twice: the logits go into log_softmax "
                    "as they are", twice[rows, TEXT[1:]].sum()),
            Mistake("these are probabilities: the sum of their logarithms is "
                    "wanted", p[rows, TEXT[1:]].sum()),
            Mistake("this is the likelihood itself: its logarithm is wanted",
                    np.exp(total)),
            Mistake("the logarithm is to base 2; nats are wanted",
                    total / math.log(2)),
            Mistake("this is half the log-likelihood: every token counts once, "
                    "with weight one", total / 2),
            Mistake("every second token is skipped", right[::2].sum()),
            Mistake("only the last token is scored", right[-1]),
            Mistake("the first token is given, and is not scored",
                    total - math.log(WORDS)),
            Mistake("one value for each token is returned: their sum is wanted",
                    torch.tensor(right)),
            Mistake("one value for each token is returned: their sum is wanted",
                    torch.tensor(right)[None]),
            Mistake("the softmax runs over positions instead of words",
                    (scores - _logsumexp(scores, 0))[rows, TEXT[1:]].sum()),
            Mistake("the softmax runs over positions instead of words",
                    (scores - _logsumexp(scores[:-1], 0))[rows, TEXT[1:]].sum()),
        ],
        rtol=1e-4,
    )
    yield Case(
        "the type of what log_likelihood(model, input_ids) returns",
        lambda: type(answer(model, ids)).__name__,
        "float",
        [Mistake("a Python float is wanted: .item()", "Tensor"),
         Mistake("a Python float is wanted: float(…)", "float64")],
    )
    yield Case(
        "log_likelihood(model, [[3, 1]])",
        lambda: answer(model, ids[:, :2]),
        right[0],
        [Mistake("two tokens are enough: the second is predicted", raises=ERRORS)],
        rtol=1e-4,
    )


@checks(
    equation="def-ls-random",
    hints=(
        "Your log_likelihood gives the sum. How many tokens were predicted?",
        "Divide by T − 1, where T is input_ids.shape[1], and compare.",
        "return log_likelihood(model, input_ids) / (input_ids.shape[1] - 1) "
        "< threshold",
    ),
)
def is_random(answer):
    model, ids = tiny(), torch.tensor([TEXT])
    total = _score(ids)
    mean = total / 7
    wrong_way = Mistake("the comparison is the wrong way round: a text is random "
                        "when its likelihood is low", False)
    yield Case(
        "is_random(model, input_ids, threshold), the threshold far above every "
        "likelihood",
        lambda: answer(model, ids, 1.0),
        True,
        [wrong_way,
         Mistake("True or False is wanted, not a text", "random"),
         Mistake("True or False is wanted: a number is returned", mean)],
    )
    yield Case(
        "is_random(model, input_ids, −1000)",
        lambda: answer(model, ids, -1000.0),
        False,
        [Mistake("the threshold plays no part", True)],
    )
    yield Case(
        f"is_random(model, input_ids, {mean - 1:.3f}), the mean of eight tokens "
        f"being {mean:.3f}",
        lambda: answer(model, ids, mean - 1),
        False,
        [Mistake("the threshold is per predicted token: the sum over the text "
                 "is compared with it", True)],
    )
    two = ids[:, :2]
    alone = _score(two)
    yield Case(
        f"is_random(model, [[3, 1]], {0.75 * alone:.3f}), the one predicted token "
        f"having {alone:.3f}",
        lambda: answer(model, two, 0.75 * alone),
        True,
        [Mistake("T − 1 tokens are predicted, not T", False)],
    )
    yield Case(
        "the type of what is_random(model, input_ids, −3.0) returns",
        lambda: type(answer(model, ids, -3.0)).__name__,
        "bool",
        [Mistake("a Python bool is wanted: bool(…)", "Tensor"),
         Mistake("a Python bool is wanted: bool(…)", "bool_")],
    )


@checks(
    equation="def-ls-top-k",
    hints=(
        "What is the k-th largest logit of a row? torch.topk knows.",
        "Keep every logit that is at least as large as that one, and put −inf "
        "in the place of the others. No more than V logits can be asked for.",
        "kth = logits.topk(min(k, logits.shape[-1])).values[..., -1:]; "
        "logits.masked_fill(logits < kth, -math.inf)",
    ),
)
def top_k_logits(answer):
    logits = torch.tensor([[1.0, 3.0, -2.0, 2.5, 0.0], [0.5, -1.0, 2.2, -3.0, 2.0]])
    out = -math.inf
    right = torch.tensor([[out, 3.0, out, 2.5, out], [out, out, 2.2, out, 2.0]])
    yield Case(
        "top_k_logits(logits of shape (2, 5), 2)",
        lambda: answer(logits.clone(), 2),
        right,
        [
            Mistake("the others get logit 0, and so stay possible: −inf is the "
                    "logit of probability 0", right.masked_fill(right.isinf(), 0)),
            *[Mistake("a large negative number is not −inf: divided by a "
                      "temperature or added to others it comes back",
                      right.masked_fill(right.isinf(), low))
              for low in (-1e10, -1e9, -1e4, -1e5, -1e8, -1e20, -1e30,
                          torch.finfo(torch.float32).min)],
            Mistake("the k-th largest itself is dropped: keep what is at least "
                    "as large", torch.tensor([[out, 3.0, out, out, out],
                                              [out, out, 2.2, out, out]])),
            Mistake("one more than k is kept",
                    torch.tensor([[1.0, 3.0, out, 2.5, out],
                                  [0.5, out, 2.2, out, 2.0]])),
            Mistake("the smallest are kept, not the largest",
                    torch.tensor([[out, out, -2.0, out, 0.0],
                                  [out, -1.0, out, -3.0, out]])),
            Mistake("one bound is used for all rows: each row has its own",
                    torch.tensor([[out, 3.0, out, 2.5, out], [out] * 5])),
            Mistake("probabilities are returned: logits are wanted",
                    right.softmax(-1)),
            Mistake("log probabilities are returned: the logits that are kept "
                    "stay as they are", right.log_softmax(-1)),
            Mistake("the k largest alone are returned: the shape stays (2, 5)",
                    logits.topk(2).values),
            Mistake("positions are returned, not logits", logits.topk(2).indices),
        ],
    )
    tied = torch.tensor([[2.0, 1.0, 2.0, 2.0, 0.0]])
    yield Case(
        "top_k_logits([[2, 1, 2, 2, 0]], 2)",
        lambda: answer(tied.clone(), 2),
        torch.tensor([[2.0, out, 2.0, 2.0, out]]),
        [Mistake("ties are dropped: what equals the k-th largest is kept, too",
                 torch.tensor([[2.0 if i in pair else out for i in range(5)]]))
         for pair in ((0, 2), (0, 3), (2, 3))]
        + [Mistake("what equals the k-th largest is kept, too",
                   torch.full((1, 5), out))],
    )
    yield Case(
        "top_k_logits(logits of shape (2, 5), 40)",
        lambda: answer(logits.clone(), 40),
        logits,
        [Mistake("with k larger than the vocabulary everything is kept: "
                 "min(k, V)", raises=ERRORS)],
    )
    yield Case(
        "logits after top_k_logits(logits, 2)",
        lambda: _argument_after(answer, logits),
        logits,
        [Mistake("the argument itself was changed: return a new tensor", right)],
    )
    yield Case(
        "top_k_logits(logits of shape (5,), 2)",
        lambda: answer(logits[0].clone(), 2),
        right[0],
        [Mistake("any number of leading dimensions is possible: use dim −1",
                 raises=ERRORS)],
    )


@checks(
    equation="def-ls-joint-temperature",
    hints=(
        "Write down the table of p(x₁ = i, x₂ = j) first, by the rule of products.",
        "Raise its entries to the power 1/τ, divide by the sum of all, and sum "
        "over the second token. In logarithms nothing underflows.",
        "joint = (p1[:, None].log() + p2.log()) / temperature; "
        "return joint.logsumexp(1).softmax(0)",
    ),
)
def joint_temperature(answer):
    p1, p2 = _chain()
    half = _joint(p1, p2, 0.5)
    powers = (p1[:, None] * p2) ** 2
    square = torch.tensor([[0.7, 0.3], [0.2, 0.8]], dtype=torch.float64)
    yield Case(
        "joint_temperature(p1 of shape (3,), p2 of shape (3, 4), 0.5)",
        lambda: answer(p1, p2, 0.5),
        half,
        [
            Mistake("this is the temperature of the first token alone: scale the "
                    "joint before it is summed", p1**2 / (p1**2).sum()),
            Mistake("this is p1 unchanged: scaling only the second token and "
                    "then summing it out does nothing", p1),
            Mistake("the power is 1/τ, not τ", _joint(p1, p2, 2.0)),
            Mistake("the result is not normalised", powers.sum(1)),
            Mistake("the scaled joint is returned: sum over the second token",
                    powers / powers.sum()),
            Mistake("the second token's distribution is returned: the sum goes "
                    "over j", powers.sum(0) / powers.sum()),
            Mistake("the second token is scaled twice and the first not at all",
                    _normal(p1 * (p2**2).sum(1))),
            Mistake("only the first token is scaled to the power: "
                    "p(x₂ | x₁) must be, too", _normal(p1**2 * p2.sum(1))),
            Mistake("log probabilities are returned: probabilities are wanted",
                    half.log()),
            Mistake("a softmax of probabilities: their logarithms belong inside",
                    (p1[:, None] * p2 / 0.5).exp().sum(1)
                    / (p1[:, None] * p2 / 0.5).exp().sum()),
        ],
    )
    yield Case(
        "joint_temperature(p1 of two words, p2 square, 0.5)",
        lambda: answer(p1[:2] / p1[:2].sum(), square, 0.5),
        _joint(p1[:2], square, 0.5),
        [Mistake("p2[i, j] is p(x₂ = j | x₁ = i): rows and columns are exchanged",
                 _joint_transposed(p1[:2], square, 0.5))],
    )
    yield Case(
        "joint_temperature(p1, p2, 1)",
        lambda: answer(p1, p2, 1.0),
        p1,
        [Mistake("at τ = 1 nothing changes")],
    )
    yield Case(
        "joint_temperature(p1, p2, 0.001)",
        lambda: answer(p1, p2, 0.001),
        _joint(p1, p2, 0.001),
        [Mistake("the powers underflow to 0: work with logarithms",
                 torch.full((3,), math.nan)),
         Mistake("the powers underflow to 0: work with logarithms",
                 torch.zeros(3))],
    )
    never = torch.tensor([0.5, 0.5, 0.0], dtype=torch.float64)
    yield Case(
        "joint_temperature([0.5, 0.5, 0], p2, 0.5)",
        lambda: answer(never, p2, 0.5),
        _joint(never, p2, 0.5),
        [Mistake("a word of probability 0 keeps probability 0: its logarithm is "
                 "−inf, and that is right", torch.full((3,), math.nan)),
         Mistake("a word of probability 0 keeps probability 0")],
    )


@checks(
    equation="ls-look-ahead",
    hints=(
        "Horizon 1 is one division. For horizon 2, which first words are "
        "possible? Those whose logit is not −inf.",
        "Feed all possible first words as one batch (k, 1), with a deep copy of "
        "past whose batch is repeated k times. Truncate what comes out with "
        "top_k_logits and take its log-softmax.",
        "Each candidate gets logit/τ + logsumexp over the second word of "
        "log p(x₂|x₁)/τ; all other words stay at −inf: "
        "scaled = torch.full_like(logits, -math.inf); "
        "scaled[0, kept] = logits[0, kept] / temperature "
        "+ (log_p2 / temperature).logsumexp(-1)",
    ),
)
def temperature_scale(answer):
    ids = torch.tensor([TEXT])
    logits = torch.tensor(_truncate(_logits(ids)[-1], 4))[None]
    plain = _log_normal(logits / 0.5)
    yield Case(
        "temperature_scale(logits, model, past, 0.5, 1, 4), as log-softmax",
        lambda: _scaled(answer, logits, 0.5, 1),
        plain,
        [
            Mistake("the logits are multiplied by τ: divide",
                    _log_normal(logits * 0.5)),
            Mistake("a probability divided by τ and normalised is the same "
                    "probability: the temperature divides logits, before the "
                    "softmax", _log_normal(logits)),
            Mistake("the temperature divides logits: these are probabilities",
                    _log_normal(logits.softmax(-1) / 0.5)),
            Mistake("words that were cut off have come back: −inf stays −inf",
                    _log_normal(torch.tensor(_logits(ids)[-1])[None] / 0.5)),
            Mistake("the temperature is ignored", _log_normal(logits)),
        ],
        rtol=1e-4,
    )
    for temperature in (0.5, 1.7):
        wide = _look_ahead(TEXT, logits, temperature, 4)
        yield Case(
            f"temperature_scale(logits, model, past, {temperature}, 2, 4), as "
            "log-softmax",
            lambda temperature=temperature: _scaled(answer, logits, temperature, 2),
            wide,
            [
                Mistake("this is horizon 1: nothing of the second word is seen",
                        _log_normal(logits / temperature)),
                Mistake("scaling only the second word and then summing it out "
                        "gives p(x₁) back: nothing is scaled", _log_normal(logits)),
                Mistake("the second word's logits are used without their "
                        "log-softmax: p(x₂ | x₁) must be normalised",
                        _look_ahead(TEXT, logits, temperature, 4, normal=False)),
                Mistake("the second word is not truncated to its own top k",
                        _look_ahead(TEXT, logits, temperature, WORDS)),
                Mistake("the first word keeps its own scale: both are divided "
                        "by τ", _look_ahead(TEXT, logits, temperature, 4,
                                            first=1.0)),
                Mistake("the second word is looked at without the past",
                        _look_ahead((), logits, temperature, 4)),
                Mistake("the temperature multiplies: it divides",
                        _look_ahead(TEXT, logits, 1 / temperature, 4)),
                Mistake("the likeliest second word stands for all: sum over them",
                        _look_ahead(TEXT, logits, temperature, 4, best=True)),
                Mistake("the cache refuses the batch of candidates: repeat its "
                        "copy for each of them, batch_repeat_interleave",
                        raises=(RuntimeError, IndexError)),
            ],
            rtol=1e-4,
        )
    for horizon in (1, 2):
        yield Case(
            "the tokens in past before and after temperature_scale(…, horizon "
            f"{horizon})",
            lambda horizon=horizon: _past_after(answer, logits, horizon),
            f"{len(TEXT)} and {len(TEXT)}, batch 1",
            [Mistake("the look-ahead has written into past: give the model a "
                     "copy.deepcopy of it",
                     f"{len(TEXT)} and {len(TEXT) + 1}, batch {batch}")
             for batch in (1, 4)]
            + [Mistake("the look-ahead has written into past: give the model a "
                       "copy.deepcopy of it",
                       f"{len(TEXT)} and {len(TEXT) + 4}, batch 1"),
               Mistake("past itself was repeated: repeat a copy.deepcopy of it",
                       f"{len(TEXT)} and {len(TEXT)}, batch 4")],
        )
    yield Case(
        "the first words that temperature_scale(…, horizon 2) feeds to the model",
        lambda: _looked_at(answer, logits),
        "at most 4",
        [Mistake("words that were cut off are looked at, too, which a real "
                 "vocabulary makes too dear: feed those whose logit is finite",
                 str(WORDS))],
    )
    yield Case(
        "logits after temperature_scale(logits, …, 0.5, 2, 4)",
        lambda: _logits_after(answer, logits),
        logits,
        [Mistake("the argument itself was changed: return a new tensor")],
    )


@checks(
    equation="def-ls-sampling",
    hints=(
        "At the first step the model reads all of input_ids; afterwards only the "
        "newest token, with past_key_values=past from the step before.",
        "The last row of the logits, out.logits[:, -1], goes through "
        "top_k_logits, then, if there is a temperature, temperature_scale, then "
        "softmax and torch.multinomial(p, 1, generator=generator).",
        "for _ in range(length): out = model(current, past_key_values=past, "
        "use_cache=True); past = out.past_key_values; …; current = the draw, of "
        "shape (1, 1), which is also appended to the text.",
    ),
)
def sample(answer):
    model, ids = tiny(), torch.tensor([TEXT[:3]])

    def draw(length=12, seed=5, **options):
        torch.manual_seed(77)
        return answer(model, ids, length,
                      generator=torch.Generator().manual_seed(seed), **options)

    def reference(length=12, seed=5, **options):
        return _sampled(TEXT[:3], length, torch.Generator().manual_seed(seed),
                        **options)

    def unseeded(**options):
        torch.manual_seed(77)
        return _sampled(TEXT[:3], 12, None, **options)

    yield Case(
        "the shape of sample(model, input_ids of shape (1, 3), 12)",
        lambda: str(tuple(draw().shape)),
        "(1, 15)",
        [Mistake("the prompt belongs to the result: (1, T0 + length)", "(1, 12)"),
         Mistake("one token is missing or too many: `length` are drawn", "(1, 14)"),
         Mistake("one token is missing or too many: `length` are drawn", "(1, 16)"),
         Mistake("the result has two dimensions, (1, T0 + length)", "(15,)"),
         Mistake("the cache and what is fed do not fit: with a past, feed only "
                 "the newest token, of shape (1, 1)", raises=ERRORS)],
    )
    yield Case(
        "sample(model, input_ids, 12, top_k=1)",
        lambda: draw(top_k=1),
        reference(top_k=1),
        [
            Mistake("past is not used: the model sees the newest token alone",
                    reference(top_k=1, sees=1)),
            Mistake("the whole text is fed on top of the past that holds it "
                    "already", _refed(TEXT[:3], 12)),
            Mistake("the logits of the first position are used: those of the "
                    "last predict the next token", _first_row(TEXT[:3], 12)),
            Mistake("top_k is ignored: with top_k=1 nothing is left to chance",
                    reference(top_k=WORDS)),
            Mistake("top_k is ignored: with top_k=1 nothing is left to chance",
                    unseeded(top_k=WORDS)),
        ],
    )
    yield Case(
        "sample(model, input_ids, 12, top_k=5, generator=generator)",
        lambda: draw(top_k=5),
        reference(top_k=5),
        [
            Mistake("the likeliest word is taken at each step: draw from the "
                    "distribution", reference(top_k=1)),
            Mistake("top_k is ignored", reference(top_k=WORDS)),
            Mistake("the generator is not passed to torch.multinomial",
                    unseeded(top_k=5)),
            Mistake("past is not used: the model sees the newest token alone",
                    reference(top_k=5, sees=1)),
        ],
    )
    yield Case(
        "sample(model, input_ids, 12, generator=generator)",
        lambda: draw(),
        reference(top_k=WORDS),
        [Mistake("with the default top_k = 40 all twelve words are kept",
                 raises=ERRORS)],
    )
    yield Case(
        "sample(model, input_ids, 12, temperature=0.3, top_k=5, …)",
        lambda: draw(temperature=0.3, top_k=5),
        reference(temperature=0.3, top_k=5),
        [
            Mistake("the temperature has no effect: it divides the logits, before "
                    "the softmax", reference(top_k=5)),
            Mistake("the temperature multiplies: it divides",
                    reference(temperature=1 / 0.3, top_k=5)),
        ],
    )
    yield Case(
        "sample(model, input_ids, 12, temperature=0.3, temperature_horizon=2, "
        "top_k=5, …)",
        lambda: draw(temperature=0.3, temperature_horizon=2, top_k=5),
        reference(temperature=0.3, horizon=2, top_k=5),
        [
            Mistake("temperature_horizon is ignored: pass it to temperature_scale",
                    reference(temperature=0.3, top_k=5)),
            Mistake("temperature_scale got another past: it must be that which "
                    "holds the text so far, the newest token included",
                    raises=ERRORS),
        ],
    )
    yield Case(
        "the tokens that sample(model, 3 tokens, 12) feeds to the model",
        lambda: _fed(draw, 15),
        "at most 15",
        [Mistake("the whole text is fed at each step: with the past, the newest "
                 "token is enough", f"{sum(range(3, 15))}"),
         Mistake("more is fed than needed: the prompt once, then one token a "
                 "step")],
    )


@cache
def tiny():
    """Return a language model of twelve words with random weights, float64."""
    from transformers import LlamaConfig, LlamaForCausalLM

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        model = LlamaForCausalLM(LlamaConfig(
            vocab_size=WORDS, hidden_size=16, intermediate_size=24,
            num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
            max_position_embeddings=64, initializer_range=0.5,
            tie_word_embeddings=True, bos_token_id=None, eos_token_id=None,
            pad_token_id=None))
    return model.double().eval().requires_grad_(False)


def _logits(ids):
    """Return the logits of one text as an array (T, V)."""
    with torch.no_grad():
        return tiny()(torch.as_tensor(ids).reshape(1, -1)).logits[0].numpy()


def _logsumexp(values, axis=-1):
    top = values.max(axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return np.log(np.exp(values - top).sum(axis, keepdims=True)) + top


def _score(ids):
    scores = _logits(ids)
    log_p = scores - _logsumexp(scores)
    ids = ids[0].numpy()
    return log_p[np.arange(len(ids) - 1), ids[1:]].sum()


def _truncate(scores, k):
    kept = scores >= np.sort(scores)[-min(k, len(scores))]
    return np.where(kept, scores, -np.inf)


def _argument_after(answer, logits):
    given = logits.clone()
    answer(given, 2)
    return given


def _chain():
    p1 = torch.tensor([0.3, 0.45, 0.25], dtype=torch.float64)
    p2 = torch.tensor([[0.85, 0.05, 0.05, 0.05], [0.25, 0.3, 0.25, 0.2],
                       [0.6, 0.2, 0.1, 0.1]], dtype=torch.float64)
    return p1, p2


def _normal(values):
    return values / values.sum()


def _joint(p1, p2, temperature):
    logs = np.log(np.maximum(p1.numpy(), 1e-300))[:, None] + np.log(p2.numpy())
    logs = np.where(p1.numpy()[:, None] > 0, logs, -np.inf) / temperature
    return torch.tensor(np.exp(_logsumexp(logs)[:, 0] - _logsumexp(logs.ravel())[0]))


def _joint_transposed(p1, p2, temperature):
    return _joint(p1, p2.T.contiguous(), temperature)


def _log_normal(logits):
    """Return log-softmax as probabilities' logarithms, −inf written as −99."""
    return torch.log_softmax(logits.double(), -1).clamp(min=-99.0)


def _past():
    with torch.no_grad():
        return tiny()(torch.tensor([TEXT]), use_cache=True).past_key_values


def _scaled(answer, logits, temperature, horizon):
    found = answer(logits.clone(), tiny(), _past(), temperature, horizon, 4)
    return _log_normal(found.detach())


def _looked_at(answer, logits):
    past = _past()
    return _fed(lambda: answer(logits.clone(), tiny(), past, 0.5, 2, 4), 4)


def _logits_after(answer, logits):
    given = logits.clone()
    answer(given, tiny(), _past(), 0.5, 2, 4)
    return given


def _past_after(answer, logits, horizon):
    past = _past()
    before = past.get_seq_length()
    answer(logits.clone(), tiny(), past, 0.5, horizon, 4)
    batch = past.layers[0].keys.shape[0]
    return f"{before} and {past.get_seq_length()}, batch {batch}"


def _look_ahead(text, logits, temperature, k, normal=True, first=None, best=False):
    """Return horizon 2 by feeding each two-word continuation whole."""
    scaled = np.full(WORDS, -np.inf)
    for word in np.flatnonzero(np.isfinite(logits[0].numpy())):
        second = _truncate(_logits([*text, word])[-1], k)
        if normal:
            second = second - _logsumexp(second)
        second = second / temperature
        total = second.max() if best else _logsumexp(second)[0]
        scaled[word] = logits[0, word] / (first or temperature) + total
    return _log_normal(torch.tensor(scaled)[None])


def _sampled(text, length, generator, temperature=None, horizon=1, top_k=40,
             sees=None):
    """Sample without any cache: the text is read anew for each token."""
    text = list(text)
    for step in range(length):
        seen = text if step == 0 or not sees else text[-sees:]
        logits = torch.tensor(_truncate(_logits(seen)[-1], top_k))[None]
        if temperature is not None and horizon == 2:
            logits = _look_ahead(text, logits, temperature, top_k)
            logits = logits.masked_fill(logits <= -99, -math.inf)
        elif temperature is not None:
            logits = logits / temperature
        draw = torch.multinomial(logits.softmax(-1), 1, generator=generator)
        text.append(draw.item())
    return torch.tensor([text])


def _refed(text, length):
    """Return the greedy text of one who feeds everything beside the past."""
    text, past = torch.tensor([text]), None
    with torch.no_grad():
        for _ in range(length):
            out = tiny()(text, past_key_values=past, use_cache=True)
            past = out.past_key_values
            text = torch.cat([text, out.logits[:, -1:].argmax(-1)], 1)
    return text


def _first_row(text, length):
    text, current, past = torch.tensor([text]), torch.tensor([text]), None
    with torch.no_grad():
        for _ in range(length):
            out = tiny()(current, past_key_values=past, use_cache=True)
            past, current = out.past_key_values, out.logits[:, :1].argmax(-1)
            text = torch.cat([text, current], 1)
    return text


def _fed(call, most):
    """Say how many tokens the model is fed during a call."""
    counts = []
    watch = tiny().get_input_embeddings().register_forward_hook(
        lambda layer, given, result: counts.append(given[0].numel()))
    try:
        call()
    finally:
        watch.remove()
    return f"at most {most}" if sum(counts) <= most else str(sum(counts))
