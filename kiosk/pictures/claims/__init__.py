"""What the tags of a picture file claim: collected from EXIF, maker notes, XMP and trailers."""
