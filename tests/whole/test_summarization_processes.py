"""Fine-tuning on two processes makes the steps of one with their batches joined.

The loss is a mean over the tokens of each process, so the summaries here have one
length; with several lengths the weights of tokens differ between the two.
"""

import os
import re
import socket
import subprocess
import sys

import jupytext
import pytest
import torch
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from tests.conftest import ROOT

SCRIPT = """
import os, sys
import torch
from datasets import load_from_disk
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer
from solutions.summarization import fine_tune

folder, name, size = sys.argv[1:]
model = AutoModelForSeq2SeqLM.from_pretrained(f"{folder}/model")
losses = fine_tune(model, AutoTokenizer.from_pretrained(f"{folder}/model"),
                   load_from_disk(f"{folder}/pairs"), steps=3, size=int(size),
                   longest=16, seed=0)
rank = os.environ.get("RANK", "0")
torch.save((losses, model.state_dict()), f"{folder}/{name}{rank}.pt")
"""


def free_port():
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return str(door.getsockname()[1])


@pytest.mark.weekly
def test_the_whole_chapter_runs_as_a_script_on_two_processes(tmp_path):
    script = tmp_path / "summarization.py"
    jupytext.write(jupytext.read(ROOT / "notebooks" / "summarization.ipynb"), script)
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2",
         "--master-port", free_port(), str(script)], cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1",
             "MPLBACKEND": "agg"}, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr[-3000:]
    scores = re.findall(r"ROUGE-1, fine-tuned, awards = ([^]]*])", done.stdout)
    assert len(scores) == 2 and scores[0] == scores[1]


def test_two_processes_make_the_steps_of_one(tmp_path):
    torch.manual_seed(0)
    T5ForConditionalGeneration(T5Config(
        vocab_size=20, d_model=16, d_kv=8, d_ff=24, num_layers=1, num_heads=2,
        dropout_rate=0.0, decoder_start_token_id=0)
    ).save_pretrained(tmp_path / "model")
    words = [f"w{i}" for i in range(17)]
    reader = Tokenizer(models.WordLevel(
        {word: i for i, word in enumerate(["<pad>", "</s>", "<unk>", *words])},
        unk_token="<unk>"))
    reader.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(
        tokenizer_object=reader, pad_token="<pad>", eos_token="</s>",
        unk_token="<unk>").save_pretrained(tmp_path / "model")
    Dataset.from_list([
        {"document": " ".join(words[i % 7:i % 7 + 5]),
         "summary": " ".join(words[i % 5:i % 5 + 3])} for i in range(24)
    ]).save_to_disk(tmp_path / "pairs")
    (tmp_path / "tune.py").write_text(SCRIPT)

    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1",
                   "HF_HOME": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"}
    several = ["-m", "torch.distributed.run", "--nproc-per-node", "2",
               "--master-port", free_port()]
    for launch, name, size in (([], "one", "8"), (several, "two", "4")):
        done = subprocess.run(
            [sys.executable, *launch, str(tmp_path / "tune.py"), str(tmp_path),
             name, size], env=environment, capture_output=True, text=True,
            timeout=180)
        assert done.returncode == 0, done.stderr[-3000:]

    (losses, one), (shared, first), (_, second) = (
        torch.load(tmp_path / f"{name}.pt") for name in ("one0", "two0", "two1"))
    assert len(losses) == 3
    assert torch.allclose(torch.tensor(shared), torch.tensor(losses), atol=1e-4)
    start = T5ForConditionalGeneration.from_pretrained(tmp_path / "model").state_dict()
    assert any(not torch.equal(start[name], one[name]) for name in one)
    for name in one:
        assert torch.equal(first[name], second[name]), name
        assert torch.allclose(first[name], one[name], atol=1e-5), name
