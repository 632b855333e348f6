"""The benchmark tasks, by name; a new task is one file and one line here.

Does not know how a run goes. A task has the name of its set; what LAMM's benchmark calls the kind of task, or the file
of its records, is another name of it.
"""

from __future__ import annotations

from lamm_core.evaluation.task import Task
from lamm_core.evaluation.tasks import (
    answering_3d,
    captioning,
    classification,
    counting,
    detection,
    detection_3d,
    facial,
    fine_grained,
    grounding_3d,
    hallucination,
    keypoints,
    locating,
    ocr,
    vqa,
    vqa_3d,
)
from lamm_core.registry import lookup

__all__ = ["OTHER_NAMES", "TASKS", "task"]

TASKS: tuple[Task, ...] = (
    *classification.TASKS,
    *fine_grained.TASKS,
    *facial.TASKS,
    *detection.TASKS,
    *locating.TASKS,
    *keypoints.TASKS,
    *counting.TASKS,
    *ocr.TASKS,
    *vqa.TASKS,
    *captioning.TASKS,
    *detection_3d.TASKS,
    *grounding_3d.TASKS,
    *vqa_3d.TASKS,
    *answering_3d.TASKS,
    *hallucination.TASKS,
)

OTHER_NAMES = {
    "classification": "cifar10", "Classification_CIFAR10": "cifar10",
    "fine_grained_classification": "ucmerced", "Fine-grained_Classification_UCMerced": "ucmerced",
    "facial_smile": "celeba_smile", "Facial_Classification_CelebA(Smile)": "celeba_smile",
    "facial_hair": "celeba_hair", "Facial_Classification_CelebA(Hair)": "celeba_hair",
    "detection": "voc2012_detection", "Detection_VOC2012": "voc2012_detection",
    "keypoints": "lsp", "Keypoints_Detection_LSP": "lsp",
    "counting": "fsc147", "Counting_FSC147": "fsc147",
    "ocr": "svt", "OCR_SVT": "svt",
    "vqa": "sqaimage", "VQA_SQAimage": "sqaimage", "VQA_AI2D": "ai2d",
    "captioning": "flickr30k", "Caption_flickr30k": "flickr30k",
    "detection_3d": "scannet_detection", "Detection_ScanNet": "scannet_detection",
    "grounding_3d": "scanrefer", "VG_ScanRefer": "scanrefer",
    "vqa_3d": "scanqa", "VQA_ScanQA_multiplechoice": "scanqa",
}  # fmt: skip


def task(name: str) -> Task:
    """The task of that name. Raises ConfigError naming the nearest and all others."""
    by_name = {known.name: known for known in TASKS}
    return lookup(by_name, OTHER_NAMES.get(name, name), kind="task")
