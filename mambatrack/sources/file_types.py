"""The endings of the files that frames are read from, and what marks a sequence in MOT layout."""

IMAGE_TYPES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
VIDEO_TYPES = (".mp4", ".avi", ".mov", ".mkv", ".m4v", ".webm")
MARKERS = ("gt/gt.txt", "det/det.txt", "img1", "seqinfo.ini")
