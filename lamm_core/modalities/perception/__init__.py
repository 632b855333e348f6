"""The picture encoder that this project trains: EfficientNet-Lite0 with eyes for objects, joints and letters.

Does not know the language model. `encoder` puts the streams together; `tokens` says what a token holds.
"""

from lamm_core.modalities.perception.encoder import PerceptionEncoder, build_perception

__all__ = ["PerceptionEncoder", "build_perception"]
