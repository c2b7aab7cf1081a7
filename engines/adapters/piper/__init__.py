"""The engine `piper`: voices of Piper, in forty languages, by plain onnxruntime."""
