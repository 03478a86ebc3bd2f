"""Checks of the exercises of the chapter on fine-tuning BERT."""

from types import SimpleNamespace

import torch
from torch import nn

from helpers.exercises.checks import Case, Mistake, checks

ERRORS = (TypeError, ValueError, RuntimeError, AttributeError, LookupError,
          AssertionError)


@checks(
    equation="def-bf-labels",
    hints=(
        "Two loops over the numbers and one over the two words: 20 · 20 · 2.",
        "The label is 1 plus the sign of the value, and a sign is "
        "(value > 0) - (value < 0).",
        "for a in range(20): for b in range(20): for word, value in ((\"plus\", "
        "a + b), (\"minus\", a - b)): append the text and the label",
    ),
)
def verbal_arithmetic(answer):
    yield Case(
        "len(verbal_arithmetic())",
        lambda: len(answer()),
        800,
        [
            Mistake("zero is a number here, too: from zero to nineteen", 722),
            Mistake("twenty is not in: range(20) ends at nineteen", 882),
            Mistake("both words are needed, plus and minus", 400),
            Mistake("every pair is wanted in both orders: three minus five is "
                    "not five minus three", 420),
            Mistake("a number may stand on both sides: three minus three", 760),
        ],
    )
    for text, label, says in (
        ("three minus five", 0, {
            2: "negative is 0 and positive 2: the two have changed places",
            -1: "labels are 0, 1 and 2: one more than the sign",
            1: "this is the label of zero: 3 − 5 is negative"}),
        ("nineteen minus two", 2, {
            0: "negative is 0 and positive 2: the two have changed places",
            1: "positive is 2: the labels are 0 negative, 1 zero, 2 positive",
            17: "the label is that of the sign, not the value"}),
        ("seven minus seven", 1, {
            0: "zero has a label of its own, 1",
            2: "zero has a label of its own, 1"}),
        ("zero plus zero", 1, {
            2: "a sum can be zero, too: zero plus zero",
            0: "a sum is never negative"}),
        ("four plus four", 2, {
            1: "the label is that of the value, not of whether the two are equal"}),
    ):
        yield Case(
            f"the label of {text!r} in verbal_arithmetic()",
            lambda text=text: dict(answer())[text],
            label,
            [Mistake(why, wrong) for wrong, why in says.items()]
            + [Mistake("there is no such text: numbers and operation are words, "
                       "with single spaces between them", raises=KeyError)],
        )
    yield Case(
        "the texts of verbal_arithmetic(), each once",
        lambda: len({text for text, _ in answer()}),
        800,
        [Mistake("the same texts come twice: is plus or minus in each?", 400)],
    )
    yield Case(
        "the labels of verbal_arithmetic(), counted",
        lambda: tuple(sum(label == kind for _, label in answer())
                      for kind in range(3)),
        (190, 21, 589),
        [Mistake("whole numbers 0, 1 and 2 are wanted for labels", (0, 0, 0))],
    )


class Encoder(nn.Module):
    """What an encoder returns, without the work: a table and maybe a pooler."""

    def __init__(self, pooled=True, width=4):
        super().__init__()
        self.config = SimpleNamespace(hidden_size=width)
        values = torch.linspace(-1, 1, 10 * width).reshape(10, width)
        self.table = nn.Parameter(values.sin())
        self.pooled = pooled

    def forward(self, input_ids, attention_mask=None, **_):
        states = self.table[input_ids]  # (B, T, D)
        if attention_mask is not None:  # each sees what is not masked
            mask = attention_mask[..., None].float()
            states = states + (states * mask).sum(1, keepdim=True) / 10
        pooled = (states[:, 0] * 2).tanh() if self.pooled else None
        out = SimpleNamespace(last_hidden_state=states)
        if self.pooled:
            out.pooler_output = pooled
        return out


IDS = torch.tensor([[2, 5, 6, 7, 3], [2, 8, 1, 9, 3]])
LABELS = torch.tensor([0, 2])


def _model(answer, pooled=True):
    """Make a classifier whose one layer on top has known weights."""
    model = answer(Encoder(pooled), 3)
    with torch.no_grad():
        for weight in _top(model):
            weight.copy_(torch.linspace(-1, 1.3, weight.numel()
                                        ).reshape(weight.shape).cos())
    return model


