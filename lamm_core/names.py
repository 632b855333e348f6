"""The fixed lists of names that findings in pictures are numbered by.

Does not know pixels or tokens; standard library only. The COCO names and their order are those of the data set's 80
categories.
"""

from __future__ import annotations

from importlib import resources

__all__ = ["BODY", "CHARACTERS", "JOINTS", "MIRRORED_JOINTS", "OBJECTS", "PICTURE_CLASSES", "imagenet_names"]

COCO = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow", "elephant",
    "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard",
    "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange", "broccoli",
    "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant", "bed", "dining table", "toilet",
    "tv", "laptop", "mouse", "remote", "keyboard", "cell phone", "microwave", "oven", "toaster", "sink",
    "refrigerator", "book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
)  # fmt: skip
OBJECTS = (*COCO, "RBC", "WBC", "Platelets", "circle", "square", "triangle", "star", "cross", "deer", "frog")
PICTURE_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
JOINTS = (
    "right ankle", "right knee", "right hip", "left hip", "left knee", "left ankle", "right wrist", "right elbow",
    "right shoulder", "left shoulder", "left elbow", "left wrist", "neck", "head top",
)  # fmt: skip
BODY = (*JOINTS, "hip")  # what is told of a person: the joints, and the middle of the two hips
MIRRORED_JOINTS = (5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6, 12, 13)  # where each joint goes when a picture is flipped
CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def imagenet_names() -> list[str]:
    """The names of ImageNet's 1,000 classes in the order of its classifiers."""
    text = (resources.files("lamm_core") / "imagenet_names.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if not line.startswith("#")]
