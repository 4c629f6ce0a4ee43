"""The user study: blinded videos, ratings on ten-point scales, a database, and what is exported from it."""