def _top(model):
    """Return the parameters that are not the encoder's."""
    return [weight for weight in model.parameters()
            if weight.shape != (10, 4)]


@checks(
    equation="def-bf-classifier",
    hints=(
        "In __init__ keep the encoder and make one nn.Linear from the encoder's "
        "width, encoder.config.hidden_size, to the number of labels.",
        "In forward, call the encoder with what came: out = "
        "self.encoder(**inputs). Where it has a pooler, its output is "
        "out.pooler_output; else take the first position of "
        "out.last_hidden_state.",
        "logits = self.classifier(h); loss = None if labels is None else "
        "nn.functional.cross_entropy(logits, labels); return logits, loss",
    ),
)
def SentenceClassifier(answer):  # noqa: N802, the name of the exercise
    with torch.no_grad():
        states = Encoder()(IDS).last_hidden_state
        h = (states[:, 0] * 2).tanh()
        weight, bias = (torch.linspace(-1, 1.3, size).reshape(shape).cos()
                        for size, shape in ((12, (3, 4)), (3, (3,))))
        ell = lambda x: x @ weight.T + bias  # noqa: E731
        right = ell(h)
        loss = nn.functional.cross_entropy(right, LABELS)
    yield Case(
        "the shapes of the layer that SentenceClassifier(encoder, 3) adds",
        lambda: sorted(tuple(w.shape) for w in _top(answer(Encoder(), 3))),
        [(3,), (3, 4)],
        [
            Mistake("the layer has no bias: nn.Linear as it comes", [(3, 4)]),
            Mistake("nothing is added that can be trained: is the layer an "
                    "attribute, as in self.classifier = …?", []),
            Mistake("the layer has two outputs: num_labels of them",
                    [(2,), (2, 4)]),
            Mistake("super().__init__() comes first", raises=AttributeError),
            Mistake("the width is encoder.config.hidden_size, not a number",
                    [(3,), (3, 768)]),
        ],
    )
    yield Case(
        "SentenceClassifier(encoder, 3)(input_ids=ids)",
        lambda: _model(answer)(input_ids=IDS),
        (right, None),
        [
            Mistake("this is the first position before the pooler: where the "
                    "encoder has a pooler, its output is wanted",
                    (ell(states[:, 0]), None)),
            Mistake("this is the mean over the positions: the first one stands "
                    "for the sentence", (ell(states.mean(1)), None)),
            Mistake("this is the last position: the first one stands for the "
                    "sentence", (ell(states[:, -1]), None)),
            Mistake("these are probabilities: logits are wanted, the loss takes "
                    "the softmax itself", (right.softmax(-1), None)),
            Mistake("these are log probabilities: logits are wanted",
                    (right.log_softmax(-1), None)),
            Mistake("there is a tanh or a ReLU too many: the pooler has one, and "
                    "the logits are linear in it", (right.relu(), None)),
            Mistake("there is a tanh too many: the pooler has one, and the "
                    "logits are linear in it", (ell(h.tanh()), None)),
            Mistake("without labels the loss is None, and two things are "
                    "returned", right),
            Mistake("without labels the loss is None, and two things are "
                    "returned", (right,)),
        ],
    )
    yield Case(
        "SentenceClassifier(encoder, 3)(input_ids=ids, labels=[0, 2])",
        lambda: _model(answer)(input_ids=IDS, labels=LABELS),
        (right, loss),
        [
            Mistake("softmax is applied twice: cross_entropy takes logits",
                    (right, nn.functional.cross_entropy(right.softmax(-1), LABELS))),
            Mistake("this is the sum over the batch: the mean is wanted",
                    (right, 2 * loss)),
            Mistake("the labels are not used: no loss is returned", (right, None)),
            Mistake("the order is logits, loss", (loss, right)),
            Mistake("the sign is wrong: a loss is to fall", (right, -loss)),
            Mistake("labels go to the loss, not to the encoder",
                    raises=TypeError),
        ],
    )
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    with torch.no_grad():
        masked = ell(Encoder()(IDS, mask).pooler_output)
        bare = ell(Encoder(False)(IDS).last_hidden_state[:, 0])
    yield Case(
        "SentenceClassifier(encoder, 3)(input_ids=ids, attention_mask=mask)[0]",
        lambda: _model(answer)(input_ids=IDS, attention_mask=mask)[0],
        masked,
        [Mistake("the mask does not reach the encoder: hand on all inputs, "
                 "self.encoder(**inputs)", right),
         Mistake("forward takes any inputs by name and hands them on: **inputs",
                 raises=TypeError)],
    )
    yield Case(
        "SentenceClassifier(an encoder without pooler, 3)(input_ids=ids)[0]",
        lambda: _model(answer, False)(input_ids=IDS)[0],
        bare,
        [Mistake("some encoders have no pooler: take the first position of "
                 "last_hidden_state then", raises=ERRORS)],
    )

    def reached():
        model = _model(answer)
        model(input_ids=IDS, labels=LABELS)[1].backward()
        (table,) = [w for w in model.parameters() if w.shape == (10, 4)]
        return table.grad is not None

    yield Case(
        "whether the loss of SentenceClassifier reaches the encoder",
        reached,
        True,
        [Mistake("no gradient reaches the encoder: detach(), no_grad() and "
                 "copies cut it off", False),
         Mistake("the encoder is not a part of the model, or is copied: "
                 "self.encoder = encoder", raises=(ValueError, RuntimeError))],
    )


