"""Detect faces with MTCNN: the first of three networks proposes squares, the other two refine and filter them.

Zhang et al., "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks", 2016.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort

from kiosk.nets.engine.session import open_session

NETWORKS = ("mtcnn-pnet", "mtcnn-rnet", "mtcnn-onet")
"""The networks' names in the catalog, in the order they run."""
SMALLEST = 20
"""Side of the smallest face to detect, pixels."""
_CELL, _STRIDE = 12, 2
"""Window and stride of the first network, pixels."""
_SHRINK = 0.709
"""Scale between levels of the image pyramid: half the area."""
_THRESHOLDS = (0.6, 0.7, 0.95)
"""Score thresholds of the three networks. The last is above the usual 0.8, because rocks and leaves resemble faces."""
_OVERLAPS = (0.5, 0.7, 0.7, 0.5)
"""IoU thresholds of non-maximum suppression: within a pyramid level, across levels, and after each later network."""
_BATCH = 256


@dataclass(frozen=True)
class Face:
    """A face: its top left corner, width and height in pixels of the picture, and its score, 0..1."""

    x: float
    y: float
    width: float
    height: float
    score: float


class FaceFinder:
    """Detects faces in pictures. `graphs`: the graphs of NETWORKS. `threads`: 0 for all cores. `sure`: the least score
    of a face, 0..1."""

    def __init__(
        self, graphs: tuple[Path | bytes, Path | bytes, Path | bytes], threads: int = 0, sure: float = _THRESHOLDS[2]
    ) -> None:
        self._sure = sure
        self._propose, self._refine, self._decide = (
            open_session(graph, providers=["CPUExecutionProvider"], threads=threads) for graph in graphs
        )

    def __call__(self, picture: np.ndarray) -> list[Face]:
        """The faces in `picture`, uint8 [h, w, 3], highest score first."""
        boxes, scores = self._proposals(picture)
        for session, side, threshold, overlap in (
            (self._refine, 24, _THRESHOLDS[1], _OVERLAPS[2]),
            (self._decide, 48, self._sure, _OVERLAPS[3]),
        ):
            if not len(boxes):
                return []
            boxes, scores = _judged(session, picture, _squared(boxes), side, threshold)
            boxes, scores = _distinct(boxes, scores, overlap)
        return [
            Face(float(left), float(top), float(right - left), float(bottom - top), float(score))
            for (left, top, right, bottom), score in zip(boxes, scores, strict=True)
        ]

    def _proposals(self, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Run the first network. Returns boxes (left, top, right, bottom), float32 [N, 4], and their scores [N]."""
        found: list[tuple[np.ndarray, np.ndarray]] = []
        scale = _CELL / SMALLEST
        while min(picture.shape[:2]) * scale >= _CELL:
            height, width = (math.ceil(extent * scale) for extent in picture.shape[:2])
            small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
            score, shift = self._propose.run(["score", "shift"], {"image": _planes(small[None])})
            row, column = np.nonzero(np.asarray(score)[0, 1] > _THRESHOLDS[0])
            corner = np.stack([column, row], 1) * _STRIDE
            boxes = (np.concatenate([corner + 1, corner + _CELL], 1) / scale).astype(np.float32)
            boxes += np.asarray(shift)[0][:, row, column].T * (_CELL / scale)
            found.append(_distinct(boxes, np.asarray(score)[0, 1, row, column], _OVERLAPS[0]))
            scale *= _SHRINK
        if not found:
            return np.empty((0, 4), np.float32), np.empty(0, np.float32)
        boxes, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return _distinct(boxes, scores, _OVERLAPS[1])


def _judged(
    session: ort.InferenceSession, picture: np.ndarray, boxes: np.ndarray, side: int, threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """Filter boxes by the score that `session` gives them. Returns the remaining boxes, refined, and their scores."""
    kept: list[tuple[np.ndarray, np.ndarray]] = []
    for first in range(0, len(boxes), _BATCH):
        part = boxes[first : first + _BATCH]
        patches = np.stack([_patch(picture, box, side) for box in part])
        score, shift = (np.asarray(value) for value in session.run(["score", "shift"], {"image": _planes(patches)}))
        extent = part[:, 2:] - part[:, :2]
        moved = part + shift * np.concatenate([extent, extent], 1)
        sure = score[:, 1] > threshold
        kept.append((moved[sure], score[sure, 1]))
    boxes, scores = (np.concatenate(parts) for parts in zip(*kept, strict=True))
    return boxes, scores


def _patch(picture: np.ndarray, box: np.ndarray, side: int) -> np.ndarray:
    """Crop `box` from the picture and resize it to `side` pixels; black outside the picture."""
    left, top, right, bottom = (round(float(edge)) for edge in box)
    size = max(1, right - left)
    square = np.zeros((size, size, 3), np.uint8)
    height, width = picture.shape[:2]
    seen = picture[max(0, top) : max(0, min(height, bottom)), max(0, left) : max(0, min(width, right))]
    if seen.size:
        y, x = max(0, -top), max(0, -left)
        seen = seen[: size - y, : size - x]
        square[y : y + seen.shape[0], x : x + seen.shape[1]] = seen
    return cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA if size > side else cv2.INTER_LINEAR)


def _squared(boxes: np.ndarray) -> np.ndarray:
    """Extend boxes to squares with the same centers and the longer sides."""
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.concatenate([middle - half, middle + half], 1)


def _distinct(boxes: np.ndarray, scores: np.ndarray, overlap: float) -> tuple[np.ndarray, np.ndarray]:
    """Non-maximum suppression. Returns boxes and scores, highest first."""
    if not len(boxes):
        return boxes, scores
    sides = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)
    chosen = np.asarray(cv2.dnn.NMSBoxes(sides.tolist(), scores.tolist(), 0.0, overlap), np.int64).reshape(-1)
    return boxes[chosen], scores[chosen]


def _planes(pictures: np.ndarray) -> np.ndarray:
    """Convert uint8 [N, h, w, 3] to the networks' input, float32 [N, 3, h, w]."""
    return np.ascontiguousarray(pictures.transpose(0, 3, 1, 2), np.float32)
