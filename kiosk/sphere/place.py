"""Where a picture lies on the sphere, as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["sphere", "stereo", "part", "band", "view", "fisheyes"]
Projection: TypeAlias = Literal["equirectangular", "cylindrical", "transverse", "rectilinear", "fisheye"]

WIDEST_SHOWN = 4096
"""Width in pixels above which phones get a smaller copy: wider pictures take hundreds of megabytes there."""


@dataclass(frozen=True)
class Place:
    """The place of one picture. All angles are degrees.

    kind: what the picture is. "sphere" and "stereo" (two spheres, the left eye on top) are whole, "part" is a piece of
    a sphere whose tags say where it lies, "band" a panorama around the horizon, "view" an ordinary photo.
    projection: how the picture's columns and rows map to directions (kiosk.sphere.projections). across, down: its field
    of view; 360 across for a closed band. yaw, pitch: direction of its center, to the right of the sphere's center and
    above the horizon. axis_right, axis_down: how far from its center the axis of a fisheye is; yaw and pitch are the
    axis's. reach: how far from there, at most, a direction is seen; less than 180 for a fisheye's disc, outside which
    the picture is black. pose_pitch, pose_roll: how the camera was held; the sphere is turned back by them. heading:
    compass direction of the sphere's center, None if unknown. notes: one sentence for each claim of the file that the
    picture contradicts.
    """

    kind: Kind
    projection: Projection
    across: float
    down: float
    yaw: float = 0.0
    pitch: float = 0.0
    axis_right: float = 0.0
    axis_down: float = 0.0
    reach: float = 180.0
    pose_pitch: float = 0.0
    pose_roll: float = 0.0
    heading: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def levelled(self) -> bool:
        """Whether the sphere is turned to be level."""
        return bool(self.pose_pitch or self.pose_roll)

    @property
    def is_whole(self) -> bool:
        """Whether the picture shows every direction."""
        return self.projection == "equirectangular" and self.across >= 360 and self.down >= 180

    @property
    def is_closed(self) -> bool:
        """Whether the picture's left and right edges are neighbors."""
        return self.across >= 360 and self.projection in ("equirectangular", "cylindrical")

    def is_shown_by(self, width: int, height: int) -> bool:
        """Whether a phone can show the picture, of that size in pixels, as it is: a level 2:1 sphere, or two eyes in a
        square."""
        if self.kind == "stereo":
            return width == height
        return self.is_whole and not self.levelled and not self.yaw and width == 2 * height and width <= WIDEST_SHOWN