@checks(
    equation="def-bf-report",
    hints=(
        "model.state_dict() has the model's names and tensors, and the file's "
        "are in state_dict. Compare names, and then shapes.",
        "A name is loaded if it is in both with the same shape. Every other name "
        "of the model is missing, every other one of the file unexpected.",
        "loaded = [name for name, value in own.items() if name in state_dict and "
        "state_dict[name].shape == value.shape]; sort all three",
    ),
)
def loading_report(answer):
    model = nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2))
    names = ["0.bias", "0.weight", "1.bias", "1.weight"]
    part = {"0.weight": torch.zeros(2, 3), "0.bias": torch.zeros(2),
            "head.bias": torch.zeros(2)}
    right = (names[:2], names[2:], ["head.bias"])
    yield Case(
        "loading_report(model, the weights of its first layer and one more)",
        lambda: _listed(answer(model, part)),
        right,
        [
            Mistake("missing and unexpected have changed places: missing are "
                    "the model's", (right[0], right[2], right[1])),
            Mistake("these are numbers of names: the names are wanted",
                    (2, 2, 1)),
            Mistake("missing names every weight of the model: only those that "
                    "get nothing", (right[0], names, right[2])),
            Mistake("unexpected names every weight of the file: only those that "
                    "go nowhere", (right[0], right[1], sorted(part))),
            Mistake("the names are to be sorted",
                    (right[0][::-1], right[1][::-1], right[2])),
            Mistake("three lists are wanted: what is loaded is not said",
                    (right[1], right[2])),
            Mistake("state_dict() is a method: call it", raises=TypeError),
        ],
    )
    wrong = {**model.state_dict(), "0.weight": torch.zeros(2, 5)}
    yield Case(
        "loading_report(model, weights of which 0.weight has another shape)",
        lambda: _listed(answer(model, wrong)),
        ([names[0], *names[2:]], ["0.weight"], ["0.weight"]),
        [
            Mistake("a weight of another shape cannot be loaded: compare the "
                    "shapes, too", (names, [], [])),
            Mistake("a weight of another shape goes nowhere: it is unexpected, "
                    "too", ([names[0], *names[2:]], ["0.weight"], [])),
            Mistake("a weight of the model that gets nothing is missing, "
                    "whatever the reason", ([names[0], *names[2:]], [],
                                            ["0.weight"])),
        ],
    )
    before = {f"other.{name}": value for name, value in model.state_dict().items()}
    yield Case(
        "loading_report(model, all of its weights under other names)",
        lambda: _listed(answer(model, before)),
        ([], names, sorted(before)),
        [Mistake("names must be equal, not just end alike", (names, [], []))],
    )
    batch = nn.BatchNorm1d(2)
    yield Case(
        "loading_report(a BatchNorm, {})",
        lambda: _listed(answer(batch, {})),
        ([], sorted(batch.state_dict()), []),
        [Mistake("a state has more than parameters: use model.state_dict()",
                 ([], ["bias", "weight"], []))],
    )
    yield Case(
        "the weights of model, before and after loading_report(model, part)",
        lambda: _unchanged(nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2)),
                           lambda net: answer(net, part)),
        True,
        [Mistake("the weights were loaded: a report changes nothing", False)],
    )


