"""Cameras, ONNX sessions, and one adapter file per family of models."""
