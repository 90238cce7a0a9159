"""Train Hugging Face's GPT-2 on the characters of a poem, on plugrad and on torch, side by side.

    pip install -c constraints.txt -e '.[huggingface]'
    python examples/gpt2_finetune.py

The model is small and random, so nothing is downloaded. Its code is transformers' own: only its
parameters become plugrad Variables.
"""

import argparse
from copy import deepcopy

import torch
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

import plugrad as pg

try:
    from rich.progress import track
except ModuleNotFoundError:  # rich comes with the extra `cli`

    def track(steps, description):
        """Print a line now and then."""
        for step in steps:
            if step % 20 == 0:
                print(f"{description} {step} of {len(steps)}")
            yield step


# Lewis Carroll, 1871.
TEXT = """\
'Twas brillig, and the slithy toves
Did gyre and gimble in the wabe:
All mimsy were the borogoves,
And the mome raths outgrabe.

"Beware the Jabberwock, my son!
The jaws that bite, the claws that catch!
Beware the Jubjub bird, and shun
The frumious Bandersnatch!"

He took his vorpal sword in hand;
Long time the manxome foe he sought--
So rested he by the Tumtum tree
And stood awhile in thought.

And, as in uffish thought he stood,
The Jabberwock, with eyes of flame,
Came whiffling through the tulgey wood,
And burbled as it came!
"""
CHARACTERS = sorted(set(TEXT))
CODES = torch.tensor([CHARACTERS.index(c) for c in TEXT])
LENGTH, BATCH = 48, 12


def small_gpt2() -> GPT2LMHeadModel:
    """Make GPT-2 with two layers of 64; dropout is on, as it is in the large one."""
    config = GPT2Config(
        vocab_size=len(CHARACTERS),
        n_positions=LENGTH,
        n_embd=64,
        n_layer=2,
        n_head=4,
        bos_token_id=0,
        eos_token_id=None,
    )
    model = GPT2LMHeadModel(config).train()
    model.loss_type = "ForCausalLM"  # transformers would take it anyway, with a warning
    return model


def a_batch(step: int) -> Tensor:
    """Take pieces of the text, the same ones for whoever asks."""
    random = torch.Generator().manual_seed(step)
    starts = torch.randint(0, len(CODES) - LENGTH, (BATCH,), generator=random)
    return CODES[starts[:, None] + torch.arange(LENGTH)]


def train_step(model: GPT2LMHeadModel, optimizer: torch.optim.Optimizer, step: int) -> float:
    """Take one step; this is a loop's body as anybody writes it for torch."""
    torch.manual_seed(step)  # dropout draws from this generator, on either engine
    ids = a_batch(step)
    loss = model(input_ids=ids, labels=ids).loss
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()


def sample(model: GPT2LMHeadModel, start: str = "The ", count: int = 120) -> str:
    """Let the model go on from ``start``, character by character."""
    random = torch.Generator().manual_seed(0)
    codes = [CHARACTERS.index(c) for c in start]
    model.eval()
    with torch.no_grad():
        for _ in range(count):
            logits = model(input_ids=torch.tensor([codes[-LENGTH:]])).logits[0, -1]
            chances = torch.softmax(logits / 0.7, dim=0)
            codes.append(torch.multinomial(chances, 1, generator=random).item())
    model.train()
    return "".join(CHARACTERS[c] for c in codes)


def main(steps: int) -> None:
    """Train both, and say how far apart their losses are."""
    torch.manual_seed(0)
    on_torch = small_gpt2()
    model = pg.interop.convert(deepcopy(on_torch))  # its parameters are Variables now
    ours = torch.optim.AdamW(model.parameters(), lr=3e-3)
    theirs = torch.optim.AdamW(on_torch.parameters(), lr=3e-3)
    print("before training:", sample(model), sep="\n")

    losses = [
        (train_step(model, ours, step), train_step(on_torch, theirs, step))
        for step in track(range(steps), description="training")
    ]

    print(f"\nafter {steps} steps:", sample(model), sep="\n")
    print("\n step  loss on plugrad  loss on torch")
    for step in sorted({*range(0, steps, max(1, steps // 5)), steps - 1}):
        print("{:5d}  {:15.6f}  {:13.6f}".format(step, *losses[step]))
    difference = max(abs(our - their) / their for our, their in losses)
    print(f"largest relative difference from torch: {difference:.1e}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=150)
    main(parser.parse_args().steps)
