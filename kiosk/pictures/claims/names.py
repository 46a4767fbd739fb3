"""The names of the tags that claims come from, as people see them. FORMATS.md says where each was learnt."""

from __future__ import annotations

GPANO = "XMP GPano"
FOCAL_35 = "Exif FocalLengthIn35mmFilm"
FOCAL_PLANE = "Exif FocalLength and FocalPlaneXResolution"
FISHEYE = "Exif LensModel"
APPLE_PANORAMA = "Exif CustomRendered of Apple"
FUJIFILM_PANORAMA = "MakerNote PanoramaAngle of Fujifilm"
SONY_PANORAMA = "MakerNote Panorama of Sony"
SAMSUNG_PANORAMA = "Trailer Panorama_Shot_Info of Samsung"
PHOTOMATIX_PANORAMA = "XMP IsPano360 of Photomatix"
HUGIN = "Exif UserComment of Hugin"
RICOH_TYPE = "MakerNote ImageType of Ricoh Theta"
RICOH_POSE = "MakerNote Accelerometer of Ricoh Theta"
GEAR_360 = "Exif Model of Samsung Gear 360"
INSTA360 = "Trailer of Insta360"
SCREENSHOT = "Exif UserComment Screenshot"
OF_ALL = frozenset(value for name, value in globals().items() if name.isupper() and isinstance(value, str))
