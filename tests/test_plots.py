"""Figures show the numbers they were given."""

from __future__ import annotations

import io
from dataclasses import replace

import matplotlib.image
import numpy as np
import pytest

from hyper.model.subspace import LayerUpdate
from hyper.plots import layers as layer_plots
from hyper.plots import palette
from hyper.plots import style as plot_style
from hyper.plots.sound import sound_figure, sound_print
from hyper.recordings import sound
from hyper.recordings.audio import SAMPLE_RATE


def update(name: str, relative: float, singular_values: tuple[float, ...]) -> LayerUpdate:
    return LayerUpdate(
        name=name,
        frobenius=float(np.linalg.norm(singular_values)),
        relative_frobenius=relative,
        singular_values=np.array(singular_values),
        principal_angles_deg=np.array([1.0, 3.0]),
    )


@pytest.fixture
def layers() -> list[LayerUpdate]:
    return [update(f"model.decoder.layers.{i}.fc1", 0.01 * (i + 1), (3.0 - i, 0.5)) for i in range(3)]


def test_bars_are_the_relative_change_in_percent(layers):
    (bars,) = layer_plots.magnitude_figure(layers).data
    assert list(bars.x) == ["1", "2", "3"]
    assert list(bars.y) == pytest.approx([1.0, 2.0, 3.0])
    assert {row[1] for row in bars.customdata} == {"<br>mean angle between old and new 2.0°"}  # mean of 1 and 3
    (bars,) = layer_plots.magnitude_figure([replace(layers[0], principal_angles_deg=np.empty(0))]).data
    assert bars.customdata[0][1] == ""


def test_the_printed_twin_has_the_same_bars(layers):
    (axes,) = layer_plots.magnitude_print(layers).axes
    assert [bar.get_height() for bar in axes.patches] == pytest.approx([1.0, 2.0, 3.0])
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["1", "2", "3"]
    assert axes.get_title(loc="left") == layer_plots.MAGNITUDE.title


def test_each_direction_is_a_series_of_singular_values(layers):
    first, second = layer_plots.singular_value_figure(layers).data
    assert list(first.y) == [3.0, 2.0, 1.0]
    assert list(second.y) == [0.5, 0.5, 0.5]


def test_more_directions_than_plotly_has_symbols():
    many = update("model.decoder.layers.0.fc1", 0.07, tuple(range(64, 0, -1)))
    assert len(layer_plots.singular_value_figure([many]).data) == 64


def test_several_matrices_of_a_layer_stay_apart(layers):
    more = [*layers, update("model.decoder.layers.0.self_attn.q_proj", 0.07, (1.0,))]
    by_name = {bars.name: list(bars.y) for bars in layer_plots.magnitude_figure(more).data}
    assert by_name == {"fc1": pytest.approx([1, 2, 3]), "self_attn.q_proj": pytest.approx([7])}
    labels = layer_plots.singular_value_figure(more).data[0].x
    assert len(set(labels)) == len(more)
    heights = [bar.get_height() for bar in layer_plots.magnitude_print(more).axes[0].patches]
    assert heights == pytest.approx([1, 2, 3, 7])


@pytest.fixture
def whole_decoder() -> list[LayerUpdate]:
    kinds = ("fc1", "fc2", "self_attn.q_proj", "encoder_attn.v_proj")
    return [
        update(f"model.decoder.layers.{layer}.{kind}", 0.01 * (layer + 1) * (place + 1), (1.0,))
        for place, kind in enumerate(kinds)
        for layer in range(2)
    ]


def test_many_matrices_are_one_bar_a_layer(whole_decoder):
    expected = [np.sqrt((1 + 4 + 9 + 16) / 4), 2 * np.sqrt((1 + 4 + 9 + 16) / 4)]  # root mean square, in percent
    (bars,) = layer_plots.magnitude_figure(whole_decoder).data
    assert list(bars.x) == ["1", "2"] and list(bars.y) == pytest.approx(expected)
    heights = [bar.get_height() for bar in layer_plots.magnitude_print(whole_decoder).axes[0].patches]
    assert heights == pytest.approx(expected)


def test_many_matrices_are_squares_of_their_layer(whole_decoder, layers):
    (squares,) = layer_plots.inside_figure(whole_decoder).data
    assert list(squares.x) == ["1", "2"]
    assert list(squares.y) == ["W1", "W2", "self-att. q", "cross-att. v"]
    np.testing.assert_allclose(squares.z, [[1, 2], [2, 4], [3, 6], [4, 8]])
    assert (squares.zmin, squares.zmax) == (0, pytest.approx(8))  # of one end alone plotly makes nothing
    (unchanged,) = layer_plots.inside_figure([replace(each, relative_frobenius=0.0) for each in whole_decoder]).data
    assert unchanged.zmax > 0
    assert layer_plots.inside_caption(whole_decoder) is layer_plots.MATRICES
    assert layer_plots.inside_caption(layers) is layer_plots.SINGULAR_VALUES
    assert [len(each.y) for each in layer_plots.inside_figure(layers).data] == [3, 3]


