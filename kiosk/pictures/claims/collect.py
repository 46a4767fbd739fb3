"""Collect what a picture file says about itself."""

from __future__ import annotations

from dataclasses import replace

from kiosk.pictures.claims import comments, lens, names
from kiosk.pictures.claims.makers import Mark, marks_of
from kiosk.pictures.claims.stored import stored_tags
from kiosk.pictures.containers import trailer
from kiosk.pictures.containers.exif import EXIF, read_exif
from kiosk.pictures.containers.parts import MOST_METADATA, Parts
from kiosk.pictures.gpano import GPano, parse_gpano, properties_of
from kiosk.pictures.tags import Tags

_ADOBE_EXIF = "{http://ns.adobe.com/exif/1.0/}UserComment"
_PHOTOMATIX = "http://www.hdrsoft.com/photomatix_settings01"
_PROJECTED = frozenset({comments.CYLINDRICAL, comments.MERCATOR})


def tags_of(parts: Parts) -> Tags:
    """The tags of a picture file that was taken apart. A file that the kiosk stored has those of the upload."""
    stored = stored_tags(parts.xmp, parts.width, parts.height)
    if stored is not None:
        return stored
    first = read_exif(parts.exif)
    exif = first.child(EXIF)
    comment = comments.comment_of(exif)
    gpano = parse_gpano(parts.xmp, parts.width, parts.height)
    found = [names.GPANO] if gpano else []
    marks = [*marks_of(first, exif), *_behind(parts), *_in_xmp(parts, gpano), *_stitched(comment)]
    gpano, marks = _settled(gpano, marks, comments.stitched(comment), parts.width, parts.height)
    found += [mark.found for mark in marks]
    focal = lens.focal_length(exif)
    fisheye = lens.is_fisheye(exif)
    screenshot = comments.is_screenshot(comment) or _is_screenshot(parts)
    found += [focal[1]] if focal else []
    found += [names.FISHEYE] if fisheye else []
    found += [names.SCREENSHOT] if screenshot else []
    return Tags(
        gpano=gpano,
        focal_mm=focal[0] if focal else None,
        lens="fisheye" if fisheye else next((mark.lens for mark in marks if mark.lens), None),
        panorama=next((mark.panorama for mark in marks if mark.panorama), None),
        degrees=next((mark.degrees for mark in marks if mark.degrees), None),
        fisheyes=next((mark.fisheyes for mark in marks if mark.fisheyes), None),
        screenshot=screenshot,
        found=tuple(dict.fromkeys(found)),
    )


def _behind(parts: Parts) -> list[Mark]:
    """Marks behind the picture's end. Insta360's other cameras write the same end, but no pictures of 2:1."""
    marks = []
    if trailer.SAMSUNG_PANORAMA in parts.marks:
        marks.append(Mark(names.SAMSUNG_PANORAMA, panorama="Samsung"))
    if trailer.INSTA360 in parts.marks:
        marks.append(Mark(names.INSTA360, fisheyes="Insta360"))
    return marks


def _in_xmp(parts: Parts, gpano: GPano | None) -> list[Mark]:
    """Marks in XMP beside GPano's place on a sphere: a cylinder, and Photomatix's panoramas."""
    marks = []
    if gpano is not None and gpano.projection == "cylindrical":
        degrees = round(360 * min(1.0, gpano.cropped_width / gpano.full_width), 2)
        marks.append(Mark(names.GPANO, panorama="GPano", degrees=degrees))
    for packet in parts.xmp:
        if _PHOTOMATIX.encode() in packet and len(packet) <= MOST_METADATA:
            said = dict(properties_of(packet)).get(f"{{{_PHOTOMATIX}}}IsPano360", "")
            if said.strip() == "Yes":
                marks.append(Mark(names.PHOTOMATIX_PANORAMA, panorama="Photomatix", degrees=360.0))
    return marks


def _stitched(comment: str) -> list[Mark]:
    """Hugin's panoramas on cylinders. Those on spheres become a place, its plain views stay photos."""
    said = comments.stitched(comment)
    if said is None or said.projection not in _PROJECTED:
        return []
    return [Mark(names.HUGIN, panorama="Hugin", degrees=said.across)]


def _settled(
    gpano: GPano | None, marks: list[Mark], said: comments.Stitched | None, width: int, height: int
) -> tuple[GPano | None, list[Mark]]:
    """The place with what the marks add to it, and the marks that count.

    A picture with a place on a sphere, or of another shape than the two circles side by side, is not fisheyes any more:
    the makers' programs keep the camera's marks when they stitch. A pose counts where GPano has none.
    """
    two_to_one = abs(width - 2 * height) <= 0.01 * width
    marks = [mark for mark in marks if not mark.fisheyes or (gpano is None and two_to_one)]
    marks = [mark for mark in marks if not mark.whole or two_to_one]
    marks = [mark for mark in marks if not mark.sizes or (width, height) in mark.sizes]
    if gpano is None and said is not None and said.projection == comments.EQUIRECTANGULAR:
        gpano = _centered(said, width, height)
        marks += [Mark(names.HUGIN)] if gpano else []
    whole = next((mark for mark in marks if mark.whole), None)
    if gpano is None and whole is not None:
        gpano = GPano("equirectangular", width, height, 0, 0, width, height)
    posed = gpano is not None and (gpano.pose_pitch_degrees is not None or gpano.pose_roll_degrees is not None)
    pose = next((mark.pose for mark in marks if mark.pose), None)
    if gpano is not None and pose is not None and not posed:
        gpano = replace(gpano, pose_pitch_degrees=pose[0], pose_roll_degrees=pose[1])
    return gpano, marks


def _centered(said: comments.Stitched, width: int, height: int) -> GPano | None:
    """The place of a picture with this field of view around the center of its sphere; None if that is implausible."""
    wide, high = round(width * 360 / said.across), round(height * 180 / said.down)
    place = GPano("equirectangular", wide, high, (wide - width) // 2, (high - height) // 2, width, height)
    return place if place.is_possible else None


def _is_screenshot(parts: Parts) -> bool:
    """Whether XMP has iOS's mark of a screenshot: PNGs have it there."""
    for packet in parts.xmp:
        if b"Screenshot" in packet and len(packet) <= MOST_METADATA:
            said = dict(properties_of(packet, nested=True)).get(_ADOBE_EXIF, "")
            if comments.is_screenshot(said):
                return True
    return False
