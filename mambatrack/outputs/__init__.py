"""What a run writes and shows: text, pictures, videos, a window."""