def test_a_figure_is_a_table_as_well(layers, whole_decoder):
    assert plot_style.as_table(layer_plots.singular_value_figure(layers)) == [
        ["decoder layer", "direction 1", "direction 2"],
        ["1", "3", "0.5"],
        ["2", "2", "0.5"],
        ["3", "1", "0.5"],
    ]
    encoder_too = [*whole_decoder, update("model.encoder.layers.0.fc1", 0.05, (1.0,))]
    table = plot_style.as_table(layer_plots.inside_figure(encoder_too))
    assert table[0][1:] == ["W1", "W2", "self-att. q", "cross-att. v"]
    assert table[1:] == [["dec 1", "1", "2", "3", "4"], ["dec 2", "2", "4", "6", "8"], ["enc 1", "5", "–", "–", "–"]]


def test_layers_of_encoder_and_decoder_stay_apart():
    both = [update(f"model.{side}.layers.0.fc1", 0.01, (1.0,)) for side in ("encoder", "decoder")]
    figure = layer_plots.magnitude_figure(both)
    assert list(figure.data[0].x) == ["enc 1", "dec 1"]
    assert figure.layout.xaxis.title.text == "encoder and decoder layer"


def test_a_name_that_is_no_layer_is_refused():
    with pytest.raises(ValueError, match="'proj_out' is not the name of a matrix"):
        layer_plots.place_of("proj_out")


def test_interactive_figures_have_a_height_and_the_colours_of_the_palette(layers):
    figure = layer_plots.magnitude_figure(layers)
    assert figure.layout.height == plot_style.PLOT_HEIGHT  # without one, a plot in a hidden container is 0 pixels high
    assert figure.data[0].marker.color == palette.ADAPTED


@pytest.fixture(scope="module")
def half_tone() -> sound.Sound:
    """A second of silence, then a second of 150 Hz."""
    t = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    return sound.look_at((0.5 * np.sin(2 * np.pi * 150 * t) * (t >= 1)).astype(np.float32))


def test_the_plot_of_a_sound_has_its_level_pitch_and_spectrogram_over_seconds(half_tone):
    level, pitch, cells = sound_figure(half_tone).data
    at_1_5 = round(1.5 / level.dx)
    assert level.y[at_1_5] == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.1)
    assert pitch.y[at_1_5] == pytest.approx(150, rel=0.012) and np.isnan(pitch.y[at_1_5 - 50])
    assert cells.z.shape[0] * cells.z.shape[1] <= 600 * 128
    column = cells.z[:, round(1.5 / cells.dx)]
    assert abs(cells.y0 + column.argmax() * cells.dy - 0.150) < cells.dy  # kHz
    assert (cells.zmin, cells.zmax) == (-sound.RANGE_DB, 0)


def test_a_sound_zooms_along_its_time_alone(half_tone):
    layout = sound_figure(half_tone).layout
    assert layout.xaxis3.title.text == "time, s" and layout.yaxis3.title.text == "frequency, kHz"
    assert layout.xaxis3.range == (0, 2.0) and layout.xaxis.matches == "x3"
    assert not layout.xaxis.fixedrange and layout.yaxis.fixedrange and layout.yaxis3.fixedrange
    assert layout.meta == {"seconds": 2.0}  # by which the player's line knows its recording


def test_half_a_minute_stays_light():
    noise = np.random.default_rng(0).normal(0, 0.1, 30 * SAMPLE_RATE).astype(np.float32)
    assert len(sound_figure(sound.look_at(noise)).to_json()) < 200_000


def test_the_printed_sound_has_the_same_curves(half_tone):
    level, pitch, cells = sound_print(half_tone).axes
    assert np.array_equal(level.lines[0].get_ydata(), half_tone.level)
    assert np.array_equal(pitch.lines[0].get_ydata(), half_tone.f0, equal_nan=True)
    assert np.array_equal(cells.images[0].get_array(), half_tone.spectrogram)
    bottom, top = cells.images[0].get_extent()[2:]
    assert bottom == pytest.approx(0.5 * SAMPLE_RATE / 512 / 1000) and top == pytest.approx(8.016, abs=0.001)


def test_a_sound_without_voice_has_a_plot(half_tone):
    silent = replace(half_tone, f0=np.full_like(half_tone.f0, np.nan))
    low, high = sound_figure(silent).layout.yaxis2.range
    assert high - low >= 150


def test_every_shade_is_darker_than_the_last_and_text_on_it_is_read():
    shades = [plot_style.shades()(share) for share in np.linspace(0, 1, 50)]
    weights = (0.2126, 0.7152, 0.0722)  # Rec. 709
    assert (np.diff([np.dot(weights, shade[:3]) for shade in shades]) < 0).all()
    assert plot_style.COLORSCALE[0] == [0, palette.SCALE[0]] and plot_style.COLORSCALE[-1] == [1, palette.SCALE[-1]]
    assert (plot_style.on_shade(0.2), plot_style.on_shade(0.8)) == (palette.INK, palette.CARD)
    assert plot_style.on_shade(float("nan")) == palette.INK


def test_files_of_a_figure_are_what_they_say(layers):
    figure = layer_plots.magnitude_print(layers)
    pixels = matplotlib.image.imread(io.BytesIO(plot_style.png(figure, dpi=100)))
    assert pixels.shape[:2] == (360, 700)
    assert plot_style.pdf(figure).startswith(b"%PDF-")