def _listed(report):
    if isinstance(report, tuple) and all(
            isinstance(part, (set, dict, tuple)) or hasattr(part, "keys")
            for part in report):
        return tuple(sorted(part) for part in report)
    return report


def _unchanged(model, call):
    state = {name: value.clone() for name, value in model.state_dict().items()}
    call(model)
    return all(torch.equal(value, state[name])
               for name, value in model.state_dict().items())


def _nested():
    """A model with twelve numbered layers, of which 1 is not 10 and 11."""
    body = nn.Module()
    body.layer = nn.ModuleList(nn.Linear(2, 2) for _ in range(12))
    body.pooler = nn.Linear(2, 2, bias=False)
    model = nn.Module()
    model.encoder, model.classifier = body, nn.Linear(2, 3)
    return model


def _after(answer, *calls):
    model = _nested()
    for parts in calls:
        answer(model, parts)
    return [name for name, weight in model.named_parameters()
            if not weight.requires_grad]


@checks(
    equation="def-bf-frozen",
    hints=(
        "model.get_submodule(\"encoder.pooler\") finds a part by its name.",
        "For each parameter of a part, requires_grad = False. Then count what "
        "still asks for a gradient, over the whole model.",
        "for part in parts: model.get_submodule(part).requires_grad_(False); "
        "return sum(w.numel() for w in model.parameters() if w.requires_grad)",
    ),
)
def freeze(answer):
    body = [name for name, _ in _nested().named_parameters() if "encoder" in name]
    first = ["encoder.layer.1.weight", "encoder.layer.1.bias"]
    yield Case(
        "freeze(model, [\"encoder\"]) of 85 weights, 9 of them on top",
        lambda: answer(_nested(), ["encoder"]),
        9,
        [
            Mistake("this is what was frozen: count what is left to train", 76),
            Mistake("everything is counted: only what asks for a gradient", 85),
            Mistake("these are tensors: count their numbers, numel()", 2),
            Mistake("everything is frozen: only the parts named", 0),
        ],
    )
    yield Case(
        "what freeze(model, [\"encoder\"]) freezes",
        lambda: _after(answer, ["encoder"]),
        body,
        [
            Mistake("nothing is frozen: requires_grad belongs to parameters, "
                    "and on a module it is a name like any other; use "
                    "requires_grad_(False)", []),
            Mistake("the head is frozen and the encoder is not: it is the other "
                    "way round", ["classifier.weight", "classifier.bias"]),
            Mistake("everything is frozen: only the parts named",
                    [*body, "classifier.weight", "classifier.bias"]),
        ],
    )
    yield Case(
        "what freeze(model, [\"encoder.layer.1\"]) freezes, of twelve layers",
        lambda: _after(answer, ["encoder.layer.1"]),
        first,
        [Mistake("layers 10 and 11 are frozen with layer 1, for their names "
                 "begin alike: a part ends at a dot",
                 [name for name in body if "layer.1" in name])],
    )
    yield Case(
        "what freeze(model, [\"encoder.pooler\", \"classifier\"]) freezes",
        lambda: _after(answer, ["encoder.pooler", "classifier"]),
        ["encoder.pooler.weight", "classifier.weight", "classifier.bias"],
        [Mistake("only the first part is frozen: is the return inside the loop?",
                 ["encoder.pooler.weight"]),
         Mistake("only the last part is frozen: each undoes the one before",
                 ["classifier.weight", "classifier.bias"])],
    )

    def misspelled():
        try:
            answer(_nested(), ["encodr"])
        except Exception:
            return "an error"
        return "nothing was said"

    yield Case(
        "freeze(model, [\"encodr\"]), a part that is not there",
        misspelled,
        "an error",
        [Mistake("a part that is not there must be an error: else a slip of "
                 "the pen trains everything", "nothing was said")],
    )


MASK, SIZE, SPECIAL = 4, 50, (0, 2, 3, 4)
ROWS, LENGTH, RATE = 1600, 102, 0.15


def _batch():
    ids = torch.randint(5, SIZE, (ROWS, LENGTH),
                        generator=torch.Generator().manual_seed(5))
    ids[:, 0], ids[:, -1] = 2, 3
    return ids


