# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Weights in the form of the hub, written by the libraries' own networks, end where they belong."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
from network_zoo import network_or_skip

torch = pytest.importorskip('torch', reason="torch is not installed: pip install '.[train]'")
pytest.importorskip('torchvision', reason="torchvision is not installed: pip install '.[train]'")
smp = pytest.importorskip('segmentation_models_pytorch', reason="pip install '.[train]'")
timm = pytest.importorskip('timm', reason="timm is not installed: pip install '.[train]'")
from safetensors.torch import save_file  # noqa: E402

from drivseg_ros.errors import ModelError  # noqa: E402
from drivseg_ros.lab.weights.pretrained import load_pretrained  # noqa: E402
from drivseg_ros.model.card import BDD100K_CLASSES, ModelCard  # noqa: E402
from drivseg_ros.networks.checkpoint import save_checkpoint  # noqa: E402
from drivseg_ros.networks.fast_scnn import FastSCNN  # noqa: E402
from drivseg_ros.networks.fcn8s import FCN8sVGG16  # noqa: E402
from drivseg_ros.networks.normalisation import normalise  # noqa: E402
from drivseg_ros.networks.unet import UNet  # noqa: E402

CARD = ModelCard('p', BDD100K_CLASSES, 64, 64)


def randomised(network, *, seed=0):
    """Every tensor random, norms and their statistics included, so that no swap goes unseen."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            fan = max(1, value[0].numel()) if value.dim() > 1 else 4
            value.copy_(torch.randn(value.shape, generator=generator) / fan**0.5)
            if name.endswith('running_var'):
                value.abs_().add_(0.5)
    return network.eval()


def write(network, path: Path, **more) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: t.contiguous() for name, t in network.state_dict().items()}
    save_file({**tensors, **more}, str(path))
    return path


def image(height=64, width=96):
    return torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope='module')
def resnet(tmp_path_factory):
    """A dilated ResNet-50 of torchvision, and a file with its tensors; timm names them alike."""
    from torchvision.models import resnet50

    network = randomised(resnet50(replace_stride_with_dilation=[False, True, True]))
    return network, write(network, tmp_path_factory.mktemp('resnet') / 'model.safetensors')


def resnet_features(network, x):
    x = network.maxpool(network.relu(network.bn1(network.conv1(x))))
    for layer in (network.layer1, network.layer2, network.layer3, network.layer4):
        x = layer(x)
    return x


ENCODERS = {
    'fcn_resnet50': lambda network, x: network.backbone(x)['out'],
    'pspnet_resnet50': lambda network, x: network.backbone(x)[1],
    'deeplabv3plus_resnet50': lambda network, x: network.network.encoder(x)[-1],
}


@pytest.mark.parametrize('architecture', sorted(ENCODERS))
def test_resnet_has_the_same_features(architecture, resnet):
    reference, path = resnet
    network = network_or_skip(architecture, 3).eval()
    head = {n: t.clone() for n, t in network.state_dict().items() if 'layer' not in n}
    loaded = load_pretrained(network, architecture, path)
    with torch.inference_mode():
        found = ENCODERS[architecture](network, image())
        wanted = resnet_features(reference, image())
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    encoder = [n for n in network.state_dict() if 'encoder.' in n or 'backbone.' in n]
    assert list(loaded.loaded) == encoder
    assert set(loaded.fresh) == network.state_dict().keys() - set(encoder)
    assert all(torch.equal(head[n], network.state_dict()[n]) for n in loaded.fresh)
    assert len(loaded.sha256) == 64
    assert 'ResNet-50' in loaded.source


def test_timm_names_a_resnet_as_torchvision_does(resnet):
    with torch.device('meta'):
        names = timm.create_model('resnet50').state_dict().keys()
    assert names == resnet[0].state_dict().keys()


HIDDEN = 8


def torchvision_vgg():
    from torch import nn
    from torchvision.models import vgg16

    with torch.device('meta'):
        network = vgg16()
    network.classifier = nn.Sequential(
        nn.Linear(512 * 7 * 7, HIDDEN), nn.ReLU(), nn.Dropout(),
        nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Dropout(), nn.Linear(HIDDEN, 10),
    )  # fmt: skip
    network = randomised(network.to_empty(device='cpu'))

    def features(x):
        return network.classifier[:5](torch.flatten(network.features(x), 1))

    return network, features


def timm_vgg():
    from timm.models.vgg import ConvMlp

    with torch.device('meta'):
        network = timm.create_model('vgg16')
    network.pre_logits = ConvMlp(512, HIDDEN, 7)
    network.head.fc = torch.nn.Linear(HIDDEN, 10)
    network = randomised(network.to_empty(device='cpu'))
    return network, lambda x: network.pre_logits(network.features(x)).flatten(1)


@pytest.mark.parametrize('make', [torchvision_vgg, timm_vgg])
def test_vgg_answers_alike_with_its_fully_connected_layers(make, tmp_path):
    """Where the 7x7 convolution covers all of a 224x224 image, it is the layer it was."""
    reference, features = make()
    path = write(reference, tmp_path / 'vgg.safetensors')
    network = FCN8sVGG16(3, hidden=HIDDEN).eval()
    loaded = load_pretrained(network, 'fcn8s_vgg16', path)
    x = image(224, 224)
    with torch.inference_mode():
        found = network.classifier(network.features(x))[..., 3, 3]
        torch.testing.assert_close(found, features(x), rtol=1e-4, atol=1e-4)
    assert found.abs().max() > 0
    assert all('score' in name or 'double' in name for name in loaded.fresh)


def test_vgg_without_its_fully_connected_layers(tmp_path):
    reference, _ = torchvision_vgg()
    del reference.classifier
    path = write(reference, tmp_path / 'vgg.safetensors')
    network = FCN8sVGG16(3, hidden=HIDDEN).eval()
    loaded = load_pretrained(network, 'fcn8s_vgg16', path)
    with torch.inference_mode():
        assert torch.equal(network.features(image()), reference.features(image()))
    assert 'classifier.0.weight' in loaded.fresh


def mit(size):
    return randomised(smp.encoders.get_encoder(f'mit_{size}', weights=None))


@pytest.mark.parametrize('size', ['b0', 'b1'])
def test_mix_transformer_has_the_same_features(size, tmp_path):
    reference = mit(size)
    head = {'head.weight': torch.ones(10, 4), 'head.bias': torch.ones(10)}
    write(reference, tmp_path / f'smp-hub/mit_{size}.imagenet/model.safetensors', **head)
    name = f'segformer_{size}'
    network = network_or_skip(name, 3).eval()
    loaded = load_pretrained(network, name, 'imagenet', folder=tmp_path)
    with torch.inference_mode():
        for found, wanted in zip(network.network.encoder(image()), reference(image()), strict=True):
            assert torch.equal(found, wanted)
    assert all(n.startswith(('network.decoder', 'network.segm')) for n in loaded.fresh)
    assert f'smp-hub/mit_{size}.imagenet at revision' in loaded.source
    assert 'NVIDIA' in loaded.license


def names_of_the_authors(state):
    """As TensorFlow's EfficientNet and its ports call the layers; written out by position."""
    tensors = {}
    block, last = -1, None
    for name, tensor in state.items():
        layer, _, rest = name.partition('.')
        if layer == 'blocks':
            stage, index, layer, rest = rest.split('.', 3)
            block += (stage, index) != last
            last = (stage, index)
            plain = ['conv_dw', 'bn1', 'conv_pw', 'bn2']
            wide = ['conv_pw', 'bn1', 'conv_dw', 'bn2', 'conv_pwl', 'bn3']
            calls = ['_expand_conv', '_bn0', '_depthwise_conv', '_bn1', '_project_conv', '_bn2']
            ours = dict(zip(plain, calls[2:], strict=True)) if block == 0 else None
            layer = (ours or dict(zip(wide, calls, strict=True)))[layer]
            tensors[f'_blocks.{block}.{layer}.{rest}'] = tensor
        else:
            calls = {'conv_stem': '_conv_stem', 'bn1': '_bn0', 'conv_head': '_conv_head'}
            calls |= {'bn2': '_bn1', 'classifier': '_fc'}
            tensors[f'{calls[layer]}.{rest}'] = tensor
    return tensors


