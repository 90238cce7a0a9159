"""Elements put together by group: by an index, or in segments of given lengths."""
