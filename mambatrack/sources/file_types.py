"""The endings of the files that frames and boxes are read from, and what marks a sequence in MOT
layout."""

IMAGE_TYPES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".tif", ".tiff", ".jp2",
    ".ppm", ".pgm", ".pnm",
)  # fmt: skip
VIDEO_TYPES = (
    ".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".f4v",
    ".avi", ".divx", ".mkv", ".mk3d", ".webm", ".ogv", ".ogm", ".flv", ".wmv", ".asf",
    ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".m2v", ".vob", ".mxf", ".dv", ".rm", ".rmvb",
    ".gif", ".mjpg", ".mjpeg", ".y4m", ".ivf", ".nut", ".obu",
    ".h264", ".264", ".avc", ".h265", ".265", ".hevc", ".dav",
)  # fmt: skip
BOX_TYPES = (".txt", ".csv", ".json", ".jsonl", ".ndjson")
MARKERS = ("gt/gt.txt", "det/det.txt", "img1", "seqinfo.ini")
