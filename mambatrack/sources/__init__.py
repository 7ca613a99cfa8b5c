"""Where frames and boxes come from: videos, cameras, folders, standard input."""