@checks(
    equation="def-bf-masking",
    hints=(
        "Two draws of torch.rand for each position: the first decides whether it "
        "is chosen, the second what is shown there.",
        "A special token is never chosen: torch.isin(input_ids, "
        "torch.tensor(special_ids)) finds them. The labels are −100 wherever "
        "nothing was chosen.",
        "fate = torch.rand(shape); inputs = where(chosen & (fate < 0.8), "
        "mask_id, input_ids); then where(chosen & (fate >= 0.9), random words, "
        "inputs)",
    ),
)
def mask_tokens(answer):
    ids = _batch()
    words = ROWS * (LENGTH - 2)

    def drawn(probability=RATE, seed=0):
        return answer(ids.clone(), MASK, SIZE, list(SPECIAL), probability,
                      torch.Generator().manual_seed(seed))

    def share(which, probability=RATE):
        def measure():
            inputs, labels = drawn(probability)
            chosen = labels != -100
            return {
                "chosen": lambda: chosen[:, 1:-1].double().mean(),
                "special": lambda: chosen[:, [0, -1]].any(),
                "masks": lambda: (inputs[chosen] == MASK).double().mean(),
                "kept": lambda: (inputs == ids)[chosen].double().mean(),
                "others": lambda: (inputs != ids)[~chosen].any(),
                "labels": lambda: (labels == ids)[chosen].double().mean(),
            }[which]()
        return measure

    yield Case(
        "mask_tokens(input_ids (1600, 102), …), the shapes of what is returned",
        lambda: tuple(tuple(part.shape) for part in drawn()),
        ((ROWS, LENGTH), (ROWS, LENGTH)),
        [Mistake("inputs and labels are wanted, both of the shape of input_ids",
                 raises=ERRORS)],
    )
    yield Case(
        "the share of the words that mask_tokens chooses at probability 0.15",
        share("chosen"),
        RATE,
        [
            Mistake("labels are −100 where nothing was chosen: here every "
                    "position has one", 1.0),
            Mistake("chosen and not chosen have changed places", 1 - RATE),
            Mistake("only positions that show the mask have a label: all chosen "
                    "ones do", 0.8 * RATE),
            Mistake("only positions that were changed have a label: those that "
                    "are chosen and left as they are do, too", 0.898 * RATE),
            Mistake("nothing is chosen", 0.0),
        ],
        rtol=0, atol=5 * (RATE * (1 - RATE) / words) ** 0.5,
    )
    yield Case(
        "whether mask_tokens chooses special tokens",
        share("special"),
        False,
        [Mistake("special tokens are chosen, too: [CLS] and [SEP] stay", True)],
    )
    yield Case(
        "whether a token is changed that was not chosen",
        share("others"),
        False,
        [Mistake("a token may be changed only where it was chosen", True)],
    )
    many = words * RATE
    yield Case(
        "the share of [MASK] among the chosen",
        share("masks"),
        0.8,
        [
            Mistake("every chosen position shows the mask: only eight in ten do",
                    1.0),
            Mistake("nine in ten show the mask: eight do, one shows any word and "
                    "one its own", 0.9),
            Mistake("one in ten shows the mask: eight do", 0.1),
            Mistake("none shows the mask: the ids of input_ids come back", 0.0),
        ],
        rtol=0, atol=5 * (0.16 / many) ** 0.5,
    )
    kept = 0.1 + 0.1 / SIZE
    yield Case(
        "the share of the chosen that show their own word",
        share("kept"),
        kept,
        [
            Mistake("no position shows a word of its own: one in ten does", 0.002),
            Mistake("no position shows a random word: of ten, eight show the "
                    "mask, one any word, one its own", 0.2),
            Mistake("one in ten of the last two tenths shows a random word: half "
                    "of them do", 0.18),
            Mistake("one in ten of the last two tenths keeps its own word: half "
                    "of them do", 0.02),
            Mistake("the labels are what is shown: they are the words that were "
                    "there", 1.0),
        ],
        rtol=0, atol=5 * (0.09 / many) ** 0.5,
    )
    yield Case(
        "the share of the chosen whose label is the word that was there",
        share("labels"),
        1.0,
        [Mistake("the labels are what is shown: they are the words that were "
                 "there", kept)],
        rtol=0, atol=0.03,
    )

    def random_words():
        inputs, labels = drawn(1.0)
        shown = inputs[(labels != -100) & (inputs != MASK) & (inputs != ids)]
        return (shown.double().mean(), len(shown.unique()))

    number = words / 10
    yield Case(
        "the mean number of the random words at probability 1, and how many "
        "different ones there are",
        random_words,
        (torch.tensor((SIZE * (SIZE - 1) / 2 - MASK) / (SIZE - 1)), SIZE - 1),
        [Mistake("a random word is drawn from all vocab_size, special ones "
                 "included",
                 (torch.tensor((SIZE * (SIZE - 1) / 2 - 9) / (SIZE - 4)), SIZE - 4)),
         Mistake("a random word is drawn from all vocab_size, the last one "
                 "included", (torch.tensor(23.9), SIZE - 2))],
        rtol=0, atol=8 * (SIZE**2 / 12 / number) ** 0.5,
    )

    def again():
        first, second = drawn(), drawn()
        torch.manual_seed(1)
        third = drawn(seed=1)
        return (all(torch.equal(a, b) for a, b in
                    zip(first, second, strict=True)),
                torch.equal(first[1], third[1]))

    yield Case(
        "whether equal seeds of the generator give the same draws, and others "
        "the same",
        again,
        (True, False),
        [Mistake("the generator is not used: pass generator= to each draw",
                 (False, False)),
         Mistake("the generator is seeded anew inside: use it as it comes",
                 (True, True))],
    )

    def untouched():
        mine = ids.clone()
        answer(mine, MASK, SIZE, list(SPECIAL), RATE,
               torch.Generator().manual_seed(0))
        return torch.equal(mine, ids)

    yield Case(
        "whether input_ids are as they were after the call",
        untouched,
        True,
        [Mistake("input_ids were written to: work on a clone", False)],
    )


