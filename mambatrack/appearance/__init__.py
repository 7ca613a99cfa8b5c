"""What objects look like: embeddings of crops, and what they say about who is who."""
