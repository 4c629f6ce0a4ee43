"""Other people's systems: one adapter per output layout. An adapter finds takes; it measures nothing."""
