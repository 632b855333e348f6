"""Point clouds as geometry: reading them, what is wrong with them, and the objects that stand out in them.

Does not know encoders, language models or the page; no torch.
"""
