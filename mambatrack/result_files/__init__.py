"""Result files in the formats of annotation tools and viewers, a module for each."""