@pytest.mark.parametrize('rename', [dict, names_of_the_authors])
def test_efficientnet_lite_sees_the_same_image(rename, tmp_path):
    """Its weights expect images normalised in another way; at the border, zero is another grey."""
    reference = randomised(timm.create_model('efficientnet_lite0', bn_eps=1e-3))
    path = tmp_path / 'lite0.safetensors'
    save_file({n: t.contiguous() for n, t in rename(reference.state_dict()).items()}, str(path))
    network = network_or_skip('efficientnet_lite_fpn', 3).eval()
    load_pretrained(network, 'efficientnet_lite_fpn', path)
    grey = torch.randint(0, 256, (1, 64, 96, 3), dtype=torch.uint8)
    theirs = ((grey.float() - 127) / 128).permute(0, 3, 1, 2)
    with torch.inference_mode():
        found = network.encoder.stem(normalise(grey))
        wanted = reference.bn1(reference.conv_stem(theirs))
        inner = (..., slice(1, -1), slice(1, -1))
        torch.testing.assert_close(found[inner], wanted[inner], rtol=1e-4, atol=1e-4)
        block = 0
        x = wanted
        for stage in reference.blocks:
            for theirs in stage:
                y = theirs(x)
                if block < len(network.encoder.blocks):
                    torch.testing.assert_close(
                        network.encoder.blocks[block](x), y, rtol=1e-4, atol=1e-4
                    )
                x, block = y, block + 1
    assert block == 16


