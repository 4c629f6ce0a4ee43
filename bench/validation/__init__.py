"""What each metric can and cannot see: clips distorted by known amounts, and scored."""
