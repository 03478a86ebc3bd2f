"""A reader of BERT-like encoders in several formats."""

from pathlib import Path

from helpers.errors import CourseError
from helpers.models.loading import locate, quiet
from helpers.models.onnx import read_onnx_weights

HEAD_WIDTH = 64  # of every BERT; an ONNX file does not say it


def load_encoder(source, kind="AutoModel", allow_empty=False):
    """Return an encoder and its tokenizer: float32, evaluation mode, CPU.

    `source` is a folder in the hub's format, a folder with one ONNX file of a
    BERT and its tokenizer.json, or the name of a model on the hub, the one
    case in which a network is used. `kind` is the class of transformers that
    loads the weights; AutoModel chooses the right one. Raises CourseError for
    an encoder that cannot be loaded and, unless `allow_empty`, if none of the
    weights in the file fits it: transformers itself would go on with random
    weights.
    """
    source = locate(source)
    with quiet():
        if isinstance(source, Path) and (files := list(source.glob("*.onnx"))):
            return _from_onnx(source, *files)
        model, tokenizer, info = _read(source, kind)
    wanted = set(model.state_dict())
    if not allow_empty and wanted <= set(info["missing_keys"]):
        example = sorted(info["unexpected_keys"])[:1] or ["nothing"]
        raise CourseError(
            f"{type(model).__name__} takes none of the weights of {source}: it "
            f"wants names like {min(wanted)}, and the file has {example[0]}. It "
            "would start from random weights. Is this the right class? "
            "allow_empty=True goes on all the same"
        )
    return model.eval(), tokenizer


def _read(source, kind):
    import torch
    import transformers

    local = isinstance(source, Path)
    try:
        model, info = getattr(transformers, kind).from_pretrained(
            source, local_files_only=local, dtype=torch.float32,
            output_loading_info=True)
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            source, local_files_only=local)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        where = "a model in the hub's format" if local else (
            "a model: it is neither a folder here nor could it be fetched from the "
            "hub. Is the name right, and is there a network?")
        raise CourseError(f"{source} could not be read as {where} ({error})"
                          ) from error
    return model, tokenizer, info


def _from_onnx(folder, file, *more):
    """Build the BERT that fits the shapes of the file's weights, and load them."""
    import torch
    from transformers import BertConfig, BertModel

    if more:
        raise CourseError(f"{folder} holds more than one ONNX file")
    weights = read_onnx_weights(file)
    table = "embeddings.word_embeddings.weight"
    prefix = next((name.removesuffix(table) for name in weights
                   if name.endswith(table)), None)
    if prefix is None:
        raise CourseError(f"{file} holds no {table}: it is no BERT")
    body = {name.removeprefix(prefix): torch.from_numpy(value)
            for name, value in weights.items() if name.startswith(prefix)}
    words, width = body[table].shape
    layers = {name.split(".")[2] for name in body
              if name.startswith("encoder.layer.")}
    model = BertModel(BertConfig(
        vocab_size=words, hidden_size=width, num_hidden_layers=len(layers),
        num_attention_heads=width // HEAD_WIDTH,
        intermediate_size=len(body["encoder.layer.0.intermediate.dense.bias"]),
        max_position_embeddings=len(body["embeddings.position_embeddings.weight"]),
        type_vocab_size=len(body["embeddings.token_type_embeddings.weight"]),
    ), add_pooling_layer="pooler.dense.weight" in body)
    try:
        model.load_state_dict(body)
    except RuntimeError as error:
        said = " ".join(str(error).split())
        raise CourseError(f"{file} does not fill a BERT: {said}") from error
    return model.eval(), _tokenizer(folder / "tokenizer.json")


def _tokenizer(path):
    """Read a tokenizer; let it add [CLS] and [SEP] where it adds none itself."""
    from tokenizers import Tokenizer
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer.from_file(str(path))
    words.no_truncation()
    words.no_padding()
    if words.encode("one").tokens[0] != "[CLS]":
        words.post_processor = TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
            special_tokens=[(token, words.token_to_id(token))
                            for token in ("[CLS]", "[SEP]")])
    return PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token="[UNK]", pad_token="[PAD]",
        cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]")


def shortened(encoder, tokenizer, texts):
    """Restrict an encoder's embedding matrix to the tokens of `texts`.

    Returns the encoder, changed in place, and a function that maps a list of N
    such texts to input_ids and attention_mask, both (N, T) and padded at the
    end; other tokens become padding. The row of a token that never occurs gets
    no gradient, so training and outputs do not change.
    """
    import torch
    from torch import nn

    def words_of(texts):
        return tokenizer(list(texts), padding=True, return_tensors="pt")

    table = encoder.get_input_embeddings().weight.data
    ids = words_of(texts).input_ids.flatten().tolist()
    ids = torch.tensor(sorted({tokenizer.pad_token_id, *ids}))
    place = torch.zeros(len(table), dtype=torch.long)
    place[ids] = torch.arange(len(ids))
    encoder.set_input_embeddings(
        nn.Embedding.from_pretrained(table[ids].clone(), freeze=False))

    def read(texts):
        words = words_of(texts)
        return {"input_ids": place[words.input_ids],
                "attention_mask": words.attention_mask}

    return encoder, read


def fresh(encoder, seed):
    """Return an encoder of the same shape with random weights."""
    import torch
    from torch import nn

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        other = type(encoder)(encoder.config)
    rows = len(encoder.get_input_embeddings().weight)
    table = other.get_input_embeddings().weight.data[:rows]
    other.set_input_embeddings(
        nn.Embedding.from_pretrained(table.clone(), freeze=False))
    return other.eval()
