"""Conversion steps, one file each, found by listing this package.

A step has the constants SOURCE, TARGET (formats), ENVIRONMENT (a tool environment), COST, for a
quantizing step RECIPES, and ``main(request)``, which runs inside the environment:

request  {"model": PATH, "out": PATH, "trust": BOOL, "weights": PATH or "", "shapes": {NAME: [INT]},
          "samples": FOLDER, "recipe": NAME, "arch": NAME, "opset": NEWEST or None,
          "channel_last": [INPUT POSITION so far], "names": [NAME of each input of the source]}
reply    {"tools": {DISTRIBUTION: VERSION}, "warnings": [TEXT], "channel_last": [INPUT POSITION]}
"""
