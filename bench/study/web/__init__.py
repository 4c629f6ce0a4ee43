"""What raters and researchers see in a browser."""
