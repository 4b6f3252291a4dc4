"""Trains a small Keras network on Fashion-MNIST.

request  {"network": NAME, "epochs": N, "train": PATH of an .npz with x and y, "out": PATH.keras}
"""

from __future__ import annotations

from typing import Any

BATCH = 128


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """Writes the trained network."""
    import keras
    import numpy

    keras.utils.set_random_seed(0)
    with numpy.load(request["train"]) as archive:
        x, y = archive["x"], archive["y"]
    network = {"fashion-mobilenetv2": _mobilenet, "fashion-resnet8": _resnet}[request["network"]]()
    steps = request["epochs"] * -(-len(x) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    network.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    past = network.fit(x, y, batch_size=BATCH, epochs=request["epochs"], verbose=2)
    network.save(request["out"])
    return {"accuracy": float(past.history["accuracy"][-1])}


def _resnet() -> Any:  # Any: a Keras model
    """Source: MLPerf Tiny, image classification, for 28x28x1 inputs."""
    from keras import Input, Model, layers

    inputs = Input((28, 28, 1), name="image")
    x = _normed(layers.Conv2D(16, 3, padding="same", use_bias=False)(inputs))
    for width, stride in ((16, 1), (32, 2), (64, 2)):
        short = x
        if stride > 1:
            short = layers.Conv2D(width, 1, strides=stride, padding="same")(x)
        x = layers.Conv2D(width, 3, strides=stride, padding="same", use_bias=False)(x)
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(_normed(x))
        x = layers.ReLU()(layers.Add()([layers.BatchNormalization()(x), short]))
    x = layers.GlobalAveragePooling2D()(x)
    return Model(inputs, layers.Dense(10, activation="softmax")(x))


def _normed(x: Any) -> Any:  # Any: Keras tensors
    from keras import layers

    return layers.ReLU()(layers.BatchNormalization()(x))


def _mobilenet() -> Any:  # Any: a Keras model
    """Inverted residuals with ReLU6, narrow and short. Source: MobileNetV2, arXiv 1801.04381."""
    from keras import Input, Model, layers

    inputs = Input((28, 28, 1), name="image")
    x = _capped(layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False)(inputs))
    for width, stride in ((16, 1), (24, 2), (24, 1), (32, 2), (32, 1), (32, 1)):
        short = x
        wide = 6 * x.shape[-1]
        x = _capped(layers.Conv2D(wide, 1, use_bias=False)(x))
        x = _capped(layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(x))
        x = layers.BatchNormalization()(layers.Conv2D(width, 1, use_bias=False)(x))
        if stride == 1 and short.shape[-1] == width:
            x = layers.Add()([x, short])
    x = _capped(layers.Conv2D(128, 1, use_bias=False)(x))
    x = layers.GlobalAveragePooling2D()(x)
    return Model(inputs, layers.Dense(10, activation="softmax")(x))


def _capped(x: Any) -> Any:  # Any: Keras tensors
    from keras import layers

    return layers.ReLU(max_value=6.0)(layers.BatchNormalization()(x))
