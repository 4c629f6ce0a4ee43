"""From result folders to tables and figures. Opens no video except to draw it."""
