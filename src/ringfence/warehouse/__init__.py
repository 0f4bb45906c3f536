"""Records of past calls: sealed segments indexed, found, explained, judged again. Beside the call path, never on it."""
