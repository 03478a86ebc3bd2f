"""Two frozen towers, for pictures and for texts, and their cached features."""

import contextlib
import hashlib
from dataclasses import dataclass
from pathlib import Path

from helpers.data.assets import cache_folder
from helpers.files import sha256, write_whole
from helpers.models import efficientnet
from helpers.models.efficientnet import load_efficientnet_lite
from helpers.models.encoder import load_encoder

SIZE = 128  # pixels of a side, as EfficientNet-lite sees a picture
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)  # of a colour from 0 to 1
CLIP_DEVIATION = (0.26862954, 0.26130258, 0.27577711)


@dataclass
class Towers:
    """A tower for pictures, one for texts, and the key of their features.

    `pictures` maps a uint8 tensor (N, H, W, 3) to features (N, D), `texts` a
    list of N texts to features (N, D'); float32. `key` is a hash of the image
    tower's weights and code. `aligned` tells whether both embed into one space,
    as CLIP's do.
    """

    pictures: object
    texts: object
    key: str
    aligned: bool = False

    def kept(self, pictures):
        """Return the features (N, D) of `pictures`, through the cache.

        They are computed at the first use and cached under a hash of the
        pictures, the weights and the code. Where that is not possible the next
        run computes them again.
        """
        content = hashlib.sha256(pictures.numpy().tobytes()).hexdigest() + self.key
        name = hashlib.sha256(content.encode()).hexdigest()[:16]
        path = cache_folder() / "features" / f"{name}.safetensors"
        if (features := _read(path, len(pictures))) is None:
            features = self.pictures(pictures)
            _store(features, path)
        return features


def load_towers(image_source, text_source=None):
    """Return the two frozen towers: in evaluation mode, on the CPU.

    With two sources these are the file of EfficientNet-lite0 and the folder
    of a sentence encoder. With one it is a CLIP, by a folder or its name on
    the hub, the one case in which a network is used. Raises CourseError for
    what cannot be loaded.
    """
    if text_source is None:
        return _clip(*load_encoder(image_source, "CLIPModel"))
    net = load_efficientnet_lite(image_source)
    return Towers(_pictures_of(net), _texts_of(*load_encoder(text_source)),
                  _key(net))


def _key(net):
    """Return a hash of a network's weights and of the code that runs it."""
    total = hashlib.sha256()
    for code in (__file__, efficientnet.__file__):
        total.update(Path(code).read_bytes())
    for name, value in net.state_dict().items():
        total.update(name.encode() + value.contiguous().numpy().tobytes())
    return total.hexdigest()


def _pictures_of(net):
    import torch

    net = net.to(memory_format=torch.channels_last)
    return lambda pictures: _batches(
        pictures, lambda part: net.features((_resized(part, SIZE) - 127) / 128))


def _texts_of(model, tokenizer):
    def mean(texts):
        words = tokenizer(texts, padding=True, return_tensors="pt")
        states = model(**words).last_hidden_state  # (B, T, D)
        mask = words["attention_mask"][..., None]
        return (states * mask).sum(1) / mask.sum(1)

    return lambda texts: _batches(texts, mean, 64)


def _clip(model, tokenizer):
    import torch

    size = model.config.vision_config.image_size
    longest = model.config.text_config.max_position_embeddings
    mean = torch.tensor(CLIP_MEAN)[:, None, None]
    deviation = torch.tensor(CLIP_DEVIATION)[:, None, None]

    def seen(part):
        values = (_resized(part, size) / 255 - mean) / deviation
        pooled = model.vision_model(pixel_values=values).pooler_output
        return model.visual_projection(pooled)

    def read(texts):
        words = tokenizer(texts, padding=True, truncation=True,
                          max_length=longest, return_tensors="pt")
        pooled = model.text_model(input_ids=words["input_ids"],
                                  attention_mask=words["attention_mask"])
        return model.text_projection(pooled.pooler_output)

    return Towers(lambda pictures: _batches(pictures, seen),
                  lambda texts: _batches(texts, read, 64), _key(model),
                  aligned=True)


def _batches(items, compute, size=32):
    import torch

    with torch.inference_mode():
        parts = [compute(items[start:start + size])
                 for start in range(0, len(items), size)]
    return torch.cat(parts).float().clone()


def _resized(pictures, size):
    """Return (B, 3, size, size) of (B, H, W, 3), in grey levels."""
    from torch.nn.functional import interpolate

    images = pictures.permute(0, 3, 1, 2).float()
    return interpolate(images, size=(size, size), mode="bicubic",
                       align_corners=False).clamp(0, 255)


def _read(path, rows):
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    with contextlib.suppress(OSError, SafetensorError, KeyError, ValueError):
        if sha256(path) == path.with_suffix(".sha256").read_text():
            features = load_file(path)["features"]
            return features if len(features) == rows else None
    return None


def _store(features, path):
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    try:
        with write_whole(path) as part:
            save_file({"features": features}, part)
            with write_whole(path.with_suffix(".sha256")) as digest:
                digest.write_text(sha256(part))
    except (OSError, SafetensorError):
        print(f"the features cannot be stored in {path.parent}: "
              "the next run will compute them again")
