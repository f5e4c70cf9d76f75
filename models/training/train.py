"""Trains and exports the shipped models: `python train.py [logo-router] [quality-predictor] [text-tagger]`."""

import sys

import logo_router
import quality_predictor
import text_tagger

MODELS = {module.NAME: module.train for module in (logo_router, quality_predictor, text_tagger)}

for name in sys.argv[1:] or MODELS:
    if name not in MODELS:
        sys.exit(f"no model {name}; there are {', '.join(MODELS)}")
    print(name, flush=True)
    MODELS[name]()
