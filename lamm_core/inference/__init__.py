"""Answers from a model: the engine, the decoders and how tokens are chosen.

Does not know pages, benchmarks or training. Importing this package imports no torch; import its modules.
"""
