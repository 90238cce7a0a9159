"""The images: split, batched, moved."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("sklearn")

from plugrad.cli.digits.data import PIXELS, Images, batches, load


def rows(images):
    return {tuple(row) for row in images.pixels.tolist()}


def test_the_parts_are_all_images_and_share_none():
    digits = load(0)
    parts = [digits.train, digits.validation, digits.test]
    assert sum(map(len, parts)) == 1797
    assert len(set().union(*map(rows, parts))) == sum(len(rows(p)) for p in parts)
    assert 0 <= digits.train.pixels.min() < digits.train.pixels.max() <= 1
    assert set(digits.test.labels.tolist()) == set(range(10))


def test_a_pass_sees_every_image_once():
    labels = torch.arange(100)
    images = Images(torch.zeros(100, PIXELS), labels)
    seen = [b.labels for b in batches(images, 32, torch.Generator().manual_seed(0))]
    assert [len(s) for s in seen] == [32, 32, 32, 4]
    assert torch.equal(torch.cat(seen).sort().values, labels)
    assert not torch.equal(torch.cat(seen), labels)


def test_a_moved_image_is_whole():
    pixels = torch.zeros(500, 8, 8)
    pixels[:, 2, 5] = 1
    images = Images(pixels.flatten(1), torch.zeros(500, dtype=torch.long))
    (batch,) = batches(images, 500, torch.Generator().manual_seed(0))
    places = {tuple(place) for place in batch.pixels.view(-1, 8, 8).nonzero()[:, 1:].tolist()}
    assert places == {(y, x) for y in (1, 2, 3) for x in (4, 5, 6)}
    assert torch.equal(batch.pixels.sum(dim=1), torch.ones(500))