@pytest.mark.parametrize('classes', [19, 3])
def test_the_published_segformer_answers_alike(classes, tmp_path):
    reference = randomised(
        smp.Segformer('mit_b1', encoder_weights=None, classes=19, decoder_segmentation_channels=256)
    )
    folder = tmp_path / 'smp-hub/segformer-b1-1024x1024-city-160k'
    write(reference, folder / 'model.safetensors')
    network = network_or_skip('segformer_b1', classes).eval()
    loaded = load_pretrained(network, 'segformer_b1', 'cityscapes', folder=tmp_path)
    head = ('network.segmentation_head.0.weight', 'network.segmentation_head.0.bias')
    assert loaded.fresh == (() if classes == 19 else head)
    with torch.inference_mode():
        features = reference.decoder(reference.encoder(image()))
        assert torch.equal(network.network.decoder(network.network.encoder(image())), features)
        if classes == 19:  # the library up-samples by 4, our caller does
            found = torch.nn.functional.interpolate(
                network(image()), scale_factor=4, mode='bilinear', align_corners=True
            )
            torch.testing.assert_close(found, reference(image()), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('classes', [3, 5])
def test_a_checkpoint_of_ours_is_a_beginning(classes, tmp_path):
    path = tmp_path / 'c.safetensors'
    given = randomised(FastSCNN(3))
    save_checkpoint(given, path, architecture='fast_scnn', card=CARD)
    network = FastSCNN(classes).eval()
    loaded = load_pretrained(network, 'fast_scnn', path)
    with torch.inference_mode():
        assert torch.equal(
            network.features(network.downsample(image())), given.features(given.downsample(image()))
        )
    lasts = {'classifier.3', 'auxiliary_fine.1', 'auxiliary_coarse.1'}
    assert {name.rpartition('.')[0] for name in loaded.fresh} == (lasts if classes == 5 else set())


def test_half_precision_and_missing_counters_will_do(resnet, tmp_path):
    reference, _ = resnet
    tensors = {n: t.half() for n, t in reference.state_dict().items() if 'num_batches' not in n}
    path = tmp_path / 'half.safetensors'
    save_file(tensors, str(path))
    network = network_or_skip('fcn_resnet50', 3)
    loaded = load_pretrained(network, 'fcn_resnet50', path)
    assert all('num_batches' in n for n in loaded.fresh if n.startswith('backbone'))
    assert torch.equal(network.backbone.conv1.weight, reference.conv1.weight.half().float())


def test_none_changes_nothing():
    network = UNet(3)
    before = {n: t.clone() for n, t in network.state_dict().items()}
    loaded = load_pretrained(network, 'unet', 'none')
    assert (loaded.source, loaded.loaded) == ('none', ())
    assert all(torch.equal(t, before[n]) for n, t in network.state_dict().items())


def changed(**changes):
    """A ResNet's tensors with some of them replaced, or left out where None."""

    def make(path, resnet):
        tensors = {n: t for n, t in resnet.state_dict().items() if n not in changes}
        more = {n: t for n, t in changes.items() if t is not None}
        save_file({**tensors, **more}, str(path))

    return make


def pickled(path, resnet):
    torch.save(resnet.state_dict(), path)


def of_another(path, resnet):
    save_checkpoint(FastSCNN(3), path, architecture='fast_scnn', card=CARD)


def nothing(path, resnet):
    return None


CONV = 'layer1.0.conv1.weight'


@pytest.fixture(scope='module')
def networks():
    """Networks that refused weights leave as they are, so that one of a kind is enough."""
    return functools.lru_cache(lambda architecture: network_or_skip(architecture, 3))


@pytest.mark.parametrize(
    ('architecture', 'make', 'message'),
    [
        pytest.param(
            'fcn_resnet50', changed(**{CONV: None}), f'backbone.{CONV} is missing', id='partial'
        ),
        pytest.param(
            'fcn_resnet50',
            changed(**{'layer9.weight': torch.ones(1)}),
            'backbone.layer9.weight is not known',
            id='more',
        ),
        pytest.param(
            'fcn_resnet50',
            changed(**{CONV: torch.ones(64, 32, 1, 1)}),
            r'1 tensors \(backbone.layer1.0.conv1.weight is \(64, 32, 1, 1\), not \(64, 64, 1, 1\)',
            id='shape',
        ),
        pytest.param(
            'fcn_resnet50',
            changed(**{CONV: torch.ones(64, 64, 1, 1, dtype=torch.int8)}),
            r'is torch.int8, not torch.float32',
            id='dtype',
        ),
        pytest.param('segformer_b0', changed(), 'taken for a Mix Transformer', id='another net'),
        pytest.param('unet', changed(), 'no checkpoint of ours, and no other file', id='unet'),
        pytest.param('fcn_resnet50', pickled, 'cannot be read as safetensors', id='pickle'),
        pytest.param('fcn_resnet50', of_another, 'checkpoint of fast_scnn', id='architecture'),
        pytest.param('fcn_resnet50', nothing, 'give the path of a .safetensors', id='absent'),
    ],
)
def test_a_file_that_does_not_fit_changes_nothing(
    architecture, make, message, resnet, networks, tmp_path
):
    path = tmp_path / 'w.safetensors'
    make(path, resnet[0])
    network = networks(architecture)
    before = {n: t.clone() for n, t in network.state_dict().items()}
    with pytest.raises(ModelError, match=message) as error:
        load_pretrained(network, architecture, path)
    assert str(path) in str(error.value)
    assert all(torch.equal(t, before[n]) for n, t in network.state_dict().items())


@pytest.mark.parametrize(
    ('architecture', 'weights', 'message'),
    [
        ('unet', 'imagenet', 'no weights .imagenet. for unet: none are published'),
        ('fast_scnn', 'imagenet', 'none are published'),
        ('fcn_resnet50', 'cityscapes', 'published are imagenet'),
        ('fcn_resnet50', 'coco', 'give cityscapes, imagenet, none, or the path'),
        ('fcn_resnet50', 'w.pth', 'files that unpickle .* are never loaded'),
        ('fcn_resnet50', Path('model.bin'), 'never loaded'),
        ('segformer_b0', 'imagenet@main', '40 hexadecimal digits'),
        ('segformer_b0', 'cityscapes', 'no revision of smp-hub/segformer-b0-1024x1024-city-160k'),
    ],
)
def test_weights_that_are_not_to_be_had(architecture, weights, message):
    with pytest.raises(ModelError, match=message):
        load_pretrained(torch.nn.Identity(), architecture, weights)


def test_a_class_count_that_only_looks_like_one(tmp_path):
    """Shapes may differ by the number of classes, but all by the same."""
    path = tmp_path / 'c.safetensors'
    save_checkpoint(FastSCNN(3), path, architecture='fast_scnn', card=CARD)
    network = FastSCNN(5)
    network.auxiliary_fine[1] = torch.nn.Conv2d(32, 7, 1)
    with pytest.raises(ModelError, match='has another shape'):
        load_pretrained(network, 'fast_scnn', path)