@checks(
    equation="def-bf-warmup",
    hints=(
        "Two straight lines: one up from 0 at step 0 to 1 at step warmup, one "
        "down to 0 at step total.",
        "Below warmup it is step / warmup, from there on (total − step) / "
        "(total − warmup).",
        "if step < warmup: return step / warmup; return max(0.0, (total − step) "
        "/ (total − warmup))",
    ),
)
def linear_warmup(answer):
    def factors(warmup, total, end=None):
        return lambda: tuple(float(answer(step, warmup, total))
                             for step in range(end or total))

    def right(warmup, total, end=None):
        return tuple(step / warmup if step < warmup else
                     max(0, (total - step) / (total - warmup))
                     for step in range(end or total))

    up = [min(1, step / 4) for step in range(10)]
    yield Case(
        "[linear_warmup(step, 4, 10) for step in range(10)]",
        factors(4, 10),
        right(4, 10),
        [
            Mistake("the first step has the factor 0: step / warmup, not "
                    "(step + 1) / warmup", tuple(
                        (step + 1) / 4 if step < 4 else (10 - step) / 6
                        for step in range(10))),
            Mistake("after the warm-up the factor stays at 1: it falls to 0 at "
                    "total", tuple(up)),
            Mistake("the fall begins at step 0: it is (total − step) / (total − "
                    "warmup)", tuple(step / 4 if step < 4 else 1 - step / 10
                                     for step in range(10))),
            Mistake("the fall is too slow: it takes total − warmup steps",
                    tuple(step / 4 if step < 4 else 1 - (step - 4) / 10
                          for step in range(10))),
            Mistake("there is no warm-up: the factor only falls",
                    tuple(1 - step / 10 for step in range(10))),
            Mistake("step // warmup is a whole number: divide with /",
                    tuple(0 if step < 4 else (10 - step) / 6
                          for step in range(10))),
            Mistake("the factor must not depend on a rate: it is 1 at the top",
                    tuple(5e-5 * value for value in right(4, 10))),
        ],
    )
    yield Case(
        "[linear_warmup(step, 0, 5) for step in range(5)]",
        factors(0, 5),
        right(0, 5),
        [Mistake("without warm-up nothing is to be divided by it",
                 raises=ZeroDivisionError),
         Mistake("without warm-up the factor begins at 1",
                 (0.0, 0.8, 0.6, 0.4, 0.2))],
    )
    yield Case(
        "[linear_warmup(step, 2, 6) for step in range(9)]",
        factors(2, 6, 9),
        right(2, 6, 9),
        [Mistake("after total the factor stays at 0: it must not turn negative",
                 tuple(step / 2 if step < 2 else (6 - step) / 4
                       for step in range(9)))],
    )
