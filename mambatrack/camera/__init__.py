"""How the camera moved from one frame to the next: given, from pictures, or from boxes."""
