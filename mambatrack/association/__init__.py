"""Who is seen where: candidate pairs, what scores them, and the assignment."""
