"""Lines that are crossed and zones that are entered: events, counts, dwell times, heat maps."""
