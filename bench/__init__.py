"""The engine: pairing, decoding, faces, running, results, and the `talkbench` command."""
