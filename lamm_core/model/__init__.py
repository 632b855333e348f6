"""The multimodal model: projector, adapters, fusion, the composition of them, and its checkpoints.

Does not know how it is trained or decoded.
"""
